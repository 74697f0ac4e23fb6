"""Finish a map, or a list of points, that was interrupted."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from bluesky.utils import MsgGenerator

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.schema import (
    GRID,
    HOP_INDEX,
    HOP_OUTCOME,
    PART,
    RESUMES,
    SERIES,
    TECHNIQUES,
    HopOutcome,
    find_key,
)
from seccm_ophyd.techniques import as_techniques

from ._run.grid import Grid
from ._run.hop_plan import hop_plan
from ._run.looking_up import look_up
from ._run.path import Path, PointList
from ._run.request import HopRequest, PerHop, name_of
from ._run.run import hop_run
from ._run.targets import find_run
from .options import HopOptions
from .protocols import HoppingMicroscope

__all__ = ["resume_scan"]

OUTCOMES = tuple(outcome.label for outcome in HopOutcome if outcome)


@hop_plan
def resume_scan(
    microscope: HoppingMicroscope,
    run: Any,
    *,
    redo: Sequence[str] = (),
    withdraw_um: float | None = None,
    approach_rate_um_s: float | None = None,
    threshold_pa: float | None = None,
    travel_limit_um: float | None = None,
    max_misses: int | None = None,
    force: bool | None = None,
    per_hop: PerHop | None = None,
    md: dict[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Make the hops that are missing from an interrupted run, as it would have.

    Grid or points, technique and options are those of the interrupted run; the new one
    has its uid under ``resumes``. ``hop_map`` of it is the whole map. A run that
    was resumed and interrupted again is resumed once more: what is missing from all
    of them is done.

    Parameters
    ----------
    microscope
        The microscope.
    run
        The interrupted run, of several the last: uid, scan number, -1 for the newest,
        or any kind of run that `seccm_ophyd.analysis` reads.
    redo
        Outcomes that are not good enough, e.g. ``["no_contact", "suspect"]``: hops that
        ended so are made again.
    withdraw_um, approach_rate_um_s, threshold_pa, travel_limit_um, max_misses, force
        As in `hop_scan`; None: as in the interrupted run.
    per_hop
        What was done at each point of the interrupted run, if it had one.
    md
        Metadata for the start document.

    Yields
    ------
    Msg
        Messages to the RunEngine.

    Returns
    -------
    str
        uid of the run.

    Raises
    ------
    ParameterError
        If `run` is complete, or is no run of hops, or an argument is refused;
        nothing has moved and no run was opened.

    Examples
    --------
    >>> RE(resume_scan(seccm, -1))
    >>> hop_map(cat[-1])
    """
    unknown = [outcome for outcome in redo if outcome not in OUTCOMES]
    if unknown or isinstance(redo, str):
        raise ParameterError(f"redo={redo!r} must be a list of {', '.join(OUTCOMES)}")
    if run is None:
        raise ParameterError(
            "run=None is no run: give a uid, a scan number, -1 for the newest run, or "
            "a run such as cat[-1]"
        )
    tables = yield from look_up(lambda: list(_parts(microscope, run)))
    last, first = tables[0].attrs["start"], tables[-1].attrs["start"]
    scan = _scan(first)
    points = _missing(scan, tables, redo)
    if not points.size:
        raise ParameterError(
            f"run {last['uid'][:8]} is complete: there is nothing to resume"
        )
    changes = {
        "withdraw_um": withdraw_um,
        "approach_rate_um_s": approach_rate_um_s,
        "threshold_pa": threshold_pa,
        "travel_limit_um": travel_limit_um,
        "max_misses": max_misses,
        "force": force,
    }
    _check_per_hop(first, per_hop)
    linked = {RESUMES: last["uid"]}
    linked |= {key: first[key] for key in (SERIES, PART) if key in first}
    missing = set(points.indices or ())
    request = HopRequest(
        plan_name="resume_scan",
        plan_args={
            "run": last["uid"],
            "redo": list(redo),
            "per_hop": name_of(per_hop),
        },
        path=points,
        techniques=as_techniques(first[TECHNIQUES]),
        options=_options(last, changes),
        md=md,
        per_hop=per_hop,
        known=[point for point in scan.points if point.index not in missing],
        linked=linked,
    )
    return (yield from hop_run(microscope, request))


def _check_per_hop(start: dict[str, Any], per_hop: PerHop | None) -> None:
    """Check that what was done at each point is done at the rest, too."""
    name = (start.get("plan_args") or {}).get("per_hop")
    if name and per_hop is None:
        raise ParameterError(
            f"run {start['uid'][:8]} was made with per_hop={name}: give this function "
            "again, or per_hop=hop for plain hops"
        )


def _parts(microscope: HoppingMicroscope, run: Any) -> Iterator[Any]:
    """Read the hops of a run, of the run that it resumes, and so on."""
    from seccm_ophyd.analysis import hop_table  # here: it loads xarray

    seen: set[str] = set()
    while run is not None:
        try:
            table = hop_table(find_run(microscope, run))
        except (KeyError, TypeError, OSError, ValueError) as error:
            said = error.args[0] if isinstance(error, KeyError) else error
            raise ParameterError(f"run={run!r} cannot be resumed: {said}") from error
        uid = table.attrs["start"]["uid"]
        if uid in seen:
            raise ParameterError(f"run={run!r} cannot be resumed: it resumes itself")
        seen.add(uid)
        yield table
        run = table.attrs["start"].get(RESUMES)


def _scan(start: dict[str, Any]) -> Path:
    """Make the points again that a run set out for, in their order."""
    args = start.get("plan_args") or {}
    if GRID in start:
        scan: Path = Grid.from_metadata(start[GRID])
    else:
        single = [args["point"]] if "point" in args else []
        scan = PointList(args.get("points", single), args.get("repeats", 1))
    if TECHNIQUES not in start or scan.size != start.get("num_points"):
        raise ParameterError(
            f"run {start['uid'][:8]} ({start.get('plan_name')}) cannot be resumed: it "
            "does not record where it would have hopped to"
        )
    return scan


def _missing(scan: Path, tables: Sequence[Any], redo: Sequence[str]) -> PointList:
    """Leave out what has been hopped to, with an outcome that is good enough."""
    done: dict[int, str] = {}
    for table in reversed(tables):  # oldest first: the last outcome counts
        keys = [str(key) for key in table]
        if not keys:
            continue  # interrupted before its first hop
        indices, outcomes = (
            table[find_key(keys, key)].values.tolist()
            for key in (HOP_INDEX, HOP_OUTCOME)
        )
        done |= dict(zip(indices, outcomes, strict=True))
    left = [
        point
        for point in scan.points
        if point.index not in done or done[point.index] in redo
    ]
    return PointList(
        [(point.x, point.y) for point in left],
        indices=[point.index for point in left],
        scan=scan,
    )


def _options(start: dict[str, Any], changes: dict[str, Any]) -> HopOptions:
    """Take the options of the run, and what is changed of them."""
    args = start.get("plan_args") or {}
    before = {f.name: args[f.name] for f in fields(HopOptions) if f.name in args}
    changed = {name: value for name, value in changes.items() if value is not None}
    if not before.get("adaptive"):
        before.pop("margin_um", None)  # it had no effect
    return HopOptions(**{**before, **changed})
