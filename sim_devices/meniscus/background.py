"""Currents of a contact that are not the reaction of LiFePO4."""

from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np

__all__ = ["E_LEAK", "Background"]

E_LEAK = 0.30
"""Potential (V) of the surface that no current flows through, on any substrate."""

_TIME, _POTENTIAL = 20e-3, 0.65  # s, V: for which charging currents are quoted
_POWER = 0.9  # they fall with t^-0.9 (Pt and carbon alike)
# Chloride and water are oxidised above one potential, oxygen and water reduced below
# another; both currents (A) grow tenfold each 0.12 V.
_SOLVENT_I, _OXIDISED, _REDUCED, _DECADE = 2e-14, 1.10, -0.60, 0.12
_MOST_DECADES = 12.0  # keeps the exponential in bounds
_SLOPE = log(10) / _DECADE  # 1/V


@dataclass(frozen=True)
class Background:
    """Leak, breakdown of the electrolyte, charging of the freshly wetted surface.

    Parameters
    ----------
    leak
        Conductance (S) to `E_LEAK`.
    charging
        Charging current (A) 20 ms after a contact at +0.65 V.
    conducts
        Whether the pipette is open; no current flows through a blocked one.
    """

    leak: float
    charging: float
    conducts: bool

    def current(self, E: Any, age: Any, E_touch: float) -> Any:
        """Give the current (A) at `E` (V), `age` (s) after a touch at `E_touch`.

        `E` and `age` may be numbers or arrays.
        """
        if not self.conducts:
            return 0.0 * age
        fresh = self._charging(E_touch) * (age / _TIME) ** -_POWER
        return self.leak * (E - E_LEAK) + _electrolyte(E) + fresh

    def charge(self, E: float, start: float, end: float, E_touch: float) -> float:
        """Give the charge (C) at a held potential from age `start` to `end` (s)."""
        if not self.conducts:
            return 0.0
        steady = self.leak * (E - E_LEAK) + float(_electrolyte(E))
        spent = (end / _TIME) ** (1 - _POWER) - (start / _TIME) ** (1 - _POWER)
        fresh = self._charging(E_touch) * _TIME * spent / (1 - _POWER)
        return steady * (end - start) + fresh

    def conductance(self, E: float) -> tuple[float, float]:
        """Leak and electrolyte as a straight line around `E`: slope (S), root (V)."""
        lost, slope = float(_electrolyte(E)), float(_electrolyte_slope(E))
        total = self.leak + slope
        return total, (self.leak * E_LEAK + slope * E - lost) / total

    def _charging(self, E_touch: float) -> float:
        return self.charging * (E_touch - E_LEAK) / (_POTENTIAL - E_LEAK)


def _electrolyte(E):
    """Give the current (A) of its oxidation and reduction; also for arrays."""
    return _branch(E - _OXIDISED) - _branch(_REDUCED - E)


def _electrolyte_slope(E):
    """Give the derivative of `_electrolyte` (S)."""
    return _SLOPE * (_branch(E - _OXIDISED) + _branch(_REDUCED - E))


def _branch(beyond):
    """Give the size (A) of one of the two, so far (V) beyond its potential."""
    decades = beyond / _DECADE
    if isinstance(decades, float):
        return _SOLVENT_I * 10 ** min(decades, _MOST_DECADES)
    return _SOLVENT_I * 10 ** np.minimum(decades, _MOST_DECADES)
