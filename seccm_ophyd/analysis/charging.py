"""Charge and discharge at constant current: curves, reacted volume, maps in time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..techniques.base import intervals_s
from .inputs import Input, has
from .places import place_table
from .resumed import whole_table
from .run_traces import RunTraces
from .traces import technique_curves, whole_run

__all__ = [
    "VOLUMETRIC_CAPACITY_PAH_UM3",
    "capacity",
    "charge_curves",
    "frame",
    "potential_cube",
]

# Takahashi et al., Nat. Commun. 5:5450 (2014): 612 mAh cm-3 for LiFePO4, that is
# F / (157.757 g/mol) x 3.6 g/cm3; 1 mAh cm-3 is 1e-3 pAh um-3.
VOLUMETRIC_CAPACITY_PAH_UM3 = 0.612
PC_PER_PAH = 3600.0
GALVANOSTATIC = "Galvanostatic"


def charge_curves(run: Any, *, hops: Sequence[int] | None = None) -> xr.Dataset:
    """Read the potential against time and charge of the galvanostatic measurements.

    Parameters
    ----------
    run
        Any kind of run, see `seccm_ophyd.analysis.runs`.
    hops
        As in `hop_traces`.

    Returns
    -------
    xarray.Dataset
        Dims (curve, sample): ``t`` (s), ``E`` (V), ``i`` (pA), ``charge`` (pC, negative
        for a discharge) and ``capacity`` (pAh, its magnitude) passed up to the sample,
        integrals of the measured current; NaN after a cut-off, after a sample that
        is no number, and for a miss. Coordinates along curve: ``hop_index``, ``x``,
        ``y`` (um), ``outcome``, ``label``, ``current`` (pA, as asked for),
        ``mean_current`` (pA, as measured), ``end_reason``, and ``overload``: whether
        the range of the amplifier cut the current, so that more charge has passed than
        was measured. Those of one contact, charge and discharge, follow one another.

    Raises
    ------
    ValueError
        If the run has no traces, no such measurement, or not all of the hops.
    FileNotFoundError
        If the file of the traces is not where the run says.
    """
    curves, settings = technique_curves(
        run, (GALVANOSTATIC,), hops=hops, scalars=("end_reason",)
    )
    usual = np.array([technique["interval_s"] for technique in settings], float)
    lasted = intervals_s(curves["t"].values, usual)
    # each sample ends the interval in which its current flowed
    passed = np.cumsum(curves["i"].values * lasted, axis=-1)
    charge = curves["i"].copy(data=passed).assign_attrs(units="pC")
    time = np.nansum(np.where(np.isfinite(passed), lasted, np.nan), axis=-1)
    with np.errstate(invalid="ignore"):
        mean = np.nansum(curves["i"].values * lasted, axis=-1) / time
    currents = [float(technique["current_pa"]) for technique in settings]
    return curves.assign(
        charge=charge, capacity=(abs(charge) / PC_PER_PAH).assign_attrs(units="pAh")
    ).assign_coords(
        current=("curve", currents, {"units": "pA", "long_name": "as asked for"}),
        mean_current=("curve", mean, {"units": "pA", "long_name": "as measured"}),
    )


def capacity(charged: Any) -> xr.Dataset:
    """Return how much LiFePO4 has reacted.

    Parameters
    ----------
    charged
        From `charge_curves`; or charges (pC), of either sign, as a number or an array;
        or any kind of run, whose `charge_curves` are taken.

    Returns
    -------
    xarray.Dataset
        For each curve or charge: ``charge`` (pC), ``capacity`` (pAh), ``volume`` (um3)
        of LiFePO4 that it empties or fills (`VOLUMETRIC_CAPACITY_PAH_UM3`),
        ``sphere_radius`` and ``hemisphere_radius`` (um) of this volume. NaN where
        nothing was measured, or a sample was no number. Where the coordinate
        ``overload`` is true, all of them are at least so large.

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If the run has no galvanostatic measurement.

    Examples
    --------
    >>> float(capacity(5.0 * 0.6).sphere_radius)  # 5 pA for 600 ms, in um
    0.0687...
    """
    given = _CHARGED.of(charged, "capacity")
    if isinstance(given, xr.Dataset):
        taken = given["t" if "t" in given else "charge"].notnull()
        last = taken.sum("sample") - 1
        charge = given["charge"].isel(sample=last.clip(min=0))
    else:
        values = np.asarray(given, float)
        charge = xr.DataArray(values, dims=[f"dim_{k}" for k in range(values.ndim)])
    passed = abs(charge) / PC_PER_PAH
    volume = passed / VOLUMETRIC_CAPACITY_PAH_UM3
    found: dict[str, tuple[Any, str]] = {
        "charge": (charge, "pC"),
        "capacity": (passed, "pAh"),
        "volume": (volume, "um3"),
        "sphere_radius": (np.cbrt(3 * volume / (4 * np.pi)), "um"),
        "hemisphere_radius": (np.cbrt(3 * volume / (2 * np.pi)), "um"),
    }
    return xr.Dataset({n: v.assign_attrs(units=u) for n, (v, u) in found.items()})


def _is_charge(given: Any) -> bool:
    if isinstance(given, xr.Dataset):
        return has("charge", dim="sample")(given)
    if isinstance(given, str | bytes | None):
        return False
    try:
        return np.asarray(given).dtype.kind in "iuf"
    except ValueError:  # documents: lists of different lengths
        return False


_CHARGED: Input[Any] = Input(
    "charges in pC or charge curves (charge_curves)", _is_charge, charge_curves
)


def potential_cube(run: Any, label: str | None = None) -> xr.DataArray:
    """Put the potentials of a galvanostatic map on their grid: a film in time.

    Of a run made by `resume_scan` with the hops of those that it finishes.

    Parameters
    ----------
    run
        Any kind of run, see `seccm_ophyd.analysis.runs`.
    label
        Name of the trace; None: that of the first galvanostatic technique.

    Returns
    -------
    xarray.DataArray
        Dims (y, x, time): potential (V); coordinates in um and s. NaN where there was
        no hop or no contact, and after a cut-off; of a repeated hop the last is kept.

    Raises
    ------
    ValueError
        If the run has no traces, no such measurement, or no regular grid.
    FileNotFoundError
        If the file of the traces is not where the run says.
    """
    source = RunTraces.of(run)
    charging = [
        k for k, t in source.techniques.items() if t["technique"] == GALVANOSTATIC
    ]
    if label is None and not charging:
        raise ValueError(f"{source.name} has no {GALVANOSTATIC} technique")
    name = label or charging[0]
    each = [part.read(name, part.rows(None)) for part in whole_run(source)]
    traces = xr.concat(each, "hop", combine_attrs="override")
    hops = place_table(whole_table(source))
    grid, pixels = hops.grid, hops.pixels
    values = np.full((*grid.shape, traces.sizes["sample"]), np.nan)
    values.reshape(-1, traces.sizes["sample"])[pixels] = traces["E"].values
    interval = float(source.techniques[traces.attrs["label"]]["interval_s"])
    return xr.DataArray(
        values,
        {
            "y": ("y", grid.y, {"units": "um"}),
            "x": ("x", grid.x, {"units": "um"}),
            "time": ("time", _times(traces["t"].values, interval), {"units": "s"}),
        },
        ("y", "x", "time"),
        "E",
        {"units": "V", "long_name": "potential", **each[-1].attrs},
    )


def _is_film(given: Any) -> bool:
    return isinstance(given, xr.DataArray) and "time" in given.dims


_FILM = Input("a film along time (potential_cube)", _is_film, potential_cube)


def frame(cube: Any, t_s: float) -> xr.DataArray:
    """Take the frame of a `potential_cube` nearest to a time.

    Parameters
    ----------
    cube
        From `potential_cube`; or any kind of run of a galvanostatic map.
    t_s
        Time (s) since the current began.

    Returns
    -------
    xarray.DataArray
        Dims (y, x): potential (V), with the coordinate ``time`` of the frame (s).

    Raises
    ------
    TypeError
        If `cube` is neither.
    ValueError
        If the time lies outside the measurement, or the run has no such map.
    """
    film = _FILM.of(cube, "frame")
    times = film["time"].values
    # the last sample ends the measurement, or stands one interval before its end
    spare = float(np.diff(times).max()) if len(times) > 1 else 0.0
    if not times[0] - spare <= t_s <= times[-1] + spare * (1 + 1e-6):
        raise ValueError(
            f"t_s={t_s:g} must be between {times[0]:g} and {times[-1]:g} s"
        )
    return film.isel(time=int(np.abs(times - t_s).argmin()))


def _times(t: NDArray[np.float64], interval_s: float) -> NDArray[Any]:
    """Return the time of each sample: as measured, where anything was."""
    times = interval_s * np.arange(t.shape[1])
    longest = t[np.argmax(np.isfinite(t).sum(axis=1))] if len(t) else times[:0]
    measured = longest[np.isfinite(longest)]
    if not len(measured):
        return times
    n = len(measured)
    rest = times[n:] - times[n - 1] + measured[-1]
    return np.concatenate([measured, rest])
