"""Small moves of the probe. A stub never opens a run.

Raw messages instead of `bluesky.plan_stubs` where a hop repeats them: each stub call
there formats a stack trace, which doubles its cost.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import bluesky.plan_stubs as bps
from bluesky.utils import FailedStatus, Msg, MsgGenerator, plan

from seccm_ophyd.errors import ParameterError, SeccmError
from seccm_ophyd.techniques import CurrentSample, TechniqueLike, as_techniques

from .checks import check_points
from .contact_threshold import check_threshold, contact_threshold
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
def approach(
    microscope: HoppingMicroscope,
    technique: TechniqueLike | Sequence[TechniqueLike] | None = None,
    *,
    potential_v: float | None = None,
    threshold_pa: float | None = None,
) -> MsgGenerator[None]:
    """Lower the probe until the meniscus closes the cell, and stay in contact.

    The cell is set to the potential of the approach, and the threshold to the sign of
    the current that flows there. In contact already, the probe is withdrawn first.

    Parameters
    ----------
    microscope
        The microscope.
    technique
        What is going to be measured there; it is prepared and decides the potential.
    potential_v
        Potential of the sample (V versus the QRCE), instead of a technique. Without
        either the cell keeps the potential that it is held at.
    threshold_pa
        Current that makes a contact (pA), signed; None: 2 pA in the direction that the
        potential drives.

    Yields
    ------
    Msg
        Messages to the RunEngine.

    Raises
    ------
    ParameterError
        If an argument is refused, or neither is given and the cell idles at its safe
        potential or in a current clamp; the probe has not been lowered.
    NoContactError
        If the travel limit is reached before any contact.

    Examples
    --------
    >>> RE(approach(seccm, potential_v=0.65))  # doctest: +SKIP
    """
    yield from _get_ready(
        microscope, "approach(seccm", technique, potential_v, threshold_pa
    )
    yield from trigger_and_wait(microscope.z.approach)


@plan
def hop_to(
    microscope: HoppingMicroscope,
    x: float,
    y: float,
    technique: TechniqueLike | Sequence[TechniqueLike] | None = None,
    *,
    potential_v: float | None = None,
    threshold_pa: float | None = None,
) -> MsgGenerator[None]:
    """Withdraw, move to (x, y) and approach: the probe is in contact there.

    Parameters
    ----------
    microscope
        The microscope.
    x, y
        Where to land (um).
    technique, potential_v, threshold_pa
        As in `approach`.

    Yields
    ------
    Msg
        Messages to the RunEngine.

    Raises
    ------
    ParameterError
        As `approach`, and if a position is no number or outside the range of the stage.
    NoContactError
        If the travel limit is reached before any contact.

    Examples
    --------
    >>> RE(hop_to(seccm, 1.5, -3, potential_v=0.65))  # doctest: +SKIP
    """
    check_points(microscope, [x], [y])
    yield Msg("checkpoint")
    call = f"hop_to(seccm, {x:g}, {y:g}"
    yield from _get_ready(microscope, call, technique, potential_v, threshold_pa)
    yield from set_and_wait(*ways(microscope, x, y))
    yield from trigger_and_wait(microscope.z.approach)


def _get_ready(
    microscope: HoppingMicroscope,
    call: str,
    technique: TechniqueLike | Sequence[TechniqueLike] | None,
    potential_v: float | None,
    threshold_pa: float | None,
) -> MsgGenerator[None]:
    """Withdraw, and set potential and threshold for an approach.

    What is refused by its value is refused before anything moves or is set. A contact
    that there is is left first: it is not to feel the potential of the next one.
    """
    if technique is not None and potential_v is not None:
        raise ParameterError(
            f"potential_v={potential_v!r} is not allowed beside a technique, which has "
            "its own potential: give one of them"
        )
    techniques = None
    if technique is not None:
        techniques = as_techniques(technique)
    elif potential_v is not None:
        techniques = (CurrentSample(potential_v=potential_v),)
    if techniques is None:
        approach_v = yield from _held_potential(microscope, call)
    else:
        approach_v = techniques[0].acquisition.approach_potential_v
    threshold = yield from contact_threshold(microscope, threshold_pa, approach_v)
    yield from withdraw(microscope)
    if techniques is not None:
        yield from bps.prepare(microscope.clamp, techniques, wait=True)
        yield from bps.unstage(microscope.clamp)  # what follows may change it
    yield from check_threshold(microscope, threshold)
    yield from set_and_wait((microscope.z.threshold, threshold))


def _held_potential(microscope: HoppingMicroscope, call: str) -> MsgGenerator[float]:
    """Tell the potential (V) that somebody has chosen to hold the cell at."""
    clamp = microscope.clamp
    mode = yield from bps.rd(clamp.mode, default_value="VCLAMP")
    held = yield from bps.rd(clamp.holding_potential, default_value=0.65)
    safe = yield from bps.rd(clamp.safe_potential, default_value=None)
    if mode == "VCLAMP" and held != safe:
        return float(held)
    idle = f"idles at its safe potential of {held:g} V"
    if mode != "VCLAMP":
        idle = f"is in current clamp ({mode}), in which no contact shows"
    raise ParameterError(
        f"the cell {idle}: give the potential or the technique to land with, e.g. "
        f"{call}, potential_v=0.65)"
    )


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
