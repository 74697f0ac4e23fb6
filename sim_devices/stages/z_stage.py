"""The Z stage: approach and withdrawal."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np

from ..epics.commands import Command, Outcome
from ..epics.pvs import RefusedError, command, put
from .landing import BLANK, NO_CURVE
from .z_record import ZRecord
from .z_stage_pvs import LOW

__all__ = ["ZStage"]


class ZStage(ZRecord):
    """PVs of the Z stage.

    ``Z`` (motor record); ``ApproachRate``, ``Threshold``, ``ThresholdMode``,
    ``RestPotential``, ``LeastContact``, ``Debounce``, ``VerifyTime``,
    ``TravelLimit``, ``WithdrawDistance``, ``WithdrawRate``, ``FollowingErrorLimit``;
    ``TravelHeight``, ``DetachDistance``, ``DetachMargin``, ``SlowHeight``,
    ``FastRate``; ``Approach``, ``ApproachDone``,
    ``Withdraw``, ``Leave``, ``WithdrawDone``, ``Stop``; ``State``, ``ContactHeight``,
    ``DetachHeight``, ``Landing``, ``Withdrawal``, ``ApproachCurve``.
    """

    approach = command("Approach", "lower the probe until the meniscus closes the cell")
    withdraw = command("Withdraw", "withdraw the probe")
    leave = command("Leave", "withdraw as soon as the acquisition has ended")
    stop = command("Stop", "any value but 0 stops Z at once")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._approach = Command(
            self.approach, self.approach_done, self.landing, self._land, BLANK
        )
        self._withdraw = Command(
            self.withdraw, self.withdraw_done, self.withdrawal, self._lift, [math.nan]
        )
        self._leave = Command(
            self.leave, self.withdraw_done, self.withdrawal, self._depart, [math.nan]
        )

    def halt(self) -> None:
        """Stop at once, in any motion."""
        self._halt.set()
        self.z.halt()

    async def retreat(self) -> tuple[Outcome, Sequence[float]]:
        """Stop, then withdraw as far as SAFE demands."""
        self.halt()
        return await self._raised(self._drive.retreat)

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

    @leave.putter
    async def _put_leave(self, instance: Any, number: int) -> int:
        """Withdraw when the running acquisition has ended."""
        self._leave.start(number)
        return number

    @stop.putter
    async def _put_stop(self, instance: Any, value: int) -> int:
        """Stop Z when anything but 0 is written."""
        if value:
            self.halt()
        return 0

    async def _land(self, number: int) -> tuple[Outcome, Sequence[float]]:
        """Carry out an approach."""
        self.ioc.line.check_idle("an approach")
        outcome, values, curve = await self.land(f"{self.approach.pvname} {number}")
        await put(self.approach_curve, np.concatenate([[number], curve]))
        self.ioc.note("landing", landing=[float(number), float(outcome), *values[:3]])
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
            The outcome; what stands after it in ``Landing``; what stands after the
            number in ``ApproachCurve``.

        Raises
        ------
        RefusedError
            If it cannot be now; the probe has not been lowered.
        """
        self.ioc.check_ready("an approach")
        if self.z.is_held:
            raise RefusedError(f"{self.z.val.pvname}.SPMG holds Z: write Go to it")
        self._check_free(self.descent_rate)
        async with self._motion:
            self._halt.clear()
            if not (await self._xy_rests() and await self._drive.clear(self._halt)):
                return self.stopped, BLANK, NO_CURVE
            # a client may have changed it meanwhile
            self._check_measurable(self.descent_rate)
            await put(self.state, "APPROACHING")
            floor = max(LOW, self.position - self.travel_limit.value)
            landing, sample = await self._drive.lower(
                floor, self.approach_rate.value, self._halt, self._fast_until()
            )
            outcome = await self._drive.judge(landing, sample)
            contact_at = self.changed_at if outcome is Outcome.OK else math.nan
            curve = landing.curve(sample)
            if outcome is Outcome.OK:
                watched = contact_at + self.verify_time.value
                if not await self.ioc.clock.wait_until(watched, self._halt):
                    outcome = self.stopped
                self.ioc.clamp.cell.follow()
            elif outcome is Outcome.NO_CONTACT and self.position == LOW:
                await self.ioc.report(
                    f"{what}: no contact down to {LOW:g} um, "
                    "the low end of Z: the sample lies too deep"
                )
            return outcome, landing.values(sample, contact_at), curve

    async def _lift(self, _number: int) -> tuple[Outcome, Sequence[float]]:
        """Carry out a withdrawal, after all that runs has been stopped."""
        self.ioc.line.halt()
        await self.ioc.clamp.interrupt()
        await self.ioc.line.wait()
        self.halt()
        return await self.lift()

    async def _depart(self, number: int) -> tuple[Outcome, Sequence[float]]:
        """Withdraw after a complete acquisition; stay after any other."""
        outcome = await self.ioc.clamp.measured()
        if outcome is not Outcome.OK:
            return outcome, [self.position]
        return await self._lift(number)

    async def lift(self) -> tuple[Outcome, Sequence[float]]:
        """Withdraw from a contact, for callers that know that nothing else runs."""
        return await self._raised(self._drive.clear)

    async def _raised(
        self, motion: Callable[[asyncio.Event], Awaitable[bool]]
    ) -> tuple[Outcome, Sequence[float]]:
        async with self._motion:
            self._halt.clear()
            done = await motion(self._halt)
            return (Outcome.OK if done else Outcome.STOPPED), [self.position]

    async def landed(self) -> Outcome:
        """Wait for a running approach; return how the last one ended."""
        await self._approach.wait()
        outcome = self._approach.outcome
        if outcome is Outcome.OK and self.state.value != "CONTACT":
            return self.stopped  # left again
        return outcome or Outcome.NO_CONTACT

    async def _xy_rests(self) -> bool:
        """Wait for a move with which an approach was pre-armed; False if stopped."""
        if not self.ioc.xy.is_moving:
            return True
        rests = await self.ioc.xy.rest(self._halt)
        # as it was before: it may have changed meanwhile
        self._check_measurable(self.descent_rate)
        return rests
