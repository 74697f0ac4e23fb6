"""The PVs of the current input: gain, filter, and what follows from them."""

from functools import lru_cache
from typing import Any

from ..epics.pvs import put, readout, setting
from ..instrument import Part
from ..physics.current_input import CurrentInput

__all__ = ["InputPVs", "current_input"]

_PA, _MV_PER_PA = 1e-12, 1e9


@lru_cache(maxsize=16)
def current_input(gain: float, cutoff: float) -> CurrentInput:
    """Make the input at a gain (mV/pA) and a cut-off (Hz); kept, as it is asked for."""
    return CurrentInput(gain * _MV_PER_PA, cutoff)


class InputPVs(Part):
    """Gain and filter, and the range, step and noise that they give."""

    gain = setting("Gain", 5.0, "mV/pA", 3, (0.5, 500.0), "gain of the current output")
    filter_cutoff = setting(
        "FilterCutoff",
        1000.0,
        "Hz",
        1,
        (10.0, 1e5),
        "-3 dB of the 4-pole Bessel filter",
    )
    current_range = readout("CurrentRange", 0.0, "pA", 1, "full scale at this gain")
    current_step = readout("CurrentStep", 0.0, "pA", 4, "digitiser step at this gain")
    current_noise = readout("CurrentNoise", 0.0, "pA", 4, "rms noise without contact")

    async def prepare(self) -> None:
        """Publish range, step and noise."""
        await self.publish_input(self.gain, self.gain.value)

    async def publish_input(self, instance: Any, value: float) -> float:
        """Publish range, step and noise with a new gain or filter."""
        new = {pv: pv.value for pv in (self.gain, self.filter_cutoff)}
        new[instance] = value
        signal = current_input(new[self.gain], new[self.filter_cutoff])
        await put(self.current_range, signal.range / _PA)
        await put(self.current_step, signal.step / _PA)
        await put(self.current_noise, signal.noise_rms / _PA)
        return value

    gain.putter(publish_input)
    filter_cutoff.putter(publish_input)
