"""One acquisition: what the amplifier imposes on the cell, and what it makes of it.

SI units; no PV here. An acquisition is built chunk by chunk, so that it can be stopped,
and read as a whole.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np

from ..epics.clock import Clock
from ..physics.current_input import CurrentInput
from ..physics.recording import Recording
from .imposed import Clamp

__all__ = ["Acquisition", "History", "Recording"]

_CHUNK = 0.02  # wall seconds that are worked out ahead when time runs
_LONG = 1.0  # s of instrument time above which an acquisition in discrete time ...
_PARTS = 50  # ... is worked out in this many parts
_ROUNDING = 1e-3  # samples by which an elapsed time may be rounded down


@dataclass(frozen=True)
class History:
    """Current (A) of the time before an acquisition, which its filter remembers.

    Parameters
    ----------
    current
        Evenly spaced samples, the last one at the start of the acquisition.
    duration
        Time they span (s).
    """

    current: np.ndarray
    duration: float

    def resampled(self, dt: float) -> np.ndarray:
        """Return it in steps of `dt` (s)."""
        n = int(self.duration / dt)
        if n < 2 or not len(self.current):
            return self.current[-1:]
        ages = np.arange(1 - len(self.current), 1) * self.duration
        ages /= len(self.current) - 1
        return np.interp(np.arange(-n + 1, 1) * dt, ages, self.current)


class Acquisition:
    """Samples of potential and current, taken in chunks.

    What a chunk is, is nothing to filter and noise: the noise of all samples is given
    beforehand, and the filter acts on what has been taken as a whole.

    Parameters
    ----------
    clamp
        Imposes the drive on the cell.
    drive
        What to impose: V or A for each sample.
    dt
        Sample interval (s).
    signal
        The current input.
    added
        What the current input adds to each sample: offset, noise, disturbances (A).

    Attributes
    ----------
    history
        Current before the first sample.
    applied
        Samples that the cell has been through.
    taken
        Samples that count: fewer when it was stopped amid a chunk.
    is_stopped
        Whether it was stopped.
    breaks_at
        Sample at which the contact breaks, None for never.
    garbled
        Added to what the digitiser gives: 0, or what is no number (A).
    """

    def __init__(
        self,
        clamp: Clamp,
        drive: np.ndarray,
        dt: float,
        signal: CurrentInput,
        added: np.ndarray,
    ) -> None:
        self.clamp, self.drive, self.dt = clamp, drive, dt
        self.signal, self.added = signal, added
        self.history = History(np.zeros(1), 0.0)
        self.applied = self.taken = 0
        self.is_stopped = False
        self.breaks_at: int | None = None
        self.garbled = np.zeros(len(drive))
        self._potential, self._current = np.empty((2, len(drive)))

    @property
    def is_over(self) -> bool:
        """Whether all samples are taken, a cut-off was reached, or it was stopped."""
        finished = self.taken >= len(self.drive)
        return finished or self.is_stopped or self.clamp.at_cutoff

    @property
    def is_broken(self) -> bool:
        """Whether the contact has broken."""
        return self.breaks_at is not None and self.applied > self.breaks_at

    @property
    def ran_off(self) -> bool:
        """Whether it ended because the potential ran off in an open circuit."""
        return self.clamp.ran_off

    @property
    def duration(self) -> float:
        """Time (s) that the cell has been through; a cut-off ends it amid a sample."""
        return self.applied * self.dt - self.clamp.cut_short

    def advance(self, n: int) -> None:
        """Take the next `n` samples, or fewer at the end and at a cut-off."""
        first = self.taken
        if self.breaks_at == first:
            self.clamp.open()
        elif self.breaks_at is not None and first < self.breaks_at:
            n = min(n, self.breaks_at - first)
        potential, current = self.clamp.apply(self.drive[first : first + n], self.dt)
        self.applied = self.taken = first + len(potential)
        self._potential[first : self.taken] = potential
        self._current[first : self.taken] = current

    async def play(
        self,
        clock: Clock,
        start: float,
        halt: asyncio.Event,
        tick: Callable[[], Awaitable[None]],
    ) -> None:
        """Take all samples, unless it is stopped.

        Where time runs, the cell is worked out some samples ahead of it.

        Parameters
        ----------
        clock
            Instrument time.
        start
            When it begins (s).
        halt
            Stops it.
        tick
            Called between two chunks.
        """
        while await clock.wait_until(start + self.duration, halt):
            if self.is_over:
                return
            if self.applied:
                await tick()
            if not halt.is_set():
                self.advance(self._chunk(clock))
        self.stop(clock.now - start)

    def _chunk(self, clock: Clock) -> int:
        """Return how many samples to work out at once."""
        if not clock.is_discrete:
            return max(1, int(_CHUNK / clock.time_scale / self.dt))
        n = len(self.drive)
        return -(-n // _PARTS) if n * self.dt > _LONG else n

    def stop(self, elapsed: float) -> None:
        """End it `elapsed` seconds after its start; later samples are dropped."""
        self.is_stopped = True
        self.taken = max(0, min(self.taken, int(elapsed / self.dt + _ROUNDING)))

    def live(self, elapsed: float) -> tuple[float, float]:
        """Return potential (V) and current (A) `elapsed` seconds after its start."""
        number = max(1, min(self.taken, int(elapsed / self.dt + _ROUNDING)))
        sample = self.read(number - 1, number)
        return float(sample.potential[0]), float(sample.current[0])

    def read(self, first: int = 0, stop: int | None = None) -> Recording:
        """Read samples that have been taken.

        Parameters
        ----------
        first, stop
            Number of the first sample, and of the one after the last; all of them by
            default.
        """
        stop = self.taken if stop is None else stop
        if stop <= first:
            return Recording(first, self.dt, np.zeros(0), np.zeros(0), overload=False)
        lead = first - min(first, self.signal.memory(self.dt))
        before = self.history.resampled(self.dt) if lead == 0 else np.zeros(0)
        raw = np.concatenate([before, self._current[lead:stop]])
        filtered = self.signal.filter(raw, self.dt)[len(before) + first - lead :]
        current, overload = self.signal.digitise(filtered + self.added[first:stop])
        potential = self._potential[first:stop].copy()
        current = current + self.garbled[first:stop]
        early = self.clamp.cut_short if stop == self.applied else 0.0
        return Recording(first, self.dt, potential, current, overload, early)
