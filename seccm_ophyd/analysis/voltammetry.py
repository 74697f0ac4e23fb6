"""Voltammograms and their peaks."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .levelling import SIGMA_PER_MAD
from .sweeps import MIN_SAMPLES, Sweep, last_cycle
from .traces import technique_curves

__all__ = ["PeakStatus", "peaks", "voltammograms"]

SWEEPS = ("CyclicVoltammetry", "LinearSweepVoltammetry")


class PeakStatus(IntEnum):
    """What became of the search for a peak."""

    PEAK = 0
    NO_PEAK = 1
    NO_SWEEP = 2
    NO_DATA = 3
    NO_BASELINE = 4  # the potential is known, the height is not


def voltammograms(run: Any, *, hops: Sequence[int] | None = None) -> xr.Dataset:
    """Read the potential sweeps of a run.

    Parameters
    ----------
    run
        Any kind of run, see `seccm_ophyd.analysis.runs`.
    hops
        As in `hop_traces`.

    Returns
    -------
    xarray.Dataset
        Dims (curve, sample): ``t`` (s), ``E`` (V), ``i`` (pA); NaN behind the end of a
        shorter curve and for a miss. Coordinates along curve: ``hop_index``, ``x``,
        ``y`` (um), ``outcome``, ``label``, ``scan_rate`` (V/s). Those of one contact
        follow one another.

    Raises
    ------
    ValueError
        If the run has no traces, no potential sweep, or not all of the hops.
    FileNotFoundError
        If the file of the traces is not where the run says.

    Examples
    --------
    >>> peaks(voltammograms(catalog[uid])).to_dataframe()
    """
    curves, settings = technique_curves(run, SWEEPS, hops=hops)
    rates = [float(technique["scan_rate_v_s"]) for technique in settings]
    return curves.assign_coords(scan_rate=("curve", rates, {"units": "V/s"}))


def peaks(
    curves: xr.Dataset,
    *,
    smoothing_v: float = 0.03,
    noise_factor: float = 8.0,
    least_share: float = 0.05,
) -> xr.Dataset:
    """Find the anodic and the cathodic peak of voltammograms.

    Each branch of the last cycle is smoothed (Savitzky & Golay, Anal. Chem. 36 (1964)
    1627); its most prominent maximum, in the direction of the sweep, is refined by a
    parabola. The height counts from a straight line through the foot in front of the
    peak, drawn on beneath it (Bard & Faulkner, Electrochemical Methods, 2nd ed., 6.2).

    Parameters
    ----------
    curves : xarray.Dataset
        ``E`` (V) and ``i`` (pA) along ``sample``, and along any one other dimension or
        none: from `voltammograms` or `hop_traces`. Trailing NaN is left out.
    smoothing_v
        Width (V) of the smoothing.
    noise_factor, least_share
        A peak must stand out from the curve on both sides by so many times the standard
        deviation of the noise, and by so much of the range of the current.

    Returns
    -------
    xarray.Dataset
        Along that other dimension, with its coordinates: ``anodic_peak_potential`` (V),
        ``anodic_peak_current`` (pA, from the baseline), ``anodic_half_peak_width`` (V,
        from the peak to half its height in front of it), the same for ``cathodic``
        (current negative); ``peak_separation`` (V), ``midpoint_potential`` (V);
        ``noise`` (pA, standard deviation). NaN where there is no peak, or no straight
        foot to count its height from; ``anodic_status`` and ``cathodic_status``, int8
        with CF flags, tell why (`PeakStatus`).

    Raises
    ------
    ValueError
        If `curves` has no ``E`` and ``i`` along ``sample``, or more dimensions.
    """
    along = [str(dim) for dim in curves.dims if dim != "sample"]
    if not {"E", "i"} <= set(curves) or "sample" not in curves.dims or len(along) > 1:
        raise ValueError("peaks are sought in E and i along sample: see voltammograms")
    E, i = (
        np.atleast_2d(curves[name].transpose(*along, "sample").values)
        for name in ("E", "i")
    )
    rows = [
        _peaks_of(e_v, i_pa, smoothing_v, noise_factor, least_share)
        for e_v, i_pa in zip(E, i, strict=True)
    ]
    found = xr.Dataset(
        {
            name: (along, _column(rows, name, along), _peak_attrs(name))
            for name in _PEAK_UNITS
        }
    )
    return found.assign_coords(
        {n: c for n, c in curves.coords.items() if n != "sample"}
    )


_PEAK_UNITS = {
    f"{direction}_{name}": unit
    for direction in ("anodic", "cathodic")
    for name, unit in {
        "peak_potential": "V",
        "peak_current": "pA",
        "half_peak_width": "V",
        "status": "1",
    }.items()
} | {"peak_separation": "V", "midpoint_potential": "V", "noise": "pA"}


def _column(rows: list[dict[str, float]], name: str, along: list[str]) -> NDArray:
    dtype = np.int8 if name.endswith("status") else float
    values = np.array([row[name] for row in rows], dtype)
    return values if along else values[0]


def _peak_attrs(name: str) -> dict[str, Any]:
    attrs: dict[str, Any] = {"units": _PEAK_UNITS[name]}
    if name.endswith("status"):
        attrs["flag_values"] = np.array(list(PeakStatus), np.int8)
        attrs["flag_meanings"] = " ".join(s.name.lower() for s in PeakStatus)
    return attrs


def _peaks_of(
    E: NDArray, i: NDArray, smoothing_v: float, factor: float, share: float
) -> dict[str, float]:
    """Find both peaks of one voltammogram."""
    found = dict.fromkeys(_PEAK_UNITS, np.nan)
    measured = np.isfinite(E) & np.isfinite(i)
    E, i = E[measured], i[measured]
    status = PeakStatus.NO_SWEEP if len(E) >= MIN_SAMPLES else PeakStatus.NO_DATA
    found["anodic_status"] = found["cathodic_status"] = status
    if status == PeakStatus.NO_DATA or np.ptp(E) == 0:
        return found
    sweeps = [
        (E[part][-1] > E[part][0], Sweep.of(E[part], i[part], smoothing_v))
        for part in last_cycle(E)
    ]
    branches = [(rises, branch) for rises, branch in sweeps if branch is not None]
    if not branches:
        return found
    roughness = np.concatenate([branch.roughness for _, branch in branches])
    # a second difference adds up the variances of three samples, one of them twice
    noise = SIGMA_PER_MAD * float(np.median(np.abs(roughness))) / np.sqrt(6)
    current = np.concatenate(
        [b.smooth if rises else -b.smooth for rises, b in branches]
    )
    least = max(factor * noise, share * float(np.ptp(current)), np.finfo(float).tiny)
    found["noise"] = noise
    for direction, sign in (("anodic", 1), ("cathodic", -1)):
        own = [branch for rises, branch in branches if rises == (sign > 0)]
        if own:
            found |= _one_peak(own, direction, sign, least)
    anodic, cathodic = (found[f"{d}_peak_potential"] for d in ("anodic", "cathodic"))
    found["peak_separation"] = anodic - cathodic
    found["midpoint_potential"] = (anodic + cathodic) / 2
    return found


def _one_peak(
    branches: list[Sweep], direction: str, sign: int, least: float
) -> dict[str, float]:
    """Measure the peak of the last branch that shows it well."""
    tops = [(branch, branch.peak(least)) for branch in branches]
    seen = [(branch, *top) for branch, top in tops if top is not None]
    if not seen:
        return {f"{direction}_status": PeakStatus.NO_PEAK}
    best = max(prominence for *_, prominence in seen)
    branch, top, _ = [one for one in seen if one[2] >= best / 2][-1]
    place, current, width = branch.measure(top)
    return {
        f"{direction}_peak_potential": sign * place,
        f"{direction}_peak_current": sign * current,
        f"{direction}_half_peak_width": width,
        f"{direction}_status": (
            PeakStatus.NO_BASELINE if np.isnan(current) else PeakStatus.PEAK
        ),
    }
