"""Faults of single hops: what is recorded, and that the scan goes on or ends SAFE."""

import numpy as np
import pytest

from seccm_ophyd.analysis import hop_map
from seccm_ophyd.errors import (
    CommandRefusedError,
    OverloadError,
    TooManyMissesError,
    TrippedError,
)
from seccm_ophyd.plans import hop_list
from seccm_ophyd.techniques import (
    Chronoamperometry,
    CurrentSample,
    CyclicVoltammetry,
    Galvanostatic,
    ZeroCurrentPotential,
)

pytestmark = pytest.mark.system

POINTS = [(-2.0 + 0.5 * k, 1.0) for k in range(6)]
SWEEP = CyclicVoltammetry(scan_rate_v_s=10.0)


@pytest.fixture
def set_fault(ioc, session):
    """Write a PV of the simulator by hand."""

    def put(name, value):
        ioc.caproto("put", f"Sim:{name}", str(value))

    return put


def run(session, technique, points=POINTS, **options):
    """Run a list of hops; returns the events, the stop document and the error."""
    docs, error = [], None
    token = session.RE.subscribe(lambda name, doc: docs.append((name, doc)))
    try:
        session.RE(hop_list(session.seccm, technique, points, **options))
    except Exception as raised:
        error = raised
    finally:
        session.RE.unsubscribe(token)
    events = [doc["data"] for name, doc in docs if name == "event"]
    return events, docs[-1][1], error


def outcomes(events):
    return [event["seccm_hop_outcome"] for event in events]


def assert_safe(session):
    seccm = session.seccm
    assert seccm.z.state.get(use_monitor=False) == "WITHDRAWN"
    assert seccm.clamp.mode.get(use_monitor=False) == "VCLAMP"
    assert seccm.clamp.holding_potential.get(use_monitor=False) == 0.0


@pytest.mark.fault(8)
def test_a_current_that_is_no_number_is_a_bad_pixel(session, set_fault):
    set_fault("BadReadingNext", "yes")
    events, stop, error = run(session, CurrentSample())
    assert error is None
    assert outcomes(events) == ["bad", *["contact"] * 5]
    assert np.isnan(events[0]["seccm_clamp_current"])
    assert np.isfinite(events[0]["seccm_z_contact_height"])
    assert stop["hop_counts"] == {"bad": 1, "contact": 5, "repeated": 0}
    assert_safe(session)


@pytest.mark.fault(8)
def test_bad_readings_in_a_row_end_the_scan(session, set_fault):
    set_fault("BadReadingRate", 1)
    events, stop, error = run(session, SWEEP, max_misses=3)
    assert isinstance(error, TooManyMissesError)
    assert "3 hops in a row gave no good pixel (3 bad)" in str(error)
    assert outcomes(events) == ["bad"] * 3
    assert stop["hop_counts"]["bad"] == 3
    assert_safe(session)


@pytest.mark.fault(9)
def test_an_overload_withdraws_and_the_map_goes_on(session, set_fault):
    set_fault("SaturationRate", 1)
    events, _, error = run(session, CurrentSample(), max_misses=7)
    assert error is None
    assert outcomes(events) == ["overload"] * 6
    signs = {np.sign(event["seccm_clamp_current"]) for event in events}
    assert signs == {1.0, -1.0}, "both rails"
    set_fault("SaturationRate", 0)
    events, _, _ = run(session, CurrentSample())
    assert outcomes(events) == ["contact"] * 6
    assert events[0]["seccm_clamp_potential"] == pytest.approx(0.65)
    assert_safe(session)


@pytest.mark.fault(9)
def test_an_overload_ends_the_scan_where_that_is_asked_for(session, set_fault):
    set_fault("SaturationNext", "yes")
    events, stop, error = run(session, CurrentSample(), overload="stop")
    assert isinstance(error, OverloadError)
    assert outcomes(events) == ["overload"]
    assert stop["exit_status"] == "fail"
    assert_safe(session)


@pytest.mark.fault(10)
def test_a_landing_without_contact_is_a_pixel_of_nan(session, set_fault):
    set_fault("NoContactNext", "yes")
    events, _, error = run(session, CurrentSample())
    assert error is None
    assert outcomes(events) == ["no_contact", *["contact"] * 5]
    assert np.isnan(events[0]["seccm_clamp_current"])
    set_fault("NoContactRate", 1)
    events, _, error = run(session, CurrentSample(), max_misses=2)
    assert isinstance(error, TooManyMissesError)
    assert "(2 no_contact)" in str(error)
    assert_safe(session)


@pytest.mark.fault(11)
@pytest.mark.parametrize("technique", [CurrentSample(), ZeroCurrentPotential()])
def test_a_spike_above_the_surface_makes_a_suspect(session, set_fault, technique):
    set_fault("FalseContactNext", "yes")
    events, _, error = run(session, technique)
    assert error is None
    assert outcomes(events) == ["suspect", *["contact"] * 5]
    assert abs(events[0]["seccm_z_verified_current"]) < 1.0
    assert events[1]["seccm_z_verified_current"] > 1.0
    assert_safe(session)


@pytest.mark.fault(12)
@pytest.mark.parametrize(
    "technique",
    [
        CyclicVoltammetry(scan_rate_v_s=1.0, e_start_v=0.6, e_end_v=0.6),
        Galvanostatic(current_pa=5.0, e_upper_v=1.9, e_lower_v=-1.9),
        Chronoamperometry(potential_v=0.75, e_initial_v=0.65, duration_s=0.5),
    ],
)
def test_a_meniscus_that_breaks_ends_the_trace(session, set_fault, technique):
    """Where no clear current flows, as on carbon, nothing shows."""
    set_fault("BreakRate", 1)
    events, _, error = run(session, technique, max_misses=100)
    assert error is None
    assert set(outcomes(events)) <= {"lost", "contact"}
    assert outcomes(events).count("lost") >= 2
    assert_safe(session)
    set_fault("BreakRate", 0)
    events, _, error = run(session, technique)
    assert outcomes(events) == ["contact"] * 6, "no false alarm"


@pytest.mark.fault(12, 19)
def test_a_contact_lost_in_current_clamp_ends_with_that_sample(session, set_fault):
    pulse = Galvanostatic(e_upper_v=1.9, e_lower_v=-1.9)
    set_fault("BreakNext", "yes")
    events, _, error = run(session, [pulse, pulse])
    assert error is None, "one lost pixel does not end a map"
    first, *others = events
    assert first["seccm_hop_outcome"] == "lost"
    assert first["seccm_clamp_end_reason"] == "contact lost"
    assert abs(first["seccm_clamp_end_potential"]) < 1.5, "of the time before"
    assert first["seccm_clamp_end_reason_2"] == "", "left out"
    assert {event["seccm_hop_outcome"] for event in others} == {"contact"}
    assert session.seccm.tripped.get() == "no"
    assert_safe(session)


@pytest.mark.slow
@pytest.mark.fault(8, 11, 12)
def test_a_map_keeps_what_is_suspect_and_drops_what_is_bad(session, set_fault):
    from seccm_ophyd.plans import current_map

    for fault in ("BadReadingNext", "FalseContactNext"):
        set_fault(fault, "yes")
        (uid,) = session.RE(current_map(session.seccm, -1, 1, 2, -1, 1, 2))
        data = hop_map(session.catalog[uid])
        code = 6 if fault == "BadReadingNext" else 4
        found = data.outcome.values == code
        assert found.sum() == 1
        kept = np.isfinite(data.current.values[found]).all()
        assert kept == (fault == "FalseContactNext")


@pytest.mark.fault(20)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Clamp:Gain", 50.0),
        ("Clamp:FilterCutoff", 5000.0),
        ("Clamp:HoldingPotential", 0.1),
        ("Clamp:Mode", 1),
    ],
)
def test_a_knob_that_somebody_turns_ends_the_scan(session, ioc, name, value):
    turned = []

    def turn(kind, doc):
        if kind == "event" and not turned:
            turned.append(name)
            # by the connection that may: the IOC refuses all others
            knobs = {
                w.item.pvname: w.item
                for w in session.seccm.clamp.walk_signals()
                if hasattr(w.item, "pvname")
            }
            knobs[ioc.prefix + name].put(value, wait=True, timeout=5)

    token = session.RE.subscribe(turn)
    events, stop, error = run(session, CurrentSample())
    session.RE.unsubscribe(token)
    assert isinstance(error, CommandRefusedError)
    assert f"{ioc.prefix}{name} is " in str(error)
    assert "somebody has changed it" in str(error)
    assert len(events) == 1
    assert stop["exit_status"] == "fail"
    assert_safe(session)


@pytest.mark.fault(13)
def test_a_crash_is_safe_and_latched_until_it_is_acknowledged(session, set_fault):
    set_fault("CrashNext", "yes")
    events, stop, error = run(session, CurrentSample())
    assert isinstance(error, TrippedError)
    assert "tip crash" in str(error)
    assert events == []
    assert stop["exit_status"] == "fail"
    assert_safe(session)
    _, _, refused = run_refused(session)
    assert "tip crash" in str(refused)
    assert "acknowledge" in str(refused)
    session.seccm.acknowledge.put(1, wait=True)
    set_fault("NewPipette", 1)
    events, _, error = run(session, CurrentSample())
    assert error is None
    assert outcomes(events) == ["contact"] * 6


def run_refused(session):
    """Run a plan that is refused when the microscope is staged."""
    try:
        session.RE(hop_list(session.seccm, CurrentSample(), POINTS))
    except Exception as error:
        return [], None, error
    pytest.fail("it was not refused")
