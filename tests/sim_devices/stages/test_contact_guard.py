"""No descent begins that no current of a contact is sure to stop."""

import re

import pytest

from seccm_ophyd.sim_devices.epics.pvs import RefusedError
from seccm_ophyd.sim_devices.physics.current_input import CurrentInput
from seccm_ophyd.sim_devices.stages.contact_guard import ContactGuard

OK, TRIPPED, REFUSED = 1, 4, 5
GUARD = ContactGuard(rest_potential=0.38, least_contact=20.0, debounce=3)
USUAL = CurrentInput(5e9, 1000.0)  # 5 mV/pA, 1 kHz

system = pytest.mark.system


@pytest.mark.parametrize(
    ("threshold", "potential"),
    [(2, 0.65), (5, 0.65), (2, 0.48), (1.2, 0.45), (-2, 0.18), (-5, 0.0), (-2, -2.0)],
)
def test_what_each_contact_passes_is_allowed(threshold, potential):
    GUARD.check(threshold, potential, USUAL)


@pytest.mark.parametrize(
    ("threshold", "potential", "told"),
    [
        (2, 0.0, "wrong sign: at 0 V, below the rest potential of 0.38 V, .* negative"),
        (-2, 0.65, "wrong sign: at 0.65 V, above .* positive"),
        (2, 0.38, "of 2 pA may not be reached: at 0.38 V a contact is sure of 0 pA"),
        (2, 0.4, "sure of 0.4 pA only"),
        (-2, 0.3, "sure of 0 pA only"),
        (-2, 0.2, "sure of 1.6 pA only"),
        (10, 0.65, "sure of 5.4 pA only"),
        (15000, 0.65, "beyond the current range: at most 1800 pA"),
        (-1801, 0.0, "beyond the current range"),
        (1.0, 0.65, "below the noise of the current input: at least 1.15 pA"),
    ],
)
def test_what_may_not_stop_the_probe_is_refused(threshold, potential, told):
    with pytest.raises(RefusedError, match=told):
        GUARD.check(threshold, potential, USUAL)


def test_a_coarse_digitiser_needs_two_steps():
    coarse = CurrentInput(0.5e9, 10.0)  # 0.61 pA a step, 0.2 pA of noise
    with pytest.raises(RefusedError, match=r"at least 1\.22 pA"):
        GUARD.check(1.2, 0.65, coarse)


@pytest.mark.parametrize(("debounce", "rate"), [(10, 100), (5, 200), (3, 333), (1, 20)])
def test_a_descent_that_stops_in_time_is_allowed(debounce, rate):
    ContactGuard(0.38, 20.0, debounce).check_rate(rate)


@pytest.mark.parametrize(
    ("debounce", "rate", "told"),
    [
        (10, 200, r"10 samples .* at 200 um/s .* 0\.1 um .* 100 um/s, or 5 samples"),
        (3, 500, r"0\.075 um into the sample: at most 0\.05 um, which is 333 um/s"),
    ],
)
def test_a_descent_that_is_too_deep_when_it_stops_is_refused(debounce, rate, told):
    with pytest.raises(RefusedError, match=told):
        ContactGuard(0.38, 20.0, debounce).check_rate(rate)


BLIND = {
    "wrong sign": ({"Clamp:HoldingPotential": 0.0}, "wrong sign"),
    "at rest": ({"Clamp:HoldingPotential": 0.38}, "may not be reached"),
    "other rest": ({"Z:RestPotential": 0.9}, "wrong sign: at 0.65 V, below"),
    "too much": ({"Z:Threshold": 1000.0}, "may not be reached"),
    "range": ({"Z:Threshold": 15000.0}, "beyond the current range"),
    "noise": ({"Z:Threshold": 0.5}, "below the noise"),
    "filter": ({"Clamp:FilterCutoff": 1e5}, "below the noise"),
    "gain": ({"Clamp:Gain": 500.0, "Z:Threshold": 19.0}, "beyond the current range"),
    "too fast": (
        {"Z:Debounce": 10, "Z:ApproachRate": 200.0, "Z:Z.VELO": 200.0},
        "into the sample: at most 0.05 um",
    ),
    "open circuit": ({"Clamp:Mode": 2}, "Clamp:Mode VCLAMP"),
    "current clamp": ({"Clamp:Mode": 1}, "Clamp:Mode VCLAMP"),
}


@pytest.fixture
def blind(ioc, request):
    """A simulator whose probe no current would stop; gives it and why."""
    settings, told = BLIND[request.param]
    ioc.put("Clamp:HoldingPotential", 0.65)
    for name, value in settings.items():
        ioc.put(name, value)
    return ioc, told


def stands(ioc):
    """Whether the probe is where it was at boot, unharmed."""
    return ioc.get("Z:Z.RBV") == 50.0 and ioc.word("IOC:Tripped") == "no"


@system
@pytest.mark.parametrize("blind", BLIND, indirect=True)
def test_a_blind_descent_is_refused_by_whatever_starts_it(blind, assert_said):
    ioc, told = blind
    assert ioc.approach()[1] == REFUSED
    assert_said(ioc, "Z:Approach", told)
    for suffix, value in (("Z:Z", -5.0), ("Z:Z", 49.0)):
        assert_said(ioc, suffix, told, ioc.refusal(suffix, value))
    ioc.put("Hop:Mode", ioc.get("Clamp:Mode"))
    ioc.put("Hop:Hold", ioc.get("Clamp:HoldingPotential"))
    ioc.put("Hop:Store", 0)
    ioc.put("Hop:X", [0.0, 1.0])
    ioc.put("Hop:Y", [0.0, 0.0])
    ioc.run("Hop:Run")
    assert list(ioc.get("Hop:Line")[1:3]) == [REFUSED, 0]
    assert_said(ioc, "Hop:Run", told)
    assert stands(ioc)


@pytest.fixture
def assert_said():
    def check(ioc, suffix, told, message=None):
        message = message or ioc.text("IOC:ErrorMessage")
        assert message.startswith(f"{ioc.prefix}{suffix}")
        assert re.search(told, message), message

    return check


@system
def test_a_line_is_checked_with_the_settings_that_it_lands_with(ioc):
    ioc.put("Hop:Mode", 0)
    ioc.put("Hop:Hold", 0.65)
    ioc.put("Hop:Store", 0)  # 0.65 V, and 0 V are held now
    ioc.put("Hop:X", [0.0])
    ioc.put("Hop:Y", [0.0])
    ioc.run("Hop:Run")
    assert list(ioc.get("Hop:Line")[1:3]) == [OK, 1]
    ioc.put("Hop:Hold", 0.0)
    ioc.put("Hop:Store", 0)
    ioc.put("Clamp:HoldingPotential", 0.65)
    ioc.run("Hop:Run")
    assert ioc.get("Hop:Line")[1] == REFUSED


@system
def test_an_approach_that_waited_for_xy_is_checked_when_it_begins(start_ioc):
    ioc = start_ioc(time_scale=1)
    ioc.put("Clamp:HoldingPotential", 0.65)
    ioc.put("XY:X.VELO", 5.0)
    with ioc.watch("Z:ApproachDone") as watch:
        ioc.put("XY:X", 3.0, wait=False)
        ioc.put("Z:Approach", 7, wait=False)
        ioc.put("Clamp:HoldingPotential", 0.0)
        watch.wait(lambda name, value: value == 7)
    assert ioc.get("Z:Landing")[1] == REFUSED
    assert "wrong sign" in ioc.text("IOC:ErrorMessage")
    assert stands(ioc)


@system
def test_below_the_rest_potential_each_sample_stops_the_probe(ioc):
    ioc.put("Clamp:HoldingPotential", 0.18)
    ioc.put("Z:Threshold", -2.0)
    for x in (-2.0, 0.0, 2.0):
        ioc.move(X=x)
        assert ioc.approach()[1] == OK
        ioc.withdraw()


@system
def test_a_contact_of_the_other_sign_stops_the_probe(ioc):
    """A sample whose rest potential is not the one that was configured."""
    ioc.put("Z:RestPotential", 1.5)
    ioc.put("Clamp:HoldingPotential", 0.65)
    ioc.put("Z:Threshold", -2.0)
    landing = ioc.approach()
    assert landing[1] == OK
    assert landing[5] >= 2.0


@system
def test_a_move_down_ends_where_it_was_sent_or_says_why(ioc):
    ioc.put("Clamp:HoldingPotential", 0.65)

    def move(z):
        with ioc.watch("Z:Z.DMOV") as watch:
            ioc.put("Z:Z", z, wait=False)
            watch.wait_pulse("Z:Z.DMOV")
        return ioc.get("Z:Z.RBV")

    for z in (49.0, 48.9867, 30.00001, 7.3):
        assert move(z) == ioc.get("Z:Z") == z
    at = move(-5.0)
    said = f"{ioc.prefix}Z:Z: a contact ended the move to -5 um at {at:.3f} um"
    assert ioc.text("IOC:ErrorMessage") == said


@system
def test_an_approach_does_not_move_what_spmg_holds(ioc, assert_said):
    ioc.put("Clamp:HoldingPotential", 0.65)
    ioc.put("Z:Z.SPMG", 0)
    assert ioc.approach()[1] == REFUSED
    assert_said(ioc, "Z:Approach", "Z:Z.SPMG holds Z: write Go to it")
    assert stands(ioc)
    ioc.put("Z:Z.SPMG", 3)
    assert ioc.approach()[1] == OK
    ioc.put("Z:Z.SPMG", 0)
    ioc.withdraw()
    assert ioc.word("Z:State") == "WITHDRAWN", "up it goes all the same"


@system
def test_a_line_ends_at_a_record_that_is_held_meanwhile(ioc, assert_said):
    ioc.put("Hop:Mode", 0)
    ioc.put("Hop:Hold", 0.65)
    ioc.put("Hop:Store", 0)
    ioc.put("Hop:X", [0.001 * k for k in range(2000)])
    ioc.put("Hop:Y", [0.001 * k for k in range(2000)])
    with ioc.watch("Hop:Count", "Hop:RunDone") as watch:
        ioc.put("Hop:Run", 7, wait=False)
        watch.wait(lambda name, value: name.endswith("Count") and value > 0)
        ioc.put("XY:Y.SPMG", 1)
        watch.wait(lambda name, value: name.endswith("RunDone") and value == 7)
    _, outcome, hops = ioc.get("Hop:Line")[:3]
    assert outcome == 3, "stopped, and what was hopped is there"
    assert 0 < hops < 2000
    assert_said(ioc, "Hop:Run", "XY:Y.SPMG is Pause: write Go to it")
