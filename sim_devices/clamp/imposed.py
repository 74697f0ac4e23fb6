"""What the amplifier imposes on a cell, sample by sample: potentials or currents."""

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ..physics.meniscus.contact import Contact

__all__ = ["Clamp", "CurrentClamp", "OpenCircuit", "VoltageClamp"]

_C_STRAY = 0.05e-12  # F, of an open pipette after compensation
_C_WET = 0.1e-12  # F; all that is wet has more
_ROUNDING = 1e-9
WATCHED = 2e-6  # s, how often a current clamp looks at its cut-offs: 500 kHz


@dataclass
class OpenCircuit:
    """A pipette that touches nothing, in current clamp: it charges like a capacitor.

    Parameters
    ----------
    potential
        Where it is (V).
    compliance
        Largest potential of the amplifier (V).

    Attributes
    ----------
    cut_short
        How long before its time the last sample ended (s).
    """

    potential: float
    compliance: float
    cut_short: float = field(default=0.0, init=False)

    def galvanostatic(
        self,
        I: np.ndarray,  # noqa: E741
        dt: float,
        limits: tuple[float, float],
        *,
        watched: float = math.inf,
    ) -> np.ndarray:
        """Impose currents (A); see `Contact.galvanostatic`."""
        E = self.potential + np.cumsum(I) * (dt / _C_STRAY)
        beyond = np.flatnonzero((limits[0] > E) | (limits[1] < E))
        self.cut_short = 0.0
        if len(beyond):
            last = int(beyond[0])
            E = E[: last + 1]
            before = self.potential if last == 0 else float(E[-2])
            limit = limits[0] if E[-1] < limits[0] else limits[1]
            share = (limit - before) / (E[-1] - before)  # below 0: beyond all the time
            looks = max(math.ceil(dt / watched * (1 - _ROUNDING)), 1)
            look = min(max(math.floor(share * looks) + 1, 1), looks)
            E[-1] = before + (E[-1] - before) * look / looks
            self.cut_short = dt * (1 - look / looks)
        E = np.clip(E, -self.compliance, self.compliance)
        self.potential = float(E[-1])
        return E


class Clamp(Protocol):
    """What is imposed on the cell, sample by sample."""

    at_cutoff: bool
    cut_short: float
    ran_off: bool

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
    cut_short: float = field(default=0.0, init=False)
    ran_off: bool = field(default=False, init=False)

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

    The cut-offs are watched at the amplifier's own rate, however far apart the samples
    are that are recorded: the last one is taken where it ends.

    Parameters
    ----------
    contact
        The landed meniscus, or an open circuit.
    limits
        Lower and upper potential (V) at which it ends.
    compliance
        Largest potential of the amplifier (V).
    offset
        Current (A) that the amplifier adds to what it is set to.
    noise
        Noise of the potential (V) of all samples to come.

    Attributes
    ----------
    at_cutoff
        Whether the last sample was beyond a limit.
    cut_short
        How long before its time the last sample was taken (s).
    ran_off
        Whether it ended because the potential ran off: nothing is wet.
    """

    contact: Contact | OpenCircuit
    limits: tuple[float, float]
    compliance: float
    offset: float
    noise: np.ndarray
    at_cutoff: bool = field(default=False, init=False)
    cut_short: float = field(default=0.0, init=False)
    ran_off: bool = field(default=False, init=False)

    def apply(self, drive: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
        """Impose currents (A)."""
        before = self.contact.potential
        potential = self.contact.galvanostatic(
            drive + self.offset, dt, self.limits, watched=WATCHED
        )
        n = len(potential)
        self.cut_short = self.contact.cut_short
        self.at_cutoff = not self.limits[0] <= potential[-1] <= self.limits[1]
        if self.at_cutoff:
            moved = potential[-1] - (potential[-2] if n > 1 else before)
            self.ran_off = self._runs_off(float(moved), float(drive[n - 1]), dt)
        noise, self.noise = self.noise[:n], self.noise[n:]
        return potential + noise, drive[:n].copy()

    def open(self) -> None:
        """Break the contact."""
        self.contact = OpenCircuit(self.contact.potential, self.compliance)

    def _runs_off(self, moved: float, current: float, dt: float) -> bool:
        """Return whether the potential moved (V) faster than any wet surface charges.

        Or reached the compliance.
        """
        if abs(self.contact.potential) >= self.compliance:
            return True
        charge = abs(current + self.offset) * (dt - self.cut_short)
        return current != 0 and abs(moved) > charge / _C_WET
