"""Messages that several hops repeat.

Raw messages instead of `bluesky.plan_stubs`: each stub call there formats a stack
trace, which doubles the cost of a hop.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from bluesky.utils import FailedStatus, Msg, MsgGenerator

from seccm_ophyd.errors import SeccmError

from ..protocols import HoppingMicroscope

__all__ = ["all_at_once", "set_and_wait", "trigger_and_wait", "ways"]


@contextlib.contextmanager
def _own_errors() -> Iterator[None]:
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
    with _own_errors():
        for command, obj, *arguments in steps:
            yield Msg(command, obj, *arguments, group=group)
        yield Msg("wait", None, group=group)


def trigger_and_wait(obj: object) -> MsgGenerator[None]:
    """Trigger `obj` and wait for it."""
    yield from all_at_once(("trigger", obj))


def set_and_wait(*settings: tuple[object, object]) -> MsgGenerator[None]:
    """Set objects to values, all at once, and wait for them."""
    yield from all_at_once(*(("set", *setting) for setting in settings))


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
