"""The clamp amplifier: its acquisitions, around what it holds between them."""

import asyncio
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ..epics.commands import Command, Outcome
from ..epics.pvs import (
    RefusedError,
    command,
    put,
)
from .acquisition import Acquisition, Recording
from .amplifier_pvs import NO_YES
from .held_clamp import MODES, HeldClamp
from .stream import TraceStream

__all__ = ["MODES", "ClampAmplifier"]

_PC = 1e-12
_BLANK = [0.0, 0.0, *[math.nan] * 6]  # of an acquisition that has not begun


class ClampAmplifier(HeldClamp):
    """PVs of the clamp amplifier.

    ``Mode``, ``HoldingPotential``, ``SafePotential``, ``HoldingCurrent``, ``Gain``,
    ``FilterCutoff``, ``SampleRate``, ``Samples``, ``SettleTime``, ``Waveform``,
    ``Cutoffs``, ``Compliance``; ``Acquire``, ``Arm``, ``AcquireDone``, ``Stop``;
    ``State``, ``Potential``, ``Current``, ``CurrentRange``, ``CurrentStep``,
    ``CurrentNoise``, ``Overload``, ``Summary``, ``Trace``.
    """

    acquire = command("Acquire", "take one acquisition")
    arm = command("Arm", "take one as soon as the approach has made contact")
    stop = command("Stop", "any value but 0 ends the acquisition")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._halt = asyncio.Event()
        self._halts = 0
        self._acquisitions = 0
        self._acquire = Command(
            self.acquire, self.acquire_done, self.summary, self._take, _BLANK
        )
        self._arm = Command(
            self.arm, self.acquire_done, self.summary, self._take_in_contact, _BLANK
        )

    @acquire.putter
    async def _put_acquire(self, instance: Any, number: int) -> int:
        """Start an acquisition."""
        self._acquire.start(number)
        return number

    @arm.putter
    async def _put_arm(self, instance: Any, number: int) -> int:
        """Take an acquisition in the contact that the approach makes."""
        self._arm.start(number)
        return number

    @stop.putter
    async def _put_stop(self, instance: Any, value: int) -> int:
        """End the acquisition when anything but 0 is written."""
        if value:
            self.halt()
        return 0

    def halt(self) -> None:
        """End the acquisition at once, also one that waits for its contact."""
        self._halt.set()
        self._halts += 1

    async def interrupt(self) -> None:
        """End the acquisition and wait until it has ended."""
        self.halt()
        async with self._acquiring:
            self._halt.clear()

    async def make_safe(self) -> None:
        """End the acquisition and hold the safe potential."""
        await self.interrupt()
        await self._hold_safe_potential()

    async def _take(self, number: int) -> tuple[Outcome, Sequence[float]]:
        """Carry out an acquisition."""
        self.ioc.line.check_idle("an acquisition")
        stream = TraceStream(self.trace_part, number, self.ioc.clock)
        outcome, recording, values = await self.record(stream)
        await put(self.trace, recording.trace(number))
        self.ioc.note("acquired", number=int(number), outcome=float(outcome))
        await put(self.overload, NO_YES[recording.overload])
        return outcome, values

    async def _take_in_contact(self, number: int) -> tuple[Outcome, Sequence[float]]:
        """Carry out an acquisition after the approach; without contact, end as it."""
        self.ioc.line.check_idle("an acquisition")
        halts = self._halts
        outcome = await self.ioc.z.landed()
        if outcome is Outcome.OK and self._halts == halts:
            return await self._take(number)
        return (self.stopped if outcome is Outcome.OK else outcome), _BLANK

    async def measured(self) -> Outcome:
        """Wait for a running acquisition, return how it ended; OK without one."""
        for started in (self._acquire, self._arm):
            if await started.wait():
                return started.outcome
        return Outcome.OK

    async def record(
        self, stream: TraceStream | None = None
    ) -> tuple[Outcome, Recording, list[float]]:
        """Take one acquisition with the settings as they are.

        Parameters
        ----------
        stream
            Publishes its parts while it runs.

        Returns
        -------
        tuple
            The outcome, what was recorded, and what stands after the outcome in
            ``Summary``.

        Raises
        ------
        RefusedError
            If it cannot be now.
        """
        self.ioc.check_ready("an acquisition")
        if self.is_acquiring:
            raise RefusedError("an acquisition is running")
        if self.ioc.z.is_moving:
            raise RefusedError("Z is moving")
        conditions, cell, clock = self.conditions(), self.cell, self.ioc.clock
        if not conditions.in_volts and self.ioc.z.state.value != "CONTACT":
            raise RefusedError("no contact, a current clamp needs one")
        self._acquisitions += 1
        acquisition = conditions.acquisition(
            cell.contact,
            np.asarray(self.waveform.value, float),
            self.samples.value,
            1 / self.sample_rate.value,
            self.ioc.rng("acquisition", self._acquisitions),
        )
        async with self._acquiring:
            self._halt.clear()
            await put(self.state, "ACQUIRING")
            await self.ioc.faults.in_acquisition(self._acquisitions, acquisition)
            settled = cell.free_at if cell.contact else clock.now
            start = max(clock.now, settled + self.settle_time.value)
            if await clock.wait_until(start, self._halt):
                acquisition.history = self.cell.follow()
                self._running = acquisition, start
                tick = _let_others
                if stream is not None:
                    tick = partial(stream.tell, acquisition)
                try:
                    await acquisition.play(clock, start, self._halt, tick)
                finally:
                    self._running = None
            else:
                acquisition.stop(0.0)
            recording = acquisition.read()
            values = self._summary(acquisition, recording, start)
            if acquisition.is_broken:
                cell.release()
            if acquisition.ran_off:
                await self._leave_current_clamp(acquisition)
            await put(self.state, "IDLE")
        if not acquisition.is_stopped:
            return Outcome.OK, recording, values
        return self.stopped, recording, values

    async def _leave_current_clamp(self, acquisition: Acquisition) -> None:
        """Impose nothing, then hold the safe potential: the contact is lost."""
        end = acquisition.read(acquisition.taken - 1).potential[0]
        await put(self.holding_current, 0.0)
        await self._hold_safe_potential()
        await self.ioc.report(
            f"{self.acquire.pvname}: the potential ran off to {end:.2f} V, contact "
            "lost: left the current clamp for the safe potential"
        )

    def _summary(
        self, acquisition: Acquisition, recording: Recording, start: float
    ) -> list[float]:
        """List what stands in ``Summary`` after the outcome."""
        if acquisition.taken:
            charge = self.cell.close(start + acquisition.duration)
        else:
            start = charge = math.nan
        if self.cell.contact is None:  # an open circuit: what was measured
            charge = recording.charge
        return [
            float(recording.overload),
            acquisition.taken,
            *recording.means(),
            charge / _PC,
            start,
            start - self.cell.since,
        ]


async def _let_others() -> None:
    """Have the IOC do other things between two chunks."""
    await asyncio.sleep(0)
