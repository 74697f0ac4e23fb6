"""The meniscus of a probe that is withdrawn: it is drawn out, thins, and breaks.

The neck of a capillary bridge between a tip and a flat thins slowly at first and then
breaks at once. What reacts is taken to shrink with the square of the height, to half of
it when the meniscus breaks.
"""

from dataclasses import dataclass
from math import inf

__all__ = ["LEFT", "Stretch"]

LEFT = 0.5
"""Share of the current that still flows when it breaks."""


@dataclass(frozen=True)
class Stretch:
    """How far a meniscus is drawn out, in units of the height at which it breaks.

    Parameters
    ----------
    since
        Time (s) from which this holds.
    begun
        Height then, 0 to 1.
    speed
        By which it grows (1/s); 0 for a probe that stands still.
    """

    since: float
    begun: float
    speed: float

    @property
    def breaks_at(self) -> float:
        """Time (s) at which it breaks; infinite for never."""
        if self.speed <= 0:
            return inf
        return self.since + max(1 - self.begun, 0.0) / self.speed

    def share(self, t: float) -> float:
        """Return which share of the current of the whole contact flows at `t` (s)."""
        return 1 - (1 - LEFT) * self._height(t) ** 2

    def acting(self, start: float, end: float) -> float:
        """Return in what time (s) the whole contact takes what this does in a time.

        Parameters
        ----------
        start, end
            Of that time (s), from `since` on.
        """
        low, high = self._height(start), self._height(end)
        lost = (1 - LEFT) * (low**2 + low * high + high**2) / 3
        return (1 - lost) * (end - start)

    def _height(self, t: float) -> float:
        return self.begun + self.speed * (t - self.since)
