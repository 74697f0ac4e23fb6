"""What lies under a landed pipette, and its state: theta, charge, age."""

from math import exp
from typing import Any

import numpy as np

from ..cell import RADIUS, RedoxCell
from ..electrode.site import Site
from ..ensemble import Ensemble
from .background import E_LEAK, Background
from .pipette import Pipette
from .wicking import Wicking

__all__ = ["Meniscus"]

_C_DL = 0.20  # F/m^2 of LiFePO4
_SCATTER = 0.35  # standard deviation of ln(charging current) between landings


class Meniscus:
    """A wetted spot: reaction, background, and how far the electrolyte crept.

    Parameters
    ----------
    site
        What is wetted.
    pipette
        What wets it.
    rng
        Draws how much the fresh surface charges in this landing.
    """

    def __init__(self, site: Site, pipette: Pipette, rng: np.random.Generator) -> None:
        self.site = site
        self.age = 0.0
        self.charge = self.cut_short = 0.0
        self._redox_charge = 0.0
        self._E = self._E_touch = np.nan  # nothing applied yet
        scatter = exp(_SCATTER * rng.standard_normal())
        self._conducts = not pipette.blocked
        self._background = Background(
            site.leak, site.residual * scatter, self._conducts
        )
        self._growth = 1.0
        self._imposed: float | None = None
        self._cell: RedoxCell | None = None
        self._ensemble: Ensemble | None = None
        if site.area > 0 and site.k_scale > 0 and self._conducts:
            self._cell = RedoxCell(
                k0=RedoxCell.k0 * site.k_scale,
                A=site.area,
                R_s=pipette.series_resistance,
                theta0=min(max(site.theta, 1e-6), 1 - 1e-6),
            )
            self._ensemble = Ensemble(self._cell)
        self._wicking = Wicking(site.area * RADIUS / 3, site.particle_volume)

    @property
    def theta(self) -> float:
        """Li fraction of what is wetted; 1 on bare substrate."""
        return self._ensemble.theta if self._ensemble else self.site.theta

    @property
    def potential(self) -> float:
        """Potential (V) now; that of the crystallites before anything was applied."""
        if not np.isnan(self._E):
            return self._E
        if self._cell is None:
            return E_LEAK
        return float(self._cell.potential(self._cell.theta0))

    @property
    def capacitance(self) -> float:
        """Capacitance (F) of the wetted surface."""
        return self.site.capacitance + _C_DL * self.site.area * self._growth

    def release(self) -> None:
        """End the contact: the sample keeps the charge that the reaction took."""
        reached = self._wicking.reached(self._growth)
        self.site.sample.remember(self.site, self._redox_charge, reached)
        self._redox_charge = 0.0

    def _touched(self, E: float) -> float:
        """Potential before `E` is applied; `E` itself if it is there since touch."""
        if np.isnan(self._E):
            self._E_touch = self._E = E
        self._imposed = None
        return self._E

    def _creep(self, ahead: float) -> None:
        """Wet what the electrolyte reaches within the time `ahead` (s)."""
        growth = self._wicking.growth(self.age + ahead)
        if self._ensemble and growth > self._growth:
            stored = self.site.sample.particle_theta(self.site.particle)
            self._ensemble.join(growth / self._growth, stored)
            self._growth = growth

    def _state(self) -> dict[str, Any]:
        kept = self._ensemble.copy() if self._ensemble else None
        return {**self.__dict__, "_ensemble": kept}

    def _restore(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
