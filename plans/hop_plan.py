"""A plan that can be made again from its arguments, to be estimated and to be run."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

from bluesky.utils import MsgGenerator, Plan

from seccm_ophyd.errors import ParameterError

from .protocols import HoppingMicroscope

__all__ = ["HopPlan", "check_unused", "hop_plan"]


class HopPlan(Plan):
    """What a hopping plan returns: bluesky's plan, which remembers its arguments.

    Parameters
    ----------
    function
        Generator function of the plan.
    *args, **kwargs
        Its arguments.
    """

    def __init__(
        self, function: Callable[..., MsgGenerator[Any]], *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(function, *args, **kwargs)
        self._make = functools.partial(function, *args, **kwargs)

    def again(self) -> MsgGenerator[Any]:
        """Make its messages anew; this plan itself stays as it is."""
        self._stack = []  # it was made use of: no warning that it was never iterated
        return self._make()


def hop_plan(function: Callable[..., MsgGenerator[Any]]) -> Callable[..., HopPlan]:
    """Decorate a hopping plan, as `bluesky.utils.plan` does.

    Its first argument is the microscope.

    Raises
    ------
    ParameterError
        When it is called with something else instead of a microscope.
    """

    @functools.wraps(function)
    def made(microscope: Any, *args: Any, **kwargs: Any) -> HopPlan:
        if not isinstance(microscope, HoppingMicroscope):
            raise ParameterError(
                f"microscope={_called(microscope)} is no microscope: give the whole "
                f"device first, e.g. {function.__name__}(seccm, ...)"
            )
        return HopPlan(function, microscope, *args, **kwargs)

    made._is_plan_ = True  # type: ignore[attr-defined]  # as bluesky marks its plans
    return made


def _called(given: Any) -> str:
    """Name what was given: by its name, if it is a device or a function."""
    name = getattr(given, "name", None) or getattr(given, "__name__", None)
    return name if isinstance(name, str) and name else f"{given!r:.60}"


def check_unused(plan: Any, user: str) -> None:
    """Check that something is a plan of which no message has been taken yet.

    A generator that has ended gives no message any more: an engine would do nothing
    with it, and say nothing.

    Parameters
    ----------
    plan
        What was given.
    user
        What it was given to, for the message.

    Raises
    ------
    ParameterError
        If it is no plan, or one that was used before; the message says what to type.
    """
    if not isinstance(plan, Iterable):
        name = getattr(plan, "__name__", "current_map")
        raise ParameterError(
            f"{_called(plan)} is no plan: call one and give what it returns, e.g. "
            f"{user}({name}(seccm, ...))"
        )
    # bluesky's Plan has no public way to its generator
    messages = getattr(plan, "_iter", plan) if isinstance(plan, Plan) else plan
    if not inspect.isgenerator(messages):
        return
    if inspect.getgeneratorstate(messages) != inspect.GEN_CREATED:
        raise ParameterError(
            f"this plan ({messages.__name__}) has been used up by an earlier run or by "
            f"estimate: make the plan again, e.g. {user}({messages.__name__}(...))"
        )
