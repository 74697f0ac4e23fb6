"""The clamp amplifier: holds the potential, measures the current, or the reverse."""

import json
import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ophyd import Component as Cpt
from ophyd import DeviceStatus, EpicsSignalRO, Signal
from ophyd.status import Status

from ..errors import HopEndedError
from ..techniques import (
    CurrentSample,
    Measurement,
    Technique,
    TechniqueLike,
    as_techniques,
    check_whole,
)
from .axis import MARGIN_S
from .clamp_settings import ClampSettings
from .command import NO_CONTACT, Command, ResultScalar, belonging_to, finished
from .measured import CONTACT_AGE, Measured
from .progress import Progress
from .setting import Push, WorkedOut

__all__ = ["APPROACH", "ClampAmplifier"]

APPROACH = "approach"
"""Given to `ClampAmplifier.set`: get ready for the next approach."""


class _Acquire(Command):
    """An acquisition, refused when somebody has turned a knob of the amplifier."""

    def trigger(self) -> DeviceStatus:
        self.parent.check_settings()
        return super().trigger()


class ClampAmplifier(ClampSettings):
    """Patch-clamp amplifier with its digitiser.

    `prepare` takes what is to be measured, one technique or several for the same
    contact; `set` switches between them; ``trigger()`` takes one acquisition;
    ``read()`` gives the scalars that the techniques draw from their traces.

    Parameters
    ----------
    prefix
        Prefix of the instrument, e.g. ``SECCM:``.

    Examples
    --------
    >>> RE(bps.prepare(seccm.clamp, CurrentSample(potential_v=0.65), wait=True))
    """

    technique = Cpt(Signal, value="{}", kind="config", doc="what is measured, as JSON")

    acquire = Cpt(_Acquire, "Clamp:Acquire", result="Clamp:Summary", kind="omitted")
    arm = Cpt(Push, "Clamp:Arm", kind="omitted", doc="acquire when in contact")
    halt = Cpt(Push, "Clamp:Stop", kind="omitted", doc="end the acquisition")
    trace = Cpt(EpicsSignalRO, "Clamp:Trace", auto_monitor=True, kind="omitted")

    progress = Cpt(Progress, "", kind="omitted")

    live_potential = Cpt(EpicsSignalRO, "Clamp:Potential", kind="omitted")
    live_current = Cpt(EpicsSignalRO, "Clamp:Current", kind="omitted")
    current_range = Cpt(EpicsSignalRO, "Clamp:CurrentRange", kind="config")
    current_step = Cpt(EpicsSignalRO, "Clamp:CurrentStep", kind="config")
    current_noise = Cpt(
        EpicsSignalRO, "Clamp:CurrentNoise", auto_monitor=True, kind="config"
    )
    # asked for anew: the monitor may still hold the value of the settings before
    present_noise = Cpt(EpicsSignalRO, "Clamp:CurrentNoise", kind="omitted")

    contact_age = Cpt(
        ResultScalar,
        command="acquire",
        index=CONTACT_AGE,
        units="s",
        kind="normal",
        doc="time from contact to the first sample",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Until something is prepared, an acquisition is taken with the settings as they
        # are and summarised as a current sample: stock plans work on the amplifier.
        self._measurements = Measurement.of([CurrentSample()])
        self._turn = 0
        self._results: dict[str, Measured] = {}
        super().__init__(*args, **kwargs)
        self._duration_s = WorkedOut(
            self._work_out_duration, self.settle_time, self.samples, self.sample_rate
        )

    # -- what is measured -------------------------------------------------------------

    @property
    def prepared(self) -> tuple[Technique, ...]:
        """What is measured in each contact, in this order."""
        return tuple(measurement.technique for measurement in self._measurements)

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """The same with the names that they have in events and files."""
        return self._measurements

    @property
    def measuring(self) -> Measurement:
        """The one of them that was taken up last."""
        return self._measurements[self._turn]

    def prepare(self, value: TechniqueLike | Sequence[TechniqueLike]) -> Status:
        """Set the amplifier for an approach and the first of the techniques.

        Parameters
        ----------
        value
            One technique, or a list of them for the same contact; see `set`.

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
        techniques = as_techniques(value)
        self.forget_settings()
        self._measurements = Measurement.of(techniques)
        self.technique.put(json.dumps([t.to_dict() for t in techniques]))
        self.note_gain()
        return self.set(APPROACH)

    def reprepare(self) -> None:
        """Set the amplifier again as prepared, after it was made SAFE."""
        self.forget_settings()
        self.note_gain()
        self.set(APPROACH)

    def set(self, value: str | int) -> Status:
        """Take up a technique in contact, or get ready for the next approach.

        Parameters
        ----------
        value
            ``"approach"``: voltage clamp at the potential of the approach. A number:
            switch to that one of the prepared techniques (from 0); what the one before
            it measured is read first.

        Returns
        -------
        Status
            Already done: each setting that changes is put and verified.

        Raises
        ------
        CommandRefusedError
            If the amplifier did not take a setting.
        HopEndedError
            If the technique before it has lost the contact, or overloaded.
        """
        turn = 0 if value == APPROACH else int(value)
        if value != APPROACH:
            self._collect()
            before = self._results.get(self.measuring.label)
            if turn > 0 and before and (before.lost or before.overload):
                what = "overloaded" if before.overload else "lost the contact"
                raise HopEndedError(
                    f"{self.name}: {self.measuring.label} {what}, the hop ends there"
                )
        self.apply(
            self._measurements[turn].technique.acquisition,
            approaching=value == APPROACH,
        )
        self._turn = turn
        return finished(self)

    def check_value(self, value: str | int) -> None:
        """Check what `set` would be given, for simulations of plans.

        Raises
        ------
        ParameterError
            If it is neither ``"approach"`` nor a number of a technique.
        """
        if value != APPROACH:
            check_whole(self.name, float(value), 0, 1000, "techniques")

    # -- one acquisition --------------------------------------------------------------

    def trigger(self) -> DeviceStatus:
        """Take one acquisition with the settings of the amplifier."""
        return self.acquire.trigger()

    def command_timeout_s(self, command: str) -> float:
        """Longest duration of an acquisition, with a margin (s)."""
        return 1.5 * self._duration_s.get() + MARGIN_S

    def _work_out_duration(self) -> float:
        sampling = self.samples.get() / self.sample_rate.get()
        return float(self.settle_time.get() + sampling)

    def forget(self) -> None:
        """Drop what was measured: its scalars read NaN until the next acquisition."""
        self._results.clear()
        self.acquire.forget()

    @property
    def is_overloaded(self) -> bool:
        """Whether any acquisition of this contact left the range."""
        self._collect()
        return any(result.overload for result in self._results.values())

    @property
    def is_lost(self) -> bool:
        """Whether the contact was lost in any acquisition."""
        self._collect()
        return any(result.lost for result in self._results.values())

    @property
    def is_bad(self) -> bool:
        """Whether any acquisition of this contact read what is no number."""
        self._collect()
        return any(result.bad for result in self._results.values())

    def traces(self) -> dict[str, NDArray[np.float64]]:
        """Traces of this contact.

        Returns
        -------
        dict
            By label of the `Measurement`: arrays of shape (3, samples), time since the
            first sample (s), potential (V), current (pA).

        Raises
        ------
        SeccmError
            If the amplifier does not hold the trace of the last acquisition.
        """
        self._collect()
        return {label: result.trace for label, result in self._results.items()}

    def _collect(self) -> None:
        """Read the acquisition that has ended, once, before another one replaces it."""
        number, label = self.acquire.number, self.measuring.label
        # of whichever technique: the amplifier may be set for the next approach by now
        known = {result.number for result in self._results.values()}
        if number is None or number in known:
            return
        if self.acquire.outcome == NO_CONTACT:  # pre-armed, and never begun
            return
        found = self._results[label] = Measured.read(
            self.measuring,
            self.acquire,
            belonging_to(self.acquire, self.trace),
            noise_pa=float(self.current_noise.get()),
            zero_pa=self._zero_pa(),
        )
        if found.trace.shape[1] < self.measuring.technique.acquisition.samples:
            self.forget_clamping()  # the IOC leaves a current clamp without contact

    def _zero_pa(self) -> float:
        """Return what current is shown without contact (pA), as the approach saw it."""
        z = getattr(self.parent, "z", None)
        baseline = math.nan if z is None else z.baseline_current.get()
        return 0.0 if math.isnan(baseline) else baseline

    # -- events -----------------------------------------------------------------------

    def read(self) -> OrderedDict[str, dict[str, Any]]:
        """Read the scalars of the techniques; NaN where nothing was measured."""
        reading = super().read()
        self._collect()
        if self._results:  # of several acquisitions the first has it
            first = next(iter(self._results.values()))
            reading[self.contact_age.name]["value"] = first.contact_age
        for measurement in self._measurements:
            result = self._results.get(measurement.label)
            scalars = result.scalars if result else measurement.nothing
            stamp = result.timestamp if result else time.time()
            for name, value in scalars.items():
                reading[f"{self.name}_{name}"] = {"value": value, "timestamp": stamp}
        return reading

    def describe(self) -> OrderedDict[str, dict[str, Any]]:
        """Describe the scalars of the prepared techniques."""
        description = super().describe()
        for measurement in self._measurements:
            for name, scalar in measurement.keys.items():
                number = {"precision": 4} if scalar.dtype == "number" else {}
                description[f"{self.name}_{name}"] = {
                    "source": f"PV:{self.trace.pvname}",
                    "dtype": scalar.dtype,
                    "shape": [],
                    "units": scalar.units,
                    **number,
                }
        return description

    @property
    def hints(self) -> dict[str, list[str]]:
        """Fields that live tables and plots show unasked."""
        hinted = [
            f"{self.name}_{name}"
            for measurement in self._measurements
            for name, scalar in measurement.scalars.items()
            if scalar.hinted
        ]
        return {"fields": hinted}

    def stop(self, *, success: bool = False) -> None:
        """End a running acquisition; without error if that counts as a success.

        The engine stops all that it has set before it pauses, and calls `pause` then.
        """
        if success:
            self.pause()
        # nothing reaches a lost IOC, see `Microscope.stop`
        if self.halt.connected and not self.link.not_driving(False):
            self.halt.put(1, wait=False)
        super().stop(success=success)

    def pause(self) -> None:
        """Have a pending acquisition end: the engine will redo the hop."""
        self.acquire.abandon()

    def resume(self) -> None:
        """Nothing to do: `Microscope.resume` prepares the amplifier again."""
