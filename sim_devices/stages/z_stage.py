"""The Z stage: approach, withdrawal, and the guard of every downward move."""

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from caproto.server import SubGroup

from ..epics.commands import Command, Outcome
from ..epics.pvs import RefusedError, command, put, setting
from .approach import LOOP_RATE, End
from .held_meniscus import HeldMeniscus
from .landing import BLANK, NO_CURVE, Landing
from .motor import Motor, Travel
from .z_drive import ZDrive
from .z_stage_pvs import HIGH, LOW, ZStagePVs

__all__ = ["ZStage"]

_BOOT = 50.0  # um
_ROUNDING = 1e-6  # samples by which an elapsed time may be rounded down


class ZStage(ZStagePVs):
    """PVs of the Z stage.

    ``Z`` (motor record); ``ApproachRate``, ``Threshold``, ``ThresholdMode``,
    ``Debounce``, ``VerifyTime``, ``TravelLimit``, ``WithdrawDistance``,
    ``WithdrawRate``, ``FollowingErrorLimit``; ``TravelHeight``, ``DetachDistance``,
    ``DetachMargin``, ``SlowHeight``, ``FastRate``; ``Approach``, ``ApproachDone``,
    ``Withdraw``, ``WithdrawDone``, ``Stop``; ``State``, ``ContactHeight``,
    ``DetachHeight``, ``Landing``, ``Withdrawal``, ``ApproachCurve``.

    One motion at a time: each takes the lock, and whoever wants Z now sets the event
    that ends the one in progress.
    """

    z = SubGroup(Motor, prefix="Z", velocity=100.0, settle=0.0)
    threshold = setting(
        "Threshold", 2.0, "pA", 3, (-20000.0, 20000.0), "current that means contact"
    )
    approach = command("Approach", "lower the probe until the meniscus closes the cell")
    withdraw = command("Withdraw", "withdraw the probe")
    stop = command("Stop", "any value but 0 stops Z at once")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._drive = ZDrive(self.ioc, self.z)
        self._held: HeldMeniscus | None = None
        self._began_at = _BOOT  # known to be clear of the surface
        self._landings = 0
        self._halt = asyncio.Event()
        self._motion = asyncio.Lock()
        self._approach = Command(
            self.approach, self.approach_done, self.landing, self._land, BLANK
        )
        self._withdraw = Command(
            self.withdraw, self.withdraw_done, self.withdrawal, self._lift, [math.nan]
        )

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

    def halt(self) -> None:
        """Stop at once, whatever the motion."""
        self._halt.set()
        self.z.halt()

    async def retreat(self) -> tuple[Outcome, Sequence[float]]:
        """Stop, then withdraw unless withdrawn."""
        self.halt()
        return await self.lift()

    @approach.putter
    async def _put_approach(self, instance: Any, number: int) -> int:
        """Start an approach."""
        self._approach.start(number)
        return number

    @withdraw.putter
    async def _put_withdraw(self, instance: Any, number: int) -> int:
        """Start a withdrawal."""
        self._withdraw.start(number)
        return number

    @stop.putter
    async def _put_stop(self, instance: Any, value: int) -> int:
        """Stop Z when anything but 0 is written."""
        if value:
            self.halt()
        return 0

    @threshold.putter
    async def _put_threshold(self, instance: Any, value: float) -> float:
        """Take a threshold that has a sign."""
        if value == 0:
            raise RefusedError(f"{instance.pvname}: 0 has no sign")
        return value

    async def _land(self, number: int) -> tuple[Outcome, Sequence[float]]:
        """Carry out an approach."""
        self.ioc.line.check_idle("an approach")
        outcome, values, curve = await self.land(f"{self.approach.pvname} {number}")
        await put(self.approach_curve, np.concatenate([[number], curve]))
        return outcome, values

    async def land(self, what: str) -> tuple[Outcome, list[float], np.ndarray]:
        """Lower the probe until the meniscus closes the cell.

        Parameters
        ----------
        what
            The command, as messages call it.

        Returns
        -------
        tuple
            The outcome; what stands behind it in ``Landing``; what stands behind the
            number in ``ApproachCurve``.

        Raises
        ------
        RefusedError
            If it cannot be now; nothing has moved.
        """
        self.ioc.check_ready("an approach")
        self._check_free()
        async with self._motion:
            self._halt.clear()
            if self.state.value != "WITHDRAWN" and not await self._withdraw_fully():
                return Outcome.STOPPED, BLANK, NO_CURVE
            await put(self.state, "APPROACHING")
            floor = max(LOW, self.position - self.travel_limit.value)
            landing, sample = await self._lower(
                floor, self.approach_rate.value, self._halt, self._fast_until()
            )
            outcome = await self._judge(landing, sample)
            contact_at = self.changed_at if outcome is Outcome.OK else math.nan
            curve = landing.curve(sample)
            if outcome is Outcome.OK:
                watched = contact_at + self.verify_time.value
                if not await self.ioc.clock.wait_until(watched, self._halt):
                    outcome = self._stopped
                self.ioc.clamp.follow()
            elif outcome is Outcome.NO_CONTACT and self.position == LOW:
                await self.ioc.report(
                    f"{what}: no contact down to {LOW:g} um, "
                    "the low end of Z: the sample lies too deep"
                )
            return outcome, landing.values(sample, contact_at), curve

    async def _lift(self, _number: int) -> tuple[Outcome, Sequence[float]]:
        """Carry out a withdrawal, after whatever is going on has been stopped."""
        self.ioc.line.halt()
        await self.ioc.clamp.interrupt()
        await self.ioc.line.wait()
        return await self.retreat()

    async def lift(self) -> tuple[Outcome, Sequence[float]]:
        """Withdraw from a contact, for whoever has made sure that nothing goes on."""
        async with self._motion:
            self._halt.clear()
            done = self.state.value == "WITHDRAWN" or await self._withdraw_fully()
            return (Outcome.OK if done else Outcome.STOPPED), [self.position]

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
                self._check_free()
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
            before, clear = self.state.value, self._clear_height(motor.velocity)
            if target >= self.position:
                done = await self._rise(target, motor.velocity, halt, "MOVING")
                free = done and (before == "WITHDRAWN" or target >= clear)
                free = free and not self.ioc.clamp.feels_contact()
                await put(self.state, "WITHDRAWN" if free else "STOPPED")
                return
            await put(self.state, "MOVING")
            landing, sample = await self._lower(target, motor.velocity, halt)
            outcome = await self._judge(landing, sample)
            if outcome is Outcome.OK:
                await self.ioc.sim.count_unguarded_contact()
            elif outcome is Outcome.NO_CONTACT:
                await put(self.state, "STOPPED")  # not known to be clear for XY

    def _check_free(self) -> None:
        """Refuse a descent while anything else is going on."""
        if self.is_moving:
            raise RefusedError("Z is moving")
        if self.ioc.xy.is_moving:
            raise RefusedError("XY is moving")
        if self.ioc.clamp.is_acquiring:
            raise RefusedError("an acquisition is running")
        if self.ioc.clamp.mode.value != "VCLAMP":
            raise RefusedError("a contact is found by its current: Clamp:Mode VCLAMP")

    def _clear_height(self, rate: float) -> float:
        """Height (um) to which a withdrawal at a rate (um/s) goes."""
        lifted = self.position + self.withdraw_distance.value
        if self.state.value != "CONTACT":
            lifted = max(min(lifted, HIGH), self._began_at)
        elif self.travel_height.value < HIGH:
            lifted = self.travel_height.value
        if self._held is None:
            return lifted
        seen = self._break_shows_at(self._held, rate) + self.detach_margin.value
        unseen = self._held.contact + self.detach_distance.value
        return max(lifted, min(seen, unseen))

    def _break_shows_at(self, held: HeldMeniscus, rate: float) -> float:
        """Height (um) at which a rise (um/s) learns that the meniscus has broken."""
        return held.breaks + rate * self.ioc.clamp.break_shows_after()

    def _fast_until(self) -> tuple[float, float] | None:
        """Rate (um/s) and end (um) of the fast part of a descent, if there is one."""
        slow = self.slow_height.value
        return (self.fast_rate.value, slow) if slow < HIGH else None

    async def _withdraw_fully(self) -> bool:
        """Withdraw by the settings, once more if the meniscus does not come off.

        Returns
        -------
        bool
            Whether the probe is clear of the sample.
        """
        rate = self.withdraw_rate.value
        clear, done = self._clear_height(rate), False
        for target in (clear, clear + self.withdraw_distance.value):
            done = await self._rise(min(target, HIGH), rate, self._halt, "WITHDRAWING")
            if not done or not self.ioc.clamp.feels_contact():
                break
        else:
            await put(self.state, "STOPPED")
            at = f"z = {self.position:.3f} um"
            await self.ioc.trip(f"the meniscus does not come off: it is whole at {at}")
            return False
        if done and self.position < clear:
            done = False
            await self.ioc.report(
                f"withdrawn only to {HIGH:g} um, the upper end of Z, and not to "
                f"{clear:.3f} um: XY stays locked"
            )
        await put(self.state, "WITHDRAWN" if done else "STOPPED")
        return done

    async def _rise(
        self, target: float, rate: float, halt: asyncio.Event, meanwhile: str
    ) -> bool:
        """Go up (um, um/s), watching the meniscus; tell whether it got there."""
        held, shows = self._held, math.inf
        if held is not None:
            shows = self._break_shows_at(held, rate)
            begun = held.drawn_out(self.position)
            self.ioc.clamp.stretch(begun, rate / held.length)
        await put(self.state, meanwhile)
        duration = max(target - self.position, 0.0) / rate
        travel = Travel(self.position, target, 0.0, duration)
        _, reached = await self._drive.run(travel.at, rate, duration, halt)
        if held is not None and self.position < held.breaks:
            self.ioc.clamp.stop_stretching(held.drawn_out(self.position))
        self.ioc.clamp.follow()
        if held is not None and self.position >= shows:
            await put(self.detach_height, held.noted(rate))
            self._held = None
        return reached

    async def _lower(
        self,
        floor: float,
        rate: float,
        halt: asyncio.Event,
        slow: tuple[float, float] | None = None,
    ) -> tuple[Landing, int]:
        """Go down (um, um/s) to contact or `floor`; return the sample it ended at."""
        self._began_at = self.position
        self._landings += 1
        fault = await self.ioc.faults.in_landing(self._landings)
        landing = Landing(self.ioc, self._landings, floor, rate, fault, slow)
        await put(self.detach_height, math.nan)
        descent = landing.descent

        def sample_at(t: float) -> int:
            return min(descent.sample, int(t * LOOP_RATE + _ROUNDING))

        def path(t: float) -> float:
            return landing.z(sample_at(t) / LOOP_RATE)

        lasted, reached = await self._drive.run(path, rate, descent.duration, halt)
        return landing, descent.sample if reached else sample_at(lasted)

    async def _judge(self, landing: Landing, sample: int) -> Outcome:
        """Take the consequences of a descent, and tell its outcome."""
        if sample < landing.descent.sample:
            await put(self.state, "STOPPED")
            return self._stopped
        if landing.descent.end is End.CRASH:
            await put(self.state, "STOPPED")
            await self.ioc.sim.fit(self.ioc.pipette.crashed())
            await self.ioc.trip(f"tip crash at z = {self.position:.3f} um, no contact")
            return Outcome.TRIPPED
        if landing.descent.end is End.NO_CONTACT:
            await put(self.state, "NO_CONTACT")
            return Outcome.NO_CONTACT
        self._held = HeldMeniscus(self.position, landing.detach_height)
        landing.verify(self.verify_time.value)
        self.ioc.clamp.land(landing)
        await put(self.contact_height, self.position)
        await put(self.state, "CONTACT")
        return Outcome.OK

    @property
    def _stopped(self) -> Outcome:
        return Outcome.TRIPPED if self.ioc.is_tripped else Outcome.STOPPED
