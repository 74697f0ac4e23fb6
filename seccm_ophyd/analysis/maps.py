"""Maps of a hopping scan: topography, current and outcome over x and y."""

import warnings
from datetime import datetime
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from ..schema import (
    CLAMP,
    CONTACT_HEIGHT,
    DETACH_HEIGHT,
    HOP_OUTCOME,
    REST_POTENTIAL,
    RESUMES,
    TECHNIQUES,
    HopOutcome,
    find_key,
)
from .inputs import Input
from .places import Hops, place_table
from .resumed import RESUMED_BY, whole_table

__all__ = ["as_map", "hop_map", "outcome_codes", "quantities", "reached", "trusted"]

# Where each hop was: variables, as coordinates they would forbid to merge two maps.
_REACHED = ("x_reached", "y_reached")


def hop_map(run: Any, *resumed: Any) -> xr.Dataset:
    """Put the hops of a run on their grid; they may be made in any order.

    Parameters
    ----------
    run
        Any kind of run, see `seccm_ophyd.analysis.runs`, or its `hop_table`. A run made
        by `resume_scan` brings along the runs that it finishes, from the same catalogue
        or folder of journals: its map is whole. Of a pixel that was hopped to again
        the last hop is kept.
    *resumed
        Where runs are lists of documents or tables, which do not record where others
        are: those that resumed it, in their order.

    Returns
    -------
    xarray.Dataset
        Dimensions (y, x), coordinates in um: the medians of what the hops of a column
        or row have reached, as planned where that is within 5 nm. Variables:
        ``x_reached``, ``y_reached`` (um): where each hop was; ``topography`` (um), the
        technique's scalars under their short names (``current`` in pA, ``current_sd``,
        ``potential``, ...), ``detach_height`` (um), at which the meniscus of the pixel
        broke, with ``units`` in the attrs, NaN where there was no hop,
        no contact or no number; ``outcome``, which shows whether to trust them,
        int8 with CF ``flag_values`` and ``flag_meanings``,
        0 = unscanned. Of a repeated hop the last is kept. Attrs: ``uid``, ``scan_id``,
        ``plan_name``, ``time``, ``technique``, ``potential_v`` where the technique has
        one, ``rest_potential_v`` of the sample, ``exit_status`` (``unfinished`` without
        a stop document), ``hops``; of several runs these are the first one's, with the
        last one's ``exit_status``, all their hops, and the uids of the others in
        ``resumed_by``; ``off_grid_um`` if hops lie beside their columns and rows by
        more than a tenth of a pixel, which is warned of, too.

    Raises
    ------
    ValueError
        If the run has no hops, or they do not lie on a regular grid; use `hop_table`.
        If another run does not resume the one before it.

    Examples
    --------
    >>> hop_map(catalog[uid]).current.plot()
    >>> hop_map(catalog[-1])  # after resume_scan: the whole map
    """
    table = whole_table(run, *resumed)
    names = _names(table)
    hops = _place(table)
    grid, pixels = hops.grid, hops.pixels
    codes = outcome_codes(table[find_key(map(str, table), HOP_OUTCOME)].values)
    missed = codes == HopOutcome.NO_CONTACT
    variables = {
        name: (
            ("y", "x"),
            grid.fill(pixels, np.where(missed, np.nan, table[key]), np.nan),
            {"units": table[key].attrs["units"]},
        )
        for name, key in names.items()
    }
    variables["outcome"] = (
        ("y", "x"),
        grid.fill(pixels, codes, HopOutcome.UNSCANNED),
        {
            "units": "1",
            "flag_values": np.array(list(HopOutcome), np.int8),
            "flag_meanings": " ".join(outcome.label for outcome in HopOutcome),
        },
    )
    coords = {
        "y": ("y", grid.y, {"units": "um", "long_name": "y"}),
        "x": ("x", grid.x, {"units": "um", "long_name": "x"}),
    }
    for name, where in zip(_REACHED, (hops.x, hops.y), strict=True):
        filled = grid.fill(pixels, where, np.nan)
        variables[name] = (("y", "x"), filled, {"units": "um"})
    attrs = _attrs(table)
    return xr.Dataset(variables, coords, attrs | _off_grid(hops, attrs["uid"]))


def _is_map(given: Any) -> bool:
    if not isinstance(given, xr.Dataset) or "outcome" not in given:
        return False
    return {"x", "y"} <= set(given.dims)


_MAP = Input("a map with its outcome (hop_map)", _is_map, hop_map)


def as_map(run: Any, function: str) -> xr.Dataset:
    """Return the `hop_map` of a run of any kind, or the map itself.

    Raises
    ------
    TypeError
        If it is neither; the message names the `function` that was called.
    """
    return _MAP.of(run, function)


def quantities(data: xr.Dataset) -> list[str]:
    """Name what a map has measured: numbers, and no positions."""
    numbers = (str(name) for name in data if data[name].dtype.kind == "f")
    return [name for name in numbers if name not in _REACHED]


def reached(data: xr.Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return x and y (um) of the hop at each pixel, shape (y, x).

    The centre of the pixel where there was no hop, or the map does not record it.
    """
    x, y = np.meshgrid(data["x"].values, data["y"].values)
    if not set(_REACHED) <= set(data):
        return x, y
    at_x, at_y = (data[name].transpose("y", "x").values for name in _REACHED)
    return np.where(np.isnan(at_x), x, at_x), np.where(np.isnan(at_y), y, at_y)


def trusted(data: xr.Dataset, name: str) -> xr.DataArray:
    """Return a variable of a map, NaN where the contact was not a good one."""
    return data[name].where(data["outcome"] == HopOutcome.CONTACT)


def outcome_codes(labels: ArrayLike) -> NDArray[np.int8]:
    """Turn the outcomes of events (``no_contact``) into the numbers of maps.

    A label that is not known, of a newer version perhaps, becomes `HopOutcome.BAD`.
    """
    codes = {outcome.label: outcome for outcome in HopOutcome}
    found = [codes.get(label, HopOutcome.BAD) for label in np.asarray(labels).tolist()]
    return np.array(found, np.int8)


def _names(table: xr.Dataset) -> dict[str, str]:
    """Return which key of the events each variable of a map is made from."""
    start = table.attrs["start"]
    try:
        height = find_key(map(str, table), CONTACT_HEIGHT)
    except KeyError as error:
        what = f"run {start['uid']} ({start.get('plan_name')})"
        raise ValueError(f"{what} has no hops: {error.args[0]}") from None
    device = height.removesuffix(CONTACT_HEIGHT)
    clamp, detached = device + CLAMP, device + DETACH_HEIGHT
    measured = [k for k in map(str, table) if k.startswith(clamp)]
    names = {"topography": height} | {
        key.removeprefix(clamp): key for key in measured if table[key].dtype.kind == "f"
    }
    return names | ({"detach_height": detached} if detached in table else {})


def _place(table: xr.Dataset) -> Hops:
    try:
        return place_table(table)
    except ValueError as error:
        raise ValueError(f"{error}: there is no map, use hop_table(run)") from None


def _off_grid(hops: Hops, uid: str) -> dict[str, float]:
    """Say so if hops lie beside their pixels."""
    apart = hops.off_grid_um
    if not apart:
        return {}
    warnings.warn(
        f"hops of run {uid[:8]} lie up to {apart:.2g} um off their grid: x_reached and "
        "y_reached of the map show where each was",
        stacklevel=3,
    )
    return {"off_grid_um": apart}


def _as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _attrs(table: xr.Dataset) -> dict[str, Any]:
    """Choose what a map records of its run; plain values, as netCDF wants them."""
    start, stop = table.attrs["start"], table.attrs["stop"]
    attrs = {key: start[key] for key in ("uid", "scan_id", "plan_name") if key in start}
    when = datetime.fromtimestamp(start["time"]).astimezone()
    attrs["time"] = when.isoformat(timespec="seconds")
    techniques = start.get(TECHNIQUES) or [{}]
    attrs["technique"] = ", ".join(t.get("technique", "") for t in techniques)
    if "potential_v" in techniques[0]:
        attrs["potential_v"] = techniques[0]["potential_v"]
    rest = start.get(REST_POTENTIAL, _as_dict(start.get("sample")).get(REST_POTENTIAL))
    if isinstance(rest, int | float):
        attrs[REST_POTENTIAL] = float(rest)
    attrs["exit_status"] = stop["exit_status"] if stop else "unfinished"
    attrs["hops"] = table.sizes["hop"]
    if start.get(RESUMES):  # which was not found
        attrs[RESUMES] = start[RESUMES]
    if RESUMED_BY in table.attrs:
        attrs[RESUMED_BY] = table.attrs[RESUMED_BY]
    return attrs
