"""Straight sweeps of a voltammogram, cleaned and smoothed for the search for peaks."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, median_filter, minimum_filter1d

__all__ = [
    "MIN_SAMPLES",
    "SIGMA_PER_MAD",
    "SMOOTHING_ORDER",
    "Curve",
    "Sweep",
    "last_cycle",
    "smoothed",
    "usable",
]

Curve = NDArray[np.float64]

SIGMA_PER_MAD = 1.4826  # of a normal distribution
MIN_SAMPLES = 7  # of a sweep in which a peak can be found
SMOOTHING_ORDER = 3  # of the Savitzky-Golay polynomial: keeps height and place of peaks
TURN = 0.1  # of the range of the potential: a smaller reversal is noise
SPIKE = TURN / 2  # of that range: a potential that far from its neighbours is a glitch
EVEN = 1e-3  # of their mean: potentials whose distances differ by less are even
# A glitch is narrower than half a smoothing, and stands out from the median around it
# by more than the top of a wave (7 % for two electrons) and the noise do.
# What is less than a hundredth of the sweep does no harm: ripple, on a flat foot.
GLITCH_NOISE, GLITCH_SHARE, GLITCH_STEPS, GLITCH_LEAST = 6.0, 0.15, 1.5, 0.01
GLITCHES = 0.2  # of the samples of a sweep; one with more of them shows nothing
# Where the contact breaks, or a relay switches, the current jumps within millivolts.
# The flank of a wave of two electrons rises by 30 times its height per volt; where a
# particle is exhausted in a slow sweep, it falls by a fifth of its height in 2 mV.
JUMP_V, JUMP_SHARE, JUMP_PER_V, JUMP_NOISE = 2e-3, 0.3, 40.0, 6.0
# A current that was clipped stands still on the top of a peak whose flanks continue.
CLIP_SAMPLES, CLIP_STEPS, CLIP_SHARE = 3, 200, 0.02
ALIKE = 0.5  # of the samples equal the one before: there is no noise, only steps


@dataclass(frozen=True)
class Sweep:
    """One straight sweep, turned so that the potential and the peak point upwards.

    Parameters
    ----------
    E, i
        Potential (V), evenly spaced, and current (pA), without glitches.
    sampled
        Potentials (V) at which it was measured, rising; without glitches.
    smooth
        The current smoothed (pA).
    window
        Samples that the smoothing takes.
    roughness
        Second differences of the current (pA), which show its noise.
    step
        One step of the digitiser (pA) where it hides the noise, else 0.
    extreme
        Largest current of all of it (pA).
    clipped_from
        Potential (V) from which on the range of the amplifier cut the current; or inf.
    flaw
        What else is wrong: ``glitch`` (too many to see anything), ``jump`` (the rest of
        it was left out), or nothing.
    """

    E: Curve
    i: Curve
    sampled: Curve
    smooth: Curve
    window: int
    roughness: Curve
    step: float
    extreme: float
    clipped_from: float
    flaw: str

    @classmethod
    def of(cls, E: Curve, i: Curve, smoothing_v: float) -> "Sweep | None":
        """Turn, clean and smooth a sweep; None if it is too short.

        Its beginning, half a smoothing long, is left out: after a turn the capacity is
        being charged, and smoothing makes waves of such a step.
        """
        if len(E) < MIN_SAMPLES or E[-1] == E[0]:
            return None
        sign = 1 if E[-1] > E[0] else -1
        x, y = sign * E, sign * i
        step_v = abs(E[-1] - E[0]) / (len(E) - 1)
        quantum = _quantum(y)
        width = _odd(smoothing_v / step_v, 3, len(y))
        measured, (y, middle, noise, wrong) = y, _without_glitches(y, width, quantum)
        skipped = 1 + int(smoothing_v / (2 * step_v))
        right = ~wrong[skipped:]
        rest = x[skipped:][right], measured[skipped:][right]
        clipped_from = min(_clipped_from(*rest, s, quantum) for s in (1, -1))
        kept = _longest_smooth(x, middle, skipped, step_v, noise, width)
        jumps = kept.stop - kept.start < len(y) - skipped
        flaw = "glitch" if wrong.mean() > GLITCHES else "jump" if jumps else ""
        x, y = _evenly_spaced(x[kept], y[kept], width)
        if len(x) < MIN_SAMPLES:
            return None
        window = _odd(smoothing_v / (x[1] - x[0]), SMOOTHING_ORDER + 2, len(y))
        # Second differences have no slope. Filtered noise is alike from sample to
        # sample, so that a smooth curve follows it: the samples lie farther apart.
        lag = window // 2
        smooth = smoothed(y, window, SMOOTHING_ORDER)
        return cls(
            E=x,
            i=y,
            sampled=np.sort(rest[0]),
            smooth=smooth,
            window=window,
            roughness=y[2 * lag :] - 2 * y[lag:-lag] + y[: -2 * lag],
            step=quantum if np.mean(np.diff(y) == 0) > ALIKE else 0.0,
            extreme=float((middle[skipped:] if flaw else smooth).max()),
            clipped_from=clipped_from,
            flaw=flaw,
        )

    def widest_gap(self, low: float, high: float) -> float:
        """Return the largest distance (V) of samples between two potentials (V)."""
        first = np.searchsorted(self.sampled, low, "right") - 1
        last = np.searchsorted(self.sampled, high, "left") + 1
        return float(np.diff(self.sampled[max(first, 0) : last]).max(initial=0.0))


def usable(E: Curve, i: Curve) -> tuple[Curve, Curve]:
    """Leave out what is no number, and glitches of the potential."""
    measured = np.isfinite(E) & np.isfinite(i)
    E, i = E[measured], i[measured]
    if len(E) < MIN_SAMPLES:
        return E, i
    middle = median_filter(E, 5, mode="nearest")
    far = SPIKE * np.ptp(middle) + 3 * np.percentile(np.abs(np.diff(E)), 90)
    straight = np.abs(E - middle) <= far
    return E[straight], i[straight]


def last_cycle(E: Curve) -> Iterator[slice]:
    """Yield the straight sweeps of the last cycle: three at most, in their order.

    The sample at a turn, where neither direction holds, belongs to none.
    """
    turns = _last_turns(E, TURN * float(np.ptp(E)), 3)
    if len(turns) < 3:
        turns = [-1, *turns]
    for before, after in pairwise([*turns, len(E)]):
        yield slice(before + 1, after)


def _last_turns(E: Curve, least: float, most: int) -> list[int]:
    """Find where a potential turns last; reversals below `least` (V) are noise."""
    back = E[::-1]
    turns: list[int] = []
    away = np.flatnonzero(np.abs(back - back[0]) >= least)
    if not len(away):
        return turns
    start, rises = 0, 1 if back[away[0]] > back[0] else -1
    while len(turns) < most:
        ahead = rises * back[start:]
        furthest = np.maximum.accumulate(ahead)
        returned = furthest - ahead >= least
        if not returned.any():
            break
        start += int(np.argmax(ahead[: np.argmax(returned)]))
        turns.append(len(E) - 1 - start)
        rises = -rises
    return turns[::-1]


@lru_cache(maxsize=64)
def _smoother(window: int, order: int, derivative: int) -> tuple[Curve, Curve]:
    """Weights of the middle of a window, and of its ends, for a polynomial."""
    x = np.arange(window) - window // 2
    powers = np.vander(x, order + 1, increasing=True).astype(float)
    fit = np.linalg.pinv(powers)
    if derivative == 2:
        powers = np.column_stack(
            [k * (k - 1) * x ** max(k - 2, 0) for k in range(order + 1)]
        )
    weights = powers @ fit
    return weights[window // 2], weights


def smoothed(y: Curve, window: int, order: int, derivative: int = 0) -> Curve:
    """Fit a polynomial to the samples around each: the filter of Savitzky & Golay.

    As `scipy.signal.savgol_filter`, which works out its weights each time anew: that
    takes longer than the rest of the search.
    """
    middle, ends = _smoother(window, order, derivative)
    half = window // 2
    return np.concatenate(
        [
            ends[:half] @ y[:window],
            np.convolve(y, middle[::-1], "valid"),
            ends[half + 1 :] @ y[-window:],
        ]
    )


def _odd(width: float, least: int, most: int) -> int:
    """Return an odd number of samples near `width`, from `least` to `most`."""
    most -= 1 - most % 2
    return int(np.clip(2 * round((width - 1) / 2) + 1, min(least, most), most))


def _quantum(y: Curve) -> float:
    """Return the smallest difference of neighbours: the step of a digitiser, or 0."""
    moved = np.abs(np.diff(y))
    moved = moved[moved > 0]
    return float(moved.min()) if len(moved) else 0.0


def _without_glitches(
    y: Curve, width: int, quantum: float
) -> tuple[Curve, Curve, float, NDArray[np.bool_]]:
    """Draw straight lines across glitches.

    Returns the current, its running median, its noise, and where the glitches were.
    """
    middle = median_filter(y, width, mode="nearest")
    off = np.abs(y - middle)
    noise = SIGMA_PER_MAD * float(np.median(off))
    around = 4 * width + 1
    local = maximum_filter1d(middle, around) - minimum_filter1d(middle, around)
    least = max(
        GLITCH_NOISE * noise,
        GLITCH_STEPS * quantum,
        GLITCH_LEAST * float(np.ptp(middle)),
    )
    wrong = off > np.maximum(GLITCH_SHARE * local, least)
    if not wrong.any() or wrong.all():
        return y, middle, noise, wrong
    places = np.arange(len(y))
    mended = y.copy()
    mended[wrong] = np.interp(places[wrong], places[~wrong], y[~wrong])
    return mended, middle, noise, wrong


def _longest_smooth(
    x: Curve, middle: Curve, first: int, step_v: float, noise: float, width: int
) -> slice:
    """Find the longest part after `first` in which the current does not jump."""
    end = len(middle)
    lag = max(1, round(JUMP_V / step_v))
    if end - first <= lag:
        return slice(first, end)
    rises = np.abs(middle[first + lag :] - middle[first:-lag])
    # samples may lie farther apart here than elsewhere
    apart = np.maximum(np.abs(x[first + lag :] - x[first:-lag]), lag * step_v)
    share = np.maximum(JUMP_SHARE, JUMP_PER_V * apart)
    most = np.maximum(share * float(np.ptp(middle[first:])), JUMP_NOISE * noise)
    jumps = np.flatnonzero(rises > most)
    if not len(jumps):
        return slice(first, end)
    # half a median from a jump, the median shows the other side of it
    cuts = np.split(jumps, np.flatnonzero(np.diff(jumps) > width) + 1)
    starts = [0, *(int(cut[-1]) + lag + width // 2 for cut in cuts)]
    stops = [*(int(cut[0]) - width // 2 for cut in cuts), end - first]
    parts = list(zip(starts, stops, strict=True))
    start, stop = max(parts, key=lambda part: part[1] - part[0])
    return slice(first + start, first + max(start, stop))


def _evenly_spaced(x: Curve, y: Curve, width: int) -> tuple[Curve, Curve]:
    """Give a sweep potentials that rise evenly, also where they came in stairs.

    Stairs and a noisy potential are smoothed over `width` samples, as the current will
    be; what does not rise even then is sorted.
    """
    distances = np.diff(x)
    if len(x) < MIN_SAMPLES or np.ptp(distances) <= EVEN * abs(distances.mean()):
        return x, y
    if (distances <= 0).any():
        x = smoothed(x, _odd(width, 3, len(x)), 1)
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
        distinct = np.concatenate([[True], np.diff(x) > 0])
        x, y = x[distinct], y[distinct]
    if len(x) < MIN_SAMPLES:
        return x, y
    even = np.linspace(x[0], x[-1], len(x))
    return even, np.interp(even, x, y)


def _clipped_from(x: Curve, y: Curve, sign: int, quantum: float) -> float:
    """Find from which potential on the top of a curve was cut off flat; or inf.

    With `sign` -1, its bottom. A peak has a top of some equal samples where the
    digitiser is coarse; but its flanks do not point far beyond it.
    """
    if len(y) < CLIP_SAMPLES:
        return np.inf
    y = sign * y
    top = float(y.max())
    first = int(np.argmax(y))
    run = int(np.argmin(np.append(y[first:] == top, False)))
    if run < CLIP_SAMPLES or len(np.unique(x[first : first + run])) < CLIP_SAMPLES:
        return np.inf
    reach = max(run // 2, 2)
    flanks = [k for k in (first - reach, first + run - 1 + reach) if 0 <= k < len(y)]
    rise = min((top - float(y[k]) for k in flanks), default=0.0)
    missing = rise * run / (2 * reach)
    if abs(top) < CLIP_STEPS * quantum or missing < CLIP_SHARE * float(np.ptp(y)):
        return np.inf
    return float(x[first])
