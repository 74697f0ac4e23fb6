"""The clamp amplifier: holds the potential, measures the current, or the reverse."""

import json
import time
from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ophyd import Component as Cpt
from ophyd import Device, DeviceStatus, EpicsSignal, EpicsSignalRO, Signal
from ophyd.status import Status

from ..errors import CommandRefusedError, SeccmError
from ..techniques import CurrentSample, Technique, as_technique, blank_scalars
from .axis import MARGIN_S
from .command import Command, InstrumentLink, ResultScalar
from .setting import PUT_TIMEOUT_S, setting

__all__ = ["ClampAmplifier"]


class ClampAmplifier(Device):
    """Patch-clamp amplifier with its digitiser.

    `prepare` takes a technique and sets the amplifier for it; ``trigger()`` takes one
    acquisition; ``read()`` gives the scalars that the technique draws from its trace.

    Parameters
    ----------
    prefix
        Prefix of the instrument, e.g. ``SECCM:``.

    Examples
    --------
    >>> RE(bps.prepare(seccm.clamp, CurrentSample(potential_v=0.65), wait=True))
    ... # doctest: +SKIP
    """

    link = Cpt(InstrumentLink, "", kind="omitted")
    technique = Cpt(Signal, value="{}", kind="config", doc="what is measured, as JSON")

    mode = setting("Clamp:Mode", "VCLAMP, ICLAMP or I0", string=True)
    holding_potential = setting("Clamp:HoldingPotential", "potential held (V)")
    safe_potential = setting("Clamp:SafePotential", "potential of a SAFE cell (V)")
    holding_current = setting("Clamp:HoldingCurrent", "current held (pA)")
    gain = setting("Clamp:Gain", "gain of the current output (mV/pA)")
    filter_cutoff = setting("Clamp:FilterCutoff", "-3 dB of the low pass (Hz)")
    sample_rate = setting("Clamp:SampleRate", "samples per second (Hz)")
    samples = setting("Clamp:Samples", "samples of an acquisition")
    settle_time = setting("Clamp:SettleTime", "wait from contact to sample 1 (s)")

    acquire = Cpt(Command, "Clamp:Acquire", result="Clamp:Summary", kind="omitted")
    halt = Cpt(EpicsSignal, "Clamp:Stop", kind="omitted", doc="end the acquisition")
    trace = Cpt(EpicsSignalRO, "Clamp:Trace", auto_monitor=False, kind="omitted")

    live_potential = Cpt(EpicsSignalRO, "Clamp:Potential", kind="omitted")
    live_current = Cpt(EpicsSignalRO, "Clamp:Current", kind="omitted")
    current_range = Cpt(EpicsSignalRO, "Clamp:CurrentRange", kind="config")
    current_step = Cpt(EpicsSignalRO, "Clamp:CurrentStep", kind="config")
    current_noise = Cpt(EpicsSignalRO, "Clamp:CurrentNoise", kind="config")

    overload = Cpt(
        ResultScalar,
        command="acquire",
        index=2,
        units="",
        precision=0,
        kind="omitted",
        doc="1 when the acquisition left the range",
    )
    contact_age = Cpt(
        ResultScalar,
        command="acquire",
        index=9,
        units="s",
        kind="normal",
        doc="time from contact to the first sample",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Until something is prepared, an acquisition is taken with the settings as they
        # are and summarised as a current sample: stock plans work on the amplifier.
        self._technique: Technique = CurrentSample()
        self._measured: tuple[int, NDArray[np.float64], dict[str, float]] | None = None
        super().__init__(*args, **kwargs)

    # -- what is measured -------------------------------------------------------------

    @property
    def prepared(self) -> Technique:
        """The technique whose scalars an event holds."""
        return self._technique

    def prepare(self, value: Technique | dict[str, Any]) -> Status:
        """Set the amplifier for a technique and verify that it took every setting.

        Returns
        -------
        Status
            Already done: the settings are put and acknowledged one after the other.

        Raises
        ------
        ParameterError
            If `value` is no technique.
        CommandRefusedError
            If the amplifier did not take a setting.
        """
        technique = as_technique(value)
        wanted = technique.acquisition
        for signal, setpoint in (
            (self.mode, wanted.mode),
            (self.holding_potential, wanted.holding_potential_v),
            (self.filter_cutoff, wanted.filter_hz),
            (self.sample_rate, wanted.sample_rate_hz),
            (self.samples, wanted.samples),
            (self.settle_time, wanted.settle_s),
        ):
            self._put_verified(signal, setpoint)
        self.technique.put(json.dumps(technique.to_dict()))
        self._technique = technique
        status = Status(self)
        status.set_finished()
        return status

    def reprepare(self) -> None:
        """Set the amplifier again as prepared, after it was made SAFE."""
        self.prepare(self._technique)

    def _put_verified(self, signal: EpicsSignal, setpoint: Any) -> None:
        if signal.get(use_monitor=False) == setpoint:
            return
        signal.put(setpoint, wait=True, timeout=PUT_TIMEOUT_S)
        found = signal.get(use_monitor=False)
        if found != setpoint:
            raise CommandRefusedError(
                f"{signal.pvname} is {found!r}, not {setpoint!r}: "
                f"{self.link.last_error()}"
            )

    # -- one acquisition --------------------------------------------------------------

    def trigger(self) -> DeviceStatus:
        """Take one acquisition with the settings of the amplifier."""
        return self.acquire.trigger()

    def command_timeout_s(self, command: str) -> float:
        """Longest duration of an acquisition, with a margin (s)."""
        seconds = self.settle_time.get() + self.samples.get() / self.sample_rate.get()
        return 1.5 * float(seconds) + MARGIN_S

    def forget(self) -> None:
        """Drop the last acquisition: its scalars read NaN until the next."""
        self.acquire.forget()

    def read_trace(self) -> NDArray[np.float64]:
        """Read the trace of the last acquisition, once.

        Returns
        -------
        ndarray, shape (3, samples)
            Time since the first sample (s), potential (V), current (pA).

        Raises
        ------
        SeccmError
            If the trace is not that of the last acquisition, or is incomplete.
        """
        number = self.acquire.number
        if number is None:
            raise SeccmError(f"{self.name} has not acquired anything yet")
        return self._measure(number)[1]

    def _measure(
        self, number: int
    ) -> tuple[int, NDArray[np.float64], dict[str, float]]:
        if self._measured is None or self._measured[0] != number:
            flat = np.asarray(self.trace.get(), dtype=float)
            size = int(flat[2]) if flat.size > 2 else 0
            if size < 1 or flat.size < 3 + 3 * size or flat[0] != number:
                raise SeccmError(
                    f"{self.trace.pvname} holds {flat.size} numbers of acquisition "
                    f"{flat[0]:.0f}, not a trace of {number}"
                )
            trace = flat[3 : 3 + 3 * size].reshape(3, size)
            self._measured = (number, trace, self._technique.summarise(trace))
        return self._measured

    # -- events -----------------------------------------------------------------------

    def read(self) -> OrderedDict[str, dict[str, Any]]:
        """Read the scalars of the technique; NaN when nothing was measured."""
        reading = super().read()
        number = self.acquire.number
        if number is None:
            scalars, stamp = blank_scalars(self._technique), time.time()
        else:
            scalars, stamp = self._measure(number)[2], self.acquire.timestamp
        for name, value in scalars.items():
            reading[f"{self.name}_{name}"] = {"value": value, "timestamp": stamp}
        return reading

    def describe(self) -> OrderedDict[str, dict[str, Any]]:
        """Describe the scalars of the prepared technique."""
        description = super().describe()
        for scalar in self._technique.scalars:
            description[f"{self.name}_{scalar.name}"] = {
                "source": f"PV:{self.trace.pvname}",
                "dtype": "number",
                "shape": [],
                "units": scalar.units,
                "precision": 4,
            }
        return description

    @property
    def hints(self) -> dict[str, list[str]]:
        """Fields that live tables and plots show unasked."""
        hinted = [s.name for s in self._technique.scalars if s.hinted]
        return {"fields": [f"{self.name}_{name}" for name in hinted]}

    def stop(self, *, success: bool = False) -> None:
        """End a running acquisition."""
        self.halt.put(1, wait=False)
        super().stop(success=success)

    def pause(self) -> None:
        """Let a pending acquisition end: the engine will redo the hop."""
        self.acquire.abandon()

    def resume(self) -> None:
        """Nothing to do: `Microscope.resume` prepares the amplifier again."""
