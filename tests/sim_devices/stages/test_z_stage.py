"""Approaches and withdrawals, as a person with caput sees them."""

import time

import numpy as np
import pytest

OK, NO_CONTACT, STOPPED, TRIPPED, REFUSED = range(1, 6)
STATES = "WITHDRAWN APPROACHING CONTACT NO_CONTACT WITHDRAWING".split()
system = pytest.mark.system


@system
def test_an_approach_by_hand_finds_the_surface(landing_ioc, hill):
    ioc = landing_ioc
    for x, y in ((0, 0), (1, 0), (-1.5, 1.0)):
        ioc.move(X=float(x), Y=float(y))
        landing = ioc.approach()
        number, outcome, height, at_x, at_y, current, mean, rms, _, at = landing[:10]
        assert outcome == OK
        assert number == ioc.get("Z:ApproachDone")
        assert height == pytest.approx(hill(x, y), abs=0.06)
        assert height == ioc.get("Z:ContactHeight") == ioc.get("Z:Z.RBV")
        assert (at_x, at_y) == (x, y)
        assert current > 2.0
        assert abs(mean) < 0.5
        assert 0.15 < rms < 0.5
        assert at + ioc.get("Z:VerifyTime") == pytest.approx(ioc.get("IOC:Time"))
        verified, noise = landing[10:12]
        assert noise == pytest.approx(rms / np.sqrt(6))
        assert verified > 1.0
        assert ioc.word("Z:State") == "CONTACT"
        number, outcome, z = ioc.withdraw()
        assert outcome == OK
        assert z == pytest.approx(height + 4.0)
        assert ioc.word("Z:State") == "WITHDRAWN"
    assert ioc.get("Sim:UnguardedContacts") == 0


@system
def test_the_curve_shows_the_last_of_the_descent(landing_ioc):
    ioc = landing_ioc
    landing = ioc.approach()
    curve = ioc.get("Z:ApproachCurve")
    assert list(curve[:2]) == [landing[0], 1000]
    z, i = curve[2:1002], curve[1002:]
    np.testing.assert_allclose(np.diff(z), -20.0 / 5000, rtol=1e-6)
    assert z[-1] == landing[2]
    assert i[-1] == landing[5]
    assert np.abs(i[:900]).max() < 2.0


@system
def test_a_short_descent_leaves_nan_in_front_of_the_curve(landing_ioc):
    ioc = landing_ioc
    ioc.put("Z:TravelLimit", 1.0)
    landing = ioc.approach()
    assert landing[1] == NO_CONTACT
    assert landing[8] == pytest.approx(1.0, abs=2e-3)
    z = ioc.get("Z:ApproachCurve")[2:1002]
    assert np.isnan(z[:745]).all()
    assert np.isfinite(z[755:]).all()


@system
def test_no_contact_at_the_travel_limit(landing_ioc):
    ioc = landing_ioc
    ioc.put("Z:TravelLimit", 10.0)
    began_at = ioc.get("Z:Z.RBV")
    landing = ioc.approach()
    assert landing[1] == NO_CONTACT
    assert np.isnan(landing[[2, 5, 9]]).all()
    assert ioc.word("Z:State") == "NO_CONTACT"
    assert "NO_CONTACT" in ioc.refusal("XY:X", 1.0)
    assert ioc.withdraw()[2] == pytest.approx(began_at)


@system
def test_an_approach_from_contact_withdraws_first(landing_ioc):
    ioc = landing_ioc
    first = ioc.approach()
    with ioc.watch("Z:State") as watch:
        second = ioc.approach()
        watch.wait(lambda _name, value: value == 2)
    states = ["WITHDRAWING", "WITHDRAWN", "APPROACHING", "CONTACT"]
    assert [STATES[value] for _, value in watch.seen] == states
    assert second[2] == pytest.approx(first[2], abs=0.06)
    assert second[8] == pytest.approx(4.0, abs=0.06)


@system
def test_a_withdrawn_probe_stays(ioc):
    before, z = ioc.get("IOC:Time"), ioc.get("Z:Z.RBV")
    assert list(ioc.withdraw()[1:]) == [OK, z]
    assert ioc.get("IOC:Time") == before


@system
def test_a_crash_trips_until_it_is_reset(landing_ioc):
    ioc = landing_ioc
    ioc.put("Sim:CrashNext", 1)
    assert ioc.approach()[1] == TRIPPED
    assert "tip crash" in ioc.text("IOC:TripReason")
    refused = [ioc.approach(), ioc.acquire()]
    assert [result[1] for result in refused] == [REFUSED, REFUSED]
    assert ioc.withdraw()[1] == OK, "always accepted"
    assert "tripped" in ioc.refusal("XY:X", 1.0)
    assert ioc.word("IOC:Tripped") == "yes"
    ioc.put("IOC:Reset", 1)
    assert ioc.word("IOC:Tripped") == "no"
    ioc.move(X=1.0)
    assert ioc.get("XY:X.RBV") == 1.0


@system
def test_a_negative_threshold_waits_for_a_cathodic_current(ioc):
    ioc.put("Clamp:HoldingPotential", -0.3)
    ioc.put("Z:Threshold", -2.0)
    landing = ioc.approach()
    assert landing[1] == OK
    assert landing[5] <= -2.0


@system
def test_a_stop_ends_an_approach_at_once(start_ioc):
    ioc = start_ioc(time_scale=1)
    ioc.put("Clamp:HoldingPotential", 0.65)
    with ioc.watch("Z:ApproachDone", "Z:Z.RBV") as watch:
        ioc.put("Z:Approach", 1, wait=False)
        watch.wait(lambda name, value: name == "Z:Z.RBV" and value < 49.9)
        stopped = time.monotonic()
        ioc.put("Z:Stop", 1, wait=False)
        watch.wait(lambda name, value: name == "Z:ApproachDone")
    assert time.monotonic() - stopped < 1.0
    landing = ioc.get("Z:Landing")
    assert landing[1] == STOPPED
    assert ioc.word("Z:State") == "STOPPED"
    assert 50.0 - landing[8] == pytest.approx(ioc.get("Z:Z.RBV"))
    assert 30 < ioc.get("Z:Z.RBV") < 49.9
    assert "STOPPED" in ioc.refusal("XY:X", 1.0)


@system
def test_a_withdrawal_ends_an_approach(start_ioc):
    ioc = start_ioc(time_scale=1)
    ioc.put("Clamp:HoldingPotential", 0.65)
    with ioc.watch("Z:State", "Z:ApproachDone") as watch:
        ioc.put("Z:Approach", 1, wait=False)
        watch.wait(lambda name, value: (name, value) == ("Z:State", 1))
        assert ioc.run("Z:Withdraw")
        watch.wait(lambda name, value: name == "Z:ApproachDone")
    assert ioc.get("Z:Landing")[1] == STOPPED
    assert ioc.word("Z:State") == "WITHDRAWN"


@system
def test_a_second_approach_at_the_same_time_is_refused(start_ioc):
    ioc = start_ioc(time_scale=1)
    ioc.put("Clamp:HoldingPotential", 0.65)
    with ioc.watch("Z:State", "Z:ApproachDone") as watch:
        ioc.put("Z:Approach", 1, wait=False)
        watch.wait(lambda name, value: (name, value) == ("Z:State", 1))
        for setting in ("Clamp:HoldingPotential", "Z:Threshold", "Z:RestPotential"):
            assert "is being lowered" in ioc.refusal(setting, 0.5)
        assert "is being lowered" in ioc.refusal("Clamp:Mode", 1)
        ioc.put("Z:Approach", 2, wait=False)
        watch.wait(lambda name, value: (name, value) == ("Z:ApproachDone", 2))
        assert list(ioc.get("Z:Landing")[:2]) == [2, REFUSED]
        assert "Z is moving" in ioc.text("IOC:ErrorMessage")
        ioc.put("Z:Stop", 1)
        watch.wait(lambda name, value: (name, value) == ("Z:ApproachDone", 1))


@system
def test_the_motor_record_of_z_is_guarded_downward(start_ioc, hill):
    ioc = start_ioc()
    ioc.put("Clamp:HoldingPotential", 0.65)

    def move(z):
        with ioc.watch("Z:Z.DMOV") as watch:
            ioc.put("Z:Z", z, wait=False)
            watch.wait_pulse("Z:Z.DMOV")
        return ioc.get("Z:Z.RBV"), ioc.word("Z:State")

    assert move(60.0) == (60.0, "WITHDRAWN")
    z, state = move(20.0)
    assert z == pytest.approx(20.0, abs=0.01)
    assert state == "STOPPED"
    z, state = move(-5.0)
    assert z == pytest.approx(hill(0, 0), abs=0.1)
    assert state == "CONTACT"
    assert ioc.get("Sim:UnguardedContacts") == 1
    assert "in contact" in ioc.refusal("Z:Z", -5.0)
    assert move(z + 1.0)[1] == "STOPPED", "not as far as a withdrawal goes"
    assert ioc.withdraw()[1] == OK
    assert ioc.word("Z:State") == "WITHDRAWN"
