"""The lithium of an electrode: how much each crystallite holds after what was taken."""

from itertools import pairwise

import numpy as np

from ..cell import C_MAX, RADIUS, F
from .crystallites import Grains
from .site import FOOTPRINT, Site

__all__ = ["Lithium"]

_CREPT = 0.01  # share of a particle below which only the footprint took part
_EMPTY = 1e-4  # the Li fraction stays this far from 0 and 1


class Lithium:
    """Li fractions of crystallites and secondary particles, lowered by charge.

    Parameters
    ----------
    grains
        The crystallites; their `theta` is changed in place.
    particles
        How many secondary particles there are.
    """

    def __init__(self, grains: Grains, particles: int) -> None:
        self._grains = grains
        order = np.argsort(grains.particle, kind="stable")
        bounds = np.searchsorted(grains.particle[order], np.arange(particles + 1))
        self._members = [order[a:b] for a, b in pairwise(bounds)]

    def of_particle(self, particle: int) -> float:
        """Mean Li fraction of the crystallites of a secondary particle."""
        return float(self._grains.theta[self._members[particle]].mean())

    def take(self, site: Site, charge: float, reached: float = 0.0) -> None:
        """Take the charge of a measurement from the crystallites.

        Parameters
        ----------
        site
            Where it was taken; its area is not 0.
        charge
            Faradaic charge (C), anodic > 0.
        reached
            Share of the secondary particle, 0 to 1, into which the electrolyte crept
            beyond the footprint.

        Notes
        -----
        What the footprint wets ends in one state, that of its mean after it has lost
        ``charge/(F c_max A r/3)``. Crystallite g goes there by c_g, its share of the
        whole footprint, bare substrate included: a crystallite touched by the rim loses
        the less, as the current is the less. In all they lose the charge, and none goes
        beyond the state that the potential holds. From a particle
        the loss is ``charge/(F c_max V_p)`` on the mean, the more evenly spread over
        its crystallites the more of it was reached.
        """
        if charge == 0:
            return
        footprint_volume = site.area * RADIUS / 3
        if reached > _CREPT and site.particle_volume > footprint_volume:
            self._take_from_particle(site, charge, reached)
            return
        share = site.weights * (len(site.grains) / FOOTPRINT.shape[1])
        reached_theta = site.theta - charge / (F * C_MAX * footprint_volume)
        missing = reached_theta - self._grains.theta[site.grains]
        np.add.at(self._grains.theta, site.grains, share * missing)
        self._clip(site.grains)

    def _take_from_particle(self, site: Site, charge: float, reached: float) -> None:
        members = self._members[site.particle]
        theta = self._grains.theta[members]
        loss = charge / (F * C_MAX * site.particle_volume)
        mean = theta.mean() - loss
        wetted_mean = theta.mean() - loss / reached
        mixed = theta + reached * (wetted_mean - theta)
        self._grains.theta[members] = mixed + (mean - mixed.mean())
        self._clip(members)

    def _clip(self, grains: np.ndarray) -> None:
        theta = self._grains.theta[grains]
        self._grains.theta[grains] = np.clip(theta, _EMPTY, 1 - _EMPTY)
