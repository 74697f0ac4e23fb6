"""Voltammograms and their peaks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..techniques import PeakStatus, search_peaks
from ..techniques.peak_search import Peaks
from .inputs import Input, has
from .traces import technique_curves

__all__ = ["PeakStatus", "peaks", "voltammograms"]

SWEEPS = ("CyclicVoltammetry", "LinearSweepVoltammetry")


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
        Dims (curve, sample): ``t`` (s), ``E`` (V), ``i`` (pA); NaN after the end of a
        shorter curve and for a miss. Coordinates along curve: ``hop_index``, ``x``,
        ``y`` (um), ``outcome``, ``label``, ``scan_rate`` (V/s, as asked for),
        ``overload``: whether the range of the amplifier cut the current. Those of one
        contact follow one another.

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
    curves: Any,
    *,
    smoothing_v: float = 0.03,
    noise_factor: float = 8.0,
    least_share: float = 0.05,
) -> xr.Dataset:
    """Find the anodic and the cathodic peak of voltammograms.

    Each branch of the last cycle is freed from glitches and smoothed (Savitzky & Golay,
    Anal. Chem. 36 (1964) 1627). Place and height of its most prominent maximum, in the
    direction of the sweep, count from a straight line through the foot in front of the
    peak, drawn on beneath it (Bard & Faulkner, Electrochemical Methods, 2nd ed., 6.2),
    so that neither an ohmic leak nor a charging current moves them; a parabola refines
    them. The events of a run hold the same, found by the same rule.

    Parameters
    ----------
    curves
        ``E`` (V) and ``i`` (pA) along ``sample``, and along any one other dimension or
        none: from `voltammograms` or `hop_traces`. Or any kind of run, whose
        `voltammograms` are taken. What is NaN or infinite is left out.
    smoothing_v
        Width (V) of the smoothing. What is narrower than half of it is a glitch.
    noise_factor, least_share
        A peak must stand out on both sides by `noise_factor` times the standard
        deviation of the noise, or the step of the digitiser where that hides it; and by
        `least_share` of its height.

    Returns
    -------
    xarray.Dataset
        Along that other dimension, with its coordinates: ``anodic_peak_potential`` (V),
        ``anodic_peak_current`` (pA, from the baseline), ``anodic_half_peak_width`` (V,
        from the peak to half its height in front of it), the same for ``cathodic``
        (current negative); ``peak_separation`` (V), ``midpoint_potential`` (V);
        ``noise`` (pA, standard deviation). NaN where there is no peak, or no straight
        foot to count its height from; ``anodic_status`` and ``cathodic_status``, int8
        with CF flags, show what became of it (`PeakStatus`), and ``anodic_reason`` and
        ``cathodic_reason`` why, in a few words.

    Raises
    ------
    TypeError
        If `curves` is neither a run nor a dataset with ``E`` and ``i``.
    ValueError
        If it has more dimensions, or the run has no potential sweep.

    Examples
    --------
    >>> peaks(catalog[-1]).anodic_reason
    """
    found = _CURVES.of(curves, "peaks")
    along = [str(dim) for dim in found["E"].dims if dim != "sample"]
    if len(along) > 1 or set(found["i"].dims) != set(found["E"].dims):
        raise ValueError(
            "peaks are sought in E and i along sample and one other dimension; these "
            f"are along {', '.join(map(str, found['E'].dims))} and "
            f"{', '.join(map(str, found['i'].dims))}: see voltammograms"
        )
    E, i = (
        np.atleast_2d(found[name].transpose(*along, "sample").values)
        for name in ("E", "i")
    )
    settings = {
        "smoothing_v": smoothing_v,
        "noise_factor": noise_factor,
        "least_share": least_share,
    }
    rows = [
        _numbers(search_peaks(e_v, i_pa, **settings))
        for e_v, i_pa in zip(E, i, strict=True)
    ]
    measured = xr.Dataset(
        {
            name: (along, _column(rows, name, along), _peak_attrs(name))
            for name in _PEAK_UNITS
        }
    )
    return measured.assign_coords(
        {n: c for n, c in found.coords.items() if "sample" not in c.dims}
    )


_CURVES = Input(
    "voltammograms with E and i along sample (voltammograms)",
    has("E", "i", dim="sample"),
    voltammograms,
)

_PEAK_UNITS = {
    f"{direction}_{name}": unit
    for direction in ("anodic", "cathodic")
    for name, unit in {
        "peak_potential": "V",
        "peak_current": "pA",
        "half_peak_width": "V",
        "status": "1",
        "reason": "",
    }.items()
} | {"peak_separation": "V", "midpoint_potential": "V", "noise": "pA"}


def _numbers(found: Peaks) -> dict[str, Any]:
    """List what stands in the dataset for one curve."""
    return {
        f"{direction}_{name}": value
        for direction, peak in (("anodic", found.anodic), ("cathodic", found.cathodic))
        for name, value in {
            "peak_potential": peak.potential,
            "peak_current": peak.current,
            "half_peak_width": peak.half_width,
            "status": peak.status,
            "reason": peak.reason,
        }.items()
    } | {
        "peak_separation": found.separation,
        "midpoint_potential": found.midpoint,
        "noise": found.noise,
    }


def _column(rows: list[dict[str, Any]], name: str, along: list[str]) -> NDArray[Any]:
    kinds = {"status": np.int8, "reason": str}
    dtype = kinds.get(name.rpartition("_")[2], float)
    values: NDArray[Any] = np.array([row[name] for row in rows], dtype)
    return values if along else values[0]


def _peak_attrs(name: str) -> dict[str, Any]:
    attrs: dict[str, Any] = {"units": _PEAK_UNITS[name]}
    if name.endswith("status"):
        attrs["flag_values"] = np.array(list(PeakStatus), np.int8)
        attrs["flag_meanings"] = " ".join(s.name.lower() for s in PeakStatus)
    return attrs
