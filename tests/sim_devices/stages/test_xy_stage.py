"""Moves of X and Y, as a person with caput sees them."""

import math

import pytest

OK, NO_CONTACT, STOPPED, TRIPPED, REFUSED = range(1, 6)
system = pytest.mark.system


@system
def test_a_motor_has_what_an_ophyd_motor_asks(ioc):
    expected = {
        "VAL": 0,
        "RBV": 0,
        "OFF": 0,
        "VELO": 2000,
        "DLY": 0.02,
        "HLM": 4.05,
        "LLM": -4.05,
        "MOVN": 0,
        "DMOV": 1,
        "HLS": 0,
        "LLS": 0,
        "EGU": "um",
        "PREC": 4,
        "STOP": 0,
    }
    for field, value in expected.items():
        assert ioc.get(f"XY:X.{field}") == pytest.approx(value), field
    for field in ("VAL", "RBV"):
        control = ioc.pv(f"XY:X.{field}").read(data_type="control").metadata
        assert control.upper_ctrl_limit == pytest.approx(4.05)
        assert control.lower_ctrl_limit == pytest.approx(-4.05)


@system
@pytest.mark.parametrize("target", [1.25, -3.0, 0.0])
def test_a_move_tells_its_start_and_its_end_in_order(ioc, target):
    with ioc.watch("XY:X.RBV", "XY:X.MOVN", "XY:X.DMOV") as watch:
        ioc.put("XY:X", target, wait=False)
        watch.wait_pulse("XY:X.DMOV")
    expected = [("DMOV", 0), ("MOVN", 1), ("RBV", target), ("MOVN", 0), ("DMOV", 1)]
    if target == 0:
        expected.remove(("RBV", target))
    assert [(name.split(".")[1], value) for name, value in watch.seen] == expected
    assert ioc.get("XY:X.RBV") == ioc.get("XY:X") == target
    assert ioc.get("XY:X.TDIR") == (target >= 0)


@system
def test_x_and_y_move_at_the_same_time(ioc):
    start = ioc.get("IOC:Time")
    ioc.move(X=2.0, Y=-1.0)
    together = ioc.get("IOC:Time") - start
    assert together == pytest.approx(2.0 / 2000 + 0.001 + 0.02)
    ioc.move(X=0.0)  # again after its own last move
    assert ioc.get("IOC:Time") - start == pytest.approx(2 * together)


@system
def test_a_stop_ends_a_move_on_the_way(start_ioc):
    ioc = start_ioc(time_scale=1)
    ioc.put("XY:X.VELO", 1.0)
    with ioc.watch("XY:X.DMOV", "XY:X.RBV") as watch:
        ioc.put("XY:X", 3.0, wait=False)
        watch.wait(lambda name, value: name == "XY:X.RBV" and value > 0.05)
        ioc.put("XY:X.STOP", 1, wait=False)
        watch.wait_pulse("XY:X.DMOV")
    assert 0.05 < ioc.get("XY:X.RBV") < 2.5
    assert ioc.get("XY:X") == ioc.get("XY:X.RBV")


@system
def test_a_second_target_takes_over(start_ioc):
    ioc = start_ioc(time_scale=1)
    ioc.put("XY:X.VELO", 5.0)
    with ioc.watch("XY:X.DMOV", "XY:X.RBV") as watch:
        ioc.put("XY:X", 3.0, wait=False)
        watch.wait(lambda name, value: name == "XY:X.RBV" and value > 0.05)
        ioc.put("XY:X", -0.5, wait=False)
        watch.wait_pulse("XY:X.DMOV")
    assert ioc.get("XY:X.RBV") == -0.5
    assert [value for name, value in watch.seen if name == "XY:X.DMOV"] == [0, 1]


@system
@pytest.mark.parametrize(
    ("value", "told"), [(100.0, "outside -4.05 to 4.05"), (math.nan, "not finite")]
)
def test_a_senseless_move_is_refused_and_keeps_nobody_waiting(shared, value, told):
    with shared.watch("XY:X.DMOV") as watch:
        assert told in shared.refusal("XY:X", value)
        watch.wait_pulse("XY:X.DMOV")
    assert shared.get("XY:X") == shared.get("XY:X.RBV") == 0.0


@system
def test_xy_is_refused_in_contact(landing_ioc):
    ioc = landing_ioc
    assert ioc.approach()[1] == OK
    with ioc.watch("XY:Y.DMOV", "XY:Y.RBV") as watch:
        message = ioc.refusal("XY:Y", 1.0)
        watch.wait_pulse("XY:Y.DMOV")
    assert "Z:State is CONTACT" in message
    assert ioc.get("XY:Y.RBV") == ioc.get("XY:Y") == 0.0
    ioc.withdraw()
    ioc.move(Y=1.0)
    assert ioc.get("XY:Y.RBV") == 1.0


@system
def test_narrower_limits_hold(ioc):
    ioc.put("XY:X.HLM", 1.0)
    assert "outside -4.05 to 1 um" in ioc.refusal("XY:X", 1.5)
    ioc.move(X=0.9)


@system
def test_a_probe_that_was_not_lifted_enough_touches_from_the_side(start_ioc, hill):
    ioc = start_ioc()
    ioc.put("Clamp:HoldingPotential", 0.65)
    ioc.put("Z:WithdrawDistance", 0.3)
    ioc.put("Z:DetachDistance", 0.3)
    ioc.put("Sim:DetachHeight", 0.15)
    ioc.move(X=-3.0)
    assert ioc.approach()[1] == OK
    ioc.withdraw()
    ioc.move(X=3.0)
    x, z = ioc.get("XY:X.RBV"), ioc.get("Z:Z.RBV")
    assert hill(x, 0) == pytest.approx(z, abs=2e-3)
    assert x < 0, "it stops at the foot of the hill"
    assert ioc.word("IOC:Tripped") == "yes"
    assert "lateral contact" in ioc.text("IOC:TripReason")
    assert ioc.get("Sim:LateralTouches") == ioc.get("Sim:UnguardedContacts") == 1
