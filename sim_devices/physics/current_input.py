"""The current input of the amplifier: filter, noise and digitiser at one setting."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .bessel import bessel_lowpass
from .electronics import current_noise, digitise, noise_rms

__all__ = ["CurrentInput"]

_FULL_SCALE = 10.0  # V of the digitiser, either way
_STEPS = 65536  # 16 bit
_MEMORY = 1.5  # periods of the cut-off after which the filter has forgotten a sample


@dataclass(frozen=True)
class CurrentInput:
    """What stands between a current and its numbers; SI units.

    Parameters
    ----------
    gain
        Volts at the digitiser per ampere.
    cutoff
        -3 dB frequency of the Bessel filter (Hz).
    """

    gain: float
    cutoff: float

    @property
    def range(self) -> float:
        """Full scale (A)."""
        return _FULL_SCALE / self.gain

    @property
    def step(self) -> float:
        """One step of the digitiser (A)."""
        return 2 * _FULL_SCALE / _STEPS / self.gain

    @cached_property
    def noise_rms(self) -> float:
        """Noise without contact (A rms)."""
        return math.hypot(noise_rms(self.cutoff), self.step / math.sqrt(12))

    def noise(self, n: int, dt: float, rng: np.random.Generator) -> np.ndarray:
        """Noise after the filter (A), `n` samples at `dt` (s)."""
        return current_noise(n, dt, self.cutoff, rng)

    @property
    def remembers(self) -> float:
        """How long the filter remembers (s)."""
        return _MEMORY / self.cutoff

    def memory(self, dt: float) -> int:
        """Return how many samples at `dt` (s) the filter remembers."""
        return math.ceil(_MEMORY / (self.cutoff * dt))

    def filter(self, i: np.ndarray, dt: float) -> np.ndarray:
        """Filter a current (A) sampled at `dt` (s).

        Samples too far apart for the filter to connect them are left as they are.
        """
        return bessel_lowpass(i, dt, self.cutoff) if self.cutoff * dt < 0.5 else i

    def digitise(self, i: np.ndarray) -> tuple[np.ndarray, bool]:
        """Round to steps and clip to the range; return whether it left the range."""
        return digitise(i, self.range, self.step)
