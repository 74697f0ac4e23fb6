"""Faults of the stages: trips, a stuck meniscus, ends of travel, refused moves."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seccm_ophyd.errors import (
    CommandRefusedError,
    ParameterError,
    StoppedError,
    TooManyMissesError,
    TrippedError,
)
from seccm_ophyd.plans import hop_list, hop_to, withdraw
from seccm_ophyd.techniques import CurrentSample
from tests.iocs import wait_for

pytestmark = pytest.mark.system


def put(ioc, name, value):
    ioc.caproto("put", name, str(value))


def assert_safe(session):
    seccm = session.seccm
    wait_for(lambda: seccm.z.state.get(use_monitor=False) == "WITHDRAWN")
    assert seccm.clamp.mode.get(use_monitor=False) == "VCLAMP"
    assert seccm.clamp.holding_potential.get(use_monitor=False) == 0.0


@pytest.fixture
def landed(session):
    """Land at +0.65 V; gives the height of the contact."""
    session.seccm.clamp.prepare(CurrentSample())
    session.RE(hop_to(session.seccm, 1.0, 0.5))
    return session.seccm.z.contact_height.get()


@pytest.mark.fault(13)
def test_a_crash_by_hand_makes_the_ioc_safe_by_itself(session, ioc):
    seccm = session.seccm
    put(ioc, "Sim:CrashNext", "yes")
    seccm.clamp.holding_potential.put(0.65, wait=True)
    seccm.z.approach.request.put(1)
    wait_for(lambda: seccm.tripped.get(use_monitor=False) == "yes")
    assert_safe(session)
    assert "tip crash" in seccm.trip_reason.get()
    assert seccm.z.axis.position > 40, "back to where the approach began"


@pytest.mark.fault(14)
def test_a_meniscus_that_sticks_is_drawn_out_once_more(session, ioc):
    put(ioc, "Sim:StuckNext", "yes")
    session.seccm.clamp.prepare(CurrentSample())
    session.RE(hop_to(session.seccm, 1.0, 0.5))
    height = session.seccm.z.contact_height.get()
    session.RE(withdraw(session.seccm))
    assert session.seccm.z.state.get(use_monitor=False) == "WITHDRAWN"
    assert session.seccm.z.axis.read()["seccm_z_axis"]["value"] == pytest.approx(
        height + 8.0
    )
    assert session.seccm.tripped.get() == "no"


@pytest.mark.fault(14)
def test_a_meniscus_that_does_not_come_off_trips(session, ioc):
    put(ioc, "Sim:StuckNext", "yes")
    put(ioc, "Sim:StuckLength", 15)
    session.seccm.clamp.prepare(CurrentSample())
    session.RE(hop_to(session.seccm, 1.0, 0.5))
    with pytest.raises((TrippedError, StoppedError), match="does not come off"):
        session.RE(withdraw(session.seccm))
    assert session.seccm.tripped.get(use_monitor=False) == "yes"
    wait_for(lambda: session.seccm.clamp.holding_potential.get() == 0.0)
    session.RE(withdraw(session.seccm))
    assert_safe(session)


@pytest.mark.fault(17)
@pytest.mark.parametrize("phase", ["approach", "withdrawal"])
def test_z_that_does_not_follow_trips(session, ioc, phase):
    seccm = session.seccm
    seccm.clamp.prepare(CurrentSample())
    if phase == "withdrawal":
        session.RE(hop_to(seccm, 1.0, 0.5))
    put(ioc, "Sim:RunawayNext", "yes")
    plan = hop_to(seccm, 1.0, 0.5) if phase == "approach" else withdraw(seccm)
    with pytest.raises((TrippedError, StoppedError), match="Z does not follow"):
        session.RE(plan)
    assert seccm.tripped.get(use_monitor=False) == "yes"
    assert "setpoint" in seccm.trip_reason.get(use_monitor=False)
    assert_safe(session)


@pytest.mark.fault(18)
def test_a_sample_that_drifts_out_of_reach_ends_the_scan(session, ioc):
    seccm = session.seccm
    put(ioc, "Sim:DriftZ", -1000)
    slow = CurrentSample(settle_s=30.0)  # 30 um further down at each hop
    points = [(0.3 * k, 0.0) for k in range(5)]
    with pytest.raises(TooManyMissesError) as error:
        session.RE(hop_list(seccm, slow, points, max_misses=1, travel_limit_um=100.0))
    assert "the first contact of the scan was at z=" in str(error.value)
    assert "down to -20.000 um" in str(error.value)
    assert "the low end of Z" in seccm.link.last_error()
    assert_safe(session)


@pytest.mark.fault(18)
def test_a_withdrawal_that_falls_short_keeps_xy_locked(session, landed):
    seccm = session.seccm
    seccm.z.withdraw_distance.put(100.0, wait=True)
    with pytest.raises(StoppedError, match=r"only to 100 um, the upper end of Z"):
        seccm.z.withdraw.trigger().wait(30)
    assert seccm.z.state.get(use_monitor=False) == "STOPPED"
    with pytest.raises(CommandRefusedError, match="XY moves only when WITHDRAWN"):
        seccm.xy.x.set(2.0).wait(5)


@pytest.mark.fault(16)
def test_xy_in_contact_is_refused(session, landed):
    seccm = session.seccm
    before = seccm.xy.x.position
    with pytest.raises(CommandRefusedError, match="XY moves only when WITHDRAWN"):
        seccm.xy.x.set(before + 1.0).wait(5)
    assert seccm.xy.x.position == before
    assert seccm.z.state.get(use_monitor=False) == "CONTACT"


@pytest.mark.fault(15)
def test_a_point_outside_the_range_is_refused_by_plan_and_ioc(session, ioc):
    seccm, docs = session.seccm, []
    token = session.RE.subscribe(lambda name, doc: docs.append(name))
    high = seccm.xy.x.limits[1]

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.one_of(
            st.floats(min_value=np.nextafter(high, np.inf)),
            st.floats(max_value=np.nextafter(-high, -np.inf)),
            st.just(np.nan),
        ),
        st.booleans(),
    )
    def outside(value, along_x):
        point = (value, 0.0) if along_x else (0.0, value)
        with pytest.raises(ParameterError):
            session.RE(hop_list(seccm, CurrentSample(), [(0.0, 0.0), point]))

    outside()
    session.RE.unsubscribe(token)
    assert docs == []
    # past the limits of the signal, by the connection that may write
    seccm.xy.x.user_setpoint._write_pv.put(1000.0, wait=False)
    wait_for(lambda: "1000 is outside" in seccm.link.last_error())
    assert seccm.xy.x.position == 0.0
