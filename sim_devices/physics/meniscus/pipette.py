"""The nanopipette: its resistance, its meniscus, and how it breaks."""

from dataclasses import dataclass, replace
from math import exp, pi, radians, tan

import numpy as np

from ..electrode.site import FOOTPRINT_RADIUS

__all__ = ["Pipette"]

_KAPPA = 15.0  # S/m, 3 M LiCl at 25 C
_HALF_ANGLE = radians(6.0)
_ELECTRONIC = 50e6  # ohm, path through the carbon network
_BLOCKED = 1e12  # ohm
_JUMP = 25e-9  # m, median gap at which the meniscus jumps to the surface
_DETACH_SPREAD, _FARTHEST = 0.12, 4.0  # of ln(height of detachment): sd, cut in sd
_RADIUS = 50e-9  # m
_WIDEST = 1e-6  # m; where the glass no longer breaks


@dataclass(frozen=True)
class Pipette:
    """A pulled nanopipette filled with electrolyte.

    Parameters
    ----------
    radius
        Inner radius of the tip (m).
    blocked
        Whether a bubble or a particle closes it.
    """

    radius: float = _RADIUS
    blocked: bool = False

    @property
    def resistance(self) -> float:
        """Resistance (ohm) of the shaft and of the access through the opening.

        ``1/(pi kappa a tan gamma) + 1/(4 kappa a)``: Newman, J. Electrochem. Soc. 113
        (1966) 501; Hall, J. Gen. Physiol. 66 (1975) 531.
        """
        if self.blocked:
            return _BLOCKED
        shaft = 1 / (pi * _KAPPA * self.radius * tan(_HALF_ANGLE))
        return shaft + 1 / (4 * _KAPPA * self.radius)

    @property
    def series_resistance(self) -> float:
        """All that lies in series with the reaction (ohm)."""
        return self.resistance + _ELECTRONIC

    @property
    def footprint(self) -> float:
        """Radius of the spot that the meniscus wets (m)."""
        return self.radius * FOOTPRINT_RADIUS / _RADIUS

    def crashed(self) -> "Pipette":
        """Return the pipette after it was pushed into the sample: 2.5 times wider.

        At most 1 um: further up, the glass is too thick to break.
        """
        return replace(self, radius=min(2.5 * self.radius, _WIDEST))

    def jump_gap(self, rng: np.random.Generator) -> float:
        """Gap (m) at which the meniscus jumps to the surface in this landing."""
        return _JUMP * exp(0.25 * rng.standard_normal())

    def detach_height(self, typical: float, rng: np.random.Generator) -> float:
        """Height (m) above the contact at which the meniscus of this landing breaks.

        Parameters
        ----------
        typical
            Median (m) of a tip of 50 nm; a wider one draws out a longer meniscus.
        rng
            Draws it, from a log-normal distribution of 12 % that is cut at 4 standard
            deviations: 0.62 to 1.62 times the median.
        """
        drawn = min(max(rng.standard_normal(), -_FARTHEST), _FARTHEST)
        scale = self.radius / _RADIUS
        return typical * scale * exp(_DETACH_SPREAD * drawn)
