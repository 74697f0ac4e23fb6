"""What the settings of the amplifier do to a cell, and what it takes of it."""

from typing import NamedTuple

import numpy as np

from ..epics.pvs import RefusedError
from ..physics.current_input import CurrentInput
from ..physics.electronics import potential_noise
from ..physics.meniscus.contact import Contact
from .acquisition import Acquisition
from .imposed import CurrentClamp, OpenCircuit, VoltageClamp

__all__ = ["Conditions"]

_PA = 1e-12
_POTENTIAL_RANGE = 2.0  # V
_CURRENT_RANGE = 20e-9  # A


class Conditions(NamedTuple):
    """The settings of the amplifier that act on the cell, in SI units.

    Parameters
    ----------
    mode
        "VCLAMP", "ICLAMP" or "I0".
    potential
        Held in voltage clamp (V).
    current
        Held in current clamp (A).
    cutoffs
        Lower and upper potential at which a current clamp is to end (V).
    compliance
        Largest potential that the current clamp may apply (V).
    signal
        The current input.
    offset
        Error of the current, measured or imposed (A).
    """

    mode: str
    potential: float
    current: float
    cutoffs: tuple[float, float]
    compliance: float
    signal: CurrentInput
    offset: float

    @property
    def limits(self) -> tuple[float, float]:
        """Lower and upper potential at which a current clamp ends (V)."""
        low, high = self.cutoffs
        return max(low, -self.compliance), min(high, self.compliance)

    @property
    def in_volts(self) -> bool:
        """Whether the potential is imposed, not the current."""
        return self.mode == "VCLAMP"

    @property
    def held(self) -> float:
        """What is held: V or A."""
        if self.in_volts:
            return self.potential
        return self.current if self.mode == "ICLAMP" else 0.0

    def clamp(
        self, contact: Contact | None, n: int, dt: float, rng: np.random.Generator
    ) -> VoltageClamp | CurrentClamp:
        """Give what imposes a drive on a contact.

        Parameters
        ----------
        contact
            The landed meniscus, None for an open circuit.
        n
            Number of samples.
        dt
            Sample interval (s).
        rng
            Makes the noise of the potential.
        """
        if self.in_volts:
            return VoltageClamp(contact, self.potential)
        noise = potential_noise(n, dt, contact.site.area if contact else 0.0, rng)
        cell = contact or OpenCircuit(self.potential, self.compliance)
        return CurrentClamp(cell, self.limits, self.compliance, self.offset, noise)

    def acquisition(
        self,
        contact: Contact | None,
        waveform: np.ndarray,
        n: int,
        dt: float,
        rng: np.random.Generator,
    ) -> Acquisition:
        """Make an acquisition ready.

        Parameters
        ----------
        contact
            The landed meniscus, None for an open circuit.
        waveform
            V or pA for each sample, or one element to hold what is held.
        n
            Number of samples.
        dt
            Sample interval (s).
        rng
            Makes the noise of potential and current.

        Raises
        ------
        RefusedError
            For a waveform that cannot be.
        """
        clamp = self.clamp(contact, n, dt, rng)
        drive = self.drive(waveform * (1.0 if self.in_volts else _PA), n)
        added = self.offset + self.signal.noise(n, dt, rng)
        return Acquisition(clamp, drive, dt, self.signal, added)

    def drive(self, waveform: np.ndarray, n: int) -> np.ndarray:
        """List what to impose on `n` samples.

        Parameters
        ----------
        waveform
            V or A for each sample, or one element to hold what is held.
        n
            Number of samples.

        Returns
        -------
        numpy.ndarray
            V or A, shape (n,).

        Raises
        ------
        RefusedError
            If the waveform does not fit `n`, or leaves the range of the amplifier.
        """
        if len(waveform) == 1 or self.mode == "I0":
            return np.full(n, self.held)
        if len(waveform) != n:
            raise RefusedError(f"Waveform has {len(waveform)} elements, Samples is {n}")
        reach = _POTENTIAL_RANGE if self.in_volts else _CURRENT_RANGE
        if np.abs(waveform).max() > reach:
            shown = "-2 to 2 V" if self.in_volts else "-20000 to 20000 pA"
            raise RefusedError(f"Waveform leaves {shown}")
        return waveform
