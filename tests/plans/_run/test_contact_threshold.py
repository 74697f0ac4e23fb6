"""The current that stops a landing: its sign, its size, and what stubs make of it."""

import math

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import pytest

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.plans import approach, hop_scan, hop_to
from seccm_ophyd.plans._run.contact_threshold import least_contact_pa, signed_threshold
from seccm_ophyd.techniques import CurrentSample, CyclicVoltammetry, Galvanostatic


def named(docs, wanted):
    return [doc for name, doc in docs if name == wanted]


REST_V, LEAST_PA_V = 0.38, 20.0


def threshold(given, potential):
    return signed_threshold(given, potential, REST_V, LEAST_PA_V)


@pytest.mark.parametrize(
    ("potential", "least"),
    [(0.65, 5.4), (0.48, 2.0), (0.38, 0.0), (0.3, 0.0), (0.28, 0.0), (0.18, 2.0)],
)
def test_the_least_current_grows_with_the_distance_from_rest(potential, least):
    found = least_contact_pa(potential, REST_V, LEAST_PA_V)
    assert found == pytest.approx(least, abs=1e-9)


@pytest.mark.parametrize(
    ("given", "potential", "expected"),
    [
        (None, 0.65, 2.0),
        (None, 0.48, 2.0),
        (None, 0.18, -2.0),
        (None, -0.3, -2.0),
        (5.0, 0.65, 5.0),
        (1.2, 0.45, 1.2),
        (-5, 0.0, -5.0),
    ],
)
def test_a_threshold_has_the_sign_of_the_current(given, potential, expected):
    assert threshold(given, potential) == expected


@pytest.mark.parametrize(
    ("given", "potential", "message"),
    [
        (15000, 0.65, "threshold_pa=15000 is too much at 0.65 V: give at most 5.4 pA"),
        (-15000, 0.0, "threshold_pa=-15000 is too much at 0 V: give at most 5.6 pA"),
        (15001, 0.38, "too close to the rest potential of 0.38 V"),
        (None, 0.38, "0.38 V is too close .* at least 0.48 V, or at most 0.18 V"),
        (None, 0.25, "0.25 V is too close .* at least 0.48 V, or at most 0.18 V"),
        (2.0, 0.0, "threshold_pa=2 has the wrong sign: at 0 V, below the rest"),
        (-2.0, 0.65, "threshold_pa=-2 has the wrong sign: at 0.65 V, above the rest"),
        (0.0, 0.65, "must have a sign"),
        (math.nan, 0.65, "threshold_pa=nan"),
        ("2", 0.65, "threshold_pa='2'"),
        (1e6, 0.65, "-20000 and 20000 pA"),
    ],
)
def test_a_threshold_that_would_not_stop_the_probe_is_refused(
    given, potential, message
):
    with pytest.raises(ParameterError, match=message):
        threshold(given, potential)


def test_a_threshold_beyond_the_range_of_the_input_is_refused(RE, docs, fake):
    fake.device.z.least_contact.sim_put(1e6)
    fake.device.clamp.current_range.sim_put(200.0)
    with pytest.raises(ParameterError, match=r"at most 180 pA in magnitude \(90% of"):
        RE(hop_scan(fake.device, CurrentSample(), 0, 1, 2, 0, 1, 2, threshold_pa=190))
    assert docs == []


def test_the_noise_is_asked_for_after_the_amplifier_is_prepared(RE, docs, fake):
    """The monitor may still hold that of a wider filter, or of a narrower one."""
    fake.device.clamp.current_noise.sim_put(0.832)
    RE(hop_scan(fake.device, CurrentSample(), -1, 1, 2, 0, 1, 2))
    fake.device.clamp.present_noise.sim_put(0.832)
    fake.device.clamp.current_noise.sim_put(0.28)
    with pytest.raises(ParameterError, match=r"at least 3\.33 pA"):
        RE(hop_scan(fake.device, CurrentSample(), -1, 1, 2, 0, 1, 2))


@pytest.mark.parametrize("potential", [0.65, 0.0])
@pytest.mark.parametrize("by", ["potential", "technique", "dict", "held"])
def test_a_stub_lands_with_the_sign_of_its_potential(RE, fake, by, potential):
    m = fake.device
    m.z.threshold.sim_put(math.copysign(3.0, -(potential - REST_V)))
    how = {
        "potential": {"potential_v": potential},
        "technique": {"technique": CurrentSample(potential_v=potential)},
        "dict": {"technique": CurrentSample(potential_v=potential).to_dict()},
        "held": {},
    }[by]
    if by == "held":
        m.clamp.holding_potential.sim_put(potential)
        m.clamp.safe_potential.sim_put(-1.0)
    RE(hop_to(m, 1, 2, **how))
    assert fake.state == "CONTACT"
    assert m.clamp.holding_potential.get() == potential
    assert m.z.threshold.get() == (2.0 if potential else -2.0)


def test_a_stub_leaves_a_contact_before_it_changes_the_potential(RE, fake):
    m = fake.device
    RE(approach(m, potential_v=0.65))
    m.clamp.holding_potential.subscribe(
        lambda value, **kwargs: fake.log.append(("potential", value, fake.state)),
        run=False,
    )
    RE(approach(m, potential_v=0.0, threshold_pa=-3))
    assert ("potential", 0.0, "WITHDRAWN") in fake.log
    assert m.z.threshold.get() == -3


def test_several_techniques_are_prepared_and_the_first_decides(RE, fake):
    both = [CyclicVoltammetry(), Galvanostatic(current_pa=5)]
    RE(hop_to(fake.device, 0, 0, both))
    assert fake.device.clamp.prepared == tuple(both)
    assert fake.device.clamp.mode.get() == "VCLAMP"


@pytest.mark.parametrize("mode", ["VCLAMP", "ICLAMP", "I0"])
@pytest.mark.parametrize("stub", [approach, hop_to])
def test_a_stub_does_not_land_at_a_potential_that_nobody_chose(RE, fake, stub, mode):
    fake.device.clamp.mode.sim_put(mode)
    if mode != "VCLAMP":
        fake.device.clamp.holding_potential.sim_put(0.65)
    at = (1.5, -3) if stub is hop_to else ()
    typed = f"{stub.__name__}(seccm{', 1.5, -3' if at else ''}, potential_v=0.65)"
    with pytest.raises(ParameterError) as refused:
        RE(stub(fake.device, *at))
    assert str(refused.value).endswith(typed)
    assert "approach" not in fake.log
    assert fake.state == "WITHDRAWN"


@pytest.mark.parametrize(
    ("at", "how", "message"),
    [
        (("a", 0), {}, r"seccm_xy_x='a' is not a finite number: give -30 to 30 um"),
        ((0, math.nan), {}, r"seccm_xy_y=nan is not a finite number: give -30 to 30"),
        ((40, 0), {}, r"seccm_xy_x=40 must be between -30 and 30 um"),
        ((None, 0), {}, r"seccm_xy_x=None is not a finite number"),
        ((0, 0), {"potential_v": 0.4}, "too close to the rest potential"),
        ((0, 0), {"potential_v": math.nan}, "potential_v=nan"),
        ((0, 0), {"potential_v": 650.0}, "potential_v=650.0"),
        ((0, 0), {"technique": "CV"}, "CV"),
        ((0, 0), {"threshold_pa": 15000}, "threshold_pa=15000 is too much"),
        (
            (0, 0),
            {"threshold_pa": 0.5},
            "threshold_pa=0.5 is below the noise: give at least",
        ),
        ((0, 0), {"technique": CurrentSample()}, "give one of them"),
    ],
)
def test_what_a_stub_cannot_do_is_refused_before_anything_moves(
    RE, fake, at, how, message
):
    options = {"potential_v": 0.65, **how}
    if "technique" in how and how["technique"] == "CV":
        options.pop("potential_v")
    with pytest.raises(ParameterError, match=message):
        RE(hop_to(fake.device, *at, **options))
    assert not [entry for entry in fake.log if entry != "withdraw"]


def test_behind_a_stub_the_potential_may_be_changed(RE, docs, fake):
    m = fake.device
    RE(approach(m, potential_v=0.65))
    RE(bps.mv(m.clamp.holding_potential, 0.2))
    RE(bp.count([m.clamp]))
    assert named(docs, "stop")[0]["exit_status"] == "success"


def test_made_safe_by_hand_the_amplifier_counts_as_nobodys(RE, docs, fake):
    m = fake.device
    m.clamp.prepare(CurrentSample(potential_v=0.65))
    m.stop()
    RE(bp.count([m.clamp]))
    assert named(docs, "stop")[0]["exit_status"] == "success"
