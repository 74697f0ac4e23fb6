"""Bluesky's own plans and magics on our devices, over EPICS."""

import time
from operator import attrgetter

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import numpy as np
import pytest
from bluesky.magics import BlueskyMagics
from bluesky.utils import FailedStatus
from IPython.testing.globalipapp import start_ipython
from ophyd import EpicsMotor
from ophyd.utils import LimitError

from seccm_ophyd.devices.setting import PUT_TIMEOUT_S
from seccm_ophyd.errors import CommandRefusedError, MotorError, ParameterError
from seccm_ophyd.plans import hop_to, make_safe

pytestmark = pytest.mark.system


def events(collected):
    return [doc["data"] for name, doc in collected if name == "event"]


def test_count_on_the_amplifier(session, collected):
    session.RE(bp.count([session.seccm.clamp], num=3))
    currents = [e["seccm_clamp_current"] for e in events(collected)]
    assert len(currents) == 3
    assert all(abs(current) < 5 for current in currents)  # no contact: noise


def test_count_on_the_z_stage_lands(session, collected):
    m = session.seccm
    session.RE(bps.mv(m.clamp.holding_potential, 0.65))
    session.RE(bp.count([m.z], num=2))
    heights = [e["seccm_z_contact_height"] for e in events(collected)]
    assert len(heights) == 2
    assert np.ptp(heights) < 0.1
    session.RE(make_safe(m))
    assert m.z.state.get() == "WITHDRAWN"


def test_scan_and_grid_scan_move_the_stage(session, collected):
    m = session.seccm
    session.RE(bp.scan([m.clamp], m.xy.x, -2, 2, 3))
    session.RE(bp.grid_scan([m.clamp], m.xy.y, 0, 1, 2, m.xy.x, 0, 2, 3))
    xs = [e["seccm_xy_x"] for e in events(collected)]
    np.testing.assert_allclose(xs, [-2, 0, 2, 0, 1, 2, 0, 1, 2], atol=1e-3)


def test_a_plain_epics_motor_works_on_the_records(session):
    # at its safe potential the IOC refuses to lower the probe: no current would stop it
    session.seccm.clamp.holding_potential.put(0.65, wait=True)
    axes = [
        EpicsMotor(f"{session.seccm.prefix}{suffix}", name="axis")
        for suffix in ("XY:X", "XY:Y", "Z:Z")
    ]
    for axis in axes:
        axis.wait_for_connection(timeout=30)
    x, _, z = axes
    x.set(1.5).wait(10)
    assert x.position == pytest.approx(1.5, abs=1e-3)
    assert x.egu == "um"
    assert x.precision == 4
    z.set(45.0).wait(10)
    assert z.position == pytest.approx(45.0, abs=1e-3)
    for axis in axes:
        axis.destroy()


def test_limits_are_those_of_the_records(session):
    x = session.seccm.xy.x
    low, high = x.limits
    assert low < -10 < 10 < high
    for bad in (high + 1, float("nan")):
        with pytest.raises(LimitError):
            x.set(bad)


def test_limits_follow_the_record(session):
    x = session.seccm.xy.x
    first = x.limits
    seen = []
    for high in (5.0, 20.0, 4.0, first[1]):
        session.RE(bps.mv(x.high_limit_travel, high))
        seen.append((x.limits, x.user_setpoint.limits))
    assert seen == [2 * ((first[0], h),) for h in (5.0, 20.0, 4.0, first[1])]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("xy.x.velocity", 1e9, "= 1e+09 um/s: it must be between 0.001 and 10000 um/s"),
        ("xy.y.velocity", -5.0, "= -5 um/s: it must be between 0.001 and 10000 um/s"),
        ("xy.x.acceleration", np.nan, "= nan s: it must be between 0 and 60 s"),
        ("z.axis.settle", -1.0, "= -1 s: it must be between 0 and 60 s"),
        ("z.axis.velocity", 2001.0, "between 0.001 and 2000 um/s"),
        ("xy.x.user_offset", np.inf, "= inf um: it must be between -1e+06 and 1e+06"),
        ("xy.x.high_limit_travel", np.nan, "it must be finite"),
        ("clamp.gain", "high", "= 'high': it must be a number"),
        ("clamp.gain", 0.0, "= 0 mV/pA: it must be between 0.5 and 500 mV/pA"),
        ("clamp.mode", "AC", "= 'AC': it must be one of VCLAMP, ICLAMP, I0"),
        ("clamp.cutoffs", [-1.0, 11.0], "= 11 V: it must be between -10 and 10 V"),
        ("lease_time", 0.0, "between 0.5 and 60 s"),
    ],
)
def test_what_a_setting_cannot_be_is_refused_at_once(session, name, value, told):
    signal = attrgetter(name)(session.seccm)
    before = signal.get(use_monitor=False)
    with pytest.raises((ParameterError, LimitError)) as error:
        session.RE(bps.mv(signal, value))
    assert str(error.value).startswith(signal.name)
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    np.testing.assert_array_equal(signal.get(use_monitor=False), before)


def test_what_starts_something_ends_too(session):
    m = session.seccm
    for signal in (m.z.halt, m.clamp.halt, m.acknowledge, m.xy.x.motor_stop):
        session.RE(bps.mv(signal, 1))
    for _ in range(2):  # the second refusal says the same words
        with pytest.raises(FailedStatus, match="this stage does not have it"):
            session.RE(bps.mv(m.xy.x.home_forward, 1))


def test_a_setpoint_that_is_refused_ends(session):
    axis = session.seccm.z.axis
    session.RE(make_safe(session.seccm))
    with pytest.raises(FailedStatus, match=r"was not moved to 1 um: .*wrong sign"):
        session.RE(bps.mv(axis.user_setpoint, 1.0))
    session.RE(bps.mv(axis.user_setpoint, axis.position + 1.0))


def test_a_switch_of_a_record_takes_its_words_and_numbers(session):
    x = session.seccm.xy.x
    for signal, value, told in (
        (x.user_offset_dir, 2, "must be one of Pos, Neg"),
        (x.set_use_switch, "on", "must be one of Use, Set"),
        (x.disable, 2, "must be between 0 and 1"),
    ):
        with pytest.raises(LimitError, match=told):
            session.RE(bps.mv(signal, value))
    for value in ("Set", "Use", 1, 0):
        session.RE(bps.mv(x.set_use_switch, value))
    for value in (1, 0):
        session.RE(bps.mv(x.disable, value))
        assert bool(np.any(x.disable.get(use_monitor=False))) == bool(value)


def test_what_only_the_ioc_can_refuse_fails_at_once_in_its_words(session):
    m = session.seccm
    for signal, value, told in (
        (m.xy.x.high_limit_travel, 1e5, "100000 is outside -30 to 30 um"),
        (m.clamp.cutoffs, [1.0, -1.0], "not a lower and an upper potential"),
        (m.z.axis.user_offset, 1.0, "this stage has no user offset"),
    ):
        began = time.monotonic()
        with pytest.raises(FailedStatus) as error:
            session.RE(bps.mv(signal, value))
        assert time.monotonic() - began < PUT_TIMEOUT_S
        assert isinstance(error.value.__cause__, CommandRefusedError)
        assert told in str(error.value)


@pytest.mark.parametrize(
    ("field", "wrong", "right", "told"),
    [
        ("stop_pause_move_go", "Pause", "Go", "XY:X.SPMG is Pause, write Go to it"),
        ("set_use_switch", 1, 0, "XY:X.SET is Set, write Use to it"),
    ],
)
def test_a_record_that_would_not_move_is_refused(session, field, wrong, right, told):
    m = session.seccm
    signal = getattr(m.xy.x, field)
    session.RE(bps.mv(signal, wrong))
    before = m.xy.x.position
    try:
        with pytest.raises(MotorError, match=told):
            session.RE(bp.scan([], m.xy.x, -1, 1, 2))
        with pytest.raises(FailedStatus) as error:
            session.RE(bps.mv(m.xy.x, before + 1.0))
        assert told in str(error.value)
    finally:
        session.RE(bps.mv(signal, right))
    assert m.xy.x.user_readback.get(use_monitor=False) == before
    assert m.xy.x.user_offset.get(use_monitor=False) == 0.0
    session.RE(bps.mv(m.xy.x, before + 1.0))


def test_the_ioc_refuses_xy_in_contact_and_the_status_says_so(session):
    m = session.seccm
    session.RE(bps.mv(m.clamp.holding_potential, 0.65))
    session.RE(hop_to(m, 0, 0))
    assert m.z.state.get() == "CONTACT"
    before = m.xy.x.user_readback.get()
    with pytest.raises(CommandRefusedError, match="seccm_xy_x was not moved to 2"):
        m.xy.x.set(2.0).wait(10)
    assert m.xy.x.user_readback.get() == before
    session.RE(make_safe(m))
    assert m.clamp.holding_potential.get(use_monitor=False) == 0.0


def test_the_magics_of_bluesky(session, capsys):
    shell = start_ipython()
    seccm = session.seccm
    shell.user_ns.update(RE=session.RE, seccm=seccm, z_axis=seccm.z.axis)
    shell.register_magics(BlueskyMagics)
    shell.run_line_magic("mov", "seccm.xy.x 2.5")
    assert session.seccm.xy.x.position == pytest.approx(2.5, abs=1e-3)
    shell.run_line_magic("movr", "seccm.xy.x -1")
    assert session.seccm.xy.x.position == pytest.approx(1.5, abs=1e-3)
    capsys.readouterr()
    shell.run_line_magic("wa", "motors")
    said = capsys.readouterr().out
    for axis in ("seccm_xy_x", "seccm_xy_y", "seccm_z_axis"):
        assert axis in said, said
    assert "1.5" in said, said


def test_every_reading_has_its_unit(session):
    m = session.seccm
    for part in (m.xy, m.z, m.clamp):
        for key, description in part.describe().items():
            assert description["units"] in ("um", "pA", "V", "s"), key
    for key, description in m.clamp.describe_configuration().items():
        if description["dtype"] == "number" and "samples" not in key:
            assert description["units"], key
