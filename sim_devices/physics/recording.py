"""What an acquisition recorded: potential and current over time."""

from dataclasses import dataclass

import numpy as np

from .electronics import mean_and_deviation

__all__ = ["Recording"]

_PA = 1e-12


@dataclass(frozen=True)
class Recording:
    """What an acquisition recorded.

    Parameters
    ----------
    first
        Number of the first sample.
    dt
        Sample interval (s).
    potential, current
        V and A, of one length.
    overload
        Whether the current left the range.
    early
        How long before its time the last sample was taken (s): a cut-off ended it.
    """

    first: int
    dt: float
    potential: np.ndarray
    current: np.ndarray
    overload: bool
    early: float = 0.0

    @property
    def times(self) -> np.ndarray:
        """When each sample was taken (s), counted from the first of the acquisition."""
        n = len(self.current)
        times = np.arange(self.first, self.first + n) * self.dt
        times[n - 1 :] -= self.early
        return times

    @property
    def charge(self) -> float:
        """Integral of the current (C)."""
        whole = float(self.current.sum()) * self.dt
        return whole - float(self.current[-1:].sum()) * self.early

    def means(self) -> list[float]:
        """List mean potential (V), mean current and its standard deviation (pA)."""
        if not len(self.current):
            return [np.nan] * 3
        return [float(self.potential.mean()), *mean_and_deviation(self.current / _PA)]

    def trace(self, number: int) -> np.ndarray:
        """List the trace as ``Clamp:Trace`` has it: t (s), E (V) and i (pA)."""
        head = [number, self.first, len(self.current)]
        return np.concatenate([head, self.times, self.potential, self.current / _PA])
