"""How the values of a map are distributed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from .direction import direction
from .levelling import Method, check_method, level
from .maps import as_map, quantities, trusted

__all__ = ["statistics"]


def statistics(
    run: Any,
    *,
    levelling: Method = "facet",
    below_pa: float = 10.0,
    bins: int = 50,
    percentiles: Sequence[float] = (1, 5, 25, 50, 75, 95, 99),
) -> xr.Dataset:
    """Describe the distribution of each quantity of a map.

    Parameters
    ----------
    run
        Any kind of run, see `seccm_ophyd.analysis.runs`, or its `hop_map`.
    levelling
        How `height` is levelled, see `level`; it stands in the attrs, too.
    below_pa
        Currents (pA) less than this are counted (10 pA: Takahashi et al., Nat. Commun.
        5:5450 (2014), Fig. 5).
    bins
        Number of bins of the histograms, equal from the least to the largest value.
    percentiles
        Which (%) to give.

    Returns
    -------
    xarray.Dataset
        Dims quantity (``topography``, ``height``, which is levelled, and the scalars of
        the techniques), bin, edge, percent. Variables ``count``, ``mean``, ``sd`` (of
        the sample: n - 1), ``median``, ``percentile``, ``histogram``, ``edges``, each
        in the ``units`` (a coordinate) of its quantity; ``fraction_below``: the share
        of the pixels less active than `below_pa`, for quantities in pA: counted along
        ``direction``, 1 or -1, so that lithium entering and leaving an electrode give
        the same share. Pixels without a good
        contact are left out; NaN where there is none at all.

    Raises
    ------
    ValueError
        If there is no map, see `hop_map`.

    Examples
    --------
    >>> float(statistics(catalog[uid]).fraction_below.sel(quantity="current"))
    """
    check_method(levelling)
    data = as_map(run, "statistics")
    maps = {name: trusted(data, name) for name in quantities(data)}
    if "topography" in maps:
        height = level(maps["topography"], levelling).assign_attrs(units="um")
        maps = {"topography": maps.pop("topography"), "height": height, **maps}
    units = [quantity.attrs.get("units", "") for quantity in maps.values()]
    signs = [direction(data, name) if name in data else 1 for name in maps]
    parts = [
        _describe(quantity, sign, bins, percentiles, below_pa)
        for quantity, sign in zip(maps.values(), signs, strict=True)
    ]
    found = xr.concat(parts, "quantity").assign_coords(
        quantity=list(maps), units=("quantity", units), percent=list(percentiles)
    )
    found.attrs["levelled"] = levelling
    found["fraction_below"].attrs |= {"limit": below_pa, "limit_units": "pA"}
    return found


def _describe(
    quantity: xr.DataArray,
    sign: int,
    bins: int,
    percentiles: Sequence[float],
    below_pa: float,
) -> xr.Dataset:
    values = quantity.values[np.isfinite(quantity.values)]
    n, nan = len(values), np.nan
    histogram, edges = np.zeros(bins, int), np.full(bins + 1, nan)
    if n:
        histogram, edges = np.histogram(values, bins)
    is_current = n and quantity.attrs.get("units") == "pA"
    blank = np.full(len(percentiles), nan)
    return xr.Dataset(
        {
            "count": n,
            "mean": values.mean() if n else nan,
            "sd": values.std(ddof=1) if n > 1 else nan,
            "median": np.median(values) if n else nan,
            "percentile": (
                "percent",
                np.percentile(values, percentiles) if n else blank,
            ),
            "histogram": ("bin", histogram),
            "edges": ("edge", edges),
            "fraction_below": np.mean(sign * values < below_pa) if is_current else nan,
            "direction": np.int8(sign),
        }
    )
