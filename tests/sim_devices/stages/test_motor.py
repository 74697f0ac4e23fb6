"""The motor records of the simulator do what the EPICS motor record does."""

import time

import numpy as np
import pytest
from caproto import ChannelType
from caproto.threading.client import Context, SharedBroadcaster

pytestmark = pytest.mark.system


def answer(ioc, name, value):
    """Write as `caput -c` does: the status that is answered, and the wait (s)."""
    kind = {}
    if isinstance(value, str):
        value, kind = [value.encode()], {"data_type": ChannelType.STRING}
    began = time.monotonic()
    status = ioc.pv(name).write(value, wait=True, timeout=20, **kind).status.name
    return status, time.monotonic() - began


def fields(ioc, names="VAL RBV OFF HLM LLM"):
    return {field: float(ioc.get(f"XY:X.{field}")) for field in names.split()}


@pytest.fixture
def slow(ioc):
    """In real time, five times as fast; X needs a second for 5 um."""
    ioc.put("Sim:TimeScale", 0.2)
    ioc.put("XY:X.VELO", 1.0)
    yield ioc
    ioc.put("XY:X.SPMG", "Go")
    ioc.put("XY:X.SET", "Use")
    ioc.put("XY:X.OFF", 0.0)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("XY:X.VELO", 1e9, "1e+09 is outside 0.001 to 10000 um/s"),
        ("XY:X.VELO", -5.0, "-5 is outside 0.001 to 10000 um/s"),
        ("XY:Y.ACCL", np.nan, "nan is outside 0 to 60 s"),
        ("Z:Z.DLY", -1.0, "-1 is outside 0 to 60 s"),
        ("XY:X.ERES", np.inf, "inf is not finite"),
        ("XY:X.HLM", 1e6, "1e+06 is outside -4.05 to 4.05 um"),
        ("XY:X", 100.0, "100 is outside -4.05 to 4.05 um"),
        ("XY:X.HOMF", 1, "this stage does not have it"),
        ("Z:Z.OFF", 1.0, "this stage has no user offset"),
        ("Clamp:HoldingPotential", 5.0, "5 is outside -2 to 2 V"),
        ("Clamp:Mode", 7, "not one of VCLAMP, ICLAMP, I0"),
        ("Clamp:Cutoffs", [1.0, -1.0], "not a lower and an upper potential"),
        ("Z:Approach", 0, "0 is no positive number"),
        ("Hop:Store", 99, "99 is outside 0 to 8"),
        ("Sim:TimeScale", -1.0, "-1 is outside 0 to 100"),
    ],
)
def test_a_refused_write_fails_at_once_where_a_client_waits(shared, name, value, told):
    before = shared.pv(name).read(data_type="time")
    status, seconds = answer(shared, name, value)
    assert status == "ECA_PUTFAIL"
    assert seconds < 2.0
    assert shared.text("IOC:ErrorMessage") == f"{shared.prefix}{name}: {told}"
    after = shared.pv(name).read(data_type="time")
    np.testing.assert_array_equal(after.data, before.data)
    assert after.metadata.severity == 0, "a refusal is no alarm of what stays as it was"


def test_the_speed_follows_its_limits(ioc):
    assert answer(ioc, "XY:X.VMAX", 1000.0)[0] == "ECA_PUTFAIL"
    assert "leaves out .VELO" in ioc.text("IOC:ErrorMessage")
    ioc.put("XY:X.VELO", 50.0)
    ioc.put("XY:X.VMAX", 100.0)
    assert answer(ioc, "XY:X.VELO", 200.0)[0] == "ECA_PUTFAIL"
    assert "200 is outside 0.001 to 100 um/s" in ioc.text("IOC:ErrorMessage")
    ioc.put("XY:X.VMAX", 10000.0)


def test_a_write_without_the_lease_fails_at_once(ioc):
    other = Context(SharedBroadcaster(), timeout=10)
    (owner,) = other.get_pvs(f"{ioc.prefix}IOC:Owner")
    owner.wait_for_connection(timeout=10)
    owner.write([b"other"], data_type=ChannelType.STRING)
    try:
        status, seconds = answer(ioc, "XY:X", 1.0)
        assert (status, seconds < 2.0) == ("ECA_NOWTACCESS", True)
        assert ioc.get("XY:X.RBV") == 0.0
    finally:
        owner.write([b""], data_type=ChannelType.STRING)
        other.disconnect()
        other.broadcaster.disconnect()


def test_a_write_of_val_has_ended_when_the_move_has(slow):
    status, seconds = answer(slow, "XY:X", 1.5)
    assert status == "ECA_NORMAL"
    assert seconds > 0.2
    assert slow.get("XY:X.RBV") == 1.5
    assert slow.get("XY:X.DMOV") == 1
    _, seconds = answer(slow, "XY:X", 1.5)  # of no length: the settle time
    assert seconds < 0.2


def test_what_is_written_next_does_not_wait_for_the_move(slow):
    with slow.watch("XY:X.RBV", "XY:X.DMOV") as watch:
        slow.pv("XY:X").write([4.0], wait=False, notify=True)
        watch.wait(lambda name, value: name == "XY:X.RBV" and value > 0.1)
        slow.put("XY:X.STOP", 1)  # of the same client, behind it
        watch.wait_pulse("XY:X.DMOV")
    assert slow.get("XY:X.RBV") < 3.0


def test_a_paused_motor_goes_on_to_its_target(slow):
    with slow.watch("XY:X.RBV", "XY:X.DMOV") as watch:
        slow.put("XY:X", 3.0, wait=False)
        watch.wait(lambda name, value: name == "XY:X.RBV" and value > 0.1)
        slow.put("XY:X.SPMG", "Pause")
        watch.wait_pulse("XY:X.DMOV")
    paused = slow.get("XY:X.RBV")
    assert paused < 2.5
    assert slow.get("XY:X") == 3.0
    with slow.watch("XY:X.DMOV") as watch:
        slow.put("XY:X.SPMG", "Go")
        watch.wait_pulse("XY:X.DMOV")
    assert slow.get("XY:X.RBV") == 3.0


@pytest.mark.parametrize("mode", ["Stop", "Pause"])
def test_a_motor_that_is_held_pulses_without_moving(slow, mode):
    slow.put("XY:X.SPMG", mode)
    with slow.watch("XY:X.DMOV") as watch:
        assert answer(slow, "XY:X", 1.0)[0] == "ECA_NORMAL"
        watch.wait_pulse("XY:X.DMOV")
    assert fields(slow, "VAL RBV") == {"VAL": 1.0, "RBV": 0.0}
    slow.put("XY:X.STOP", 1)
    assert slow.get("XY:X") == 0.0, "the target that it was to go to is dropped"


def test_a_motor_set_to_move_goes_once(slow):
    slow.put("XY:X.SPMG", "Move")
    answer(slow, "XY:X", 1.0)
    assert slow.word("XY:X.SPMG") == "Pause"
    answer(slow, "XY:X", 2.0)
    assert fields(slow, "VAL RBV") == {"VAL": 2.0, "RBV": 1.0}


def test_in_set_mode_the_position_is_redefined_and_nothing_moves(slow):
    answer(slow, "XY:X", 1.0)
    slow.put("XY:X.SET", "Set")
    with slow.watch("XY:X.DMOV") as watch:
        answer(slow, "XY:X", -2.0)
        watch.wait_pulse("XY:X.DMOV")
    assert fields(slow) == pytest.approx(
        {"VAL": -2.0, "RBV": -2.0, "OFF": -3.0, "HLM": 1.05, "LLM": -7.05}
    )
    control = slow.pv("XY:X").read(data_type="control").metadata
    assert control.upper_ctrl_limit == pytest.approx(1.05)
    slow.put("XY:X.SET", "Use")
    answer(slow, "XY:X", -3.0)
    assert fields(slow, "VAL RBV") == {"VAL": -3.0, "RBV": -3.0}
    slow.put("XY:X.OFF", 0.0)
    assert fields(slow, "VAL RBV") == pytest.approx({"VAL": 0.0, "RBV": 0.0})


def test_a_frozen_offset_is_not_redefined(slow):
    slow.put("XY:X.SET", "Set")
    slow.put("XY:X.FOFF", "Frozen")
    assert answer(slow, "XY:X", 1.0)[0] == "ECA_PUTFAIL"
    slow.put("XY:X.FOFF", "Variable")
    assert fields(slow, "VAL RBV OFF") == {"VAL": 0.0, "RBV": 0.0, "OFF": 0.0}


def test_a_landing_is_told_with_the_user_offset(ioc):
    ioc.put("XY:X.OFF", 10.0)
    try:
        ioc.put("Clamp:HoldingPotential", 0.65)
        ioc.move(X=11.0)
        landing = ioc.approach()
        assert list(landing[3:5]) == [11.0, 0.0]
        ioc.withdraw()
    finally:
        ioc.put("XY:X.OFF", 0.0)
    assert ioc.get("XY:X.RBV") == 1.0


def test_a_disabled_record_takes_nothing(ioc):
    ioc.pv("XY:X.DISP").write(np.array([1], dtype="u1"))
    try:
        for field, value in (("VAL", 1.0), ("VELO", 10.0), ("STOP", 1)):
            assert answer(ioc, f"XY:X.{field}", value)[0] == "ECA_PUTFAIL", field
        assert "XY:X.DISP is 1" in ioc.text("IOC:ErrorMessage")
        assert ioc.get("XY:X.RBV") == 0.0
    finally:
        ioc.pv("XY:X.DISP").write(np.array([0], dtype="u1"))
    assert answer(ioc, "XY:X", 1.0)[0] == "ECA_NORMAL"


def test_tweaks_and_relative_moves(ioc):
    ioc.put("XY:X.TWV", 0.5)
    for field, value in (("TWF", 1), ("TWF", 1), ("TWR", 1), ("RLV", 1.0)):
        with ioc.watch("XY:X.DMOV") as watch:
            ioc.put(f"XY:X.{field}", value)
            watch.wait_pulse("XY:X.DMOV")
    assert fields(ioc, "VAL RBV RLV") == {"VAL": 1.5, "RBV": 1.5, "RLV": 0.0}


def test_a_line_of_hops_is_refused_by_a_motor_that_is_held(ioc):
    ioc.put("Clamp:HoldingPotential", 0.65)
    ioc.put("Hop:Hold", 0.65)
    ioc.put("Hop:Store", 0)
    ioc.put("XY:Y.SPMG", "Pause")
    try:
        ioc.run("Hop:Run")
        assert ioc.get("Hop:Line")[1] == 5
        assert "XY:Y.SPMG is Pause: write Go to it" in ioc.text("IOC:ErrorMessage")
    finally:
        ioc.put("XY:Y.SPMG", "Go")
