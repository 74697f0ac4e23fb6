"""Every technique and plan on the simulator: contact, clamp, traces, time, SAFE."""

from dataclasses import dataclass

import bluesky.preprocessors as bpp
import numpy as np
import pytest

from seccm_ophyd import plans
from seccm_ophyd.plans import estimate
from seccm_ophyd.techniques import (
    Chronoamperometry,
    CurrentSample,
    Galvanostatic,
    LinearSweepVoltammetry,
    ZeroCurrentPotential,
    as_techniques,
)

pytestmark = pytest.mark.system

PARTICLE = (-1.0, -1.0)  # of the sample with seed 3: LiFePO4
CARBON = (1.0, 1.0)
GRID = (-1, 1, 2, -1, 1, 2)
GENTLE = {"current_pa": 5.0, "duration_s": 2.0, "interval_s": 0.05, "soak_s": 0.5}
HARD = {"current_pa": 200.0, "duration_s": 60.0, "interval_s": 0.02, "soak_s": 0.5}


@dataclass
class Done:
    """A plan that has been run, and what was seen of it."""

    uids: tuple[str, ...]
    docs: list
    modes: list  # of the amplifier at each acquisition, as the IOC tells it
    landings: int
    used_s: float
    expected_s: float

    def all(self, wanted):
        return [doc for name, doc in self.docs if name == wanted]

    @property
    def events(self):
        streams = {doc["uid"]: doc["name"] for doc in self.all("descriptor")}
        return [
            doc["data"]
            for doc in self.all("event")
            if streams[doc["descriptor"]] == "primary"
        ]

    @property
    def event(self):
        (only,) = self.events
        return only

    def units(self, key):
        return self.all("descriptor")[0]["data_keys"][key]["units"]


@pytest.fixture
def run(session):
    """Run a plan by name, watch it, and see that the instrument is SAFE behind it."""
    microscope = session.seccm

    def watched(done):
        def look(msg):
            if msg.command == "trigger" and msg.obj is microscope.z.approach:
                done.landings += 1
            if msg.command == "trigger" and msg.obj is microscope.clamp.acquire:
                done.modes.append(microscope.clamp.mode.get(use_monitor=False))
            return None, None

        return look

    def run_plan(name, *args, **kwargs):
        make = getattr(plans, name)
        done = Done((), [], [], 0, 0.0, 0.0)
        done.expected_s = estimate(make(microscope, *args, **kwargs)).duration_s
        began = microscope.instrument_time.get()
        token = session.RE.subscribe(lambda *document: done.docs.append(document))
        plan = make(microscope, *args, **kwargs)
        done.uids = session.RE(bpp.plan_mutator(plan, watched(done)))
        session.RE.unsubscribe(token)
        done.used_s = microscope.instrument_time.get() - began
        assert_safe(microscope)
        assert {event["seccm_hop_outcome"] for event in done.events} == {"contact"}
        return done

    return run_plan


def assert_safe(microscope):
    clamp = microscope.clamp
    assert microscope.z.state.get(use_monitor=False) == "WITHDRAWN"
    assert clamp.mode.get(use_monitor=False) == "VCLAMP"
    safe = clamp.safe_potential.get(use_monitor=False)
    assert clamp.holding_potential.get(use_monitor=False) == safe


def stored_traces(session, uid, label):
    """Read time, potential and current of each hop, as far as they were taken."""
    data = session.catalog[uid].primary.read([f"seccm_traces_{label}"])
    rows = np.asarray(data[f"seccm_traces_{label}"])
    return [row[:, np.isfinite(row[0])] for row in rows]


def assert_scalars_are_those_of_the_traces(session, done, technique, suffix=""):
    """Every scalar of an event follows from the trace that was stored with it."""
    traces = stored_traces(session, done.uids[0], technique.label + suffix)
    for event, trace in zip(done.events, traces, strict=True):
        found = technique.summarise(trace)
        told = {name: event[f"seccm_clamp_{name}{suffix}"] for name in found}
        assert told == pytest.approx(found, nan_ok=True)


MAPS = {
    "current_map": ("VCLAMP", {"settle_s": 0.05}),
    "potential_map": ("I0", {"duration_s": 0.2, "snake": True}),
    "galvanostatic_map": ("ICLAMP", {}),
    "voltammetry_map": ("VCLAMP", {"scan_rate_v_s": 10.0}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MAPS)
def test_a_map_measures_at_each_point_in_its_mode_in_the_time_foretold(
    session, run, name
):
    mode, settings = MAPS[name]
    done = run(name, *GRID, **settings)
    (start,) = done.all("start")
    assert start["plan_name"] == name
    assert len(done.events) == done.landings == 4
    assert done.modes == [mode] * 4
    assert done.used_s == pytest.approx(done.expected_s, rel=0.15)
    (technique,) = as_techniques(start["techniques"])
    assert_scalars_are_those_of_the_traces(session, done, technique)
    for scalar in technique.scalars:
        assert done.units(f"seccm_clamp_{scalar.name}") == scalar.units


def test_the_maps_tell_the_particle_from_the_carbon(run):
    points = [PARTICLE, CARBON]
    techniques = [
        CurrentSample(settle_s=0.05),
        ZeroCurrentPotential(duration_s=0.2),
        Galvanostatic(),
    ]
    on, off = run("hop_list", techniques, points).events
    assert on["seccm_clamp_current"] > 20 * abs(off["seccm_clamp_current"])
    potential, drift, slope = (
        f"seccm_clamp_{name}"
        for name in ("zero_current_potential", "potential_drift", "potential_slope")
    )
    assert on[potential] == pytest.approx(0.38, abs=0.03)
    assert off[potential] > 0.5
    assert abs(on[drift]) < 0.05 < abs(off[drift])
    assert on[slope] < off[slope] / 5


@pytest.mark.slow
def test_a_list_of_techniques_is_done_in_one_contact(session, run):
    techniques = [
        ZeroCurrentPotential(),
        Galvanostatic(),
        Galvanostatic(current_pa=-5.0),
        Chronoamperometry(),
        LinearSweepVoltammetry(scan_rate_v_s=10.0),
    ]
    done = run("hop_list", [made.to_dict() for made in techniques], [PARTICLE])
    assert done.landings == 1
    assert done.modes == ["I0", "ICLAMP", "ICLAMP", "VCLAMP", "VCLAMP"]
    assert len(done.events) == 1
    for made, suffix in zip(techniques, ("", "", "_2", "", ""), strict=True):
        assert_scalars_are_those_of_the_traces(session, done, made, suffix)
    assert done.event["seccm_clamp_passed_charge"] == pytest.approx(3.0, rel=0.1)
    assert done.event["seccm_clamp_passed_charge_2"] == pytest.approx(-3.0, rel=0.1)
    ((_, potential, _),) = stored_traces(session, done.uids[0], "chronoamperometry")
    np.testing.assert_allclose(potential, 0.65)


@pytest.mark.slow
def test_a_voltammogram_has_its_peaks_on_either_side_of_the_rest(session, run):
    done = run("cyclic_voltammetry", PARTICLE, scan_rate_v_s=0.5, rest_s=0.5)
    event = done.event
    assert event["seccm_clamp_anodic_peak_current"] > 50
    assert event["seccm_clamp_cathodic_peak_current"] < -50
    assert (
        event["seccm_clamp_cathodic_peak_potential"]
        < 0.38
        < event["seccm_clamp_anodic_peak_potential"]
    )
    assert done.used_s == pytest.approx(done.expected_s, rel=0.15)
    ((time, potential, _),) = stored_traces(session, done.uids[0], "cyclic_voltammetry")
    assert time[-1] == pytest.approx(2 / 0.5, abs=0.01)
    assert (potential.max(), potential.min()) == pytest.approx((0.8, -0.2))


def test_a_sweep_at_a_tenth_of_a_millivolt_per_second(session, run):
    """5.6 hours of instrument time: a sample each 10 s, and a potential each 1 mV."""
    done = run("cyclic_voltammetry", PARTICLE, scan_rate_v_s=1e-4)
    assert done.used_s == pytest.approx(20_000, rel=0.01)
    ((time, potential, current),) = stored_traces(
        session, done.uids[0], "cyclic_voltammetry"
    )
    np.testing.assert_allclose(np.diff(time), 10.0)
    np.testing.assert_allclose(np.abs(np.diff(potential)), 1e-3, atol=1e-9)
    assert np.isfinite(current).all()
    assert done.event["seccm_clamp_anodic_current"] > 0


def test_scan_rates_are_taken_in_one_contact_and_the_peaks_grow(session, run):
    done = run("scan_rate_series", PARTICLE, (0.5, 2, 10), rest_s=0.2)
    assert done.landings == 1
    assert done.used_s == pytest.approx(done.expected_s, rel=0.15)
    suffixes = ("", "_2", "_3")
    peaks = [done.event[f"seccm_clamp_anodic_peak_current{end}"] for end in suffixes]
    assert peaks == sorted(peaks)
    assert peaks[2] > 3 * peaks[0]
    techniques = as_techniques(done.all("start")[0]["techniques"])
    for technique, suffix in zip(techniques, suffixes, strict=True):
        assert_scalars_are_those_of_the_traces(session, done, technique, suffix)


def test_approach_curves_end_where_the_contact_was(session, run):
    done = run("approach_curves", [PARTICLE, CARBON], 2)
    assert done.landings == len(done.events) == 4
    assert done.used_s == pytest.approx(done.expected_s, rel=0.15)
    data = session.catalog[done.uids[0]].primary.read()
    curves = np.asarray(data["seccm_traces_approach"])
    heights = [event["seccm_z_contact_height"] for event in done.events]
    assert curves[:, 0, -1].tolist() == heights
    assert np.ptp(heights[:2]) < 0.1


def assert_charge_is_in_its_trace(session, done, current_pa, interval_s, suffix=""):
    event, uid = done.event, done.uids[0]
    ((time, potential, current),) = stored_traces(
        session, uid, f"galvanostatic{suffix}"
    )
    # as measured: an offset of 0.1 pA rms, and 0.28 pA rms of noise in each sample
    beside = 0.3 + 5 * 0.28 / np.sqrt(len(current))
    assert current.mean() == pytest.approx(current_pa, abs=beside)
    passed = event[f"seccm_clamp_passed_charge{suffix}"]
    lasted = np.diff(time, prepend=-interval_s)  # the last one to a cut-off
    assert passed == pytest.approx(current @ lasted)
    assert event[f"seccm_clamp_end_potential{suffix}"] == potential[-1]
    capacity = event[f"seccm_clamp_capacity{suffix}"]
    assert capacity == pytest.approx(abs(passed) / 3600)


def test_a_charge_ends_at_its_time(session, run):
    done = run("local_charge", PARTICLE, **GENTLE)
    assert done.event["seccm_clamp_end_reason"] == "time"
    assert done.event["seccm_clamp_passed_charge"] == pytest.approx(10.0, rel=0.06)
    assert done.modes == ["ICLAMP"]
    assert done.used_s == pytest.approx(done.expected_s, rel=0.15)
    assert done.units("seccm_clamp_passed_charge") == "pC"
    assert_charge_is_in_its_trace(session, done, 5.0, 0.05)


def test_a_charge_ends_at_its_cutoff(session, run):
    done = run("local_charge", PARTICLE, e_upper_v=0.8, **HARD)
    assert done.event["seccm_clamp_end_reason"] == "upper cut-off"
    assert done.event["seccm_clamp_end_potential"] > 0.79
    assert done.event["seccm_clamp_charge_time"] < 60
    assert done.used_s < done.expected_s
    assert_charge_is_in_its_trace(session, done, 200.0, 0.02)


def test_a_discharge_ends_at_its_cutoff(session, run):
    settings = {**HARD, "current_pa": -200.0}
    done = run("local_discharge", PARTICLE, e_lower_v=0.0, **settings)
    assert done.event["seccm_clamp_end_reason"] == "lower cut-off"
    assert_charge_is_in_its_trace(session, done, -200.0, 0.02)


@pytest.mark.slow
def test_charge_and_discharge_share_a_contact(session, run):
    done = run("charge_discharge", PARTICLE, **GENTLE)
    assert done.landings == 1
    assert done.modes == ["ICLAMP", "ICLAMP"]
    assert done.used_s == pytest.approx(done.expected_s, rel=0.15)
    assert_charge_is_in_its_trace(session, done, 5.0, 0.05)
    assert_charge_is_in_its_trace(session, done, -5.0, 0.05, "_2")


@pytest.mark.slow
def test_a_charge_is_seen_on_the_map_behind_it(session, run):
    settings = {**GENTLE, "current_pa": 50.0, "e_upper_v": 1.9}
    done = run("charge_and_remap", PARTICLE, *GRID, **settings)
    starts = done.all("start")
    assert tuple(start["uid"] for start in starts) == done.uids
    assert [start["part"] for start in starts] == ["map before", "charge", "map after"]
    assert len({start["series"] for start in starts}) == 1
    assert done.modes == ["I0"] * 4 + ["ICLAMP"] + ["I0"] * 4
    before, after = (
        session.catalog[uid].primary.read()["seccm_clamp_zero_current_potential"].values
        for uid in (done.uids[0], done.uids[2])
    )
    assert after[0] > before[0] + 0.002  # charged: more noble
    np.testing.assert_allclose(after[1:], before[1:], atol=0.03)
    charge = session.catalog[done.uids[1]].primary.read()
    passed = float(charge["seccm_clamp_passed_charge"].values[0])
    taken = float(charge["seccm_clamp_charge_time"].values[0])
    assert passed == pytest.approx(50.0 * taken, rel=0.02)
