"""A run that was interrupted and finished by others: all of them, found from the last.

The last one names the run that it resumes, which lies beside it: in the same folder of
journals, or in the same catalogue.
"""

import warnings
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ..schema import DETACH_HEIGHT, HOP_REPEATED, RESUMES, find_key
from ..storage.data_folder import is_uid
from .runs import hop_table, is_run, resolve, start_and_stop, stored_in_catalogue

__all__ = ["RESUMED_BY", "find_beside", "parts", "whole_table"]

RESUMED_BY = "resumed_by"  # attribute of a table or map: uids


def parts(run: Any) -> list[Any]:
    """List the runs that a run finishes, and itself: oldest first.

    Parameters
    ----------
    run
        Any kind of run, see `seccm_ophyd.analysis.runs`.

    Returns
    -------
    list
        Only as far back as they are found: documents in a list, and a `hop_table`, do
        not record where others are.
    """
    if isinstance(run, Iterator):
        run = list(run)
    found = [run]
    seen: set[str] = set()
    while is_run(found[0]):
        start, _ = start_and_stop(found[0])
        uid = start.get(RESUMES)
        if not isinstance(uid, str) or uid in seen:
            break
        try:
            before = find_beside(found[0], uid)
        except KeyError:
            break
        seen.add(uid)
        found.insert(0, before)
    return found


def find_beside(run: Any, uid: str) -> Any:
    """Find another run where a run is: in its folder of journals, or its catalogue.

    Parameters
    ----------
    run
        Any kind of run, see `seccm_ophyd.analysis.runs`.
    uid
        Of the other one.

    Raises
    ------
    KeyError
        If it is not there, or `run` does not record where it is.
    """
    run = resolve(run)
    if isinstance(run, Path):
        path = run.with_name(f"{uid}.jsonl")
        if is_uid(uid) and path.is_file():
            return path
    elif stored_in_catalogue(run):
        return run.parent[uid]
    raise KeyError(f"there is no run {uid:.80} beside it")


def whole_table(run: Any, *resumed: Any) -> xr.Dataset:
    """Read the `hop_table` of a run together with those of the runs that it resumes.

    Warns if one of them is not found.

    Parameters
    ----------
    run, *resumed
        As of `hop_map`.
    """
    tables = [_detached(hop_table(each)) for each in (*parts(run), *resumed)]
    joined = _joined(tables)
    start = joined.attrs["start"]
    if start.get(RESUMES):
        warnings.warn(
            f"run {start['uid'][:8]} resumes run {start[RESUMES][:8]}, which is not "
            "found beside it, so its hops are missing from the map: give both, "
            "hop_map(before, after)",
            stacklevel=3,
        )
    return joined


def _detached(table: xr.Dataset) -> xr.Dataset:
    """Give each hop the height at which its own meniscus broke: the next one has it.

    Not if that was interrupted: what broke then was the contact that is not recorded.
    """
    try:
        key = find_key(map(str, table), DETACH_HEIGHT)
    except KeyError:  # a run of an earlier version
        return table
    redone = table[find_key(map(str, table), HOP_REPEATED)].values == 1
    heights = np.where(redone, np.nan, table[key].values)
    return table.assign({key: table[key].copy(data=np.append(heights, np.nan)[1:])})


def _joined(tables: list[xr.Dataset]) -> xr.Dataset:
    """Put the hops of runs that resume each other into one table."""
    starts = [table.attrs["start"] for table in tables]
    for before, after in pairwise(starts):
        if after.get(RESUMES) != before["uid"]:
            raise ValueError(f"run {after['uid']} does not resume run {before['uid']}")
    described = [table for table in tables if table.data_vars] or tables[:1]
    joined = described[0]
    if len(described) > 1:
        joined = xr.concat(described, "hop", combine_attrs="override", join="exact")
    uids = ", ".join(start["uid"] for start in starts[1:])
    attrs = {"start": starts[0], "stop": tables[-1].attrs["stop"]}
    return joined.assign_attrs(attrs | ({RESUMED_BY: uids} if uids else {}))
