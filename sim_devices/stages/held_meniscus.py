"""The meniscus between contact and probe, as Z has to reckon with it."""

import math
from dataclasses import dataclass

from ..physics.approach import LOOP_RATE

__all__ = ["HeldMeniscus"]


@dataclass(frozen=True)
class HeldMeniscus:
    """A meniscus that has not been seen to break.

    Parameters
    ----------
    contact
        Height of the contact (um).
    length
        How far above the contact it breaks (um): this is not known before.
    """

    contact: float
    length: float

    @property
    def breaks(self) -> float:
        """Height at which it breaks (um)."""
        return self.contact + self.length

    def drawn_out(self, z: float) -> float:
        """Return how far it is drawn out at a height (um), in units of its length."""
        return max(z - self.contact, 0.0) / self.length

    def noted(self, rate: float) -> float:
        """Give its length as the control loop notes it while it rises (um, um/s).

        Parameters
        ----------
        rate
            Of the withdrawal (um/s): the loop looks at it every so often.
        """
        step = rate / LOOP_RATE
        return math.ceil(self.length / step) * step
