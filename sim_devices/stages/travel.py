"""A way at constant speed."""

from dataclasses import dataclass

__all__ = ["Travel"]


@dataclass(frozen=True)
class Travel:
    """A way at constant speed: positions in um, times in s."""

    start: float
    end: float
    t_start: float
    t_end: float

    def at(self, t: float) -> float:
        """Position at a time, before, during or after the motion."""
        if t >= self.t_end:
            return self.end
        done = max(0.0, t - self.t_start) / (self.t_end - self.t_start)
        return self.start + (self.end - self.start) * done
