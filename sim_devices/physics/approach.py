"""How the probe lands: the loop that lowers it and stops at the contact current.

Pure numpy, in SI units and instrument time from the start of the descent. The whole
descent is a function of the noise and of the surface, so it is computed once and then
played; nothing in it depends on how the computer keeps up.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

import numpy as np
from numba import types

from .compiled import NUMBER, READ, compiled
from .electronics import mean_and_deviation

__all__ = ["CURVE_SAMPLES", "LOOP_RATE", "Descent", "End"]

LOOP_RATE = 20e3
"""Samples per second of the control loop (Hz)."""

CURVE_SAMPLES = 1000
_CURVE_STRIDE = 4  # 5 kHz
_BLOCK = 5120  # samples of noise that are drawn at a time; one of them ...
_AHEAD = 4200  # ... begins so far ahead of touch: it has all that most landings need
_BASELINE = 200  # samples: the first 10 ms
_QUIET = 4000  # samples before contact that show baseline and noise
_UNLIKELY = 8.0  # standard deviations that noise does not reach
_MAX_ONSET = 20_000  # samples of the current after touch; then the last one holds
_ROUNDING = 1e-6  # samples by which a travel may be rounded down
_BURST = 100  # samples: 5 ms, as long as the longest debounce
_BURST_HEIGHT = 5.0  # thresholds


class End(Enum):
    """How a descent ends."""

    CONTACT = "contact"
    NO_CONTACT = "no contact"
    CRASH = "crash"


@dataclass
class Descent:
    """One lowering of the probe, sampled by the control loop.

    Parameters
    ----------
    z_start, z_end
        Where it starts, and where it ends without contact (m).
    rate
        Rate of descent (m/s).
    fast_rate, z_slow
        Rate (m/s) above the height `z_slow` (m), where that is below the start.
    z_touch, z_crash
        Heights at which the meniscus closes the cell and at which the pipette is
        damaged (m).
    threshold
        Contact current (A). A current of the other sign and the same size stops it as
        well: a spot may have another rest potential than the sample as a whole.
    above_baseline
        Whether the threshold counts from the mean of the first 10 ms.
    debounce
        Samples in a row beyond the threshold that make a contact.
    offset, noise_rms
        Of the current without contact (A).
    noise
        Gives block k of the noise (A), of the length asked for; k may be negative.
    onset
        Gives the filtered current (A) of the first n samples after touch.
    digitise
        What the analogue input makes of a current.
    burst
        Where on the way to the surface, 0 to 1, a disturbance bursts in for 5 ms, with
        5 times the threshold; None for nowhere.
    watched
        Samples that `held` may be asked for.
    """

    z_start: float
    z_end: float
    rate: float
    z_touch: float
    z_crash: float
    threshold: float
    above_baseline: bool
    debounce: int
    offset: float
    noise_rms: float
    noise: Callable[[int, int], np.ndarray]
    onset: Callable[[int], np.ndarray]
    digitise: Callable[[np.ndarray], np.ndarray]
    burst: float | None = None
    watched: int = 0
    fast_rate: float = np.inf
    z_slow: float = np.inf
    _blocks: dict[tuple[int, bool], np.ndarray] = field(
        default_factory=dict, repr=False
    )

    def __post_init__(self) -> None:
        self._fast_way = max(self.z_start - max(self.z_slow, self.z_end), 0.0)
        self._fast_time = self._fast_way / self.fast_rate
        self._touch = max(0, int(np.ceil(self._samples_to(self.z_touch))))
        crash = max(0, int(np.ceil(self._samples_to(self.z_crash))))
        travel = max(0, int(self._samples_to(self.z_end) + _ROUNDING))
        self._last = min(travel, crash)
        after = min(max(self._last - self._touch + 1, 0), _MAX_ONSET)
        self._onset = self.onset(after + self.watched) if after else np.zeros(0)
        self._burst = self._touch + self._last + 1  # never
        if self.burst is not None:
            clear = min(_BASELINE, self._touch)
            self._burst = clear + int(self.burst * (self._touch - clear))
        self.sample, self.end = self._last, End.NO_CONTACT
        if crash <= travel:
            self.end = End.CRASH
        trigger = self._find_trigger()
        if trigger is not None:
            self.sample, self.end = trigger, End.CONTACT

    @property
    def duration(self) -> float:
        """Time from the start to the end (s)."""
        return self.sample / LOOP_RATE

    @property
    def is_closed(self) -> bool:
        """Whether the meniscus closes the cell at the end."""
        return self.sample >= self._touch

    @property
    def contact_age(self) -> float:
        """Time from touch to the end (s); 0 if it was not touched."""
        return max(0, self.sample - self._touch) / LOOP_RATE

    def z(self, t: np.ndarray | float) -> np.ndarray | float:
        """Height of the probe (m) at a time (s) from the start, up to the end."""
        t = np.minimum(t, self.duration)
        if not self._fast_way:
            return self.z_start - self.rate * t
        slow = np.maximum(t - self._fast_time, 0.0)
        fast_way = np.minimum(self.fast_rate * t, self._fast_way)
        return self.z_start - fast_way - self.rate * slow

    def _samples_to(self, z: float) -> float:
        """Return after how many samples of the loop it comes to a height (m)."""
        way = self.z_start - z
        fast = min(way, self._fast_way)
        seconds = (way - fast) / self.rate
        if self._fast_way:
            seconds += fast / self.fast_rate
        return seconds * LOOP_RATE

    def current(self, first: int, stop: int) -> np.ndarray:
        """Return the current (A) of the samples from `first` to before `stop`."""
        return self._samples(first, stop, goes_on=True)

    def held(self, n: int) -> np.ndarray:
        """Return the current (A) of `n` samples after the end, while it is held."""
        first = self.sample + 1
        return self._samples(first, first + n, goes_on=self.is_closed)

    @cached_property
    def baseline(self) -> tuple[float, float]:
        """Mean and rms of the current (A) before contact, over at most 0.2 s."""
        before = min(self._touch, self.sample)
        if before < 2:
            return np.nan, np.nan
        i = self.current(max(0, before - _QUIET), before)
        return mean_and_deviation(i)

    def curve(self, sample: int) -> tuple[np.ndarray, np.ndarray]:
        """Height (m) and current (A) of the last 0.2 s up to a sample.

        Both are `CURVE_SAMPLES` long, with NaN in front of a shorter descent.
        """
        count = min(CURVE_SAMPLES, sample // _CURVE_STRIDE + 1)
        first = sample - (count - 1) * _CURVE_STRIDE
        z, i = np.empty((2, CURVE_SAMPLES))
        z[:-count] = i[:-count] = np.nan
        i[-count:] = self.current(first, sample + 1)[::_CURVE_STRIDE]
        z[-count:] = self.z(np.arange(first, sample + 1, _CURVE_STRIDE) / LOOP_RATE)
        return z, i

    def _samples(self, first: int, stop: int, *, goes_on: bool) -> np.ndarray:
        """Digitised current (A); if it `goes_on`, the probe touches when it is due."""
        origin = self._touch - _AHEAD
        numbers = range((first - origin) // _BLOCK, (stop - 1 - origin) // _BLOCK + 1)
        blocks = [self._block(k, goes_on) for k in numbers]
        i = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
        skipped = first - origin - numbers[0] * _BLOCK
        return i[skipped : skipped + stop - first]

    def _block(self, number: int, goes_on: bool) -> np.ndarray:
        if (number, goes_on) not in self._blocks:
            self._blocks[number, goes_on] = self._made_block(number, goes_on)
        return self._blocks[number, goes_on]

    def _made_block(self, number: int, goes_on: bool) -> np.ndarray:
        """Offset, noise, burst and contact: the digitised current (A) of a block."""
        first = self._touch - _AHEAD + number * _BLOCK
        i = self.noise(number, _BLOCK) + self.offset
        start, end = max(self._burst - first, 0), self._burst + _BURST - first
        if end > 0:
            i[start:end] += _BURST_HEIGHT * self.threshold
        if goes_on and first + _BLOCK > self._touch and len(self._onset):
            since = max(first - self._touch, 0)
            closed = i[since + self._touch - first :]
            onset = self._onset[since : since + len(closed)]
            closed[: len(onset)] += onset
            closed[len(onset) :] += self._onset[-1]
        return self.digitise(i)

    def _find_trigger(self) -> int | None:
        """Find the sample at which `debounce` samples in a row were beyond."""
        level, start, debounce = abs(self.threshold), 0, self.debounce
        zero = 0.0
        if self.above_baseline:
            zero = float(self.current(0, min(_BASELINE, self._last + 1)).mean())
            start = _BASELINE
        if level - abs(self.offset - zero) > _UNLIKELY * self.noise_rms:
            # noise alone cannot stop the descent
            start = max(start, min(self._touch, self._burst))
        for first in range(start, self._last + 1, _BLOCK):
            # a run may have begun in the block before
            begin = max(start, first - debounce + 1)
            stop = min(first + _BLOCK, self._last + 1)
            away = np.abs(self.current(begin, stop) - zero)
            found = _first_run(away, level, debounce)
            if found >= 0:
                return begin + found
        return None


@compiled(types.int64(READ, NUMBER, types.int64))
def _first_run(i: np.ndarray, level: float, debounce: int) -> int:
    """Find where a run of `debounce` samples at or beyond a level ends; -1: nowhere.

    What is no number is taken as beyond: the probe must not continue then.
    """
    run = 0
    for k in range(len(i)):
        run = run + 1 if i[k] >= level or not np.isfinite(i[k]) else 0
        if run == debounce:
            return k
    return -1
