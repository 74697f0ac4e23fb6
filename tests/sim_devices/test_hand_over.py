"""Commands written before their turn: the IOC begins them when it has come."""

import numpy as np
import pytest

OK, NO_CONTACT, STOPPED, TRIPPED, REFUSED = range(1, 6)
APPROACH, ACQUIRE, LEAVE = 1, 2, 3  # their numbers

pytestmark = pytest.mark.system


def hand_over(ioc, *names):
    """Write commands in one go."""
    numbers = {"Z:Approach": APPROACH, "Clamp:Arm": ACQUIRE, "Z:Leave": LEAVE}
    for name in names:
        ioc.put(name, numbers[name], wait=False)


def hand_over_until(ioc, done, *names):
    """Write commands in one go, and wait until the last one has ended."""
    with ioc.watch(done) as watch:
        hand_over(ioc, *names)
        watch.wait(lambda name, value: name == done)


@pytest.fixture
def near(start_ioc):
    """A probe 3 um above the hill, that finds a current when it lands."""
    ioc = start_ioc()
    ioc.put("Clamp:HoldingPotential", 0.65)
    with ioc.watch("Z:Z.DMOV") as watch:
        ioc.put("Z:Z", 4.0, wait=False)
        watch.wait_pulse("Z:Z.DMOV")
    assert ioc.withdraw()[1] == OK  # the motor alone does not tell that it is clear
    return ioc


@pytest.fixture
def paced(near):
    """The same in real time; X takes a second for a micrometre."""
    near.put("XY:X.VELO", 1.0)
    near.put("Sim:TimeScale", 1.0)
    return near


def test_an_approach_begins_when_xy_has_come_to_rest(paced):
    with paced.watch("Z:State", "XY:X.DMOV", "Z:ApproachDone") as watch:
        paced.put("XY:X", 0.3, wait=False)
        hand_over(paced, "Z:Approach")
        watch.wait(lambda name, value: name == "Z:ApproachDone")
    order = [update for update in watch.seen if update[0] != "Z:ApproachDone"]
    assert order[:3] == [("XY:X.DMOV", 0), ("XY:X.DMOV", 1), ("Z:State", 1)]
    landing = paced.get("Z:Landing")
    assert landing[:2].tolist() == [APPROACH, OK]
    assert landing[3] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("stop", "outcome"), [("Z:Stop", STOPPED), ("IOC:MakeSafe", STOPPED)]
)
def test_one_that_waits_for_xy_is_stopped_at_once(paced, stop, outcome):
    height = paced.get("Z:Z.RBV")
    with paced.watch("Z:ApproachDone", "Clamp:AcquireDone") as watch:
        paced.put("XY:X", 4.0, wait=False)
        hand_over(paced, "Z:Approach", "Clamp:Arm")
        paced.put(stop, 9, wait=False)
        watch.wait(lambda name, value: name == "Clamp:AcquireDone", timeout=2.0)
    assert watch.seen[0] == ("Z:ApproachDone", APPROACH)
    assert paced.get("Z:Landing")[1] == outcome
    assert paced.get("Clamp:Summary")[1] == outcome
    assert paced.get("Z:Z.RBV") == height
    assert paced.word("Z:State") == "WITHDRAWN"


def test_one_that_finds_the_clamp_switched_behind_the_move_is_refused(paced):
    with paced.watch("Z:ApproachDone") as watch:
        paced.put("XY:X", 0.3, wait=False)
        hand_over(paced, "Z:Approach")
        paced.put("Clamp:Mode", "I0", wait=False)
        watch.wait(lambda name, value: name == "Z:ApproachDone")
    assert paced.get("Z:Landing")[1] == REFUSED
    assert "VCLAMP" in paced.text("IOC:ErrorMessage")
    assert paced.word("Z:State") == "WITHDRAWN"


def test_an_acquisition_begins_in_contact_however_late_the_client(paced):
    paced.put("Clamp:SettleTime", 0.015)
    hand_over_until(paced, "Clamp:AcquireDone", "Z:Approach", "Clamp:Arm")
    summary, landing = paced.get("Clamp:Summary"), paced.get("Z:Landing")
    assert summary[:2].tolist() == [ACQUIRE, OK]
    assert summary[8] == pytest.approx(landing[9] + 0.015, abs=1e-9)
    assert summary[9] == pytest.approx(0.015, abs=1e-9)


def test_it_gives_the_same_as_one_that_is_asked_for_in_time(start_ioc):
    found = []
    for ahead in (False, True):
        ioc = start_ioc()
        ioc.put("Clamp:HoldingPotential", 0.65)
        with ioc.watch("Clamp:AcquireDone") as watch:
            if ahead:
                ioc.put("XY:X", 1.0, wait=False)
                hand_over(ioc, "Z:Approach", "Clamp:Arm")
            else:
                ioc.move(X=1.0)
                ioc.run("Z:Approach", number=APPROACH)
                ioc.put("Clamp:Acquire", ACQUIRE, wait=False)
            watch.wait(lambda name, value: name == "Clamp:AcquireDone")
        found.append([ioc.get(name) for name in ("Z:Landing", "Clamp:Trace")])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_without_contact_an_acquisition_ends_as_its_approach(near):
    trace = near.get("Clamp:Trace")
    near.put("Z:TravelLimit", 0.5)
    hand_over_until(near, "Clamp:AcquireDone", "Z:Approach", "Clamp:Arm")
    summary = near.get("Clamp:Summary")
    assert summary[:4].tolist() == [ACQUIRE, NO_CONTACT, 0, 0]
    assert np.isnan(summary[4:]).all()
    np.testing.assert_array_equal(near.get("Clamp:Trace"), trace)


def test_an_approach_that_trips_takes_what_waits_for_it_along(near):
    near.put("Sim:CrashNext", "yes")
    hand_over_until(near, "Clamp:AcquireDone", "Z:Approach", "Clamp:Arm")
    assert near.get("Z:Landing")[1] == TRIPPED
    assert near.get("Clamp:Summary")[1] == TRIPPED


@pytest.mark.parametrize("left", [False, True])
def test_it_belongs_to_the_approach_before_it(near, left):
    if left:
        near.approach()
        near.withdraw()
    near.run("Clamp:Arm", done="Clamp:AcquireDone", number=ACQUIRE)
    assert near.get("Clamp:Summary")[1] == (STOPPED if left else NO_CONTACT)


def test_a_refused_approach_says_why_and_no_other(near):
    near.put("Clamp:Mode", "I0")
    hand_over_until(near, "Clamp:AcquireDone", "Z:Approach", "Clamp:Arm")
    assert near.get("Clamp:Summary")[1] == REFUSED
    assert "a contact is found by its current" in near.text("IOC:ErrorMessage")


def test_a_stop_of_the_clamp_counts_before_the_contact(paced):
    with paced.watch("Clamp:AcquireDone") as watch:
        hand_over(paced, "Z:Approach", "Clamp:Arm")
        paced.put("Clamp:Stop", 1, wait=False)
        watch.wait(lambda name, value: name == "Clamp:AcquireDone")
    assert paced.get("Z:Landing")[1] == OK
    assert paced.word("Z:State") == "CONTACT"
    assert paced.get("Clamp:Summary")[1] == STOPPED


def test_it_leaves_when_all_is_measured(paced):
    paced.put("Clamp:SampleRate", 100.0)  # 0.1 s
    with paced.watch("Clamp:AcquireDone", "Z:State", "Z:WithdrawDone") as watch:
        hand_over(paced, "Z:Approach", "Clamp:Arm", "Z:Leave")
        watch.wait(lambda name, value: name == "Z:WithdrawDone")
    done = watch.seen.index(("Clamp:AcquireDone", ACQUIRE))
    assert watch.seen.index(("Z:State", 4)) > done  # WITHDRAWING
    assert watch.seen[-1] == ("Z:WithdrawDone", LEAVE)
    assert paced.get("Clamp:Summary")[1] == OK
    assert paced.get("Z:Withdrawal")[:2].tolist() == [LEAVE, OK]
    assert paced.word("Z:State") == "WITHDRAWN"


def test_it_stays_after_an_acquisition_that_was_stopped(paced):
    paced.put("Clamp:SettleTime", 100.0)
    with paced.watch("Clamp:State", "Z:WithdrawDone") as watch:
        hand_over(paced, "Z:Approach", "Clamp:Arm", "Z:Leave")
        watch.wait(lambda name, value: (name, value) == ("Clamp:State", 1))
        paced.put("Clamp:Stop", 1, wait=False)
        watch.wait(lambda name, value: name == "Z:WithdrawDone")
    assert paced.get("Z:Withdrawal")[:2].tolist() == [LEAVE, STOPPED]
    assert paced.word("Z:State") == "CONTACT"


def test_without_an_acquisition_it_leaves_at_once(near):
    assert near.approach()[1] == OK
    near.run("Z:Leave", done="Z:WithdrawDone", number=LEAVE)
    assert near.get("Z:Withdrawal")[:2].tolist() == [LEAVE, OK]
    assert near.word("Z:State") == "WITHDRAWN"
