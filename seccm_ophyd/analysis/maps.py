"""Maps of a hopping scan: topography, current and outcome over x and y."""

from datetime import datetime
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from ..schema import (
    CLAMP,
    CONTACT_HEIGHT,
    HOP_INDEX,
    HOP_OUTCOME,
    TECHNIQUES,
    X_SET,
    Y_SET,
    HopOutcome,
    find_key,
)
from .grid import Grid, place
from .runs import hop_table

__all__ = ["as_map", "hop_map", "outcome_codes", "trusted"]


def hop_map(run: Any) -> xr.Dataset:
    """Put the hops of a run on their grid, whatever the order they were made in.

    Parameters
    ----------
    run
        Any kind of run, see `seccm_ophyd.analysis.runs`, or its `hop_table`.

    Returns
    -------
    xarray.Dataset
        Dimensions (y, x), coordinates in um. Variables: ``topography`` (um), the
        technique's scalars under their short names (``current`` in pA, ``current_sd``,
        ``potential``, ...), with ``units`` in the attrs, NaN where there was no hop or
        no contact; ``outcome``, int8 with CF ``flag_values`` and ``flag_meanings``,
        0 = unscanned. Of a repeated hop the last is kept. Attrs: ``uid``, ``scan_id``,
        ``plan_name``, ``time``, ``technique``, ``potential_v`` where the technique has
        one, ``exit_status`` (``unfinished`` without a stop document), ``hops``.

    Raises
    ------
    ValueError
        If the run has no hops, or they do not lie on a regular grid; use `hop_table`.

    Examples
    --------
    >>> hop_map(catalog[uid]).current.plot()
    """
    table = run if isinstance(run, xr.Dataset) else hop_table(run)
    names = _names(table)
    grid, pixels = _place(table)
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
    return xr.Dataset(variables, coords, _attrs(table))


def as_map(run: Any) -> xr.Dataset:
    """Return the `hop_map` of a run, or the map itself."""
    return run if isinstance(run, xr.Dataset) and "y" in run.dims else hop_map(run)


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
    """Tell which key of the events each variable of a map is made from."""
    start = table.attrs["start"]
    try:
        height = find_key(map(str, table), CONTACT_HEIGHT)
    except KeyError as error:
        what = f"run {start['uid']} ({start.get('plan_name')})"
        raise ValueError(f"{what} has no hops: {error.args[0]}") from None
    clamp = height.removesuffix(CONTACT_HEIGHT) + CLAMP
    measured = [k for k in map(str, table) if k.startswith(clamp)]
    return {"topography": height} | {
        key.removeprefix(clamp): key for key in measured if table[key].dtype.kind == "f"
    }


def _place(table: xr.Dataset) -> tuple[Grid, NDArray[np.intp]]:
    columns = [
        table[find_key(map(str, table), key)] for key in (HOP_INDEX, X_SET, Y_SET)
    ]
    try:
        return place(table.attrs["start"], *columns)
    except ValueError as error:
        raise ValueError(f"{error}: there is no map, use hop_table(run)") from None


def _attrs(table: xr.Dataset) -> dict[str, Any]:
    """Choose what a map should tell of its run; plain values, as netCDF wants them."""
    start, stop = table.attrs["start"], table.attrs["stop"]
    attrs = {key: start[key] for key in ("uid", "scan_id", "plan_name") if key in start}
    when = datetime.fromtimestamp(start["time"]).astimezone()
    attrs["time"] = when.isoformat(timespec="seconds")
    techniques = start.get(TECHNIQUES) or [{}]
    attrs["technique"] = ", ".join(t.get("technique", "") for t in techniques)
    if "potential_v" in techniques[0]:
        attrs["potential_v"] = techniques[0]["potential_v"]
    attrs["exit_status"] = stop["exit_status"] if stop else "unfinished"
    attrs["hops"] = table.sizes["hop"]
    return attrs
