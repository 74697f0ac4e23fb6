"""Currents of a contact that are not the reaction of LiFePO4."""

from dataclasses import dataclass
from typing import Any

from ..solver.electrolyte import electrolyte

__all__ = ["E_LEAK", "Background"]

E_LEAK = 0.30
"""Potential (V) of the surface that no current flows through, on any substrate."""

_TIME, _POTENTIAL = 20e-3, 0.65  # s, V: for which charging currents are quoted
_POWER = 0.9  # they fall with t^-0.9 (Pt and carbon alike)


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
        return self.leak * (E - E_LEAK) + electrolyte(E) + fresh

    def charge(self, E: float, start: float, end: float, E_touch: float) -> float:
        """Give the charge (C) at a held potential from age `start` to `end` (s)."""
        if not self.conducts:
            return 0.0
        steady = self.leak * (E - E_LEAK) + electrolyte(E)
        spent = (end / _TIME) ** (1 - _POWER) - (start / _TIME) ** (1 - _POWER)
        fresh = self._charging(E_touch) * _TIME * spent / (1 - _POWER)
        return steady * (end - start) + fresh

    def _charging(self, E_touch: float) -> float:
        return self.charging * (E_touch - E_LEAK) / (_POTENTIAL - E_LEAK)
