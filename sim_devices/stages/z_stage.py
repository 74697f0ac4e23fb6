"""The Z stage: approach, withdrawal, and the guard of every downward move."""

import asyncio
import math
from collections.abc import Sequence
from typing import Any

from caproto.server import SubGroup

from ..epics.commands import Command, Outcome
from ..epics.pvs import (
    Group,
    RefusedError,
    choice,
    command,
    count,
    counter,
    put,
    readout,
    result,
    setting,
    status,
)
from .approach import CURVE_SAMPLES, LOOP_RATE, End
from .landing import BLANK, Landing
from .motor import Motor, Travel

__all__ = ["ZStage"]

_LOW, _HIGH, _BOOT = -20.0, 100.0, 50.0  # um
_STATES = "WITHDRAWN APPROACHING CONTACT NO_CONTACT WITHDRAWING MOVING STOPPED".split()


class ZStage(Group):
    """PVs of the Z stage.

    ``Z`` (motor record); ``ApproachRate``, ``Threshold``, ``ThresholdMode``,
    ``Debounce``, ``TravelLimit``, ``WithdrawDistance``, ``WithdrawRate``; ``Approach``,
    ``ApproachDone``, ``Withdraw``, ``WithdrawDone``, ``Stop``; ``State``,
    ``ContactHeight``, ``Landing``, ``Withdrawal``, ``ApproachCurve``.

    One motion at a time: each takes the lock, and whoever wants Z now sets the event
    that ends the one in progress.
    """

    z = SubGroup(Motor, prefix="Z", velocity=100.0, settle=0.0)
    approach_rate = setting(
        "ApproachRate", 20.0, "um/s", 3, (0.01, 200.0), "rate of descent"
    )
    threshold = setting(
        "Threshold", 2.0, "pA", 3, (-20000.0, 20000.0), "current that means contact"
    )
    threshold_mode = choice(
        "ThresholdMode",
        ("absolute", "above baseline"),
        "whether Threshold counts from the mean of the first 10 ms of the descent",
    )
    debounce = count("Debounce", 3, (1, 100), "samples in a row beyond Threshold")
    travel_limit = setting(
        "TravelLimit", 100.0, "um", 3, (0.1, 200.0), "travel that ends in NO_CONTACT"
    )
    withdraw_distance = setting(
        "WithdrawDistance", 4.0, "um", 3, (0.1, 100.0), "withdrawal from contact"
    )
    withdraw_rate = setting(
        "WithdrawRate", 200.0, "um/s", 3, (1.0, 2000.0), "rate of the withdrawal"
    )
    approach = command("Approach", "lower the probe until the meniscus closes the cell")
    approach_done = counter("ApproachDone", "last approach that ended")
    withdraw = command("Withdraw", "withdraw the probe")
    withdraw_done = counter("WithdrawDone", "last withdrawal that ended")
    stop = command("Stop", "any value but 0 stops Z at once")
    state = status("State", _STATES, "what Z does, or what its last motion led to")
    contact_height = readout(
        "ContactHeight", math.nan, "um", 4, "z at the last contact"
    )
    landing = result(
        "Landing",
        10,
        "number, outcome, contact_height (um), contact_x (um), contact_y (um), "
        "contact_current (pA), baseline_current (pA), baseline_noise (pA), "
        "travel (um), contact_time (s)",
    )
    withdrawal = result("Withdrawal", 3, "number, outcome, z (um)")
    approach_curve = result(
        "ApproachCurve",
        2 + 2 * CURVE_SAMPLES,
        "number, samples n, n x z (um), n x current (pA)",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.changed_at = 0.0
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
    def is_moving(self) -> bool:
        """Whether Z moves."""
        return self._motion.locked()

    async def prepare(self) -> None:
        """Start withdrawn."""
        await self.z.prepare(_LOW, _HIGH, _BOOT)

    def halt(self) -> None:
        """Stop at once, whatever the motion."""
        self._halt.set()
        self.z.halt()

    async def retreat(self) -> tuple[Outcome, Sequence[float]]:
        """Stop, then withdraw unless withdrawn."""
        self.halt()
        async with self._motion:
            self._halt.clear()
            done = self.state.value == "WITHDRAWN" or await self._withdraw_fully()
            return (Outcome.OK if done else Outcome.STOPPED), [self.position]

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
        self.ioc.check_ready("an approach")
        self._check_free()
        async with self._motion:
            self._halt.clear()
            if self.state.value != "WITHDRAWN" and not await self._withdraw_fully():
                return Outcome.STOPPED, BLANK
            await put(self.state, "APPROACHING")
            floor = max(_LOW, self.position - self.travel_limit.value)
            landing, sample = await self._lower(
                floor, self.approach_rate.value, self._halt
            )
            outcome = await self._judge(landing, sample)
            contact_at = self.changed_at if outcome is Outcome.OK else math.nan
            await put(self.approach_curve, [number, *landing.curve(sample)])
            return outcome, landing.values(sample, contact_at)

    async def _lift(self, _number: int) -> tuple[Outcome, Sequence[float]]:
        """Carry out a withdrawal, after whatever is going on has been stopped."""
        await self.ioc.clamp.interrupt()
        return await self.retreat()

    def check_move(self, motor: Motor, target: float) -> None:
        """Refuse a move of the motor record that cannot be guarded.

        Raises
        ------
        RefusedError
            If tripped, busy, or downward in contact or without a current to watch.
        """
        try:
            self.ioc.check_ready(f"move to {target:g} um")
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
            before, clear = self.state.value, self._clear_height()
            if target >= self.position:
                done = await self._rise(target, motor.velocity, halt, "MOVING")
                free = done and (before == "WITHDRAWN" or target >= clear)
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

    def _clear_height(self) -> float:
        """Height (um) to which a withdrawal goes."""
        lifted = self.position + self.withdraw_distance.value
        if self.state.value != "CONTACT":
            lifted = max(lifted, self._began_at)
        return min(lifted, _HIGH)

    async def _withdraw_fully(self) -> bool:
        """Withdraw by the settings; tell whether it was not stopped."""
        rate = self.withdraw_rate.value
        done = await self._rise(self._clear_height(), rate, self._halt, "WITHDRAWING")
        await put(self.state, "WITHDRAWN" if done else "STOPPED")
        return done

    async def _rise(
        self, target: float, rate: float, halt: asyncio.Event, meanwhile: str
    ) -> bool:
        """Go up (um, um/s), ending the contact; tell whether the target was reached."""
        clock = self.ioc.clock
        self.ioc.clamp.release()
        await put(self.state, meanwhile)
        duration = (target - self.position) / rate
        travel = Travel(self.position, target, clock.now, clock.now + duration)

        async def show() -> None:
            await self.z.show(travel.at(clock.now))

        reached = await clock.wait_until(travel.t_end, halt, show)
        await self._arrive(target if reached else travel.at(clock.now))
        return reached

    async def _lower(
        self, floor: float, rate: float, halt: asyncio.Event
    ) -> tuple[Landing, int]:
        """Go down (um, um/s) to contact or `floor`; return the sample it ended at."""
        clock = self.ioc.clock
        self._began_at, start = self.position, clock.now
        self._landings += 1
        fault = await self.ioc.faults.in_landing(self._landings)
        landing = Landing(self.ioc, self._landings, floor, rate, fault)

        async def show() -> None:
            await self.z.show(landing.z(clock.now - start))

        sample = landing.descent.sample
        if not await clock.wait_until(start + landing.descent.duration, halt, show):
            sample = min(sample, int((clock.now - start) * LOOP_RATE))
        await self._arrive(landing.z(sample / LOOP_RATE))
        return landing, sample

    async def _judge(self, landing: Landing, sample: int) -> Outcome:
        """Take the consequences of a descent, and tell its outcome."""
        if sample < landing.descent.sample:
            await put(self.state, "STOPPED")
            return Outcome.TRIPPED if self.ioc.is_tripped else Outcome.STOPPED
        if landing.descent.end is End.CRASH:
            await put(self.state, "STOPPED")
            await self.ioc.sim.fit(self.ioc.pipette.crashed())
            await self.ioc.trip(f"tip crash at z = {self.position:.3f} um, no contact")
            return Outcome.TRIPPED
        if landing.descent.end is End.NO_CONTACT:
            await put(self.state, "NO_CONTACT")
            return Outcome.NO_CONTACT
        self.ioc.clamp.land(landing)
        await put(self.contact_height, self.position)
        await put(self.state, "CONTACT")
        return Outcome.OK

    async def _arrive(self, position: float) -> None:
        """Publish where Z has come to rest (um)."""
        self.changed_at = self.ioc.clock.now
        await self.z.arrive(position)
