"""Wrappers: what a failed device said, settings put back, an instrument left SAFE."""

import bluesky.plan_stubs as bps
import pytest
from bluesky.utils import FailedStatus, Msg
from ophyd import DeviceStatus
from ophyd.status import Status
from ophyd.utils import LimitError, WaitTimeoutError

from seccm_ophyd.errors import CommandRefusedError
from seccm_ophyd.plans._run.wrappers import (
    DeviceFailure,
    in_own_words,
    safe,
    safe_after_failure,
    safe_wrapper,
    settings_wrapper,
)


def failed(cause, *status):
    """Give a failed status as bluesky raises it."""
    error = FailedStatus(*status)
    error.__cause__ = cause
    return error


def said(plan_error):
    """Give what a plan hears of a device that fails."""

    def plan():
        try:
            yield Msg("wait")
        except FailedStatus as error:
            heard.append(error)
            raise

    heard = []
    wrapped = in_own_words(plan())
    wrapped.send(None)
    with pytest.raises(DeviceFailure) as error:
        wrapped.throw(plan_error)
    assert heard == [error.value]
    assert error.value.__cause__ is plan_error.__cause__
    return str(error.value)


@pytest.mark.parametrize("error", [CommandRefusedError, LimitError])
def test_what_the_device_said_is_what_a_user_reads(fake, error):
    status = DeviceStatus(fake.device.z)
    assert said(failed(error("Z is moving"), status)) == "Z is moving"
    status.set_finished()


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (WaitTimeoutError("a long text"), "seccm_z did not end in time"),
        (None, "seccm_z failed and gave no reason"),
        (ValueError("no\nwhole traceback"), "seccm_z: no"),
        (ValueError(), "seccm_z: ValueError"),
        (ValueError("x" * 999), f"seccm_z: {'x' * 300}"),
    ],
)
def test_else_it_is_named(fake, cause, expected):
    status = DeviceStatus(fake.device.z)
    assert said(failed(cause, status)) == expected
    status.set_finished()


def test_a_status_of_no_device_has_no_name():
    status = Status()
    status.set_finished()
    assert said(failed(None, status)) == "a device failed and gave no reason"
    assert said(failed(None)) == "a device failed and gave no reason"


def test_other_errors_and_the_value_of_the_plan_stay():
    def plan():
        try:
            yield Msg("null")
        except ZeroDivisionError:
            return (yield Msg("sleep"))

    wrapped = in_own_words(plan())
    assert wrapped.send(None).command == "null"
    assert wrapped.throw(ZeroDivisionError()).command == "sleep"
    with pytest.raises(StopIteration) as end:
        wrapped.send(7)
    assert end.value.value == 7


@pytest.mark.parametrize("fails", [False, True])
def test_settings_are_put_back_however_it_ends(RE, fake, fails):
    z, found = fake.device.z, []
    z.withdraw_rate.sim_put(200.0)

    def plan():
        found.append((z.withdraw_rate.get(), z.travel_limit.get()))
        yield from bps.mv(z.travel_limit, 5.0)
        if fails:
            raise ZeroDivisionError

    wrapped = settings_wrapper(plan(), {z.withdraw_rate: 50.0, z.travel_limit: None})
    if fails:
        with pytest.raises(ZeroDivisionError):
            RE(wrapped)
    else:
        RE(wrapped)
    assert found == [(50.0, 100.0)]
    assert (z.withdraw_rate.get(), z.travel_limit.get()) == (200.0, 100.0)


@pytest.mark.parametrize(
    ("wrapper", "fails", "times"),
    [
        (safe_wrapper, False, 1),
        (safe_wrapper, True, 1),
        (safe_after_failure, False, 0),
        (safe_after_failure, True, 1),
    ],
)
def test_when_an_instrument_is_left_safe(RE, fake, wrapper, fails, times):
    def plan():
        yield from bps.null()
        if fails:
            raise ZeroDivisionError

    wrapped = wrapper(plan(), fake.device)
    if fails:
        with pytest.raises(ZeroDivisionError):
            RE(wrapped)
    else:
        RE(wrapped)
    assert fake.log.count("safe") == times


def test_what_is_pending_ends_without_error_and_a_pause_does_not_go_back(fake):
    fake.silent = {"approach"}
    landing = fake.device.z.trigger()
    plan = safe(fake.device)
    commands = [next(plan).command]
    landing.wait(5)
    commands += [message.command for message in plan]
    assert commands[0] == "rewindable"
    assert commands[-1] == "rewindable"
    assert "trigger" in commands
    assert "checkpoint" not in commands
