"""Runs described in text: one in full, or many in a table."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ..errors import ParameterError
from ..schema import (
    CLAMP_CURRENT,
    CONTACT_HEIGHT,
    GRID,
    HOP_INDEX,
    HOP_OUTCOME,
    PRIMARY,
    RESUMES,
    TECHNIQUES,
    find_key,
)
from ..storage.catalogue.recorded import journal_beside
from ..storage.journal.damage import NO_DAMAGE, Damage, damage_of, may_be_damaged
from ..storage.journal.index import journals_in
from ..terminal import clean
from .runs import (
    described,
    hop_table,
    is_run,
    is_table,
    resolve,
    start_and_stop,
    stored_in_catalogue,
)

__all__ = ["describe_run", "list_runs"]

UNFINISHED = "unfinished"
_WIDEST = 60  # signs of a cell of the table of runs
_COLUMNS = "{:>7}  {:8}  {:16}  {:14}  {:>9}  {:>11}  {}"


def describe_run(run: Any) -> str:
    """Describe a run on one screen.

    Parameters
    ----------
    run
        Any kind of run, see `seccm_ophyd.analysis.runs`.

    Returns
    -------
    str
        Lines of uid, plan, time, technique, grid, hops by outcome, range of the
        topography, the current, and how it ended.

    Raises
    ------
    ValueError
        If the run has no start document.
    """
    table = hop_table(run)
    start, stop = table.attrs["start"], table.attrs["stop"]
    damage = _damage(run)
    rows = [
        ("run", f"{start['uid']}   scan {start.get('scan_id', '-')}"),
        ("plan", start.get("plan_name", "-")),
        ("when", _when(start["time"]) + _duration(table)),
        ("resumes", _readable(_resumes, start)),
        *(("technique", _settings(t)) for t in _techniques(start)),
        *(
            (key, _settings(start[key]))
            for key in ("sample", "probe", "electrolyte", "environment")
            if start.get(key)
        ),
        ("grid", _readable(_grid, start)),
        ("hops" if TECHNIQUES in start else "events", _hops(table)),
        *_measured(table),
        ("end", _end(stop)),
        ("damaged", str(damage) if damage else ""),
    ]
    return "\n".join(f"{name:<11} {clean(text)}" for name, text in rows if text)


def list_runs(source: Any, limit: int | None = 20) -> str:
    """List runs in a table, the newest first.

    Parameters
    ----------
    source : path, catalogue or iterable
        The folder of the journals, a catalogue (``databroker.catalog["seccm"]``), or
        runs of any kind, the newest first.
    limit
        The maximum number, from 1; all if None.

    Returns
    -------
    str
        A heading and a line for each run: scan id, uid, date, plan, shape, hops done
        and planned, status (``unfinished`` without a stop document).

    Raises
    ------
    ParameterError
        If `limit` is no whole number from 1.
    TypeError
        If `source` is none of these.
    """
    if limit is not None and not (type(limit) is int and limit >= 1):
        raise ParameterError(
            f"limit={limit!r} must be a whole number from 1, or None for all runs"
        )
    if not _holds_runs(source):
        raise TypeError(
            "list_runs takes the folder of the journals, a catalogue, or a list of "
            f"runs; it was given {described(source)}"
        )
    head = ("scan", "uid", "date", "plan", "shape", "hops", "status")
    lines = [_COLUMNS.format(*head)]
    for run in islice(_runs(source), limit):
        try:
            cells = _cells(run)
        except ValueError:
            continue  # a journal whose first line is still being written
        lines.append(_COLUMNS.format(*(clean(c, _WIDEST) for c in cells)).rstrip())
    return "\n".join(lines)


def _cells(run: Any) -> list[Any]:
    """Give what the table of runs says of one."""
    start, stop = start_and_stop(run)
    status = stop["exit_status"] if stop else UNFINISHED
    damage = NO_DAMAGE
    if isinstance(run, Path) and may_be_damaged(run) and (damage := damage_of(run)):
        status += f", {damage.short}"
    return [
        start.get("scan_id", "-"),
        start["uid"][:8],
        _when(start["time"])[:16],
        start.get("plan_name", "-"),
        _shape(start.get("shape")),
        f"{_hops_done(run, None if damage else stop)}/{start.get('num_points', '?')}",
        status,
    ]


def _damage(run: Any) -> Damage:
    """Find what is damaged in the journal of a run, if it has one here."""
    run = getattr(run, "source", run)
    if is_table(run):
        return NO_DAMAGE
    run = resolve(run)
    journal = journal_beside(run) if stored_in_catalogue(run) else run
    return damage_of(journal) if isinstance(journal, Path) else NO_DAMAGE


def _holds_runs(source: Any) -> bool:
    if isinstance(source, str | PathLike):
        return not Path(source).is_file()  # a folder, perhaps still to be made
    if isinstance(source, bytes | dict | xr.Dataset | xr.DataArray | np.ndarray):
        return False
    if isinstance(source, list | tuple) and source and is_run(source):
        return False  # the documents of one
    return isinstance(source, Iterable) or hasattr(source, "search")


def _runs(source: Any) -> Iterator[Any]:
    if isinstance(source, str | PathLike):
        yield from (info.path for info in journals_in(Path(source)))
    elif hasattr(source, "values") and hasattr(source, "search"):  # a catalogue
        yield from reversed(source.values())
    elif isinstance(source, Iterable):
        yield from source


def _shape(shape: Any) -> str:
    """Write the shape of a scan; programs of others may keep something else there."""
    return "x".join(map(str, shape)) if isinstance(shape, list) and shape else "-"


def _hops_done(run: Any, stop: dict[str, Any] | None) -> int:
    if stop and "num_events" in stop:
        return int(stop["num_events"].get(PRIMARY, 0))
    return hop_table(run).sizes["hop"]


def _when(time: float) -> str:
    return datetime.fromtimestamp(time).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _duration(table: xr.Dataset) -> str:
    start, stop = table.attrs["start"], table.attrs["stop"]
    hops = table.sizes["hop"]
    times = [doc["time"] for doc in (start, stop) if doc]
    seconds = float(max([*times, *table["time"].values[-1:]]) - start["time"])
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    what = "hops" if TECHNIQUES in start else "events"
    rate = f", {hops / seconds:.2g} {what}/s" if hops and seconds else ""
    return f", {hours}:{minutes:02}:{rest:02} h{rate}"


def _settings(value: Any) -> str:
    """Write a dict of the start document in a line, its name first."""
    if not isinstance(value, dict):
        return str(value)
    named = [str(value[k]) for k in ("technique", "name") if k in value]
    rest = [f"{k}={v}" for k, v in value.items() if k not in ("technique", "name")]
    return "  ".join(named + rest)


def _techniques(start: dict[str, Any]) -> list[Any]:
    techniques = start.get(TECHNIQUES, [])
    return techniques if isinstance(techniques, list) else [techniques]


def _readable(row: Callable[[dict[str, Any]], str], start: dict[str, Any]) -> str:
    """Write a row of the start document; programs of others have other forms of it."""
    try:
        return row(start)
    except (TypeError, ValueError, LookupError):
        return "in an unknown form"


def _resumes(start: dict[str, Any]) -> str:
    before = start.get(RESUMES)
    return f"run {before[:8]}: its hops are in the map, too" if before else ""


def _grid(start: dict[str, Any]) -> str:
    if GRID not in start:
        return ""
    x, y = start[GRID]["x"], start[GRID]["y"]
    order = "snake" if start[GRID].get("snake") else "raster"
    return (
        f"{x['num']} x {y['num']}, x {x['start']:g} to {x['stop']:g} um, "
        f"y {y['start']:g} to {y['stop']:g} um, {order}"
    )


def _hops(table: xr.Dataset) -> str:
    made, planned = table.sizes["hop"], table.attrs["start"].get("num_points", "?")
    try:
        index = table[find_key(map(str, table), HOP_INDEX)].values
    except KeyError:
        return f"{made} of {planned}"
    done = len(np.unique(index))
    repeated = f", {made - done} of them repeated" if made > done else ""
    return f"{done} of {planned}{repeated}"


def _measured(table: xr.Dataset) -> Iterator[tuple[str, str]]:
    keys = [str(key) for key in table]
    try:
        outcomes = table[find_key(keys, HOP_OUTCOME)].values.tolist()
        height = table[find_key(keys, CONTACT_HEIGHT)]
    except KeyError:
        return
    counts = Counter(outcomes).most_common()
    yield "outcomes", ", ".join(f"{name} {n}" for name, n in counts)
    if np.isfinite(height.values).any():
        low, high = float(height.min()), float(height.max())
        unit = height.attrs["units"]
        yield "topography", f"{low:.3f} to {high:.3f} {unit}, range {high - low:.3f}"
    if any(k.endswith(f"_{CLAMP_CURRENT}") for k in keys):
        current = table[find_key(keys, CLAMP_CURRENT)]
        if np.isfinite(current.values).any():
            yield "current", _statistics(current)


def _statistics(values: xr.DataArray) -> str:
    unit = values.attrs["units"]
    low, median, high = np.nanpercentile(values, [1, 50, 99])
    mean, sd = float(values.mean()), float(values.std())
    return (
        f"median {median:.4g} {unit}, mean {mean:.4g}, sd {sd:.3g}, "
        f"98 % within {low:.4g} to {high:.4g} {unit}"
    )


def _end(stop: dict[str, Any] | None) -> str:
    if stop is None:
        return f"{UNFINISHED}: still running, or interrupted"
    return ": ".join(filter(None, (stop["exit_status"], stop.get("reason"))))
