"""Straight sweeps of a voltammogram, and the peak of one."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks, savgol_filter

__all__ = ["MIN_SAMPLES", "Sweep", "last_cycle"]

SMOOTHING_ORDER = 3  # of the Savitzky-Golay polynomial: keeps height and place of peaks
MIN_SAMPLES = 7  # of a sweep in which a peak can be told
TURN = 0.1  # of the range of the potential: a smaller reversal is noise
APEX = 0.25  # half-peak widths: so near to its top a peak is a parabola
# The baseline is fitted in front of the peak, up to so many half-peak widths from it:
# there the current of a reversible wave is 0.4 % of the peak.
FOOT_WIDTHS = 3.0
FOOT_LEAST = 0.1  # of the sweep
FOOT_STRAIGHT = 0.05  # of the height of the peak: a foot that bends more has no line
BASELINE_FITS = 5


@dataclass
class Sweep:
    """One straight sweep, turned so that the potential and the peak point upwards."""

    E: NDArray[np.float64]
    i: NDArray[np.float64]
    smooth: NDArray[np.float64]
    roughness: NDArray[np.float64]

    @classmethod
    def of(cls, E: NDArray, i: NDArray, smoothing_v: float) -> "Sweep | None":
        """Turn and smooth a sweep; None if it is too short.

        Its beginning, half a smoothing long, is left out: behind a turn the capacity is
        being charged, and smoothing makes waves of such a step.
        """
        if len(E) < MIN_SAMPLES:
            return None
        sign = 1 if E[-1] > E[0] else -1
        step = abs(E[-1] - E[0]) / (len(E) - 1)
        skipped = 1 + int(smoothing_v / (2 * step))
        E, i = E[skipped:], i[skipped:]
        if len(E) < MIN_SAMPLES:
            return None
        window = _odd(smoothing_v / step, SMOOTHING_ORDER + 2, len(E))
        smooth = savgol_filter(sign * i, window, SMOOTHING_ORDER)
        # Second differences have no slope. Filtered noise is alike from sample to
        # sample, so that a smooth curve follows it: the samples lie farther apart.
        lag = window // 2
        roughness = i[2 * lag :] - 2 * i[lag:-lag] + i[: -2 * lag]
        return cls(sign * E, sign * i, smooth, roughness)

    def peak(self, least: float) -> tuple[int, float] | None:
        """Find the most prominent maximum: its number and its prominence."""
        places, about = find_peaks(self.smooth, prominence=least)
        if not len(places):
            return None
        best = int(np.argmax(about["prominences"]))
        return int(places[best]), float(about["prominences"][best])

    def measure(self, top: int) -> tuple[float, float, float]:
        """Return potential, height above the baseline, and half-peak width.

        The last two are NaN where the foot bends, as that of a fast sweep which turned
        soon behind the peak before: a straight line drawn on from it tells nothing.
        """
        place, half, apex = self.E[top], np.nan, 0.0
        foot_end = self.E[0] + (place - self.E[0]) / 3
        for _ in range(BASELINE_FITS):
            baseline, bend = self._baseline(top, foot_end)
            height = self.smooth - baseline
            width = 0.0 if np.isnan(half) else APEX * (self.E[top] - half)
            place, apex = self._apex(top, width, baseline)
            below = np.flatnonzero(height[:top] <= apex / 2)
            if not len(below) or apex <= 0:
                break
            k = below[-1]
            # where between two samples the height passes one half
            share = (apex / 2 - height[k]) / (height[k + 1] - height[k])
            half = self.E[k] + share * (self.E[k + 1] - self.E[k])
            foot_end = place - FOOT_WIDTHS * (place - half)
        if np.isnan(half) or apex <= 0 or bend > FOOT_STRAIGHT * apex:
            return float(place), np.nan, np.nan
        return float(place), float(apex), float(place - half)

    def _baseline(self, top: int, end: float) -> tuple[NDArray[np.float64], float]:
        """Draw the straight line through the foot in front of a peak.

        A foot too short to have a slope gives the level of its lowest point. Also tells
        how far (rms) the foot bends from the line.
        """
        length = self.E[-1] - self.E[0]
        foot = np.flatnonzero(self.E[:top] <= end)
        if end - self.E[0] < FOOT_LEAST * length or len(foot) < MIN_SAMPLES:
            return np.full(len(self.E), self.smooth[:top].min()), 0.0
        slope, level = np.polyfit(self.E[foot], self.i[foot], 1)
        line = level + slope * self.E
        return line, float(np.sqrt(np.mean((self.smooth - line)[foot] ** 2)))

    def _apex(self, top: int, width: float, baseline: NDArray) -> tuple[float, float]:
        """Fit a parabola to the samples within `width` (V) of the top, five at least.

        Returns its place and its height above the baseline there.
        """
        spread = np.abs(self.E - self.E[top])
        least = np.partition(spread, 4)[4]
        near = spread <= max(width, least)
        x = self.E[near] - self.E[top]
        curvature, slope, apex = np.polyfit(x, self.i[near], 2)
        shift = -slope / (2 * curvature) if curvature < 0 else np.inf
        if not x.min() <= shift <= x.max():  # no parabola: flat, or noise
            return self.E[top], self.smooth[top] - baseline[top]
        place = self.E[top] + shift
        apex += slope * shift / 2
        return place, apex - float(np.interp(place, self.E, baseline))


def last_cycle(E: NDArray[np.float64]) -> Iterator[slice]:
    """Yield the straight sweeps of the last cycle: three at most, in their order.

    The sample at a turn, where neither direction holds, belongs to none.
    """
    turns = [-1, *_turns(E, TURN * float(np.ptp(E))), len(E)]
    for before, behind in list(pairwise(turns))[-3:]:
        yield slice(before + 1, behind)


def _turns(E: NDArray, least: float) -> list[int]:
    """Find where a potential turns; reversals smaller than `least` (V) are noise."""
    turns = []
    extreme, rises = 0, 0
    for k, value in enumerate(E.tolist()):
        ahead = (value - E[extreme]) * rises
        if rises == 0:
            if abs(value - E[0]) >= least:
                rises, extreme = (1 if value > E[0] else -1), k
        elif ahead > 0:
            extreme = k
        elif ahead <= -least:
            turns.append(extreme)
            rises, extreme = -rises, k
    return turns


def _odd(width: float, least: int, most: int) -> int:
    """Return an odd number of samples near `width`, at least and at most so many."""
    most -= 1 - most % 2
    return int(np.clip(2 * round((width - 1) / 2) + 1, min(least, most), most))
