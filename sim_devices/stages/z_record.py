"""Z as a motor record: it moves upward freely, and downward watching the current."""

import asyncio
from typing import Any

from caproto.server import SubGroup

from ..epics.commands import Outcome
from ..epics.pvs import RefusedError, put
from .motor import Motor
from .z_drive import ZDrive
from .z_stage_pvs import HIGH, LOW, ZStagePVs

__all__ = ["ZRecord"]

_BOOT = 50.0  # um


class ZRecord(ZStagePVs):
    """The motor record of Z, and the guard of every downward move.

    One motion at a time: each takes the lock, and whoever wants Z now sets the event
    that ends the one in progress.
    """

    z = SubGroup(Motor, prefix="Z", velocity=100.0, settle=0.0)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._drive = ZDrive(self, self.z, _BOOT)
        self._halt = asyncio.Event()
        self._motion = asyncio.Lock()

    @property
    def position(self) -> float:
        """Height of the probe (um)."""
        return self.z.position

    @property
    def changed_at(self) -> float:
        """Instrument time at which Z came to rest (s)."""
        return self._drive.changed_at

    @property
    def is_moving(self) -> bool:
        """Whether Z moves."""
        return self._motion.locked()

    async def prepare(self) -> None:
        """Start withdrawn."""
        await self.z.prepare(LOW, HIGH, _BOOT)

    def check_move(self, motor: Motor, target: float) -> None:
        """Refuse a move of the motor record that cannot be guarded.

        Raises
        ------
        RefusedError
            If tripped, busy, or downward in contact or without a current to watch.
        """
        try:
            self.ioc.check_ready(f"move to {target:g} um")
            self.ioc.line.check_idle(f"move to {target:g} um")
            if target < self.position:
                self._check_free(motor.velocity)
                if self.ioc.xy.is_moving:
                    raise RefusedError("XY is moving")
                if self.state.value == "CONTACT":
                    raise RefusedError("in contact, it does not go down further")
            elif self.is_moving and not motor.is_moving:
                raise RefusedError("Z is moving")
        except RefusedError as refusal:
            raise RefusedError(f"{motor.val.pvname}: {refusal}") from None

    async def carry(self, motor: Motor, target: float, halt: asyncio.Event) -> None:
        """Carry out a move of the motor record: upward freely, downward guarded."""
        await self.ioc.clamp.interrupt()
        async with self._motion:
            if target >= self.position:
                ended_by = await self._carry_up(motor, target, halt)
            else:
                ended_by = await self._carry_down(motor, target, halt)
            if ended_by and not self.ioc.is_tripped:
                await self.ioc.report(
                    f"{motor.val.pvname}: {ended_by} ended the move to {target:g} um "
                    f"at {self.position:.3f} um"
                )

    async def _carry_up(self, motor: Motor, target: float, halt: asyncio.Event) -> str:
        """Go up; return what ended it on the way."""
        before, clear = self.state.value, self._drive.clear_height(motor.velocity)
        done = await self._drive.rise(target, motor.velocity, halt, "MOVING")
        free = done and (before == "WITHDRAWN" or target >= clear)
        free = free and not self.ioc.clamp.cell.feels_contact()
        await put(self.state, "WITHDRAWN" if free else "STOPPED")
        return "" if done else "another command"

    async def _carry_down(
        self, motor: Motor, target: float, halt: asyncio.Event
    ) -> str:
        """Go down, watching the current; return what ended it on the way."""
        try:
            # it was when the move was written
            self._check_measurable(motor.velocity)
        except RefusedError as refusal:
            return str(refusal)
        await put(self.state, "MOVING")
        landing, sample = await self._drive.lower(target, motor.velocity, halt)
        outcome = await self._drive.judge(landing, sample)
        if outcome is Outcome.OK:
            await self.ioc.sim.count_unguarded_contact()
            return "a contact"
        if outcome is Outcome.NO_CONTACT:
            await motor.arrive(target)  # it may lie between two samples
            await put(self.state, "STOPPED")  # not known to be clear for XY
            return ""
        return "another command"

    def _fast_until(self) -> tuple[float, float] | None:
        """Rate (um/s) and end (um) of the fast part of a descent, if there is one."""
        slow = self.slow_height.value
        return (self.fast_rate.value, slow) if slow < HIGH else None

    @property
    def descent_rate(self) -> float:
        """Highest rate of an approach (um/s): a wrong `slow_height` lies too deep."""
        slow, fast = self.approach_rate.value, self._fast_until()
        return slow if fast is None else max(slow, fast[0])

    def _check_free(self, rate: float) -> None:
        """Refuse a descent (um/s) while anything else is running."""
        if self.is_moving:
            raise RefusedError("Z is moving")
        self._check_measurable(rate)

    def _check_measurable(self, rate: float) -> None:
        """Refuse a descent (um/s) where no current would show a contact in time."""
        if self.ioc.clamp.is_acquiring:
            raise RefusedError("an acquisition is running")
        clamp = self.ioc.clamp
        self.check_stoppable(
            clamp.mode.value,
            clamp.holding_potential.value,
            clamp.current_input,
            rate,
        )
