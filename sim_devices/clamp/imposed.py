"""What the amplifier imposes on a cell, sample by sample: potentials or currents."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ..meniscus.contact import Contact

__all__ = ["Clamp", "CurrentClamp", "OpenCircuit", "VoltageClamp"]

_C_STRAY = 0.05e-12  # F, of an open pipette after compensation
_C_WET = 0.1e-12  # F; whatever is wet has more
_CHARGE = 0.02e-12  # C that moves an open circuit further than noise does
_JITTER = 0.05  # V by which noise may move the potential


@dataclass
class OpenCircuit:
    """A pipette that touches nothing, in current clamp: it charges like a capacitor.

    Parameters
    ----------
    potential
        Where it is (V).
    compliance
        Largest potential of the amplifier (V).
    """

    potential: float
    compliance: float

    def galvanostatic(
        self,
        I: np.ndarray,  # noqa: E741
        dt: float,
        limits: tuple[float, float],
    ) -> np.ndarray:
        """Impose currents (A); see `Contact.galvanostatic`."""
        E = self.potential + np.cumsum(I) * (dt / _C_STRAY)
        E = np.clip(E, -self.compliance, self.compliance)
        beyond = np.flatnonzero((limits[0] > E) | (limits[1] < E))
        E = E[: beyond[0] + 1] if len(beyond) else E
        self.potential = float(E[-1])
        return E


class Clamp(Protocol):
    """What is imposed on the cell, sample by sample."""

    at_cutoff: bool

    def apply(self, drive: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
        """Impose `drive` and return potential (V) and current (A), maybe of fewer."""

    def open(self) -> None:
        """Break the contact: from now on the circuit is open."""


@dataclass
class VoltageClamp:
    """The potential is imposed, the current flows.

    Parameters
    ----------
    contact
        The landed meniscus, None for an open circuit.
    held
        Potential before the first sample (V).
    """

    contact: Contact | None
    held: float
    at_cutoff: bool = field(default=False, init=False)  # it has none

    def apply(self, drive: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
        """Impose potentials (V)."""
        if self.contact is not None:
            current = self.contact.potentiostatic(drive, dt)
        else:
            current = _C_STRAY * np.diff(drive, prepend=self.held) / dt
        self.held = float(drive[-1])
        return drive, current

    def open(self) -> None:
        """Break the contact."""
        self.contact = None


@dataclass
class CurrentClamp:
    """The current is imposed, the potential follows, up to a cut-off.

    Parameters
    ----------
    contact
        The landed meniscus, or an open circuit.
    limits
        Lower and upper potential (V) at which it ends.
    compliance
        Largest potential of the amplifier (V).
    offset
        Current (A) that the amplifier adds to what it is told.
    noise
        Noise of the potential (V) of all samples to come.

    Attributes
    ----------
    at_cutoff
        Whether the last sample was beyond a limit.
    """

    contact: Contact | OpenCircuit
    limits: tuple[float, float]
    compliance: float
    offset: float
    noise: np.ndarray
    at_cutoff: bool = field(default=False, init=False)

    def apply(self, drive: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
        """Impose currents (A)."""
        potential = self.contact.galvanostatic(drive + self.offset, dt, self.limits)
        n = len(potential)
        self.at_cutoff = not self.limits[0] <= potential[-1] <= self.limits[1]
        noise, self.noise = self.noise[:n], self.noise[n:]
        return potential + noise, drive[:n].copy()

    def open(self) -> None:
        """Break the contact."""
        self.contact = OpenCircuit(self.contact.potential, self.compliance)

    def ran_off(self, potential: np.ndarray, drive: np.ndarray, dt: float) -> bool:
        """Tell whether it ended because the potential (V) ran off: nothing is wet.

        Then the last of it moves faster than any wetted surface charges, or reaches
        the compliance.
        """
        if not self.at_cutoff:
            return False
        if abs(self.contact.potential) >= self.compliance:
            return True
        charge = abs(float(drive[len(potential) - 1])) * dt
        if charge == 0 or len(potential) < 2:
            return False
        back = min(max(1, round(_CHARGE / charge)), len(potential) - 1)
        moved = abs(float(potential[-1] - potential[-1 - back]))
        return moved > back * charge / _C_WET + _JITTER
