"""The settings of the clamp amplifier, put and verified one after the other."""

import functools
from typing import Any

import numpy as np
from ophyd import EpicsSignal

from ..errors import CommandRefusedError
from ..techniques import Acquisition
from .in_flight import SLOW_S, in_flight
from .link import Linked
from .setting import PUT_TIMEOUT_S, Setting, array_setting, setting

__all__ = ["ClampSettings"]


class ClampSettings(Linked):
    """What the amplifier is set to; `apply` sets it for an acquisition.

    A setting that is known to have the value already is not touched: from hop to hop
    hardly anything changes. `check_settings` finds what somebody else has changed.
    """

    mode = setting("Clamp:Mode", "VCLAMP, ICLAMP or I0", string=True)
    holding_potential = setting("Clamp:HoldingPotential", "potential held (V)")
    safe_potential = setting("Clamp:SafePotential", "potential of a SAFE cell (V)")
    holding_current = setting("Clamp:HoldingCurrent", "current held (pA)")
    gain = setting("Clamp:Gain", "gain of the current output (mV/pA)")
    filter_cutoff = setting("Clamp:FilterCutoff", "-3 dB of the low pass (Hz)")
    sample_rate = setting("Clamp:SampleRate", "samples per second (Hz)")
    samples = setting("Clamp:Samples", "samples of an acquisition")
    settle_time = setting("Clamp:SettleTime", "wait from contact to sample 1 (s)")
    waveform = array_setting("Clamp:Waveform", "V or pA of each sample; one: hold")
    cutoffs = array_setting("Clamp:Cutoffs", "potentials that end a current clamp (V)")
    compliance = setting("Clamp:Compliance", "largest potential of current clamp (V)")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._known: dict[EpicsSignal, Any] = {}
        self._unchecked: set[EpicsSignal] = set()  # heard of since the last check
        super().__init__(*args, **kwargs)
        arrays = (self.waveform, self.cutoffs)  # long, and therefore not monitored
        for walk in self.walk_signals():
            if isinstance(walk.item, Setting) and walk.item not in arrays:
                walk.item.subscribe(self._heard, run=False)

    def _heard(self, obj: EpicsSignal, **kwargs: Any) -> None:
        self._unchecked.add(obj)

    def _know(self, signal: EpicsSignal, setpoint: Any) -> None:
        self._known[signal] = setpoint
        self._unchecked.add(signal)

    def forget_settings(self) -> None:
        """Verify every setting again next time: someone else may have changed it."""
        self._known.clear()

    def note_gain(self) -> None:
        """Take the gain as it is: no client may change it from now on."""
        self._know(self.gain, self.gain.get(use_monitor=False))

    def forget_clamping(self) -> None:
        """Verify again what the IOC may change: mode, held potential and current."""
        for signal in (self.mode, self.holding_potential, self.holding_current):
            self._known.pop(signal, None)

    def check_settings(self) -> None:
        """Check that the amplifier is as it was set: what was heard of since then.

        Raises
        ------
        CommandRefusedError
            If somebody has changed a setting; the message names it and both values.
        """
        for signal in self._unchecked & self._known.keys():
            self._unchecked.discard(signal)
            setpoint = self._known[signal]
            if signal in (self.waveform, self.cutoffs):
                continue  # long, and therefore not monitored
            if _equal(signal.get(), setpoint):
                continue
            found = signal.get(use_monitor=False)  # the last update may be on its way
            if not _equal(found, setpoint):
                self._unchecked.add(signal)
                raise CommandRefusedError(
                    f"{signal.pvname} is {found!r}, not {setpoint!r}: somebody has "
                    "changed it since it was set"
                )

    def stage(self) -> list[object]:
        """Check that no client has changed what was prepared.

        Raises
        ------
        CommandRefusedError
            As `check_settings`.
        """
        self.check_settings()
        return super().stage()

    def unstage(self) -> list[object]:
        """Forget what was set: whoever wants may change it now."""
        self.forget_settings()
        return super().unstage()

    def apply(self, wanted: Acquisition, *, approaching: bool) -> None:
        """Set what an acquisition needs: sampling first, what acts on the cell last.

        On a slow network those that act on no cell are put all at once.

        Parameters
        ----------
        wanted
            The acquisition.
        approaching
            Whether the cell is to be ready for the approach before it, instead of
            for the acquisition.

        Raises
        ------
        CommandRefusedError
            If the amplifier did not take a setting.
        """
        *passive, held, mode = (
            *self._sampling(wanted),
            *self._clamping(wanted, approaching=approaching),
        )
        self._put_in_order([passive, [held], [mode]])

    def turn(
        self, wanted: Acquisition, *, approaching: bool
    ) -> tuple[str, float, list[tuple[EpicsSignal, Any]]]:
        """Return mode, what is held (V or pA), and the settings that act on no cell."""
        clamping = dict(self._clamping(wanted, approaching=approaching))
        mode = clamping.pop(self.mode)
        cutoff = clamping.pop(self.filter_cutoff)
        (hold,) = clamping.values()
        passive = [*self._sampling(wanted), (self.filter_cutoff, cutoff)]
        return mode, hold, passive

    def put_passive(self, settings: list[tuple[EpicsSignal, Any]]) -> None:
        """Put settings that act on no cell, each one verified."""
        self._put_in_order([settings])

    def _put_in_order(self, stages: list[list[tuple[EpicsSignal, Any]]]) -> None:
        """Put settings, each stage when the one before is verified."""
        if self.link.round_trip_s < SLOW_S:
            for stage in stages:
                for signal, setpoint in stage:
                    self._put_verified(signal, setpoint)
            return
        every = [each for stage in stages for each in stage]
        unknown = [each for each in every if each[0] not in self._known]
        self._know_those_found(unknown)
        for stage in stages:
            left = [each for each in stage if not self._has(*each)]
            for signal, _ in left:
                self._known.pop(signal, None)
            puts = [
                functools.partial(s.put, to, wait=True, timeout=PUT_TIMEOUT_S)
                for s, to in left
            ]
            in_flight(puts, self.link)
            self._know_those_found(left)
            for signal, setpoint in left:
                if not self._has(signal, setpoint):
                    self._put_verified(signal, setpoint)  # says what it is instead

    def _know_those_found(self, settings: list[tuple[EpicsSignal, Any]]) -> None:
        """Ask for settings, all at once, and know those that are as they should be."""
        asked = [functools.partial(s.get, use_monitor=False) for s, _ in settings]
        found = in_flight(asked, self.link)
        for (signal, setpoint), value in zip(settings, found, strict=True):
            if _equal(value, setpoint):
                self._know(signal, setpoint)

    def _has(self, signal: EpicsSignal, setpoint: Any) -> bool:
        return signal in self._known and np.array_equal(self._known[signal], setpoint)

    def _sampling(self, wanted: Acquisition) -> list[tuple[EpicsSignal, Any]]:
        """List the settings of an acquisition that do not act on the cell."""
        waveform = np.zeros(1) if wanted.waveform is None else wanted.waveform
        return [
            (self.sample_rate, wanted.sample_rate_hz),
            (self.samples, wanted.samples),
            (self.settle_time, wanted.settle_s),
            (self.waveform, waveform),
            (self.cutoffs, np.array(wanted.cutoffs_v)),
            (self.compliance, wanted.compliance_v),
        ]

    def _clamping(
        self, wanted: Acquisition, *, approaching: bool
    ) -> list[tuple[EpicsSignal, Any]]:
        """List those that act on the cell: what is held, then its mode."""
        if approaching:
            return [
                (self.filter_cutoff, wanted.approach_filter_hz),
                (self.holding_potential, wanted.approach_potential_v),
                (self.mode, "VCLAMP"),
            ]
        in_volts = wanted.mode == "VCLAMP"
        held = self.holding_potential if in_volts else self.holding_current
        return [
            (self.filter_cutoff, wanted.filter_hz),
            (held, wanted.hold),
            (self.mode, wanted.mode),
        ]

    def _put_verified(self, signal: EpicsSignal, setpoint: Any) -> None:
        if self._has(signal, setpoint):
            return
        found = signal.get(use_monitor=False)
        if not _equal(found, setpoint):
            self._known.pop(signal, None)
            signal.put(setpoint, wait=True, timeout=PUT_TIMEOUT_S)
            found = signal.get(use_monitor=False)
        if not _equal(found, setpoint):
            raise CommandRefusedError(
                f"{signal.pvname} is {found!r}, not {setpoint!r}: "
                f"{self.link.last_error()}"
            )
        self._know(signal, setpoint)


def _equal(found: Any, setpoint: Any) -> bool:
    return np.array_equal(np.squeeze(found), np.squeeze(setpoint))
