"""An axis believes its readback, and no record that only says that it is done."""

import math
from operator import attrgetter

import numpy as np
import pytest
from ophyd.utils import LimitError

from seccm_ophyd.errors import CommandRefusedError, MotorError, ParameterError


@pytest.fixture
def axis(fake):
    """An axis that the test moves by hand."""
    axis = fake.device.xy.x
    fake.silent = {axis.name}
    return axis


def end_move(axis, readback):
    """Let the record say that it is done, at a readback (um)."""
    axis.motor_done_move.sim_put(0)
    axis.user_readback.sim_put(readback)
    axis.motor_done_move.sim_put(1)


def test_a_record_that_pulses_without_moving_fails_the_move(axis):
    status = axis.set(2.0)
    axis.stop_pause_move_go.sim_put("Pause")  # meanwhile, by somebody else
    end_move(axis, 0.0)
    with pytest.raises(MotorError) as error:
        status.wait(1)
    assert str(error.value) == (
        "seccm_xy_x is at 0.0000 um and not at 2.0000 um, within 0.001 um: "
        "FAKE:XY:X.SPMG is Pause, .SET is Use"
    )


@pytest.mark.parametrize(
    ("deadband", "step", "chosen", "allowed"),
    [
        (0.01, 1e-4, 0.0, 0.01),
        (0.0, -0.02, 0.0, 0.02),
        (0.0, 0.0, 0.0, 1e-6),
        (0.01, 1e-4, 0.5, 0.5),
    ],
)
def test_how_far_off_a_move_may_end(axis, deadband, step, chosen, allowed):
    axis.retry_deadband.sim_put(deadband)
    axis.motor_step.sim_put(step)
    axis.arrival_tolerance.put(chosen)
    status = axis.set(2.0)
    end_move(axis, 2.0 - 0.9 * allowed)
    status.wait(1)
    status = axis.set(3.0)
    end_move(axis, 3.0 + 1.1 * allowed)
    with pytest.raises(MotorError, match=f"within {allowed:g} um"):
        status.wait(1)


def test_a_target_that_the_record_rounds_is_the_same(axis):
    status = axis.set(0.3)
    axis.user_setpoint.sim_put(0.1 + 0.2)  # VAL, from the dial and the offset
    end_move(axis, 0.1 + 0.2)
    status.wait(1)


def test_a_move_that_ended_elsewhere_does_not_quote_an_older_refusal(axis):
    axis.parent.link.error_message.sim_put("tip crash, an hour ago", timestamp=1000.0)
    status = axis.set(2.0)
    axis.user_setpoint.sim_put(1.5)
    end_move(axis, 1.5)
    with pytest.raises(CommandRefusedError) as error:
        status.wait(1)
    assert str(error.value) == (
        "seccm_xy_x was not moved to 2 um: it stopped at 1.5000 um, "
        "the IOC gave no reason"
    )


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("stop_pause_move_go", "Stop", "FAKE:XY:X.SPMG is Stop, write Go to it"),
        ("stop_pause_move_go", "Move", "FAKE:XY:X.SPMG is Move, write Go to it"),
        ("set_use_switch", 1, "FAKE:XY:X.SET is Set, write Use to it"),
        ("disable", 1, "FAKE:XY:X.DISP is 1, write 0 to it"),
        ("motor_egu", "mm", "FAKE:XY:X.EGU is 'mm', positions are in um here"),
        ("motor_egu", "", "FAKE:XY:X.EGU is ''"),
    ],
)
@pytest.mark.parametrize("part", ["xy.x", "z.axis"])
def test_a_record_that_would_not_move_is_not_staged(fake, part, field, value, told):
    axis = {"xy.x": fake.device.xy.x, "z.axis": fake.device.z.axis}[part]
    told = told.replace("XY:X", axis.prefix.removeprefix("FAKE:"))
    before = axis.user_setpoint.get()
    getattr(axis, field).sim_put(value)
    with pytest.raises(MotorError) as error:
        fake.device.stage()
    assert told in str(error.value)
    status = axis.set(2.0)
    with pytest.raises(MotorError) as error:
        status.wait(1)
    assert told in str(error.value)
    assert axis.user_setpoint.get() == before, "in Set mode a write redefines it"


@pytest.mark.parametrize("unit", ["um", "µm", "\N{GREEK SMALL LETTER MU}m", "micron"])
def test_units_that_are_um(axis, unit):
    axis.motor_egu.sim_put(unit)
    axis.check_ready()


def test_limits_are_those_of_the_record(axis):
    assert axis.limits == (-30.0, 30.0)
    axis.high_limit_travel.sim_put(5.0)
    assert axis.limits == (-30.0, 5.0)
    for bad in (6.0, math.nan, math.inf, "here"):
        with pytest.raises(LimitError) as error:
            axis.set(bad)
        assert isinstance(error.value, ParameterError)
        assert str(error.value).startswith("seccm_xy_x = ")
        assert "must be" in str(error.value)
    axis.high_limit_travel.sim_put(0.0)
    axis.low_limit_travel.sim_put(0.0)
    axis.check_value(1e4)  # both 0: the record has none
    with pytest.raises(LimitError):
        axis.check_value(math.nan)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("xy.x.arrival_tolerance", math.nan), ("traces.reserve", -1.0)],
)
def test_a_number_that_no_pv_checks_is_checked_here(fake, name, wrong):
    signal = attrgetter(name)(fake.device)
    before = signal.get()
    for value in (wrong, "1", math.inf):
        with pytest.raises(LimitError, match=r"seccm_\w+ = .*: it must be"):
            signal.set(value)
    assert signal.get() == before
    signal.set(np.float32(0.5)).wait(5)
    assert signal.get() == 0.5
