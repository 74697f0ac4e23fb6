"""What lies between the LiFePO4: acetylene black or platinum, as a circuit element."""

import numpy as np

from .raster import Raster

__all__ = ["Substrate"]

# capacitance (F) under a footprint, charging current (A) 20 ms after a contact
_CAPACITANCE = {"AB": 4e-12, "Pt": 0.05e-12}
_RESIDUAL = {"AB": 0.8e-12, "Pt": 1.8e-12}
_CAPACITANCE_SPREAD = 0.15
_LEAST_CAPACITANCE = 0.5  # of the usual one
_LEAK = 1 / 300e9  # S
_LEAK_SPREAD = 0.5  # standard deviation of its logarithm
_PATCH = 250e-9  # m, over which both vary


class Substrate:
    """Capacitance and leak of bare substrate, which vary from place to place.

    Parameters
    ----------
    material
        "AB" (acetylene black) or "Pt".
    size
        Extent (x, y) of the electrode (m).
    rng
        Source of the patchiness.

    Attributes
    ----------
    residual
        Median charging current (A) 20 ms after a contact at +0.65 V.
    """

    def __init__(
        self, material: str, size: tuple[float, float], rng: np.random.Generator
    ) -> None:
        patches = (int(size[1] / _PATCH) + 1, int(size[0] / _PATCH) + 1)
        spread = 1 + _CAPACITANCE_SPREAD * rng.standard_normal(patches)
        spread = np.maximum(spread, _LEAST_CAPACITANCE)
        leak = _LEAK * np.exp(_LEAK_SPREAD * rng.standard_normal(patches))
        self.residual = _RESIDUAL[material]
        self._capacitance = Raster(_CAPACITANCE[material] * spread, _PATCH)
        self._leak = Raster(leak, _PATCH)

    def circuit(self, x: float, y: float) -> tuple[float, float]:
        """Capacitance (F) and leak (S) of a footprint at (`x`, `y`) (m)."""
        at_x, at_y = np.array([x], float), np.array([y], float)
        capacitance = self._capacitance.nearest(at_x, at_y)[0]
        return float(capacitance), float(self._leak.nearest(at_x, at_y)[0])
