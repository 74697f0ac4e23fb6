"""The cell between acquisitions: what is held on it, and what that does meanwhile."""

from dataclasses import dataclass

import numpy as np

from ..electronics import potential_noise
from ..epics.pvs import RefusedError
from ..meniscus.contact import Contact
from .acquisition import Acquisition, CurrentClamp, History, VoltageClamp
from .current_input import CurrentInput

__all__ = ["Conditions", "HeldCell"]

_PA = 1e-12
_STEPS = 32  # samples that tell the course of a current that nobody records
_MEMORY = 1.5  # periods of its cut-off that a filter remembers
_POTENTIAL_RANGE = 2.0  # V
_CURRENT_RANGE = 20e-9  # A


@dataclass(frozen=True)
class Conditions:
    """The settings of the amplifier that act on the cell, in SI units.

    Parameters
    ----------
    mode
        "VCLAMP", "ICLAMP" or "I0".
    potential
        Held in voltage clamp (V).
    current
        Held in current clamp (A).
    limits
        Lower and upper potential at which a current clamp ends (V).
    signal
        The current input.
    offset
        Error of the current, measured or imposed (A).
    """

    mode: str
    potential: float
    current: float
    limits: tuple[float, float]
    signal: CurrentInput
    offset: float

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

        Raises
        ------
        RefusedError
            For a current clamp without contact.
        """
        if self.in_volts:
            return VoltageClamp(contact, self.potential)
        if contact is None:
            raise RefusedError("no contact, a current clamp needs one")
        noise = potential_noise(n, dt, contact.site.area, rng)
        return CurrentClamp(contact, self.limits, self.offset, noise)

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
            For a current clamp without contact, or a waveform that cannot be.
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


class HeldCell:
    """A contact, if there is one, followed through instrument time.

    The contact knows no clock: here is kept up to which instrument time its state has
    been worked out. Whoever changes the conditions calls `follow` first.

    Attributes
    ----------
    contact
        The landed meniscus, None while the circuit is open.
    since
        Instrument time of the contact (s), NaN without.
    free_at
        Instrument time from which the settle time of an acquisition counts (s).
    current
        What flowed last in voltage clamp (A), behind the filter.
    """

    def __init__(self) -> None:
        self.contact: Contact | None = None
        self.since = self.free_at = np.nan
        self.current = 0.0
        self._until = 0.0
        self._charge = 0.0

    def land(self, contact: Contact, now: float, current: float) -> None:
        """Take a contact, worked out up to now, when `current` (A) flows."""
        self.contact, self.current, self._charge = contact, current, 0.0
        self.since = self.free_at = self._until = now

    def release(self) -> None:
        """Give the charge back to the sample and open the circuit."""
        if self.contact is not None:
            self.contact.release()
        self.contact, self.since, self.current = None, np.nan, 0.0

    def follow(self, now: float, conditions: Conditions) -> History:
        """Let what is held act up to now.

        Returns
        -------
        History
            The current right before now; empty without contact, or if no time went by.
        """
        duration, self._until = now - self._until, max(now, self._until)
        if self.contact is None or duration <= 0:
            return History(np.array([self.current]), 0.0)
        if not conditions.in_volts:
            drive = np.full(_STEPS, conditions.held + conditions.offset)
            # cut-offs end an acquisition; what is held goes on
            self.contact.galvanostatic(drive, duration / _STEPS)
            return History(drive, 0.0)
        held = conditions.potential
        last = min(duration, _MEMORY / conditions.signal.cutoff)
        self.contact.hold(held, duration - last)
        dt = last / _STEPS
        course = self.contact.potentiostatic(np.full(_STEPS, held), dt)
        self.current = float(course[-1])
        return History(course, last - dt)

    def close(self, time: float) -> float:
        """Close an acquisition that ended at `time` (s).

        Returns
        -------
        float
            Charge (C) since contact, or since the acquisition before it; NaN without
            contact.
        """
        if self.contact is None:
            return np.nan
        charge = self.contact.charge - self._charge
        self._charge = self.contact.charge
        self.free_at = self._until = time
        return charge

    def live(
        self, conditions: Conditions, rng: np.random.Generator
    ) -> tuple[float, float]:
        """Potential (V) and current (A) of now, as the instrument shows them."""
        potential, current = conditions.potential, self.current + conditions.offset
        if not conditions.in_volts:
            potential = self.contact.potential if self.contact else 0.0
            current = conditions.held
        signal = conditions.signal
        noisy = current + signal.noise_rms * rng.standard_normal(1)
        return potential, float(signal.digitise(noisy)[0])
