"""The clamp amplifier: potential, current and zero-current clamp, and acquisitions."""

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..electronics import current_offset
from ..epics.commands import Command, Outcome
from ..epics.pvs import (
    Group,
    RefusedError,
    array,
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
from ..stages.landing import Landing
from .acquisition import Acquisition, History
from .current_input import CurrentInput
from .held_cell import Conditions, HeldCell
from .stream import TraceStream

__all__ = ["ClampAmplifier"]

_PA, _PC, _MV_PER_PA = 1e-12, 1e-12, 1e9
_MAX_SAMPLES = 20_000
_NO_YES = ("no", "yes")


class ClampAmplifier(Group):
    """PVs of the clamp amplifier.

    ``Mode``, ``HoldingPotential``, ``SafePotential``, ``HoldingCurrent``, ``Gain``,
    ``FilterCutoff``, ``SampleRate``, ``Samples``, ``SettleTime``, ``Waveform``,
    ``Cutoffs``, ``Compliance``; ``Acquire``, ``AcquireDone``, ``Stop``; ``State``,
    ``Potential``, ``Current``, ``CurrentRange``, ``CurrentStep``, ``CurrentNoise``,
    ``Overload``, ``Summary``, ``Trace``.
    """

    mode = choice(
        "Mode", ("VCLAMP", "ICLAMP", "I0"), "what is imposed: potential, current, 0 A"
    )
    holding_potential = setting(
        "HoldingPotential", 0.0, "V", 4, (-2.0, 2.0), "held between acquisitions"
    )
    safe_potential = setting("SafePotential", 0.0, "V", 4, (-2.0, 2.0), "of MakeSafe")
    holding_current = setting(
        "HoldingCurrent", 0.0, "pA", 3, (-20000.0, 20000.0), "held in current clamp"
    )
    gain = setting("Gain", 5.0, "mV/pA", 3, (0.5, 500.0), "gain of the current output")
    filter_cutoff = setting(
        "FilterCutoff",
        1000.0,
        "Hz",
        1,
        (10.0, 1e5),
        "-3 dB of the 4-pole Bessel filter",
    )
    sample_rate = setting("SampleRate", 200e3, "Hz", 1, (1.0, 5e5), "samples a second")
    samples = count("Samples", 10, (1, _MAX_SAMPLES), "samples of an acquisition")
    settle_time = setting(
        "SettleTime", 0.02, "s", 4, (0.0, 3600.0), "wait before the first sample"
    )
    waveform = array(
        "Waveform", [0.0], _MAX_SAMPLES, "", 0, "V or pA of each sample; one: hold"
    )
    cutoffs = array(
        "Cutoffs", [-2.0, 2.0], 2, "V", 4, "potentials that end a current clamp"
    )
    compliance = setting(
        "Compliance", 10.0, "V", 4, (0.1, 10.0), "largest potential in current clamp"
    )
    acquire = command("Acquire", "take one acquisition")
    acquire_done = counter("AcquireDone", "last acquisition that ended")
    stop = command("Stop", "any value but 0 ends the acquisition")
    state = status("State", ("IDLE", "ACQUIRING"), "what the amplifier does")
    potential = readout("Potential", 0.0, "V", 4, "live potential of the sample")
    current = readout("Current", 0.0, "pA", 3, "live current")
    current_range = readout("CurrentRange", 0.0, "pA", 1, "full scale at this gain")
    current_step = readout("CurrentStep", 0.0, "pA", 4, "digitiser step at this gain")
    current_noise = readout("CurrentNoise", 0.0, "pA", 4, "rms noise without contact")
    overload = status("Overload", _NO_YES, "last acquisition left the range")
    summary = result(
        "Summary",
        10,
        "number, outcome, overload, samples, potential (V), current (pA), "
        "current_sd (pA), charge (pC), start_time (s), contact_age (s)",
    )
    trace_part = result(
        "TracePart",
        3 + 3 * _MAX_SAMPLES,
        "as Trace: what a long acquisition has taken since its last update",
    )
    trace = result(
        "Trace",
        3 + 3 * _MAX_SAMPLES,
        "number, first sample, samples n, n x t (s), n x E (V), n x i (pA)",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offset = current_offset(self.ioc.rng("amplifier"))
        self._cell = HeldCell()
        self._halt = asyncio.Event()
        self._acquiring = asyncio.Lock()
        self._acquisitions = 0
        self._running: tuple[Acquisition, float] | None = None
        self._live_noise = self.ioc.rng("live")
        blank = [0.0, 0.0, *[math.nan] * 6]
        self._acquire = Command(
            self.acquire, self.acquire_done, self.summary, self._take, blank
        )

    @property
    def current_input(self) -> CurrentInput:
        """The input at the present gain and filter."""
        return CurrentInput(self.gain.value * _MV_PER_PA, self.filter_cutoff.value)

    @property
    def conditions(self) -> Conditions:
        """What acts on the cell now."""
        (low, high), reach = self.cutoffs.value, self.compliance.value
        return Conditions(
            mode=self.mode.value,
            potential=self.holding_potential.value,
            current=self.holding_current.value * _PA,
            limits=(max(low, -reach), min(high, reach)),
            signal=self.current_input,
            offset=self.offset,
        )

    @property
    def is_acquiring(self) -> bool:
        """Whether an acquisition runs."""
        return self._acquiring.locked()

    async def prepare(self) -> None:
        """Publish range, step and noise."""
        await self._publish_input(self.gain, self.gain.value)

    def land(self, landing: Landing) -> None:
        """Close the circuit, unless it was not the surface that stopped the probe."""
        descent, now = landing.descent, self.ioc.clock.now
        if not descent.is_closed:
            return
        landing.contact.hold(self.holding_potential.value, descent.contact_age)
        current = float(descent.current(descent.sample, descent.sample + 1)[0])
        self._cell.land(landing.contact, now, current)

    def release(self) -> None:
        """Open the circuit: the probe is lifted."""
        self._follow()
        self._cell.release()

    async def refresh(self) -> None:
        """Publish the live potential and current."""
        if self._running is None:
            self._follow()
            potential, current = self._cell.live(self.conditions, self._live_noise)
        else:
            acquisition, start = self._running
            potential, current = acquisition.live(self.ioc.clock.now - start)
        await put(self.potential, potential)
        await put(self.current, current / _PA)

    async def _read_live(self, _instance: Any) -> None:
        """Let a reader see the values of now, not those of the last update."""
        await self.refresh()

    potential.getter(_read_live)
    current.getter(_read_live)

    def _follow(self) -> History:
        """Let what is held act on the contact up to now."""
        return self._cell.follow(self.ioc.clock.now, self.conditions)

    @acquire.putter
    async def _put_acquire(self, instance: Any, number: int) -> int:
        """Start an acquisition."""
        self._acquire.start(number)
        return number

    @stop.putter
    async def _put_stop(self, instance: Any, value: int) -> int:
        """End the acquisition when anything but 0 is written."""
        if value:
            self.halt()
        return 0

    async def _work_out_first(self, instance: Any, value: Any) -> Any:
        """Let what was held so far act up to now; refuse during an acquisition."""
        if self.is_acquiring:
            raise RefusedError(f"{instance.pvname}: an acquisition is running")
        self._follow()
        return value

    mode.putter(_work_out_first)
    holding_potential.putter(_work_out_first)
    holding_current.putter(_work_out_first)

    async def _publish_input(self, instance: Any, value: float) -> float:
        """Publish range, step and noise with a new gain or filter."""
        new = {pv: pv.value for pv in (self.gain, self.filter_cutoff)}
        new[instance] = value
        signal = CurrentInput(new[self.gain] * _MV_PER_PA, new[self.filter_cutoff])
        await put(self.current_range, signal.range / _PA)
        await put(self.current_step, signal.step / _PA)
        await put(self.current_noise, signal.noise_rms / _PA)
        return value

    gain.putter(_publish_input)
    filter_cutoff.putter(_publish_input)

    @cutoffs.putter
    async def _put_cutoffs(self, instance: Any, value: Any) -> Any:
        """Set both cut-offs."""
        if len(value) != 2 or not value[0] < value[1]:
            raise RefusedError(f"{instance.pvname}: not a lower and an upper potential")
        return value

    def halt(self) -> None:
        """End the acquisition at once."""
        self._halt.set()

    async def interrupt(self) -> None:
        """End the acquisition and wait until it has ended."""
        self.halt()
        async with self._acquiring:
            self._halt.clear()

    async def make_safe(self) -> None:
        """End the acquisition and hold the safe potential."""
        await self.interrupt()
        self._follow()
        await put(self.mode, "VCLAMP")
        await put(self.holding_potential, self.safe_potential.value)

    async def _take(self, number: int) -> tuple[Outcome, Sequence[float]]:
        """Carry out an acquisition."""
        self.ioc.check_ready("an acquisition")
        if self.is_acquiring:
            raise RefusedError("an acquisition is running")
        if self.ioc.z.is_moving:
            raise RefusedError("Z is moving")
        conditions, cell, clock = self.conditions, self._cell, self.ioc.clock
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
                acquisition.history = self._follow()
                stream = TraceStream(self.trace_part, number, acquisition, clock)
                self._running = acquisition, start
                try:
                    await acquisition.play(clock, start, self._halt, stream.tell)
                finally:
                    self._running = None
            else:
                acquisition.stop(0.0)
            values = await self._publish(number, acquisition, start)
            await put(self.state, "IDLE")
        if not acquisition.is_stopped:
            return Outcome.OK, values
        return (Outcome.TRIPPED if self.ioc.is_tripped else Outcome.STOPPED), values

    async def _publish(
        self, number: int, acquisition: Acquisition, start: float
    ) -> list[float]:
        """Publish the trace; list what stands in ``Summary`` behind the outcome."""
        recording = acquisition.read()
        if acquisition.taken:
            charge = self._cell.close(start + acquisition.applied * acquisition.dt)
        else:
            start = charge = math.nan
        if self._cell.contact is None:  # an open circuit: what was measured
            charge = recording.charge
        await self.trace.write(recording.trace(number), verify_value=False)
        await put(self.overload, _NO_YES[recording.overload])
        return [
            float(recording.overload),
            acquisition.taken,
            *recording.means(),
            charge / _PC,
            start,
            start - self._cell.since,
        ]
