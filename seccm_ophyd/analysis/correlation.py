"""How two maps of the same place go together."""

from typing import Any

import numpy as np
import xarray as xr
from scipy.interpolate import RegularGridInterpolator
from scipy.stats import pearsonr, spearmanr

from .classification import Material, classify
from .direction import direction
from .grid import SAME_UM
from .maps import as_map, quantities, trusted

__all__ = ["correlate"]

LEAST_PIXELS = 3  # that two maps must share
# What two maps are compared in unless it is said.
_QUANTITIES = ("current", "zero_current_potential", "mid_potential")


def correlate(
    run_a: Any,
    run_b: Any,
    *,
    quantity_a: str | None = None,
    quantity_b: str | None = None,
) -> xr.Dataset:
    """Compare two maps of the same place, pixel by pixel.

    Parameters
    ----------
    run_a, run_b
        Any kind of run, see `seccm_ophyd.analysis.runs`, or `hop_map` of them. If their
        grids differ, b is interpolated (bilinear) onto the pixels of a that it covers.
    quantity_a, quantity_b
        Names of the variables; None: the current, else the potential.

    Returns
    -------
    xarray.Dataset
        ``a``, ``b``: the maps on the grid of a, NaN where either has no value;
        ``pixels``, how many have both; ``pearson``, ``spearman``; ``log_pearson``, of
        the logarithms of the ``log_pixels`` pixels in which both are positive, once
        maps are turned whose active parts are negative; ``overlap_a``: the share of the
        LiFePO4 of a, as classified, that is LiFePO4 in b too, ``overlap_b`` the
        reverse (after Manders, J. Microsc. 169 (1993) 375). NaN where one cannot be
        found.

    Raises
    ------
    ValueError
        If a map does not have the quantity, or the maps do not overlap.
    """
    map_a, map_b = (as_map(run, "correlate") for run in (run_a, run_b))
    a = _quantity(map_a, quantity_a, "a")
    own_b = _quantity(map_b, quantity_b, "b")
    b = _onto(a, own_b, "linear")
    both = a.notnull() & b.notnull()
    pixels = int(both.sum())
    if pixels < LEAST_PIXELS:
        raise ValueError(
            f"the maps do not overlap: {pixels} pixels have both values; a covers "
            f"{_cover(map_a)}, b {_cover(map_b)}"
        )
    x, y = a.values[both.values], b.values[both.values]
    log_x = x * direction(map_a, str(a.name))
    log_y = y * direction(map_b, str(own_b.name))
    positive = (log_x > 0) & (log_y > 0)
    logs = np.log10(log_x[positive]), np.log10(log_y[positive])
    overlap_a, overlap_b = _overlap(map_a, map_b, both)
    numbers = {
        "pixels": pixels,
        "pearson": _coefficient(pearsonr, x, y),
        "spearman": _coefficient(spearmanr, x, y),
        "log_pearson": _coefficient(pearsonr, *logs),
        "log_pixels": int(positive.sum()),
        "overlap_a": overlap_a,
        "overlap_b": overlap_b,
    }
    return xr.Dataset(
        {"a": a.where(both), "b": b.where(both)}
        | {name: ((), value, {"units": "1"}) for name, value in numbers.items()}
    )


def _quantity(data: xr.Dataset, name: str | None, which: str) -> xr.DataArray:
    """Choose what a map is compared in."""
    known = quantities(data)
    chosen = name or next((q for q in _QUANTITIES if q in known), None)
    if chosen not in known:
        asked = repr(chosen) if chosen else " or ".join(_QUANTITIES)
        raise ValueError(f"map {which} has no {asked}; it has {', '.join(known)}")
    return trusted(data, chosen)


def _onto(a: xr.DataArray, b: xr.DataArray, method: str) -> xr.DataArray:
    """Put b on the grid of a, NaN where it does not reach; without loss if it is it."""
    if a.shape == b.shape and all(
        np.allclose(a[axis], b[axis], rtol=0, atol=SAME_UM) for axis in ("x", "y")
    ):
        return b.assign_coords(x=a["x"], y=a["y"])
    if 1 in b.shape:
        raise ValueError("map b is a single line: no map can be interpolated from it")
    b = b.sortby(["y", "x"])
    axes = b["y"].values, b["x"].values
    points = []
    for wanted, axis in zip((a["y"].values, a["x"].values), axes, strict=True):
        nearest = np.clip(wanted, axis[0], axis[-1])
        # ends that should coincide may differ by rounding
        points.append(np.where(abs(wanted - nearest) < SAME_UM, nearest, wanted))
    interpolate = RegularGridInterpolator(
        axes, b.values.astype(float), method, bounds_error=False, fill_value=np.nan
    )
    values = interpolate(tuple(np.meshgrid(*points, indexing="ij")))
    return a.copy(data=values).rename(b.name).assign_attrs(b.attrs)


def _overlap(
    map_a: xr.Dataset, map_b: xr.Dataset, both: xr.DataArray
) -> tuple[float, float]:
    """Share of the LiFePO4 of each map that is LiFePO4 in the other."""
    try:
        a, b = classify(map_a), classify(map_b)
    except ValueError:  # maps of something else, e.g. of voltammetry
        return np.nan, np.nan
    on_b = _onto(a, b, "nearest").where(both, Material.UNKNOWN)
    on_a = a.where(both, Material.UNKNOWN)
    known = (on_a != Material.UNKNOWN) & (on_b != Material.UNKNOWN)
    is_a, is_b = ((m == Material.LIFEPO4) & known for m in (on_a, on_b))
    shared = int((is_a & is_b).sum())
    total_a, total_b = int(is_a.sum()), int(is_b.sum())
    return (
        shared / total_a if total_a else np.nan,
        shared / total_b if total_b else np.nan,
    )


def _coefficient(of: Any, x: np.ndarray, y: np.ndarray) -> float:
    """Correlate; NaN for constants and for too few."""
    if len(x) < LEAST_PIXELS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(of(x, y).statistic)


def _cover(data: xr.Dataset) -> str:
    spans = (
        f"{axis} {float(data[axis].min()):g} to {float(data[axis].max()):g} um"
        for axis in ("x", "y")
    )
    return ", ".join(spans)
