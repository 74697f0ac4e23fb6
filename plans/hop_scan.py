"""Hopping scans: over a grid, step by step or flown, and over a list of points."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bluesky.utils import MsgGenerator

from seccm_ophyd.techniques import TechniqueLike, as_techniques

from .grid import Grid
from .hop_plan import hop_plan
from .hop_run import Named, hop_run
from .options import with_hop_options
from .path import PointList
from .protocols import HoppingMicroscope
from .targets import PointsLike, find_points

__all__ = ["grid_run", "hop_fly", "hop_list", "hop_scan", "list_run"]


@with_hop_options
@hop_plan
def hop_scan(
    microscope: HoppingMicroscope,
    technique: TechniqueLike | Sequence[TechniqueLike],
    x_start: float,
    x_stop: float,
    x_num: int,
    y_start: float,
    y_stop: float,
    y_num: int,
    *,
    snake: bool = False,
    md: dict[str, Any] | None = None,
    **hop: Any,
) -> MsgGenerator[str]:
    """Hop over a grid and measure at each point: topography and activity at once.

    The defaults are the paper's hop: withdraw 4 um, approach at 20 um/s, stop at 2 pA
    (Takahashi et al., Nat. Commun. 5:5450 (2014), Methods). Lines run along x; y is
    the slow axis.

    Parameters
    ----------
    microscope
        The microscope.
    technique
        What is measured at each contact, e.g. ``CurrentSample(potential_v=0.65)``, or
        its dict; a list is done one after the other in the same contact.
    x_start, x_stop, x_num
        First and last column (um) and their number.
    y_start, y_stop, y_num
        First and last line (um) and their number.
    snake
        Scan every other line backwards.
    withdraw_um
        Withdrawal before each move (um); more than the surface rises from point to
        point: at least 1.5 times the longest step, or 3.
    approach_rate_um_s
        Rate of descent (um/s).
    threshold_pa
        Current that makes a contact (pA), signed; None: 2 pA in the direction that the
        potential of the technique drives.
    travel_limit_um
        A landing that has found nothing after this travel is a miss (um). The first
        landing has the travel limit that the instrument is set to.
    max_misses
        So many hops in a row without a good pixel, whatever the reason, end the scan.
    overload
        What comes after a hop in which the amplifier left its range, when the cell is
        safe and the probe withdrawn: "record" goes on, "stop" ends the scan.
    force
        Go on although the estimate is beyond a day or 10 GB.
    gain_mv_pa, range_pa
        Gain of the current input (mV/pA), or the largest current that has to fit (pA),
        during the scan; None: as it is set.
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
        If an argument is refused; nothing has moved and no run was opened.
    TooManyMissesError
        After `max_misses` hops in a row without a good pixel.
    OverloadError
        After an overload, if `overload` is "stop".

    Examples
    --------
    >>> RE(hop_scan(seccm, CurrentSample(potential_v=0.65),
    ...             -10, 10, 41, -10, 10, 41))  # doctest: +SKIP
    """
    grid = Grid(x_start, x_stop, x_num, y_start, y_stop, y_num, snake)
    described = {"technique": _described(technique), **asdict(grid)}
    front = Named("hop_scan", described, hop, md)
    return (yield from grid_run(front, microscope, technique, grid))


@with_hop_options
@hop_plan
def hop_fly(
    microscope: HoppingMicroscope,
    technique: TechniqueLike | Sequence[TechniqueLike],
    x_start: float,
    x_stop: float,
    x_num: int,
    y_start: float,
    y_stop: float,
    y_num: int,
    *,
    snake: bool = False,
    md: dict[str, Any] | None = None,
    **hop: Any,
) -> MsgGenerator[str]:
    """Hop over a grid as `hop_scan` does; the instrument hops by itself.

    The events are the same, and come a second after each other at most, a page of them
    at a time. Pauses fall between two hops; long measurements show nothing until their
    hop has ended.

    Parameters
    ----------
    microscope, technique, x_start, x_stop, x_num, y_start, y_stop, y_num, snake
        As in `hop_scan`.
    md, **hop
        As in `hop_scan`; the signature lists them.

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
        If an argument is refused; nothing has moved and no run was opened.
    TooManyMissesError
        After `max_misses` hops in a row without a good pixel.

    Examples
    --------
    >>> RE(hop_fly(seccm, CurrentSample(potential_v=0.65),
    ...            -10, 10, 41, -10, 10, 41, adaptive=True))  # doctest: +SKIP
    """
    grid = Grid(x_start, x_stop, x_num, y_start, y_stop, y_num, snake)
    described = {"technique": _described(technique), **asdict(grid)}
    front = Named("hop_fly", described, hop, md)
    return (yield from grid_run(front, microscope, technique, grid, fly=True))


@with_hop_options
@hop_plan
def hop_list(
    microscope: HoppingMicroscope,
    technique: TechniqueLike | Sequence[TechniqueLike],
    points: PointsLike,
    *,
    md: dict[str, Any] | None = None,
    **hop: Any,
) -> MsgGenerator[str]:
    """Hop to given points, in their order, and measure at each.

    Parameters
    ----------
    microscope, technique
        As in `hop_scan`.
    points
        Sequence of (x, y) in um, or a stored run and a rule: ``{"run": uid, "rule":
        "brightest", "n": 3}``; `seccm_ophyd.analysis.find_targets` has the rules.
    md, **hop
        As in `hop_scan`; the signature lists them.

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
        If an argument is refused; nothing has moved and no run was opened.
    TooManyMissesError
        After `max_misses` hops in a row without a good pixel.
    OverloadError
        After an overload, if `overload` is "stop".

    Examples
    --------
    >>> RE(hop_list(seccm, CurrentSample(), [(0, 0), (1.5, -2)]))  # doctest: +SKIP
    """
    found = yield from find_points(microscope, points)
    described = {"technique": _described(technique), "points": found}
    front = Named("hop_list", described, hop, md)
    return (yield from list_run(front, microscope, technique, PointList(found)))


def grid_run(
    front: Named,
    microscope: HoppingMicroscope,
    technique: TechniqueLike | Sequence[TechniqueLike],
    grid: Grid,
    *,
    fly: bool = False,
) -> MsgGenerator[str]:
    """Hop over a grid on behalf of the plan `front`; returns the uid of the run."""
    return (yield from hop_run(front, microscope, technique, grid, fly=fly))


def list_run(
    front: Named,
    microscope: HoppingMicroscope,
    technique: TechniqueLike | Sequence[TechniqueLike],
    points: PointList,
) -> MsgGenerator[str]:
    """Hop to points on behalf of the plan `front`; returns the uid of the run."""
    return (yield from hop_run(front, microscope, technique, points))


def _described(technique: TechniqueLike | Sequence[TechniqueLike]) -> Any:
    """Return the argument as plain data, a list where a list was given."""
    described = [made.to_dict() for made in as_techniques(technique)]
    return described if isinstance(technique, list | tuple) else described[0]
