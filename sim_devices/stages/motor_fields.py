"""The fields of a motor record that are settings: what they are, and may be."""

import math
from typing import Any

from caproto.server import pvproperty

from ..epics.pvs import RefusedError, SettingDouble, limits, put
from ..epics.writes import Ended

__all__ = ["Target", "boot_fields", "check_fields", "refusal", "tell_limits"]

_SLOWEST = 1e-3  # um/s
_REACH = 1e6  # um, of a user offset
_LONGEST = 60.0  # s, of an acceleration and of a settle time
_STEP, _DEADBAND = 1e-4, 1e-3  # um
_NUMBERS = ("velocity", "seconds_to_velocity", "readback_settle_time")
# what a stage with position sensors and without a home switch does not take
_FIXED = (
    *("dial_desired_value", "raw_desired_value", "dial_low_limit", "dial_high_limit"),
    *("user_direction", "home_forward", "home_reverse"),
    *("jog_motor_forward", "jog_motor_reverse"),
)


class Target(SettingDouble):
    """The VAL field: its write has ended when the move that it started has.

    Whoever writes a refused one, or one that moves nothing, sees ``.DMOV`` pulse, as
    that of a motor record does.
    """

    async def auth_write(self, *args: Any, **kwargs: Any) -> Ended:
        """Start the move that a client writes, and give what waits for its end."""
        await super().auth_write(*args, **kwargs)
        if not self.group.is_moving:
            await self.group.pulse()
        return self.group.at_rest

    async def answer_refusal(self) -> None:
        """Write back where it is, and make ``.DMOV`` pulse."""
        await self.group.answer_refusal()


def refusal(field: Any, why: str) -> RefusedError:
    """Say why a field, or the record itself, is not to be written."""
    record = getattr(field.group, "parent", field)
    name = (
        field.pvname if record.name == field.name else f"{record.pvname}.{field.pvname}"
    )
    return RefusedError(f"{name}: {why}")


# The putters of fields get the group of fields of the record.


async def _take_number(_fields: Any, field: Any, value: float) -> float:
    """Take a number; caproto has checked it against the limits of the field."""
    if not math.isfinite(value):
        raise refusal(field, f"{value:g} is not finite")
    return value


async def _take_nothing(_fields: Any, field: Any, value: Any) -> Any:
    """Refuse what the stage has not."""
    raise refusal(field, "this stage does not have it")


async def _bound_speed(fields: Any, field: Any, value: float) -> float:
    """Take a lowest or highest speed, and show clients what ``.VELO`` may be."""
    low, high = fields.base_velocity.value, fields.max_velocity.value
    low, high = (low, value) if field is fields.max_velocity else (value, high)
    if not low <= fields.velocity.value <= high:
        raise refusal(field, f"{value:g} um/s leaves out .VELO, set it first")
    await fields.velocity.write_metadata(**limits(low, high))
    return value


async def _stop(fields: Any, _field: Any, value: int) -> int:
    if value:
        await fields.parent.group.end()
    return 0


async def _switch(fields: Any, _field: Any, value: str) -> str:
    await fields.parent.group.switch(value)
    return value


async def _shift(fields: Any, field: Any, value: float) -> float:
    motor = fields.parent.group
    await motor.shift(field, value)
    await put(motor.val, motor.user)
    return value


async def _narrow_above(fields: Any, field: Any, value: float) -> float:
    low = fields.user_low_limit.value
    await fields.parent.group.narrow(field, value, low, value)
    return value


async def _narrow_below(fields: Any, field: Any, value: float) -> float:
    high = fields.user_high_limit.value
    await fields.parent.group.narrow(field, value, value, high)
    return value


async def _go_by(fields: Any, _field: Any, value: float) -> float:
    await fields.parent.group.go_by(value)
    return 0.0


async def _tweak_up(fields: Any, _field: Any, value: int) -> int:
    if value:
        await fields.parent.group.go_by(fields.tweak_step_size.value)
    return 0


async def _tweak_down(fields: Any, _field: Any, value: int) -> int:
    if value:
        await fields.parent.group.go_by(-fields.tweak_step_size.value)
    return 0


def check_fields(val: pvproperty) -> None:
    """Make fields of a record do what is written, or refuse it.

    Parameters
    ----------
    val
        The record, where its class is made.
    """
    putters = {
        **dict.fromkeys(_NUMBERS, _take_number),
        **dict.fromkeys(_FIXED, _take_nothing),
        "base_velocity": _bound_speed,
        "max_velocity": _bound_speed,
        "stop": _stop,
        "stop_pause_move_go": _switch,
        "user_offset": _shift,
        "user_high_limit": _narrow_above,
        "user_low_limit": _narrow_below,
        "relative_value": _go_by,
        "tweak_motor_forward": _tweak_up,
        "tweak_motor_reverse": _tweak_down,
    }
    for name, putter in putters.items():
        getattr(val.fields, name).putter(putter)


async def boot_fields(
    record: Any, *, velocity: float, fastest: float, settle: float
) -> None:
    """Set the fields to what they are at boot.

    Parameters
    ----------
    record
        The VAL field.
    velocity, fastest
        Speed and largest speed (um/s).
    settle
        Settle time (s).
    """
    fields = record.field_inst
    values = {
        fields.engineering_units: "um",
        fields.max_velocity: fastest,
        fields.base_velocity: _SLOWEST,
        fields.velocity: velocity,
        fields.seconds_to_velocity: 0.001,
        fields.readback_settle_time: settle,
        fields.motor_step_size: _STEP,
        fields.retry_deadband: _DEADBAND,
        fields.limit_violation: 0,
        fields.disable_putfield: b"\0",
    }
    for pv, value in values.items():
        await pv.write(value, verify_value=False)
    speeds = _SLOWEST, fastest
    ranges = {
        fields.velocity: ("um/s", *speeds),
        fields.max_velocity: ("um/s", *speeds),
        fields.base_velocity: ("um/s", *speeds),
        fields.seconds_to_velocity: ("s", 0.0, _LONGEST),
        fields.readback_settle_time: ("s", 0.0, _LONGEST),
        fields.user_offset: ("um", -_REACH, _REACH),
        fields.retry_deadband: ("um", 0.0, 100.0),
        fields.motor_step_size: ("um", 1e-9, 100.0),
        fields.tweak_step_size: ("um", 0.0, _REACH),
        fields.relative_value: ("um", -_REACH, _REACH),
    }
    for pv, (unit, lowest, highest) in ranges.items():
        await pv.write_metadata(units=unit, **limits(lowest, highest))


async def tell_limits(record: Any, low: float, high: float) -> None:
    """Give VAL and RBV the limits of moves (um)."""
    for pv in (record, record.field_inst.user_readback_value):
        await pv.write_metadata(units="um", precision=4, **limits(low, high))
