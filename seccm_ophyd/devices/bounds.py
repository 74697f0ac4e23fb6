"""Numbers that a PV takes, and what is said of others."""

import math
import numbers
from collections.abc import Callable
from typing import Any

from ophyd.utils import LimitError

from ..errors import ParameterError

__all__ = ["Bounds", "OutOfRangeError", "check_number"]

Bounds = tuple[float, float]
"""The lowest and the highest number that is allowed; infinite for any."""


class OutOfRangeError(ParameterError, LimitError):
    """A value that a PV does not take; the message names it and the range."""


def check_number(
    name: str,
    value: Any,
    bounds: Bounds,
    unit: str | None,
    *,
    ask_again: Callable[[], Bounds] | None = None,
) -> None:
    """Refuse what is no finite number within bounds.

    Parameters
    ----------
    name
        What it is for.
    value
        The number.
    bounds
        As they are known.
    unit
        Of value and bounds, if there is one.
    ask_again
        Gives the bounds as they are now; asked before a number is refused.

    Raises
    ------
    OutOfRangeError
        The message names value, bounds and unit.
    """
    if not isinstance(value, numbers.Real):
        raise OutOfRangeError(f"{name} = {value!r}: it must be a number")
    if _is_within(value, bounds):
        return
    if ask_again is not None:
        bounds = ask_again()
        if _is_within(value, bounds):
            return
    ending = f" {unit}" if unit else ""
    raise OutOfRangeError(
        f"{name} = {value:g}{ending}: it must be {_describe(bounds, ending)}"
    )


def _is_within(value: Any, bounds: Bounds) -> bool:
    low, high = bounds
    return bool(low <= value <= high) and math.isfinite(value)


def _describe(bounds: Bounds, ending: str) -> str:
    low, high = bounds
    if not math.isfinite(low):
        return f"finite, in{ending}" if ending else "finite"
    if not math.isfinite(high):
        return f"finite, and at least {low:g}{ending}"
    return f"between {low:g} and {high:g}{ending}"
