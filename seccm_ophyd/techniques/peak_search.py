"""The anodic and the cathodic peak of one voltammogram: one rule for everything.

The scalars of events and `seccm_ophyd.analysis.peaks` both come from `search_peaks`.
"""

import math
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.signal import find_peaks

from .sweeps import (
    MIN_SAMPLES,
    SIGMA_PER_MAD,
    SMOOTHING_ORDER,
    Curve,
    Sweep,
    last_cycle,
    smoothed,
    usable,
)

__all__ = ["Peak", "PeakStatus", "Peaks", "search_peaks"]

APEX = 0.25  # half-peak widths: so near to its top a peak is a parabola
APEX_SMOOTHED = 1.5  # times the smoothed top: more is no parabola, but noise
# The baseline is fitted in front of the peak, up to this many half-peak widths from it:
# there the current of a reversible wave is 0.4 % of the peak.
FOOT_WIDTHS = 3.0
FOOT_LEAST = 0.1  # of the sweep
FOOT_STRAIGHT = 0.05  # of the height of the peak: a foot that bends more has no line
BASELINE_FITS = 5
LEVEL_SHARE = 0.25  # of its height: so far must a peak stand out from a mere level
ROUNDING = 1e-9  # of the current
RIPPLE = 1e-3  # of the range of the sweep: a smaller maximum is rounding
# A maximum that shows only once the slope of the foot is taken off must fall further
# after its top, as that slope is an estimate: by a share of its height, and by this
# many times what the error of the slope makes up to the end of the sweep.
SLOPED_SHARE, SLOPED_ERRORS = 0.2, 4.0
NARROW = 0.5  # of the smoothing: a half-peak width below it is a glitch
GAP_STEPS = 2.5  # of the mean distance: one sample left out leaves no gap
# This many maxima that stand out this far, in units of the best, are noise
MANY, MANY_SHARE = 4, 0.25


class PeakStatus(IntEnum):
    """What became of the search for a peak."""

    PEAK = 0
    NO_PEAK = 1
    NO_SWEEP = 2
    NO_DATA = 3
    NO_BASELINE = 4  # the potential is known, the height is not


@dataclass(frozen=True)
class Peak:
    """The peak of one direction, or why there is none.

    Parameters
    ----------
    status
        What became of the search.
    reason
        Why there is no peak, or no height, in a few words; empty for a peak.
    potential
        Of the peak (V).
    current
        From the baseline (pA); negative for a cathodic peak.
    half_width
        From the peak to half its height in front of it (V).
    prominence
        How far it stands out on both sides (pA).
    extreme
        Largest current of the sweep in this direction, peak or not (pA); smoothed, not
        from a baseline.
    """

    status: PeakStatus
    reason: str = ""
    potential: float = np.nan
    current: float = np.nan
    half_width: float = np.nan
    prominence: float = 0.0
    extreme: float = np.nan


@dataclass(frozen=True)
class Peaks:
    """Both peaks of a voltammogram.

    Parameters
    ----------
    anodic, cathodic
        The peaks.
    noise
        Standard deviation of the current (pA).
    """

    anodic: Peak
    cathodic: Peak
    noise: float = np.nan

    @property
    def separation(self) -> float:
        """Anodic minus cathodic potential (V)."""
        return self.anodic.potential - self.cathodic.potential

    @property
    def midpoint(self) -> float:
        """Mean of both potentials (V)."""
        return (self.anodic.potential + self.cathodic.potential) / 2


def search_peaks(
    E: ArrayLike,
    i: ArrayLike,
    *,
    smoothing_v: float = 0.03,
    noise_factor: float = 8.0,
    least_share: float = 0.05,
) -> Peaks:
    """Find both peaks in the last cycle of a voltammogram.

    Parameters
    ----------
    E, i : array_like, shape (samples,)
        Potential (V) and current (pA), in the order they were sampled. What is no
        number is left out.
    smoothing_v, noise_factor, least_share
        See `seccm_ophyd.analysis.peaks`.
    """
    potential, current = usable(np.asarray(E, float), np.asarray(i, float))
    if len(potential) < MIN_SAMPLES:
        none = Peak(PeakStatus.NO_DATA, f"fewer than {MIN_SAMPLES} samples")
        return Peaks(none, none)
    none = Peak(PeakStatus.NO_SWEEP, "no sweep in this direction")
    if np.ptp(potential) == 0:
        return Peaks(none, none)
    sweeps = [
        (potential[part][-1] > potential[part][0], sweep)
        for part in last_cycle(potential)
        if (sweep := Sweep.of(potential[part], current[part], smoothing_v)) is not None
    ]
    if not sweeps:
        return Peaks(none, none)
    noise = _noise([sweep for _, sweep in sweeps])
    found = {}
    for name, sign in (("anodic", 1), ("cathodic", -1)):
        own = [
            (
                float(np.ptp(sweep.E)),
                _Search(sweep, noise, noise_factor, least_share, smoothing_v).peak(),
            )
            for rises, sweep in sweeps
            if rises == (sign > 0)
        ]
        found[name] = _turned(_last_that_shows_it_well(own), sign) if own else none
    return Peaks(found["anodic"], found["cathodic"], noise)


def _noise(sweeps: list[Sweep]) -> float:
    """Estimate the standard deviation of the current from its roughness."""
    roughness = np.concatenate([sweep.roughness for sweep in sweeps])
    # a second difference adds up the variances of three samples, one of them twice
    return SIGMA_PER_MAD * float(np.median(np.abs(roughness))) / math.sqrt(6)


def _last_that_shows_it_well(peaks: list[tuple[float, Peak]]) -> Peak:
    """Choose the last sweep that shows the peak well; if none does, the longest."""
    best = max(peak.prominence for _, peak in peaks)
    if best == 0:
        return max(peaks, key=lambda each: each[0])[1]
    return [peak for _, peak in peaks if peak.prominence >= best / 2][-1]


def _turned(peak: Peak, sign: int) -> Peak:
    return Peak(
        peak.status,
        peak.reason,
        float(sign * peak.potential),
        float(sign * peak.current),
        float(peak.half_width),
        float(peak.prominence),
        float(sign * peak.extreme),
    )


@dataclass(frozen=True)
class _Foot:
    """The straight line in front of a peak.

    Parameters
    ----------
    line
        Its current along the sweep (pA).
    bend
        How far (rms) the foot bends from it (pA).
    error
        Standard error of its slope (pA/V); inf for a foot too short to have one.
    """

    line: Curve
    bend: float
    error: float


@dataclass(frozen=True)
class _Search:
    """The search for the peak of one sweep."""

    sweep: Sweep
    noise: float
    factor: float
    share: float
    smoothing_v: float

    @cached_property
    def least(self) -> float:
        """How far a peak must stand out on both sides (pA)."""
        noise = max(self.noise, self.sweep.step)
        return max(
            self.factor * noise,
            RIPPLE * float(np.ptp(self.sweep.smooth)),
            ROUNDING * float(np.abs(self.sweep.smooth).max()),
            float(np.finfo(float).tiny),
        )

    def peak(self) -> Peak:
        """Find the peak and measure it, or say why there is none."""
        return replace(self._find(), extreme=self.sweep.extreme)

    def _find(self) -> Peak:
        sweep, smooth = self.sweep, self.sweep.smooth
        if sweep.flaw == "glitch":
            return Peak(PeakStatus.NO_PEAK, "glitches")
        if sweep.E[1] - sweep.E[0] > self.smoothing_v:
            return Peak(PeakStatus.NO_PEAK, "sampled too coarsely")
        places, about = find_peaks(smooth, prominence=self.least)
        if len(places):
            best = int(np.argmax(about["prominences"]))
            top, seen = int(places[best]), float(about["prominences"][best])
        else:
            top, seen = self._sharpest_bend(), 0.0
        found = self._measured(top, seen)
        if found.potential >= sweep.clipped_from:
            return Peak(PeakStatus.NO_PEAK, "clipped by the range of the amplifier")
        around = np.nan_to_num(found.half_width, nan=self.smoothing_v)
        gap = sweep.widest_gap(found.potential - around, found.potential + around)
        # it is 0 where there is no peak
        if gap > max(self.smoothing_v, GAP_STEPS * (sweep.E[1] - sweep.E[0])):
            return Peak(PeakStatus.NO_PEAK, "samples are missing at the peak")
        return found

    def _sharpest_bend(self) -> int:
        """Find where the current bends down most: a slope does not hide that."""
        sweep = self.sweep
        window = min(2 * sweep.window + 1, len(sweep.i) - 1 + len(sweep.i) % 2)
        bend = smoothed(sweep.i, window, SMOOTHING_ORDER, 2)
        return int(np.argmin(bend))

    def _measured(self, top: int, seen: float) -> Peak:
        """Measure a maximum from its baseline.

        The height is NaN where the foot bends, as that of a fast sweep which turned
        soon after the peak before: a straight line drawn on from it shows nothing.
        """
        E, smooth = self.sweep.E, self.sweep.smooth
        raw_top, half, apex, place = top, np.nan, 0.0, E[top]
        stands_out = 0.0
        foot_end = E[0] + (E[top] - E[0]) / 3
        for _ in range(BASELINE_FITS):
            foot = self._foot(top, foot_end)
            height = smooth - foot.line
            top, stands_out = self._maximum(height, top)
            width = 0.0 if np.isnan(half) else APEX * (E[top] - half)
            place, apex = self._apex(top, width, foot.line)
            below = np.flatnonzero(height[:top] <= apex / 2)
            if not len(below) or apex <= 0:
                half = np.nan
                break
            k = below[-1]
            # where between two samples the height passes one half
            share = (apex / 2 - height[k]) / (height[k + 1] - height[k])
            half = E[k] + share * (E[k + 1] - E[k])
            before, foot_end = foot_end, place - FOOT_WIDTHS * (place - half)
            if abs(foot_end - before) < E[1] - E[0]:
                break
        straight = not np.isnan(half) and apex > 0 and foot.bend <= FOOT_STRAIGHT * apex
        if not np.isfinite(foot.error):
            # what was cut off in front of a jump is no foot
            whole = self.sweep.flaw != "jump"
            straight = straight and whole and stands_out >= LEVEL_SHARE * apex
        if straight and stands_out >= max(self.least, self.share * apex):
            if seen or self._falls(foot, apex, stands_out):
                if place - half < NARROW * self.smoothing_v:
                    return Peak(PeakStatus.NO_PEAK, "narrower than a wave: a glitch")
                return Peak(PeakStatus.PEAK, "", place, apex, place - half, stands_out)
        if seen and not straight:
            return Peak(
                PeakStatus.NO_BASELINE,
                "no straight foot",
                float(E[raw_top]),
                prominence=seen,
            )
        return Peak(PeakStatus.NO_PEAK, self._why_none())

    def _falls(self, foot: _Foot, apex: float, stands_out: float) -> bool:
        E = self.sweep.E
        error = SLOPED_ERRORS * foot.error * (E[-1] - E[0])
        return bool(stands_out >= max(SLOPED_SHARE * apex, error))

    def _maximum(self, height: Curve, near: int) -> tuple[int, float]:
        """Find the maximum nearest to a place, and how far it stands out."""
        places, about = find_peaks(height, prominence=self.least * MANY_SHARE)
        heights = about["prominences"]
        best = heights.max(initial=0.0)
        if best < self.least or np.sum(heights >= MANY_SHARE * best) >= MANY:
            return near, 0.0
        places, heights = places[heights >= self.least], heights[heights >= self.least]
        nearest = int(np.argmin(np.abs(places - near)))
        return int(places[nearest]), float(heights[nearest])

    def _foot(self, top: int, end: float) -> _Foot:
        """Draw the straight line through the foot in front of a peak.

        A foot too short to have a slope gives the level of its lowest point.
        """
        E, i, smooth = self.sweep.E, self.sweep.i, self.sweep.smooth
        n = int(np.searchsorted(E[:top], end, "right"))
        if end - E[0] < FOOT_LEAST * (E[-1] - E[0]) or n < MIN_SAMPLES:
            level = float(smooth[: max(top, 1)].min())
            return _Foot(np.full(len(E), level), 0.0, np.inf)
        x = E[:n] - E[:n].mean()
        slope = float(x @ i[:n] / (x @ x))
        line = i[:n].mean() + slope * (E - E[:n].mean())
        bend = float(np.sqrt(np.mean((smooth[:n] - line[:n]) ** 2)))
        # smoothed samples are as good as one per window
        error = bend / np.sqrt(np.mean(x**2) * max(n / self.sweep.window, 1.0))
        return _Foot(line, bend, float(error))

    def _apex(self, top: int, width: float, line: Curve) -> tuple[float, float]:
        """Fit a parabola to the samples within `width` (V) of the top.

        They are five at least, or three where fewer lie within. Returns its place and
        its height above the baseline there.
        """
        E, i, smooth = self.sweep.E, self.sweep.i, self.sweep.smooth
        step = E[1] - E[0]
        reach = max(int(width / step), 1 if 0 < width < step else 2)
        first = int(np.clip(top - reach, 0, max(len(E) - 2 * reach - 1, 0)))
        near = slice(first, first + 2 * reach + 1)
        y = i[near] - line[near]
        n = len(y)
        x = np.arange(n) - (n - 1) / 2
        second, fourth = float(x @ x), float(x**2 @ x**2)
        curvature = (n * (x**2 @ y) - second * y.sum()) / (n * fourth - second**2)
        shift = -(x @ y) / (2 * second * curvature) if curvature < 0 else np.inf
        on_top = float(smooth[top] - line[top])
        if abs(shift) <= x[-1]:
            apex = (y.sum() - curvature * second) / n - curvature * shift**2
            if apex <= APEX_SMOOTHED * abs(on_top):
                return float((E[first] + E[first + n - 1]) / 2 + shift * step), apex
        return float(E[top]), on_top  # no parabola: flat, or noise

    def _why_none(self) -> str:
        """Say in a few words why there is no peak."""
        if self.sweep.flaw == "jump":
            return "the current jumps"
        smooth = self.sweep.smooth
        rise = smooth[-1] - smooth[-1 - min(2 * self.sweep.window, len(smooth) - 1)]
        if rise > max(self.share * float(np.ptp(smooth)), self.least):
            return "rises to the end of the sweep"
        _, about = find_peaks(smooth, prominence=ROUNDING * np.abs(smooth).max())
        if np.max(about["prominences"], initial=0) > self.share * np.ptp(smooth):
            steps = self.sweep.step > self.noise
            return f"within the {'steps of the digitiser' if steps else 'noise'}"
        return "no maximum"
