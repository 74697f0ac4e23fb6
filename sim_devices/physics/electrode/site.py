"""The spot that a landed meniscus wets."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

__all__ = ["FOOTPRINT", "FOOTPRINT_RADIUS", "Electrode", "Site"]

FOOTPRINT_RADIUS = 55e-9
"""Radius (m) of the wetted spot: 1.1 times that of the 50 nm pipette."""

# the footprint: centre, 4 points at 0.5 and 8 at 0.95 of its radius
_ANGLES = np.r_[0.0, np.arange(4) * np.pi / 2, np.arange(8) * np.pi / 4]
_RADII = np.r_[0.0, np.full(4, 0.5), np.full(8, 0.95)]

FOOTPRINT = np.array([_RADII * np.cos(_ANGLES), _RADII * np.sin(_ANGLES)])
"""Points (x, y) that stand for the footprint, shape (2, 13), in units of its radius."""


class Electrode(Protocol):
    """What a wetted spot needs of the electrode around it: its memory of charge."""

    def remember(self, site: "Site", charge: float, reached: float = 0.0) -> None:
        """Take a charge (C) from the crystallites; see `Sample.remember`."""

    def particle_theta(self, particle: int) -> float:
        """Give the mean Li fraction of a secondary particle."""


@dataclass(frozen=True)
class Site:
    """What the footprint of a landed meniscus wets.

    Parameters
    ----------
    x, y
        Position (m).
    area
        Wetted LiFePO4 area (m^2), 0 on bare substrate.
    k_scale
        Factor on the rate constant; 0 where the electrolyte has no lithium.
    theta
        Li fraction of the wetted crystallites.
    capacitance, leak
        Capacitance (F) and conductance (S) of what is not LiFePO4.
    residual
        Median charging current (A) 20 ms after a contact at +0.65 V.
    grains, weights
        Numbers of the wetted crystallites and their shares, which sum to 1.
    particle
        Number of the secondary particle, -1 for none.
    particle_volume
        Its volume (m^3), 0 for none.
    sample
        The electrode it lies on.
    """

    x: float
    y: float
    area: float
    k_scale: float
    theta: float
    capacitance: float
    leak: float
    residual: float
    grains: np.ndarray
    weights: np.ndarray
    particle: int
    particle_volume: float
    sample: Electrode = field(repr=False, compare=False)
