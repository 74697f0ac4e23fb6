"""The drive of Z: carries the probe down to the surface and up from it.

On the way down the control loop watches the current, on the way up the meniscus; all
the way, whether the probe follows its setpoint.
"""

import asyncio
import math
from collections.abc import Callable

from ..epics.commands import Outcome
from ..epics.pvs import put
from ..physics.approach import LOOP_RATE, End
from .held_meniscus import HeldMeniscus
from .landing import Landing
from .motor import Motor
from .travel import Travel
from .z_stage_pvs import HIGH, ZStagePVs

__all__ = ["ZDrive"]

_ROUNDING = 1e-6  # samples by which an elapsed time may be rounded down


class ZDrive:
    """Carries out the motions of Z, one at a time.

    Parameters
    ----------
    stage
        Has the settings, and shows what state it is in.
    motor
        Shows where Z is.
    start
        Height (um) that is known to be clear of the surface.

    Attributes
    ----------
    changed_at
        Instrument time at which it came to rest (s).
    """

    def __init__(self, stage: ZStagePVs, motor: Motor, start: float) -> None:
        self._stage, self._motor = stage, motor
        self._ioc = stage.ioc
        self._held: HeldMeniscus | None = None
        self._began_at = start  # known to be clear of the surface
        self._landings = self._motions = 0
        self.changed_at = 0.0

    def clear_height(self, rate: float) -> float:
        """Height (um) to which a withdrawal at a rate (um/s) goes."""
        lifted = self._motor.position + self._stage.withdraw_distance.value
        if self._stage.state.value != "CONTACT":
            lifted = max(min(lifted, HIGH), self._began_at)
        elif self._stage.travel_height.value < HIGH:
            lifted = self._stage.travel_height.value
        if self._held is None:
            return lifted
        seen = self._break_shows_at(self._held, rate) + self._stage.detach_margin.value
        unseen = self._held.contact + self._stage.detach_distance.value
        return max(lifted, min(seen, unseen))

    def _break_shows_at(self, held: HeldMeniscus, rate: float) -> float:
        """Height (um) at which a rise (um/s) learns that the meniscus has broken."""
        return held.breaks + rate * self._ioc.clamp.cell.break_shows_after()

    async def clear(self, halt: asyncio.Event) -> bool:
        """Withdraw unless withdrawn; return whether the probe clears the sample."""
        withdrawn = self._stage.state.value == "WITHDRAWN"
        return withdrawn or await self.withdraw(halt)

    async def retreat(self, halt: asyncio.Event) -> bool:
        """Withdraw from the last contact by the set distance, in any case.

        ``TravelHeight`` is for the next move of a client that knows the surface there.
        Who takes over afterwards may go elsewhere.
        """
        if not await self.clear(halt):
            return False
        lifted = self._stage.contact_height.value + self._stage.withdraw_distance.value
        if self._motor.position < lifted:  # NaN before the first contact
            rate, target = self._stage.withdraw_rate.value, min(lifted, HIGH)
            done = await self.rise(target, rate, halt, "WITHDRAWING")
            await put(self._stage.state, "WITHDRAWN" if done else "STOPPED")
            return done
        return True

    async def withdraw(self, halt: asyncio.Event) -> bool:
        """Withdraw by the settings, once more if the meniscus does not come off.

        Returns
        -------
        bool
            Whether the probe is clear of the sample.
        """
        rate = self._stage.withdraw_rate.value
        clear, done = self.clear_height(rate), False
        for target in (clear, clear + self._stage.withdraw_distance.value):
            done = await self.rise(min(target, HIGH), rate, halt, "WITHDRAWING")
            if not done or not self._ioc.clamp.cell.feels_contact():
                break
        else:
            await put(self._stage.state, "STOPPED")
            at = f"z = {self._motor.position:.3f} um"
            await self._ioc.trip(f"the meniscus does not come off: it is whole at {at}")
            return False
        if done and self._motor.position < clear:
            done = False
            await self._ioc.report(
                f"withdrawn only to {HIGH:g} um, the upper end of Z, and not to "
                f"{clear:.3f} um: XY stays locked"
            )
        await put(self._stage.state, "WITHDRAWN" if done else "STOPPED")
        return done

    async def rise(
        self, target: float, rate: float, halt: asyncio.Event, meanwhile: str
    ) -> bool:
        """Go up (um, um/s), watching the meniscus; return whether it got there."""
        held, shows = self._held, math.inf
        if held is not None:
            shows = self._break_shows_at(held, rate)
            begun = held.drawn_out(self._motor.position)
            self._ioc.clamp.cell.stretch(begun, rate / held.length)
        await put(self._stage.state, meanwhile)
        duration = max(target - self._motor.position, 0.0) / rate
        travel = Travel(self._motor.position, target, 0.0, duration)
        _, reached = await self._run(travel.at, rate, duration, halt)
        if held is not None and self._motor.position < held.breaks:
            self._ioc.clamp.cell.stop_stretching(held.drawn_out(self._motor.position))
        self._ioc.clamp.cell.follow()
        if held is not None and self._motor.position >= shows:
            await put(self._stage.detach_height, held.noted(rate))
            self._held = None
        return reached

    async def lower(
        self,
        floor: float,
        rate: float,
        halt: asyncio.Event,
        slow: tuple[float, float] | None = None,
    ) -> tuple[Landing, int]:
        """Go down (um, um/s) to contact or `floor`; return the sample it ended at."""
        self._began_at = self._motor.position
        self._landings += 1
        fault = await self._ioc.faults.in_landing(self._landings)
        landing = Landing(self._ioc, self._landings, floor, rate, fault, slow)
        await put(self._stage.detach_height, math.nan)
        descent = landing.descent

        def sample_at(t: float) -> int:
            return min(descent.sample, int(t * LOOP_RATE + _ROUNDING))

        def path(t: float) -> float:
            return landing.z(sample_at(t) / LOOP_RATE)

        self._stage.is_lowering = True
        try:
            lasted, reached = await self._run(path, rate, descent.duration, halt)
        finally:
            self._stage.is_lowering = False
        return landing, descent.sample if reached else sample_at(lasted)

    async def judge(self, landing: Landing, sample: int) -> Outcome:
        """Take the consequences of a descent, and return its outcome."""
        if sample < landing.descent.sample:
            await put(self._stage.state, "STOPPED")
            return self._stage.stopped
        if landing.descent.end is End.CRASH:
            await put(self._stage.state, "STOPPED")
            await self._ioc.sim.fit(self._ioc.pipette.crashed())
            await self._ioc.trip(
                f"tip crash at z = {self._motor.position:.3f} um, no contact"
            )
            return Outcome.TRIPPED
        if landing.descent.end is End.NO_CONTACT:
            await put(self._stage.state, "NO_CONTACT")
            return Outcome.NO_CONTACT
        self._held = HeldMeniscus(self._motor.position, landing.detach_height)
        landing.verify(self._stage.verify_time.value)
        self._ioc.clamp.cell.land(landing.descent, landing.contact)
        await put(self._stage.contact_height, self._motor.position)
        await put(self._stage.state, "CONTACT")
        return Outcome.OK

    async def _run(
        self,
        path: Callable[[float], float],
        rate: float,
        duration: float,
        halt: asyncio.Event,
    ) -> tuple[float, bool]:
        """Run along a path, to its end or until it is stopped.

        It trips when the readback is off the setpoint by more than
        ``Z:FollowingErrorLimit``.

        Parameters
        ----------
        path
            Gives the setpoint (um) at a time since the start (s).
        rate
            Speed along the path (um/s).
        duration
            How long it takes (s).
        halt
            Stops it.

        Returns
        -------
        tuple
            How long it followed the path (s), and whether it came to its end.
        """
        clock, start = self._ioc.clock, self._ioc.clock.now
        self._motions += 1
        allowed = self._stage.following_error_limit.value / rate
        follows = await self._ioc.faults.in_motion(self._motions, duration - allowed)
        ends = min(duration, follows + allowed)

        async def show() -> None:
            await self._motor.show(path(min(clock.now - start, follows)))

        reached = await clock.wait_until(start + ends, halt, show)
        lasted = min(duration if reached else clock.now - start, follows)
        self.changed_at = clock.now
        await self._motor.arrive(path(lasted))
        if reached and ends < duration:
            await self._ioc.trip(
                f"Z does not follow: it is at {path(lasted):.3f} um, its setpoint at "
                f"{path(ends):.3f} um"
            )
        return lasted, lasted == duration
