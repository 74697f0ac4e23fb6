"""The engine of a session: used-up plans, reasons of an abort."""

import warnings

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import bluesky.preprocessors as bpp
import pytest
from bluesky.utils import FailedStatus, RunEngineInterrupted
from ophyd.status import Status
from ophyd.utils import LimitError
from ophyd.utils.errors import UnknownStatusFailure

from seccm_ophyd.errors import CommandRefusedError, ParameterError
from seccm_ophyd.plans import current_map, estimate
from seccm_ophyd.run_engine.engine import SessionEngine

GRID = (-1, 1, 2, -2, 2, 2)


@pytest.fixture
def RE():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        engine = SessionEngine({}, context_managers=[])
    yield engine
    engine.end_loop()


@pytest.mark.parametrize(
    "make",
    [
        lambda m: current_map(m, *GRID),
        lambda m: bps.mv(m.clamp.gain, 5.0),
        lambda m: (msg for msg in bps.null()),
        lambda m: bpp.pchain(bps.null(), bps.null()),
    ],
    ids=["hops", "stub", "generator", "chain"],
)
def test_a_plan_runs_once_and_says_so_the_second_time(RE, fake, make):
    plan = make(fake.device)
    RE(plan)
    with pytest.raises(ParameterError, match=r"make the plan again, e\.g\. RE"):
        RE(plan)


def test_a_plan_that_was_begun_is_refused(RE):
    plan = bp.count([])
    next(plan)
    with pytest.raises(ParameterError, match="used up"):
        RE(plan)


def test_an_estimated_plan_runs(RE, docs, fake):
    plan = current_map(fake.device, *GRID)
    estimate(plan)
    RE(plan)
    (stop,) = [doc for name, doc in docs if name == "stop"]
    assert stop["num_events"] == {"primary": 4}


@pytest.mark.parametrize("given", [5, None, current_map])
def test_what_is_no_plan_is_refused(RE, given):
    with pytest.raises(ParameterError, match=r"no plan: call one .*e\.g\. RE\(current"):
        RE(given)


def stock(m):
    return bpp.run_wrapper(bpp.pchain(bps.checkpoint(), bps.pause()))


def hops(m):
    def pause(msg):
        return (bps.pause() if msg.command == "save" else None), None

    return bpp.plan_mutator(current_map(m, *GRID), pause)


@pytest.mark.parametrize("make", [stock, hops])
def test_the_reason_of_an_abort_is_kept(RE, docs, fake, make):
    with pytest.raises(RunEngineInterrupted):
        RE(make(fake.device))
    RE.abort("the drop has dried")
    (stop,) = [doc for name, doc in docs if name == "stop"]
    assert (stop["exit_status"], stop["reason"]) == ("abort", "the drop has dried")
    docs.clear()
    RE(bp.count([]))
    assert docs[-1][1]["reason"] == ""


def refused(error):
    """Give a status that has failed."""
    status = Status()
    status.set_exception(error)
    return status


@pytest.mark.parametrize(
    "error", [CommandRefusedError("x was not moved"), LimitError("30 um is beyond")]
)
def test_what_a_device_said_is_what_is_raised_and_recorded(RE, docs, fake, error):
    axis = fake.device.xy.x
    axis.set = lambda value: refused(error)
    with pytest.raises(FailedStatus, match=str(error)) as raised:
        RE(bp.scan([], axis, 0, 1, 2))
    assert raised.value.__cause__ is error
    (stop,) = [doc for name, doc in docs if name == "stop"]
    assert stop["reason"] == str(error)


@pytest.mark.fault(64)
@pytest.mark.parametrize(
    ("fail", "said"),
    [
        (None, "x did not end in time"),  # by a time-out of ophyd's own
        (UnknownStatusFailure("The status (<...>) has failed."), "x failed and gave"),
        (TimeoutError("no answer\nand what is in a second line"), "x: no answer"),
        (ValueError(""), "x: ValueError"),
    ],
)
def test_no_failure_shows_a_whole_device(RE, docs, fake, fail, said):
    axis = fake.device.xy.x

    def set_it(value):
        if fail is None:
            return Status(axis, timeout=0.01)
        status = Status(axis)
        status.set_exception(fail)
        return status

    axis.set = set_it
    with pytest.raises(FailedStatus) as raised:
        RE(bp.scan([], axis, 0, 1, 2))
    assert str(raised.value).startswith(f"seccm_xy_{said}")
    assert "\n" not in str(raised.value)
    assert repr(axis) not in str(raised.value)
    assert len(str(raised.value)) < 80
    assert docs[-1][1]["reason"] == str(raised.value)


def test_a_plan_may_handle_the_failed_status(RE, fake):
    axis, handled = fake.device.xy.x, []
    axis.set = lambda value: refused(CommandRefusedError("x was not moved"))

    def careful():
        try:
            yield from bps.mv(axis, 1)
        except FailedStatus as failed:
            handled.append(failed)

    RE(careful())
    assert [str(failed) for failed in handled] == ["x was not moved"]
