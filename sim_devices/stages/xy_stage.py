"""The XY stage: two motor records that move over the sample while the probe is up."""

import asyncio

from caproto.server import SubGroup

from ..epics.pvs import RefusedError
from ..instrument import Part
from .motor import Motor
from .travel import Travel

__all__ = ["XYStage"]

_UM = 1e-6
_PIEZO = {"velocity": 2000.0, "settle": 0.02, "fastest": 10000.0, "shifts": True}


class XYStage(Part):
    """PVs: ``X``, ``Y`` (motor records).

    A move is refused unless the probe is withdrawn. The surface is not asked before a
    move, as it cannot be in a real instrument: a probe that was not withdrawn far
    enough touches it from the side, which trips. A meniscus that has not broken is
    dragged along until it tears, which is counted.
    """

    x = SubGroup(Motor, prefix="X", **_PIEZO)
    y = SubGroup(Motor, prefix="Y", **_PIEZO)

    @property
    def motors(self) -> tuple[Motor, Motor]:
        """Both axes."""
        return self.x, self.y

    @property
    def is_moving(self) -> bool:
        """Whether any axis moves."""
        return bool(self._moves)

    async def prepare(self) -> None:
        """Have the probe reach all of the sample; start at its centre."""
        for motor, size in zip(self.motors, self.ioc.sample.size, strict=True):
            reach = round(size / _UM / 2, 6)
            await motor.prepare(-reach, reach, 0.0)

    def halt(self) -> None:
        """Stop both axes at once."""
        for motor in self.motors:
            motor.halt()

    async def rest(self, halt: asyncio.Event) -> bool:
        """Wait until no axis moves, unless halted; return whether that was reached."""
        halted = asyncio.ensure_future(halt.wait())
        try:
            while (moves := self._moves) and not halt.is_set():
                await asyncio.wait([halted, *moves], return_when="FIRST_COMPLETED")
        finally:
            halted.cancel()
        free_at = max(motor.free_at for motor in self.motors)
        return await self.ioc.clock.wait_until(free_at, halt)

    @property
    def _moves(self) -> list[asyncio.Task[None]]:
        return [motor.move for motor in self.motors if motor.move is not None]

    def check_move(self, motor: Motor, target: float) -> None:
        """Refuse a move that may drag the probe over the surface.

        Raises
        ------
        RefusedError
            If tripped, or the probe is not withdrawn.
        """
        name, target = motor.val.pvname, target + motor.offset
        self.ioc.check_ready(f"{name}: move to {target:g} um")
        self.ioc.line.check_idle(f"{name}: move to {target:g} um")
        state = self.ioc.z.state.value
        if state != "WITHDRAWN":
            raise RefusedError(
                f"{name}: move to {target:g} um refused: Z:State is {state}, "
                "XY moves only when WITHDRAWN"
            )

    def check_point(self, x: float, y: float) -> None:
        """Refuse a point of a line (um) that an axis cannot go to.

        Raises
        ------
        RefusedError
            If it is outside the limits of a motor record, or that does not move now.
        """
        for motor, target in zip(self.motors, (x, y), strict=True):
            fields, name = motor.val.field_inst, motor.val.pvname
            if motor.is_held:
                mode = fields.stop_pause_move_go.value
                raise RefusedError(f"{name}.SPMG is {mode}: write Go to it")
            if fields.set_use_switch.value == "Set":
                raise RefusedError(f"{name}.SET is Set: write Use to it")
            low, high = fields.user_low_limit.value, fields.user_high_limit.value
            if not low <= target <= high:
                raise RefusedError(
                    f"{name}: {target:g} is outside {low:g} to {high:g} um"
                )

    async def go(self, x: float, y: float, halt: asyncio.Event) -> bool:
        """Move both axes to a point (um), and return whether they got there.

        An axis that is there already stays, but one of them moves in any case: the
        settle time is kept. For whoever has made sure that the probe is withdrawn.
        """
        targets = (x - self.x.offset, y - self.y.offset)
        ways = list(zip(self.motors, targets, strict=True))
        moving = [way for way in ways if way[0].position != way[1]] or ways[:1]
        if self.ioc.clock.is_discrete:
            for motor, target in moving:
                await self.carry(motor, target, halt)
        else:
            await asyncio.gather(*(self.carry(*way, halt) for way in moving))
        return not halt.is_set()

    async def carry(self, motor: Motor, target: float, halt: asyncio.Event) -> None:
        """Carry out a move of one axis, to its end or until it is stopped.

        Parameters
        ----------
        motor
            The axis.
        target
            Where to (um), without the user offset.
        halt
            Stops it.
        """
        clock = self.ioc.clock
        # an axis waits for itself and for Z; in discrete time X and Y move at once
        start = clock.start_after(max(motor.free_at, self.ioc.z.changed_at))
        if target != motor.position and self.ioc.clamp.cell.tear():
            await self.ioc.sim.count_dragged_meniscus()
        touch = self._touches_at(motor, target, start)
        end = target if touch is None else touch
        arrival = start + motor.duration(end - motor.position)
        travel = Travel(motor.position, end, start, arrival)

        async def show() -> None:
            motor.position = travel.at(clock.now)
            await motor.show(motor.position)

        reached = await clock.wait_until(arrival + motor.settle_time, halt, show)
        motor.free_at = arrival + motor.settle_time if reached else clock.now
        end = end if reached else travel.at(clock.now)
        mechanics = self.ioc.mechanics
        mechanics.axes = mechanics.moved(
            self.motors.index(motor), end * _UM, min(arrival, clock.now)
        )
        await motor.arrive(end)
        if touch is not None and reached:
            await self.ioc.sim.count_lateral_touch()
            await self.ioc.trip(
                f"lateral contact at {motor.val.pvname} = {motor.user:.3f} um"
            )

    def _touches_at(self, motor: Motor, target: float, t: float) -> float | None:
        """Find where on the way the probe touches the surface (um), if it does."""
        mechanics, axis = self.ioc.mechanics, self.motors.index(motor)
        here = mechanics.over_sample(t)

        def touches(end: float) -> bool:
            axes = mechanics.moved(axis, end * _UM, t)
            there = mechanics.over_sample(t, axes)
            z = self.ioc.z.position * _UM
            return not mechanics.is_free(self.ioc.sample, here, there, t, z)

        if not touches(target):
            return None
        clear, touching = motor.position, target
        while abs(touching - clear) > 1e-3:
            middle = (clear + touching) / 2
            clear, touching = (clear, middle) if touches(middle) else (middle, touching)
        return touching
