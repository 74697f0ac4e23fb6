"""The sample under the probe: where the surface is, and what a landed meniscus wets.

Lengths in m, (0, 0) is the centre of the sample. A sample remembers the charge that
measurements took from its crystallites.
"""

from math import ceil, hypot

import numpy as np

from .cell import C_MAX, F
from .electrode.lithium import Lithium
from .electrode.raster import Raster
from .electrode.site import FOOTPRINT, FOOTPRINT_RADIUS, Site
from .electrode.substrate import Substrate
from .electrode.surfaces import Surface

__all__ = ["MATERIALS", "Sample"]

MATERIALS = ("LiFePO4", "AB", "Pt")
"""What a surface may consist of."""

_SPOTS = FOOTPRINT * FOOTPRINT_RADIUS
_RESIDUAL = 0.5e-12  # A, charging current of LiFePO4 20 ms after contact


class Sample:
    """An electrode: a surface to land on and crystallites that keep their charge.

    Use `samples.make_sample` or `samples.load_surface` to get one.

    Parameters
    ----------
    name
        What it is called.
    surface
        Height, crystallites and substrate.
    rng
        Source of the patchiness of the substrate.
    electrolyte
        "LiCl" or "KCl"; the latter has no lithium, LiFePO4 is inert in it.
    memory
        Whether charge taken by a measurement stays taken.
    is_contact_surface
        Whether its height already shows where a probe touches (a measured map).

    Attributes
    ----------
    height, grain
        Maps of the height (m), and of the number of the crystallite, -1 beside them.
    grains
        The crystallites, as they are now.
    volumes, centres
        Volume (m^3) of each secondary particle, which is its capacity and may exceed
        what is seen of it from above; its centre (m), shape (n, 2).
    substrate
        What lies between the LiFePO4: "AB" (acetylene black) or "Pt".
    """

    def __init__(
        self,
        name: str,
        surface: Surface,
        *,
        rng: np.random.Generator,
        electrolyte: str = "LiCl",
        memory: bool = True,
        is_contact_surface: bool = False,
    ) -> None:
        if electrolyte not in ("LiCl", "KCl"):
            raise ValueError(f"electrolyte {electrolyte!r} is neither 'LiCl' nor 'KCl'")
        self.name = name
        self.size = surface.height.size
        self.electrolyte = electrolyte
        self.memory = memory
        self.height = surface.height
        self.grain = surface.grain
        self.grains = surface.grains
        self.volumes = surface.volumes
        self.centres = surface.centres
        self.substrate = surface.substrate
        self._dilate = not is_contact_surface
        self._bare = Substrate(self.substrate, self.size, rng)
        self._lithium = Lithium(self.grains, len(self.volumes))

    @property
    def material(self) -> Raster:
        """Map of what the surface consists of: each value an index of `MATERIALS`."""
        bare = MATERIALS.index(self.substrate)
        material = np.where(self.grain.values < 0, bare, 0).astype(np.uint8)
        return Raster(material, self.grain.pixel)

    @property
    def orientation(self) -> Raster:
        """Map of s = 0.05 + 0.95 cos^2(phi) of the crystallites, NaN beside them."""
        grain = self.grain.values
        openness = self.grains.orientation[np.maximum(grain, 0)]
        return Raster(np.where(grain < 0, np.nan, openness), self.grain.pixel)

    @property
    def capacity(self) -> np.ndarray:
        """Charge of all lithium (C) of each secondary particle, shape (n,)."""
        return F * C_MAX * self.volumes

    def contact_height(
        self, x: np.ndarray | float, y: np.ndarray | float
    ) -> np.ndarray | float:
        """Height at which the meniscus touches.

        Parameters
        ----------
        x, y
            Position (m), scalars or arrays that broadcast.

        Returns
        -------
        float or numpy.ndarray
            Height (m): the highest of 13 points of the footprint, or the measured
            surface itself.
        """
        at_x, at_y = np.broadcast_arrays(np.asarray(x, float), y)
        spots = at_x.ravel(), np.asarray(at_y, float).ravel()
        if self._dilate:
            height = self.height.bilinear(*spots, _SPOTS)
        else:
            height = self.height.bilinear(*spots)
        return height.reshape(at_x.shape) if at_x.ndim else float(height[0])

    def highest_on_path(self, x0: float, y0: float, x1: float, y1: float) -> float:
        """Highest contact height (m) on the straight way between two points (m)."""
        step = (
            min(self.height.pixel / 2, 20e-9) if self._dilate else self.height.pixel / 4
        )
        pieces = max(ceil(hypot(x1 - x0, y1 - y0) / step), 1)
        way = np.arange(pieces + 1) / pieces
        return float(
            np.max(self.contact_height(x0 + way * (x1 - x0), y0 + way * (y1 - y0)))
        )

    def highest_around(self, x0: float, y0: float, x1: float, y1: float) -> float:
        """No contact is made higher (m) in the rectangle of two corners (m).

        A quick bound for `highest_on_path`, good where the way is short.
        """
        reach = FOOTPRINT_RADIUS if self._dilate else 0.0
        (left, right), (low, high) = sorted((x0, x1)), sorted((y0, y1))
        return self.height.highest(
            (left - reach, right + reach), (low - reach, high + reach)
        )

    def site(self, x: float, y: float, footprint: float = FOOTPRINT_RADIUS) -> Site:
        """Return what a meniscus wets that lands at (`x`, `y`).

        Parameters
        ----------
        x, y
            Position (m).
        footprint
            Radius of the wetted spot (m); larger when the pipette is broken.

        Returns
        -------
        Site
            Averages over 13 points of the footprint, those on LiFePO4 weighted by the
            openness of their lithium channels.
        """
        here = self.grain.nearest(
            x + FOOTPRINT[0] * footprint, y + FOOTPRINT[1] * footprint
        )
        wet = here[here >= 0]
        swelling = (footprint / FOOTPRINT_RADIUS) ** 2
        covered = swelling * len(wet) / FOOTPRINT.shape[1]
        bare = swelling - covered
        area, rate, theta, particle, weights = 0.0, 0.0, 1.0, -1, np.zeros(0)
        if len(wet):
            weights = self.grains.orientation[wet]
            area = float(self.grains.area[wet] @ weights) * swelling
            area /= FOOTPRINT.shape[1]
            weights = weights / weights.sum()
            particle = int(self.grains.particle[wet[weights.argmax()]])
            rate = float(weights @ self.grains.rate[wet])
            theta = float(weights @ self.grains.theta[wet])
        capacitance, leak = self._bare.circuit(x, y)
        inert = self.electrolyte == "KCl"
        return Site(
            x=x,
            y=y,
            area=area,
            k_scale=0.0 if inert else rate,
            theta=theta,
            capacitance=bare * capacitance,
            leak=bare * leak,
            residual=bare * self._bare.residual + covered * _RESIDUAL,
            grains=wet,
            weights=weights,
            particle=particle,
            particle_volume=float(self.volumes[particle]) if particle >= 0 else 0.0,
            sample=self,
        )

    def particle_theta(self, particle: int) -> float:
        """Mean Li fraction of the crystallites of a secondary particle."""
        return self._lithium.of_particle(particle)

    def remember(self, site: Site, charge: float, reached: float = 0.0) -> None:
        """Take the charge of a measurement from the crystallites, if memory is on.

        Parameters
        ----------
        site
            Where it was taken.
        charge
            Faradaic charge (C), anodic > 0.
        reached
            Share of the secondary particle, 0 to 1, into which the electrolyte crept
            beyond the footprint: see `Lithium.take`.
        """
        if self.memory and site.area > 0:
            self._lithium.take(site, charge, reached)
