"""The cell between acquisitions: what is held on it, and what that does meanwhile."""

import math
from collections.abc import Callable

import numpy as np

from ..epics.clock import Clock
from ..physics.approach import Descent
from ..physics.meniscus.contact import Contact
from ..physics.meniscus.detachment import LEFT, Stretch
from .acquisition import History
from .conditions import Conditions

__all__ = ["HeldCell"]

_STEPS = 32  # samples that describe the course of a current that is not recorded
_CALM = 4.0  # memories of the filter after a change, the current is straight in one
_FELT = 6.0  # standard deviations
_AVERAGED = 5  # independent values that a current is averaged over, at most
_HALF_STEP = 0.33  # periods of the cut-off after which half of a step has come


class HeldCell:
    """A contact, if there is one, followed through instrument time.

    The contact knows no clock: here is kept up to which instrument time its state has
    been worked out. Whoever changes the conditions calls `follow` first.

    Parameters
    ----------
    clock
        Instrument time.
    conditions
        Returns what acts on the cell.

    Attributes
    ----------
    contact
        The landed meniscus, None while the circuit is open.
    since
        Instrument time of the contact (s), NaN without.
    free_at
        Instrument time from which the settle time of an acquisition counts (s).
    current
        What flowed last in voltage clamp (A), after the filter.
    """

    def __init__(self, clock: Clock, conditions: Callable[[], Conditions]) -> None:
        self.contact: Contact | None = None
        self.since = self.free_at = np.nan
        self.current = 0.0
        self._clock, self._conditions = clock, conditions
        self._stretch: Stretch | None = None  # while the probe is not at the contact
        self._until = 0.0
        self._charge = 0.0

    @property
    def is_open(self) -> bool:
        """Whether nothing closes the circuit, for any settings of the probe."""
        return self.contact is None

    def land(self, descent: Descent, contact: Contact) -> None:
        """Close the circuit, unless it was not the surface that stopped the probe.

        Parameters
        ----------
        descent
            How the probe came down.
        contact
            The meniscus that it makes at the surface.
        """
        if not descent.is_closed:
            return
        self.release()
        contact.hold(self._conditions().potential, descent.contact_age)
        self.contact, self._charge = contact, 0.0
        self.current = float(descent.current(descent.sample, descent.sample + 1)[0])
        self.since = self.free_at = self._until = self._clock.now

    def release(self) -> None:
        """Give the charge back to the sample and open the circuit."""
        if self.contact is not None:
            self.contact.release()
        self.contact, self.since, self.current = None, np.nan, 0.0
        self._stretch = None

    # -- the meniscus of a probe that is withdrawn ------------------------------------

    def stretch(self, begun: float, speed: float) -> None:
        """Draw the meniscus out from now on.

        Parameters
        ----------
        begun
            How far it is drawn out now, in units of the height at which it breaks.
        speed
            By which that grows (1/s).
        """
        self.follow()
        self._stretch = Stretch(self._clock.now, begun, speed)

    def stop_stretching(self, begun: float) -> None:
        """Keep the meniscus drawn out as it is, since it has been followed last."""
        self._stretch = Stretch(self._clock.now, begun, 0.0)

    def tear(self) -> bool:
        """Open the circuit, and return whether there was a meniscus to tear."""
        self.follow()
        was_closed = not self.is_open
        self.release()
        return was_closed

    def break_shows_after(self) -> float:
        """Return how long after it a break shows in the current (s); infinite: never.

        It takes a voltage clamp, and the longer the less current flows: the mean has to
        fall to none by more than its noise.
        """
        self.follow()
        acting, flowing = self._conditions(), self._flowing
        if not acting.in_volts or not flowing:
            return math.inf
        values = (_FELT * acting.signal.noise_rms / (LEFT * abs(flowing))) ** 2
        if values > _AVERAGED:
            return math.inf
        return max(values, _HALF_STEP) / acting.signal.cutoff

    def feels_contact(self) -> bool:
        """Whether a current flows that an open circuit does not have.

        As the mean over 5 ms shows it; only in voltage clamp.
        """
        self.follow()
        acting = self._conditions()
        noise = acting.signal.noise_rms / math.sqrt(_AVERAGED)
        return acting.in_volts and abs(self.current) > _FELT * noise

    @property
    def _flowing(self) -> float:
        """Current (A) in voltage clamp, of a contact worked out up to now."""
        if self.contact is None or self.contact.age == 0:
            return self.current
        share = 1.0 if self._stretch is None else self._stretch.share(self._until)
        return self.contact.current() * share

    # -- time -------------------------------------------------------------------------

    def follow(self) -> History:
        """Have what is held act up to now; a meniscus that breaks until then is gone.

        Returns
        -------
        History
            The current right before now; empty without contact, or if no time went by.
        """
        now = self._clock.now
        if self._stretch is not None and self._stretch.breaks_at <= now:
            self._act(self._stretch.breaks_at)
            self.release()
        return self._act(now)

    def _act(self, now: float) -> History:
        start, self._until = self._until, max(now, self._until)
        duration = now - start
        if self.contact is None or duration <= 0:
            return History(np.array([self.current]), 0.0)
        acting = self._conditions()
        if not acting.in_volts:
            drive = np.full(_STEPS, acting.held + acting.offset)
            # cut-offs end an acquisition; what is held continues
            self.contact.galvanostatic(drive, duration / _STEPS)
            return History(drive, 0.0)
        if self._stretch is not None:
            whole = self._stretch.acting(start, now)
            self.contact.hold(acting.potential, whole)
            self.current = self._flowing
            return History(np.array([self.current]), 0.0)
        last = min(duration, acting.signal.remembers)
        self.contact.hold(acting.potential, duration - last)
        if duration > _CALM * last:
            before = self.contact.current()
            self.contact.hold(acting.potential, last)
            self.current = self.contact.current()
            return History(np.array([before, self.current]), last)
        dt = last / _STEPS
        course = self.contact.potentiostatic(np.full(_STEPS, acting.potential), dt)
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

    def live(self, rng: np.random.Generator) -> tuple[float, float]:
        """Potential (V) and current (A) of now, as the instrument shows them."""
        self.follow()
        acting = self._conditions()
        potential, current = acting.potential, self.current + acting.offset
        if not acting.in_volts:
            potential = self.contact.potential if self.contact else 0.0
            current = acting.held
        noisy = current + acting.signal.noise_rms * rng.standard_normal(1)
        return potential, float(acting.signal.digitise(noisy)[0][0])
