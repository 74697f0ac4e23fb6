"""Hopping scans in step mode: a grid, or a list of points."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import numpy as np
from bluesky.utils import MsgGenerator, plan

from seccm_ophyd.errors import ParameterError, TooManyMissesError
from seccm_ophyd.schema import GRID, PRIMARY, TECHNIQUES
from seccm_ophyd.techniques import Technique, TechniqueLike, as_technique

from .checks import (
    HopSettings,
    check_finite,
    check_number,
    check_points,
    check_threshold,
    signed_threshold,
)
from .per_hop import hop
from .preprocessors import safe_wrapper, settings_wrapper
from .protocols import HoppingMicroscope

__all__ = ["hop_list", "hop_scan"]


@plan
def hop_scan(
    microscope: HoppingMicroscope,
    technique: Technique | dict[str, Any],
    x_start: float,
    x_stop: float,
    x_num: int,
    y_start: float,
    y_stop: float,
    y_num: int,
    *,
    snake: bool = False,
    withdraw_um: float = 4.0,
    approach_rate_um_s: float = 20.0,
    threshold_pa: float | None = None,
    travel_limit_um: float = 20.0,
    max_misses: int = 5,
    md: dict[str, Any] | None = None,
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
        its dict.
    x_start, x_stop, x_num
        First and last column (um) and their number.
    y_start, y_stop, y_num
        First and last line (um) and their number.
    snake
        Scan every other line backwards.
    withdraw_um
        Withdrawal before each move (um); more than the surface rises from point to
        point.
    approach_rate_um_s
        Rate of descent (um/s).
    threshold_pa
        Current that makes a contact (pA), signed; None: 2 pA in the direction that the
        potential of the technique drives.
    travel_limit_um
        A landing that has found nothing after this travel is a miss (um). The first
        landing has the travel limit that the instrument is set to.
    max_misses
        So many misses in a row end the scan.
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
        After `max_misses` landings in a row without contact.

    Examples
    --------
    >>> RE(hop_scan(seccm, CurrentSample(potential_v=0.65),
    ...             -10, 10, 41, -10, 10, 41))  # doctest: +SKIP
    """
    columns = _line("x", x_start, x_stop, x_num)
    lines = _line("y", y_start, y_stop, y_num)
    check_points(microscope, columns, lines)
    points = [
        (iy * len(columns) + ix, columns[ix], y)
        for iy, y in enumerate(lines)
        for ix in _order(len(columns), backwards=snake and iy % 2 == 1)
    ]
    _md = _grid_metadata(microscope, columns, lines, snake)
    _md.update(md or {})
    settings = HopSettings(
        withdraw_um=withdraw_um,
        approach_rate_um_s=approach_rate_um_s,
        threshold_pa=threshold_pa,
        travel_limit_um=travel_limit_um,
        max_misses=max_misses,
    )
    return (yield from _hop_run(microscope, technique, points, settings, _md))


@plan
def hop_list(
    microscope: HoppingMicroscope,
    technique: Technique | dict[str, Any],
    points: Sequence[Sequence[float]],
    *,
    withdraw_um: float = 4.0,
    approach_rate_um_s: float = 20.0,
    threshold_pa: float | None = None,
    travel_limit_um: float = 20.0,
    max_misses: int = 5,
    md: dict[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Hop to given points, in their order, and measure at each.

    Parameters
    ----------
    microscope, technique
        As in `hop_scan`.
    points
        Sequence of (x, y) in um.
    withdraw_um, approach_rate_um_s, threshold_pa, travel_limit_um, max_misses, md
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
        After `max_misses` landings in a row without contact.

    Examples
    --------
    >>> RE(hop_list(seccm, CurrentSample(), [(0, 0), (1.5, -2)]))  # doctest: +SKIP
    """
    pairs = [[float(value) for value in point] for point in points]
    if any(len(pair) != 2 for pair in pairs):
        raise ParameterError("each point is a pair (x, y) in um")
    check_points(microscope, [x for x, _ in pairs], [y for _, y in pairs])
    motors = [microscope.xy.x.name, microscope.xy.y.name]
    _md = {
        "plan_name": "hop_list",
        "plan_args": {"points": pairs},
        "motors": motors,
        "hints": {"dimensions": [[motors, PRIMARY]]},
    }
    _md.update(md or {})
    settings = HopSettings(
        withdraw_um=withdraw_um,
        approach_rate_um_s=approach_rate_um_s,
        threshold_pa=threshold_pa,
        travel_limit_um=travel_limit_um,
        max_misses=max_misses,
    )
    numbered = [(index, x, y) for index, (x, y) in enumerate(pairs)]
    return (yield from _hop_run(microscope, technique, numbered, settings, _md))


def _grid_metadata(
    microscope: HoppingMicroscope,
    columns: Sequence[float],
    lines: Sequence[float],
    snake: bool,
) -> dict[str, Any]:
    """Describe the grid as `bluesky.plans.grid_scan` does, and as analysis wants it."""
    x, y = microscope.xy.x.name, microscope.xy.y.name
    grid: dict[str, Any] = {
        "x": {"start": columns[0], "stop": columns[-1], "num": len(columns)},
        "y": {"start": lines[0], "stop": lines[-1], "num": len(lines)},
        "snake": bool(snake),
    }
    arguments = {f"x_{key}": value for key, value in grid["x"].items()}
    arguments |= {f"y_{key}": value for key, value in grid["y"].items()}
    return {
        "plan_name": "hop_scan",
        "plan_args": {**arguments, "snake": grid["snake"]},
        "motors": [y, x],
        "shape": [len(lines), len(columns)],
        "extents": [[lines[0], lines[-1]], [columns[0], columns[-1]]],
        "snaking": [False, grid["snake"]],
        GRID: grid,
        "hints": {
            "dimensions": [[[y], PRIMARY], [[x], PRIMARY]],
            "gridding": "rectilinear",
        },
    }


def _line(axis: str, start: float, stop: float, number: int) -> list[float]:
    number = check_number(f"{axis}_num", number)
    check_finite(f"{axis}_start", start)
    check_finite(f"{axis}_stop", stop)
    return [float(value) for value in np.linspace(start, stop, number)]


def _order(number: int, *, backwards: bool) -> Iterable[int]:
    return reversed(range(number)) if backwards else range(number)


def _hop_run(
    microscope: HoppingMicroscope,
    technique: TechniqueLike,
    points: Sequence[tuple[int, float, float]],
    settings: HopSettings,
    md: dict[str, Any],
) -> MsgGenerator[str]:
    """Check, prepare, and run the hops; the instrument is SAFE afterwards."""
    made = as_technique(technique)
    rest = yield from bps.rd(microscope.rest_potential, default_value=0.0)
    threshold = signed_threshold(settings.threshold_pa, made, rest)
    md["plan_args"] = {
        "microscope": microscope.name,
        "technique": made.to_dict(),
        **md["plan_args"],
        **asdict(settings),
        "threshold_pa": threshold,
    }
    _md = {
        "detectors": [microscope.name],
        TECHNIQUES: [made.to_dict()],
        "num_points": len(points),
        "num_intervals": len(points) - 1,
        **md,
    }

    @bpp.stage_decorator([microscope])
    @bpp.subs_decorator({"event": [microscope.hop.note_event]})
    @bpp.run_decorator(md=_md)
    def hops() -> MsgGenerator[None]:
        yield from _hops(microscope, points, settings)

    def prepared() -> MsgGenerator[str]:
        yield from bps.prepare(microscope.clamp, made, wait=True)
        yield from check_threshold(microscope, threshold)
        return (yield from hops())

    z = microscope.z
    wrapped = settings_wrapper(
        prepared(),
        {
            z.withdraw_distance: settings.withdraw_um,
            z.approach_rate: settings.approach_rate_um_s,
            z.threshold: threshold,
            z.travel_limit: None,  # set after the first landing
        },
    )
    return (yield from safe_wrapper(wrapped, microscope))


def _hops(
    microscope: HoppingMicroscope,
    points: Sequence[tuple[int, float, float]],
    settings: HopSettings,
) -> MsgGenerator[None]:
    landed, misses = False, 0
    before: tuple[float, float] | None = None
    for index, x, y in points:
        contact = yield from hop(microscope, index, x, y, before=before)
        before = x, y
        misses = 0 if contact else misses + 1
        if misses >= settings.max_misses:
            raise TooManyMissesError(
                f"{misses} landings in a row made no contact, the last at x={x:g} um, "
                f"y={y:g} um: is there a sample, and is the pipette open?"
            )
        if contact and not landed:
            # Near the surface now: a hop has no reason to search any deeper.
            landed = True
            yield from bps.mv(microscope.z.travel_limit, settings.travel_limit_um)
