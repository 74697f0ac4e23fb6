"""A motor record, as far as clients of a stage use it."""

import asyncio
import logging
import math
from dataclasses import dataclass
from typing import Any

from caproto.server import pvproperty

from ..epics.pvs import Group, RefusedError, SettingDouble, limits, put

__all__ = ["Motor", "Travel"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Travel:
    """A way at constant speed: positions in um, times in s."""

    start: float
    end: float
    t_start: float
    t_end: float

    def at(self, t: float) -> float:
        """Position at a time, before, during or after the motion."""
        if t >= self.t_end:
            return self.end
        done = max(0.0, t - self.t_start) / (self.t_end - self.t_start)
        return self.start + (self.end - self.start) * done


class _Target(SettingDouble):
    """The VAL field; whoever writes a refused one must not wait for ever."""

    async def auth_write(self, *args: Any, **kwargs: Any):
        """Start the move that a client writes."""
        try:
            return await super().auth_write(*args, **kwargs)
        except Exception:
            await self.group.answer_refusal()
            raise


class Motor(Group):
    """One motor record. The stage that it belongs to allows and carries out the moves.

    A write to ``.VAL`` starts a move: ``.DMOV`` goes to 0, and back to 1 when the move
    has ended and the settle time ``.DLY`` is over, even for a move of zero length. A
    second write during a move changes the target.

    Parameters
    ----------
    velocity
        Speed at boot (um/s).
    settle
        Settle time at boot (s).
    """

    val = pvproperty(
        name="",
        record="motor",
        dtype=_Target,
        value=0.0,
        units="um",
        precision=4,
        doc="position to move to",
    )

    def __init__(self, *args: Any, velocity: float, settle: float, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.position = 0.0
        self.free_at = 0.0
        self._velocity, self._settle = velocity, settle
        self._range = (0.0, 0.0)
        self._halt = asyncio.Event()
        self._task: asyncio.Task | None = None

    async def prepare(self, low: float, high: float, position: float) -> None:
        """Set the fields before the first client comes.

        Parameters
        ----------
        low, high
            Range of the stage (um).
        position
            Where it is (um).
        """
        self.position, self._range = position, (low, high)
        fields = self.val.field_inst
        meta = {"units": "um", "precision": 4, **limits(low, high)}
        for pv in (self.val, fields.user_readback_value):
            await pv.write_metadata(publish=False, **meta)
            await pv.write(position, verify_value=False)
        values = {
            fields.engineering_units: "um",
            fields.velocity: self._velocity,
            fields.seconds_to_velocity: 0.001,
            fields.readback_settle_time: self._settle,
            fields.user_low_limit: low,
            fields.user_high_limit: high,
            fields.motor_step_size: 1e-4,
            fields.limit_violation: 0,
        }
        for pv, value in values.items():
            await pv.write(value, verify_value=False)

    @property
    def move(self) -> asyncio.Task | None:
        """The move that has been started and has not ended."""
        return None if self._task is None or self._task.done() else self._task

    @property
    def is_moving(self) -> bool:
        """Whether a move has been started that has not ended."""
        return self.move is not None

    @property
    def velocity(self) -> float:
        """Speed (um/s)."""
        return self.val.field_inst.velocity.value

    def duration(self, distance: float) -> float:
        """Time (s) that a move takes without the settle time."""
        if distance == 0:
            return 0.0
        return (
            abs(distance) / self.velocity
            + self.val.field_inst.seconds_to_velocity.value
        )

    @property
    def settle_time(self) -> float:
        """Time (s) after a move until it counts as done."""
        return self.val.field_inst.readback_settle_time.value

    def halt(self) -> None:
        """Stop at once."""
        self._halt.set()

    async def show(self, position: float) -> None:
        """Publish a readback (um)."""
        await put(self.val.field_inst.user_readback_value, position)

    async def arrive(self, position: float) -> None:
        """Publish where the axis has come to rest, as readback and as target (um)."""
        self.position = position
        await self.show(position)
        await put(self.val, position)

    async def answer_refusal(self) -> None:
        """Tell a client whose move was refused that it is over."""
        if self.is_moving:
            return
        await self.val.write(self.position, verify_value=False)
        await self._tell_moving(True)
        await self._tell_moving(False)

    @val.putter
    async def _put_target(self, instance: Any, value: float) -> float:
        """Start a move."""
        self.parent.check_move(self, value)
        self._halt.set()  # of the move in progress: this one takes over
        self._halt = asyncio.Event()
        self._task = asyncio.create_task(self._run(value, self._task, self._halt))
        return value

    async def _run(
        self, target: float, previous: asyncio.Task | None, halt: asyncio.Event
    ) -> None:
        if previous is not None:
            await asyncio.wait([previous])
        fields = self.val.field_inst
        await put(fields.direction_of_travel, int(target >= self.position))
        await self._tell_moving(True)
        try:
            with self.ioc.clock.on_schedule():
                await self.parent.carry(self, target, halt)
        except Exception as fault:
            logger.exception("move of %s failed", self.val.pvname)
            await self.ioc.trip(f"fault in the IOC: {fault!r}")
        if halt is self._halt:
            await self._tell_moving(False)

    async def _tell_moving(self, moving: bool) -> None:
        """Publish MOVN before DMOV at the end of a move, after it at the start."""
        fields = self.val.field_inst
        pvs = [fields.done_moving_to_value, fields.motor_is_moving]
        for pv in pvs if moving else reversed(pvs):
            await put(pv, int(moving is (pv is fields.motor_is_moving)))

    # In the putters of fields, `self` is the group of fields of the record.

    @val.fields.stop.putter
    async def _put_stop(self, instance: Any, value: int) -> int:
        """Stop the move when anything but 0 is written."""
        if value:
            self.parent.group.halt()
        return 0

    @val.fields.user_low_limit.putter
    async def _put_user_low_limit(self, instance: Any, value: float) -> float:
        """Narrow the range of moves from below."""
        motor = self.parent.group
        await motor.narrow(instance, value, (value, self.user_high_limit.value))
        return value

    @val.fields.user_high_limit.putter
    async def _put_user_high_limit(self, instance: Any, value: float) -> float:
        """Narrow the range of moves from above."""
        motor = self.parent.group
        await motor.narrow(instance, value, (self.user_low_limit.value, value))
        return value

    @val.fields.velocity.putter
    async def _put_velocity(self, instance: Any, value: float) -> float:
        """Set the speed."""
        await self.parent.group.check_positive(instance, value)
        return value

    @val.fields.readback_settle_time.putter
    async def _put_readback_settle_time(self, instance: Any, value: float) -> float:
        """Set the settle time."""
        await self.parent.group.check_positive(instance, value, zero=True)
        return value

    @val.fields.seconds_to_velocity.putter
    async def _put_seconds_to_velocity(self, instance: Any, value: float) -> float:
        """Set the time of acceleration."""
        await self.parent.group.check_positive(instance, value, zero=True)
        return value

    async def narrow(self, field: Any, value: float, new: tuple[float, float]) -> None:
        """Take new limits of moves, within the range of the stage."""
        low, high = self._range
        if not low <= new[0] < new[1] <= high:
            await self._refuse(
                f"{self._name_of(field)}: {value:g} is outside {low:g} to {high:g}"
            )
        for pv in (self.val, self.val.field_inst.user_readback_value):
            await pv.write_metadata(**limits(*new))

    async def check_positive(
        self, field: Any, value: float, *, zero: bool = False
    ) -> None:
        """Refuse a speed or a time that cannot be."""
        if not (0 <= value < math.inf if zero else 0 < value < math.inf):
            await self._refuse(f"{self._name_of(field)}: {value:g} is not positive")

    def _name_of(self, field: Any) -> str:
        return f"{self.val.pvname}.{field.pvname}"

    async def _refuse(self, message: str) -> None:
        await self.ioc.report(message)
        raise RefusedError(message)
