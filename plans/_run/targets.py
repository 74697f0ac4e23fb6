"""Where to hop: coordinates, or a stored run and a rule that finds them in its map."""

from collections.abc import Mapping, Sequence
from functools import partial
from numbers import Integral
from typing import Any

from bluesky.utils import MsgGenerator

from seccm_ophyd.errors import ParameterError

from ..protocols import HoppingMicroscope
from .looking_up import look_up

__all__ = ["PointsLike", "find_point", "find_points", "find_run"]

PointsLike = Sequence[Any] | Mapping[str, Any]
"""Pairs (x, y) in um, or ``{"run": ..., "rule": ..., **options}``."""


def find_points(
    microscope: HoppingMicroscope, points: PointsLike
) -> MsgGenerator[list[list[float]]]:
    """Turn what a plan was given into coordinates.

    Parameters
    ----------
    microscope
        Its ``find_run``, where it has one, finds a run by uid.
    points
        Pairs (x, y) in um; or a run - its uid, or any kind of run that
        `seccm_ophyd.analysis` reads - with a rule and its options.

    Yields
    ------
    Msg
        Where a stored run is looked up.

    Returns
    -------
    list of [float, float]
        x and y (um).

    Raises
    ------
    ParameterError
        If `points` is neither, or the rule finds nothing; the message says why.
    """
    if isinstance(points, Mapping):
        return (yield from look_up(partial(_by_rule, microscope, dict(points))))
    try:
        pairs = [[float(value) for value in point] for point in points]
    except (TypeError, ValueError):
        pairs = [[]]
    if any(len(pair) != 2 for pair in pairs):
        raise ParameterError(f"points={points!r} must be pairs (x, y) in um")
    return pairs


def find_point(
    microscope: HoppingMicroscope, point: PointsLike
) -> MsgGenerator[list[float]]:
    """Turn one pair (x, y), or a run and a rule, into one point.

    Yields
    ------
    Msg
        As `find_points`.

    Raises
    ------
    ParameterError
        As `find_points`.
    """
    if isinstance(point, Mapping):
        return (yield from find_points(microscope, point))[0]
    return (yield from find_points(microscope, [point]))[0]


def find_run(microscope: HoppingMicroscope, run: Any) -> Any:
    """Find a stored run by uid or number, with the microscope's ``find_run``.

    Parameters
    ----------
    microscope
        Where it has no ``find_run``, and for any other kind of run, `run` is returned.
    run
        Its uid or number, or any kind of run that `seccm_ophyd.analysis` reads.
    """
    finder = getattr(microscope, "find_run", None)
    if finder is None or not isinstance(run, str | Integral):
        return run
    return finder(run)


def _by_rule(
    microscope: HoppingMicroscope, wanted: dict[str, Any]
) -> list[list[float]]:
    from seccm_ophyd.analysis import find_targets  # here: it loads xarray and scipy

    try:
        run, rule = wanted.pop("run"), wanted.pop("rule")
    except KeyError as error:
        raise ParameterError(
            f"points need {error.args[0]!r}: give pairs (x, y) in um, or for instance "
            '{"run": uid, "rule": "brightest"}'
        ) from None
    try:
        found = find_targets(find_run(microscope, run), rule, **wanted)
    except (KeyError, TypeError, ValueError) as error:
        raise ParameterError(f"rule={rule!r} finds no point: {error}") from error
    if not len(found):
        raise ParameterError(f"rule={rule!r} finds no point in the run")
    return [[float(x), float(y)] for x, y in found]
