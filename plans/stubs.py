"""Small moves of the probe. A stub never opens a run.

Raw messages instead of `bluesky.plan_stubs` where a hop repeats them: each stub call
there formats a stack trace, which doubles its cost.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from bluesky.utils import FailedStatus, Msg, MsgGenerator, plan

from seccm_ophyd.errors import SeccmError

from .protocols import HoppingMicroscope

__all__ = ["approach", "hop_to", "make_safe", "own_errors", "withdraw"]


@contextlib.contextmanager
def own_errors() -> Iterator[None]:
    """Raise the error of a status itself, not bluesky's `FailedStatus` around it."""
    try:
        yield
    except FailedStatus as failed:
        if isinstance(failed.__cause__, SeccmError):
            raise failed.__cause__ from None
        raise


def all_at_once(*steps: tuple[Any, ...]) -> MsgGenerator[None]:
    """Begin several things, and wait for all of them.

    The group is a new object each time: a status that fails before its wait would
    otherwise fail the next wait of the same name.

    Parameters
    ----------
    *steps
        Each a command that takes a group, its object and its arguments:
        ``("trigger", obj)``, ``("set", obj, value)``.
    """
    group = object()
    with own_errors():
        for command, obj, *arguments in steps:
            yield Msg(command, obj, *arguments, group=group)
        yield Msg("wait", None, group=group)


def trigger_and_wait(obj: object) -> MsgGenerator[None]:
    """Trigger `obj` and wait for it."""
    yield from all_at_once(("trigger", obj))


def set_and_wait(*settings: tuple[object, object]) -> MsgGenerator[None]:
    """Set objects to values, all at once, and wait for them."""
    yield from all_at_once(*(("set", *setting) for setting in settings))


@plan
def withdraw(microscope: HoppingMicroscope) -> MsgGenerator[None]:
    """Withdraw the probe by the set distance; does nothing when it is withdrawn.

    Parameters
    ----------
    microscope
        The microscope.

    Yields
    ------
    Msg
        Messages to the RunEngine.

    Examples
    --------
    >>> RE(withdraw(seccm))  # doctest: +SKIP
    """
    yield from trigger_and_wait(microscope.z.withdraw)


@plan
def approach(microscope: HoppingMicroscope) -> MsgGenerator[None]:
    """Lower the probe until the meniscus closes the cell, and stay in contact.

    Parameters
    ----------
    microscope
        The microscope.

    Yields
    ------
    Msg
        Messages to the RunEngine.

    Raises
    ------
    NoContactError
        If the travel limit is reached before any contact.

    Examples
    --------
    >>> RE(approach(seccm))  # doctest: +SKIP
    """
    yield from trigger_and_wait(microscope.z.approach)


@plan
def hop_to(microscope: HoppingMicroscope, x: float, y: float) -> MsgGenerator[None]:
    """Withdraw, move to (x, y) and approach: the probe is in contact there.

    Parameters
    ----------
    microscope
        The microscope.
    x, y
        Where to land (um).

    Yields
    ------
    Msg
        Messages to the RunEngine.

    Raises
    ------
    NoContactError
        If the travel limit is reached before any contact.

    Examples
    --------
    >>> RE(hop_to(seccm, 1.5, -3))  # doctest: +SKIP
    """
    yield Msg("checkpoint")
    yield from withdraw(microscope)
    yield from set_and_wait(*ways(microscope, x, y))
    yield from approach(microscope)


def ways(
    microscope: HoppingMicroscope,
    x: float,
    y: float,
    before: tuple[float, float] | None = None,
) -> list[tuple[Any, float]]:
    """Tell which axes are to be set to what; the settle time is the stage's own.

    Parameters
    ----------
    microscope
        The microscope.
    x, y
        Where to (um).
    before
        Where the same plan has moved to last: an axis that stays gets no message, but
        one of them always moves, so that the settle time is kept.
    """
    axes = [(microscope.xy.x, x), (microscope.xy.y, y)]
    was = before or (None, None)
    moving = [axis for axis, old in zip(axes, was, strict=True) if axis[1] != old]
    return moving or axes[:1]


@plan
def make_safe(microscope: HoppingMicroscope) -> MsgGenerator[None]:
    """Stop everything, set the cell to its safe potential, withdraw.

    Parameters
    ----------
    microscope
        The microscope.

    Yields
    ------
    Msg
        Messages to the RunEngine.

    Examples
    --------
    >>> RE(make_safe(seccm))  # doctest: +SKIP
    """
    yield from trigger_and_wait(microscope.safe)
