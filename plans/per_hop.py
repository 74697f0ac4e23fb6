"""One hop: withdraw, move, land, measure, record. What every scan repeats."""

from collections.abc import Sequence
from typing import Any

from bluesky.utils import Msg, MsgGenerator

from seccm_ophyd.errors import HopEndedError, NoContactError
from seccm_ophyd.schema import PRIMARY, HopOutcome

from .protocols import HoppingMicroscope
from .stubs import all_at_once, set_and_wait, trigger_and_wait, ways

__all__ = ["hop"]


def hop(
    microscope: HoppingMicroscope,
    index: int,
    x: float,
    y: float,
    *,
    before: tuple[float, float] | None = None,
    turns: Sequence[int] = (),
    heights: Sequence[float] = (),
    leave: Sequence[float] | None = None,
) -> MsgGenerator[str]:
    """Hop to (x, y), measure there and record one event.

    The hop begins with its only checkpoint and a withdrawal. A pause lands on the
    checkpoint; an interrupted hop is redone from its withdrawal, so that the probe is
    never moved sideways in contact, and still gives one event, flagged as repeated.
    A landing without contact is an event as well, with its outcome and NaN; when the
    contact is lost or the amplifier overloads, what was to come in this contact is
    left out.

    Parameters
    ----------
    microscope
        The microscope, with its amplifier prepared for the techniques.
    index
        Index of the hop in its scan.
    x, y
        Where to land (um).
    before
        Where the hop before it was (um): an axis that stays gets no message.
    turns
        Numbers of the prepared techniques to take up one after the other in contact.
        Empty: one that goes on at the potential of the approach.
    heights
        Least height of the move, and height at which the descent becomes slow (um), NaN
        where it is not known. Empty: by the set distance, slow from the start.
    leave
        The `heights` of the hop that follows: the withdrawal to it begins by itself
        when all is measured, and goes on while the event is recorded. None: no
        withdrawal.

    Yields
    ------
    Msg
        Messages to the RunEngine.

    Returns
    -------
    str
        Its outcome, as in its event.
    """
    try:
        yield Msg("checkpoint")
        if heights:
            yield from set_and_wait((microscope.z, tuple(heights)))
        yield from trigger_and_wait(microscope.z.withdraw)
        yield from _move(microscope, index, ways(microscope, x, y, before), turns)
        yield from trigger_and_wait(microscope.z.approach)
        for turn in turns[:-1]:
            yield from set_and_wait((microscope.clamp, turn))
            yield from trigger_and_wait(microscope.clamp.acquire)
        if turns:
            yield from set_and_wait((microscope.clamp, turns[-1]))
        yield from _acquire_and_leave(microscope, leave)
        return (yield from _record(microscope))
    except (NoContactError, HopEndedError):
        # The whole hop stands in the try: when an interrupted hop is redone, the engine
        # replays its messages and a miss arrives wherever the plan had got to. A probe
        # that has missed stays: how far down it has looked is still asked for.
        return (yield from _record(microscope))


def _move(
    microscope: HoppingMicroscope,
    index: int,
    moves: Sequence[tuple[Any, float]],
    turns: Sequence[int],
) -> MsgGenerator[None]:
    """Move, and hand over what follows: the IOC begins it when XY has come to rest."""
    clamp = [(microscope.clamp, "approach")] if turns else []
    settings = [*moves, (microscope.hop, index), *clamp]
    arm = microscope.arm_approach if turns else microscope.arm_hop
    yield from all_at_once(*(("set", *each) for each in settings), ("trigger", arm))


def _acquire_and_leave(
    microscope: HoppingMicroscope, leave: Sequence[float] | None
) -> MsgGenerator[None]:
    """Take the last acquisition, and hand over the withdrawal that follows it."""
    steps: list[tuple[Any, ...]] = [("trigger", microscope.clamp.acquire)]
    if leave:
        steps.append(("set", microscope.z, tuple(leave)))
    if leave is not None:
        steps.append(("trigger", microscope.z.leave))
    yield from all_at_once(*steps)


def _record(microscope: HoppingMicroscope) -> MsgGenerator[str]:
    # Not trigger_and_read: it would trigger, and so land, once more.
    yield Msg("create", None, name=PRIMARY)
    for part in (microscope.hop, microscope.xy, microscope.z, microscope.clamp):
        yield Msg("read", part)
    # Last, right before the save: reading it writes the row of this event.
    yield Msg("read", microscope.traces)
    yield Msg("save")
    # Behind the save: a hop that is redone may end in another way.
    outcome = yield Msg("read", microscope.hop.outcome)
    if outcome is None:  # the plan is only looked at
        return HopOutcome.CONTACT.label
    return str(outcome[microscope.hop.outcome.name]["value"])
