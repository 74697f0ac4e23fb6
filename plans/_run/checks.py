"""Arguments refused before anything moves and before a run opens."""

import math
from collections.abc import Sequence
from numbers import Real

import bluesky.plan_stubs as bps
import numpy as np
from bluesky.utils import MsgGenerator
from ophyd.utils import LimitError

from seccm_ophyd.errors import DiskSpaceError, ParameterError

from ..protocols import HoppingMicroscope

__all__ = [
    "check_finite",
    "check_flag",
    "check_number",
    "check_points",
    "check_space",
]


def check_number(name: str, number: int) -> int:
    """Check a number of points.

    Raises
    ------
    ParameterError
        If it is not a whole number of at least 1.
    """
    if not _is_finite(number) or number < 1 or number % 1:
        raise ParameterError(f"{name}={number!r} must be a whole number from 1")
    return int(number)


def check_flag(name: str, value: bool) -> None:
    """Check a switch.

    Raises
    ------
    ParameterError
        If it is neither True nor False.
    """
    if not isinstance(value, bool | np.bool_):
        raise ParameterError(f"{name}={value!r} must be True or False")


def check_finite(name: str, value: float) -> None:
    """Check a position.

    Raises
    ------
    ParameterError
        If it is NaN, infinite, or no number.
    """
    if not _is_finite(value):
        raise ParameterError(f"{name}={value!r} is not a finite number of um")


def _is_finite(value: object) -> bool:
    number = isinstance(value, Real) and not isinstance(value, bool)
    return number and math.isfinite(value)  # type: ignore[arg-type]


def check_points(
    microscope: HoppingMicroscope, x: Sequence[float], y: Sequence[float]
) -> None:
    """Check that positions are numbers within the limits of the stage.

    Parameters
    ----------
    microscope
        Its axes know their limits.
    x, y
        Positions (um) between which all hops lie.

    Raises
    ------
    ParameterError
        If there is no point, or at the first that is NaN or outside; the message names
        axis and limits.
    """
    if not len(x):
        raise ParameterError("there is no point to hop to: at least one is needed")
    for axis, values in ((microscope.xy.x, x), (microscope.xy.y, y)):
        numbers = [value for value in values if _is_finite(value)]
        # what is no number need not even be hashable
        wrong = [value for value in values if not _is_finite(value)][:1]
        for value in (*wrong, *dict.fromkeys(numbers)):
            _check_position(axis, value)


def _check_position(axis: object, value: float) -> None:
    name = getattr(axis, "name", "position")
    if not getattr(axis, "connected", True):
        check_finite(name, value)
        return  # it knows no limits: the plan can be looked at, but not run
    low, high = axis.limits  # type: ignore[attr-defined]
    if not _is_finite(value):
        raise ParameterError(
            f"{name}={value!r} is not a finite number: give {low:g} to {high:g} um"
        )
    try:
        axis.check_value(value)  # type: ignore[attr-defined]
    except (LimitError, ValueError) as error:
        raise ParameterError(
            f"{name}={value:g} must be between {low:g} and {high:g} um"
        ) from error


def check_space(
    microscope: HoppingMicroscope, needed_bytes: float
) -> MsgGenerator[None]:
    """Check that what a plan is expected to store fits into the data folder.

    Raises
    ------
    DiskSpaceError
        If it would leave less than the reserve; the message has all three sizes.
    """
    traces = microscope.traces
    free = yield from bps.rd(traces.free_space, default_value=math.inf)
    reserve = yield from bps.rd(traces.reserve, default_value=0.0)
    if needed_bytes > free - reserve:
        raise DiskSpaceError(
            f"this plan stores about {needed_bytes / 1e6:.1f} MB, but there are "
            f"{free / 1e6:.1f} MB free in {traces.folder.get()}, of which "
            f"{reserve / 1e6:.1f} MB are kept in reserve"
        )
