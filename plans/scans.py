"""Hopping scans: over a grid, step by step or flown, and over a list of points."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bluesky.utils import MsgGenerator

from seccm_ophyd.techniques import TechniqueLike, as_techniques

from ._run.grid import Grid
from ._run.hop_plan import hop_plan
from ._run.path import PointList
from ._run.request import HopRequest, PerHop, as_given, name_of
from ._run.run import hop_run
from ._run.targets import PointsLike, find_points
from .options import HopOptions
from .protocols import HoppingMicroscope

__all__ = ["hop_fly", "hop_list", "hop_scan"]


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
    per_hop: PerHop | None = None,
    md: dict[str, Any] | None = None,
    options: HopOptions,
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
    per_hop
        What is done at each point, as ``per_step`` of Bluesky's scans: a function with
        the arguments of `hop`, which calls it; None: `hop` itself.

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
    ...             -10, 10, 41, -10, 10, 41))
    """
    grid = Grid(x_start, x_stop, x_num, y_start, y_stop, y_num, snake)
    techniques = as_techniques(technique)
    request = HopRequest(
        plan_name="hop_scan",
        plan_args={
            "technique": as_given(technique, techniques),
            **asdict(grid),
            "per_hop": name_of(per_hop),
        },
        path=grid,
        techniques=techniques,
        options=options,
        md=md,
        per_hop=per_hop,
    )
    return (yield from hop_run(microscope, request))


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
    options: HopOptions,
) -> MsgGenerator[str]:
    """Hop over a grid as `hop_scan` does; the instrument hops by itself.

    The events are the same, and come a second after each other at most, a page of them
    at a time. Pauses fall between two hops; long measurements show nothing until their
    hop has ended.

    Parameters
    ----------
    microscope, technique, x_start, x_stop, x_num, y_start, y_stop, y_num, snake
        As in `hop_scan`.

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
    ...            -10, 10, 41, -10, 10, 41, adaptive=True))
    """
    grid = Grid(x_start, x_stop, x_num, y_start, y_stop, y_num, snake)
    techniques = as_techniques(technique)
    request = HopRequest(
        plan_name="hop_fly",
        plan_args={"technique": as_given(technique, techniques), **asdict(grid)},
        path=grid,
        techniques=techniques,
        options=options,
        md=md,
        fly=True,
    )
    return (yield from hop_run(microscope, request))


@hop_plan
def hop_list(
    microscope: HoppingMicroscope,
    technique: TechniqueLike | Sequence[TechniqueLike],
    points: PointsLike,
    *,
    per_hop: PerHop | None = None,
    md: dict[str, Any] | None = None,
    options: HopOptions,
) -> MsgGenerator[str]:
    """Hop to given points, in their order, and measure at each.

    Parameters
    ----------
    microscope, technique
        As in `hop_scan`.
    points
        Sequence of (x, y) in um, or a stored run and a rule: ``{"run": uid, "rule":
        "brightest", "n": 3}``; `seccm_ophyd.analysis.find_targets` has the rules.
    per_hop
        As in `hop_scan`.

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
    >>> RE(hop_list(seccm, CurrentSample(), [(0, 0), (1.5, -2)]))
    """
    found = yield from find_points(microscope, points)
    techniques = as_techniques(technique)
    request = HopRequest(
        plan_name="hop_list",
        plan_args={
            "technique": as_given(technique, techniques),
            "points": found,
            "per_hop": name_of(per_hop),
        },
        path=PointList(found),
        techniques=techniques,
        options=options,
        md=md,
        per_hop=per_hop,
    )
    return (yield from hop_run(microscope, request))
