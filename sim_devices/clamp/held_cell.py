"""The cell between acquisitions: what is held on it, and what that does meanwhile."""

from dataclasses import dataclass

import numpy as np

from ..electronics import potential_noise
from ..epics.pvs import RefusedError
from ..meniscus.contact import Contact
from ..meniscus.detachment import Stretch
from .acquisition import Acquisition, History
from .current_input import CurrentInput
from .imposed import CurrentClamp, OpenCircuit, VoltageClamp

__all__ = ["Conditions", "HeldCell"]

_PA = 1e-12
_STEPS = 32  # samples that tell the course of a current that nobody records
_STRETCH_STEPS = 4  # of a contact that is being drawn out: its current changes slowly
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
    limits: tuple[float, float]
    compliance: float
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
    stretch
        How far the meniscus is drawn out, None while the probe rests at the contact.
    """

    def __init__(self) -> None:
        self.contact: Contact | None = None
        self.stretch: Stretch | None = None
        self.since = self.free_at = np.nan
        self.current = 0.0
        self._until = 0.0
        self._charge = 0.0

    def land(self, contact: Contact, now: float, current: float) -> None:
        """Take a contact, worked out up to now, when `current` (A) flows."""
        self.release()
        self.contact, self.current, self._charge = contact, current, 0.0
        self.since = self.free_at = self._until = now

    def release(self) -> None:
        """Give the charge back to the sample and open the circuit."""
        if self.contact is not None:
            self.contact.release()
        self.contact, self.since, self.current = None, np.nan, 0.0
        self.stretch = None

    @property
    def flowing(self) -> float:
        """Current (A) in voltage clamp, of a contact worked out up to now."""
        if self.contact is None or self.contact.age == 0:
            return self.current
        share = 1.0 if self.stretch is None else self.stretch.share(self._until)
        return self.contact.current() * share

    def follow(self, now: float, conditions: Conditions) -> History:
        """Let what is held act up to now; a meniscus that breaks until then is gone.

        Returns
        -------
        History
            The current right before now; empty without contact, or if no time went by.
        """
        if self.stretch is not None and self.stretch.breaks_at <= now:
            self._act(self.stretch.breaks_at, conditions)
            self.release()
        return self._act(now, conditions)

    def _act(self, now: float, conditions: Conditions) -> History:
        start, self._until = self._until, max(now, self._until)
        duration = now - start
        if self.contact is None or duration <= 0:
            return History(np.array([self.current]), 0.0)
        if self.stretch is not None and conditions.in_volts:
            acting = self.stretch.acting(start, now)
            self.contact.hold(conditions.potential, acting, _STRETCH_STEPS)
            self.current = self.flowing
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
