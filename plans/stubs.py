"""One hop, and small moves of the probe. A stub never opens a run."""

from collections.abc import Sequence
from typing import Any

import bluesky.plan_stubs as bps
from bluesky.utils import Msg, MsgGenerator, plan

from seccm_ophyd.errors import HopEndedError, NoContactError
from seccm_ophyd.schema import PRIMARY, HopOutcome
from seccm_ophyd.techniques import Technique, TechniqueLike, turns_of

from ._run.checks import check_points
from ._run.messages import all_at_once, set_and_wait, trigger_and_wait, ways
from ._run.path import HopPoint
from ._run.ready import get_ready
from .protocols import HoppingMicroscope

__all__ = ["approach", "hop", "hop_to", "make_safe", "withdraw"]


def hop(
    microscope: HoppingMicroscope,
    point: HopPoint,
    techniques: Sequence[Technique] | None = None,
    *,
    before: HopPoint | None = None,
    following: HopPoint | None = None,
) -> MsgGenerator[str]:
    """Hop to a point, measure there and record one event: what every scan repeats.

    It opens no run, and is to be used in one for which the microscope is prepared: in
    `hop_run_wrapper`, or as ``per_hop`` of a scan.

    The hop begins with its only checkpoint and a withdrawal. A pause lands on the
    checkpoint; an interrupted hop is redone from its withdrawal, so that the probe is
    never moved sideways in contact, and still gives one event, flagged as repeated.
    A landing without contact is an event as well, with its outcome and NaN; when the
    contact is lost or the amplifier overloads, what was to come in this contact is
    left out. After an overload the instrument has been made SAFE, and is prepared for
    the next hop.

    Parameters
    ----------
    microscope
        The microscope, with its amplifier prepared for the techniques.
    point
        Where to hop: ``HopPoint(index, x, y)``, x and y in um. No index may come twice
        in a run.
    techniques
        What is measured there, one after the other; None: what is prepared.
    before
        The point of the hop before it: an axis that stays gets no message.
    following
        The point of the hop that follows: the withdrawal to it begins by itself when
        all is measured, and continues while the event is recorded. None: the probe
        stays in contact, until something withdraws it.

    Yields
    ------
    Msg
        Messages to the RunEngine.

    Returns
    -------
    str
        Its outcome, as in its event: one of `seccm_ophyd.schema.HopOutcome`.

    Examples
    --------
    >>> mine = hop(seccm, HopPoint(0, 1.5, -3))
    >>> RE(hop_run_wrapper(mine, seccm, CurrentSample()))
    """
    if techniques is None:
        techniques = microscope.clamp.prepared
    turns = turns_of(techniques)
    try:
        yield Msg("checkpoint")
        if point.heights is not None:
            yield from set_and_wait((microscope.z, point.heights))
        yield from trigger_and_wait(microscope.z.withdraw)
        yield from _move(microscope, point, before, turns)
        yield from trigger_and_wait(microscope.z.approach)
        for turn in turns[:-1]:
            yield from set_and_wait((microscope.clamp, turn))
            yield from trigger_and_wait(microscope.clamp.acquire)
        if turns:
            yield from set_and_wait((microscope.clamp, turns[-1]))
        yield from _acquire_and_leave(microscope, following)
        outcome = yield from _record(microscope)
    except (NoContactError, HopEndedError):
        # The whole hop stands in the try: when an interrupted hop is redone, the engine
        # replays its messages and a miss arrives wherever the plan had got to. A probe
        # that has missed stays: how far down it has looked is still asked for.
        outcome = yield from _record(microscope)
    if outcome == HopOutcome.OVERLOAD.label:
        yield from make_safe(microscope)
        yield from bps.prepare(microscope.clamp, techniques, wait=True)
    return outcome


def _move(
    microscope: HoppingMicroscope,
    point: HopPoint,
    before: HopPoint | None,
    turns: Sequence[int],
) -> MsgGenerator[None]:
    """Move, with what follows pre-armed: the IOC begins it when XY has come to rest."""
    was = (before.x, before.y) if before else None
    clamp = [(microscope.clamp, "approach")] if turns else []
    moves = ways(microscope, point.x, point.y, was)
    settings = [*moves, (microscope.hop, point.index), *clamp]
    arm = microscope.arm_approach if turns else microscope.arm_hop
    yield from all_at_once(*(("set", *each) for each in settings), ("trigger", arm))


def _acquire_and_leave(
    microscope: HoppingMicroscope, following: HopPoint | None
) -> MsgGenerator[None]:
    """Take the last acquisition, with the withdrawal after it pre-armed."""
    steps: list[tuple[Any, ...]] = [("trigger", microscope.clamp.acquire)]
    if following is not None:
        if following.heights is not None:
            steps.append(("set", microscope.z, following.heights))
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
    >>> RE(withdraw(seccm))
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
    >>> RE(approach(seccm, potential_v=0.65))
    """
    yield from get_ready(
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
    >>> RE(hop_to(seccm, 1.5, -3, potential_v=0.65))
    """
    check_points(microscope, [x], [y])
    yield Msg("checkpoint")
    call = f"hop_to(seccm, {x:g}, {y:g}"
    yield from get_ready(microscope, call, technique, potential_v, threshold_pa)
    yield from set_and_wait(*ways(microscope, x, y))
    yield from trigger_and_wait(microscope.z.approach)


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
    >>> RE(make_safe(seccm))
    """
    yield from trigger_and_wait(microscope.safe)
