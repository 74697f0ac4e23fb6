"""The electrolyte creeps from the footprint into the secondary particle below.

A phenomenological law, fitted to Takahashi 2014: 200 pA through one footprint would
empty it within 0.1 s, yet 25 um^3 react when the meniscus has rested for minutes.
"""

from dataclasses import dataclass
from math import inf

__all__ = ["Wicking"]

_TAU = 90.0  # s
_FROM = 2.0  # s; what is wetted before is below 1e-9 of the particle


@dataclass(frozen=True)
class Wicking:
    """Accessible volume ``V0 + (Vp - V0)/(1 + (90 s / t)^6)`` at contact time t.

    Parameters
    ----------
    footprint
        V0 (m^3), accessible at once.
    particle
        Vp (m^3), of the secondary particle; 0 for none.
    """

    footprint: float
    particle: float

    @property
    def possible(self) -> bool:
        """Whether there is more to wet than the footprint."""
        return self.particle > self.footprint > 0

    def growth(self, age: float) -> float:
        """Give the accessible volume at `age` (s), in units of the footprint's."""
        if not self.possible or age < _FROM:
            return 1.0
        return 1 + (self.particle / self.footprint - 1) / (1 + (_TAU / age) ** 6)

    def reached(self, growth: float) -> float:
        """Share of the particle beyond the footprint that `growth` stands for."""
        if not self.possible:
            return 0.0
        return (growth - 1) / (self.particle / self.footprint - 1)

    def steady_for(self, age: float) -> float:
        """Time (s) for which the volume may be taken as constant."""
        return max(_FROM - age, 0.03 * age) if self.possible else inf
