"""The sample under the probe: where the surface is, and what a landed meniscus wets.

Lengths in m, (0, 0) is the centre of the sample. A sample remembers the charge that
measurements took from its crystallites.
"""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np

from .cell import C_MAX, RADIUS, F
from .electrode.raster import Raster, read_height_map
from .electrode.site import FOOTPRINT, FOOTPRINT_RADIUS, Site
from .electrode.surfaces import GENERATORS, Surface, measured

__all__ = ["SAMPLES", "Sample", "load_surface", "make_sample"]

SAMPLES = tuple(GENERATORS)
"""Names that `make_sample` knows."""

# capacitance (F) and residual charging current 20 ms after contact (A) by substrate
_CAPACITANCE = {"AB": 4e-12, "Pt": 0.05e-12}
_RESIDUAL = {"AB": 0.8e-12, "Pt": 1.8e-12}
_RESIDUAL_LFP = 0.5e-12
_LEAK = 1 / 300e9  # S
_PATCH = 250e-9  # capacitance and leak vary over patches of this size


class Sample:
    """An electrode: a surface to land on and crystallites that keep their charge.

    Use `make_sample` or `load_surface` to get one.

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
        Whether its height already tells where a probe touches (a measured map).
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
        patches = (int(self.size[1] / _PATCH) + 1, int(self.size[0] / _PATCH) + 1)
        self._spread = Raster(1 + 0.15 * rng.standard_normal(patches), _PATCH)
        self._leak = Raster(_LEAK * np.exp(0.5 * rng.standard_normal(patches)), _PATCH)
        order = np.argsort(self.grains.particle, kind="stable")
        bounds = np.searchsorted(
            self.grains.particle[order], np.arange(len(self.volumes) + 1)
        )
        self._members = [order[a:b] for a, b in pairwise(bounds)]

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
        at_x, at_y = np.asarray(x, float), np.asarray(y, float)
        if self._dilate:
            spots_x = at_x[..., None] + FOOTPRINT[0] * FOOTPRINT_RADIUS
            spots_y = at_y[..., None] + FOOTPRINT[1] * FOOTPRINT_RADIUS
            height = self.height.bilinear(spots_x, spots_y).max(axis=-1)
        else:
            height = self.height.bilinear(at_x, at_y)
        return float(height) if np.ndim(height) == 0 else height

    def highest_on_path(self, x0: float, y0: float, x1: float, y1: float) -> float:
        """Highest contact height (m) on the straight way between two points (m)."""
        step = (
            min(self.height.pixel / 2, 20e-9) if self._dilate else self.height.pixel / 4
        )
        n = int(np.ceil(np.hypot(x1 - x0, y1 - y0) / step)) + 1
        return float(
            np.max(self.contact_height(np.linspace(x0, x1, n), np.linspace(y0, y1, n)))
        )

    def site(self, x: float, y: float, footprint: float = FOOTPRINT_RADIUS) -> Site:
        """Tell what a meniscus wets that lands at (`x`, `y`).

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
        fraction = len(wet) / FOOTPRINT.shape[1]
        bare = swelling * (1 - fraction)
        weights = self.grains.orientation[wet]
        area = float(self.grains.area[wet] @ weights) * swelling / FOOTPRINT.shape[1]
        weights = weights / weights.sum() if len(wet) else weights
        particle = int(self.grains.particle[wet[weights.argmax()]]) if len(wet) else -1
        inert = self.electrolyte == "KCl"
        return Site(
            x=x,
            y=y,
            area=area,
            k_scale=0.0 if inert else float(weights @ self.grains.rate[wet]),
            theta=float(weights @ self.grains.theta[wet]) if len(wet) else 1.0,
            capacitance=bare
            * _CAPACITANCE[self.substrate]
            * max(float(self._spread.nearest(x, y)), 0.5),
            leak=bare * float(self._leak.nearest(x, y)),
            residual=_RESIDUAL[self.substrate] * bare
            + _RESIDUAL_LFP * swelling * fraction,
            grains=wet,
            weights=weights,
            particle=particle,
            particle_volume=float(self.volumes[particle]) if particle >= 0 else 0.0,
            sample=self,
        )

    def particle_theta(self, particle: int) -> float:
        """Mean Li fraction of the crystallites of a secondary particle."""
        return float(self.grains.theta[self._members[particle]].mean())

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
            beyond the footprint. The more, the more evenly the particle's
            crystallites end at its mean.
        """
        if not self.memory or site.area == 0.0:
            return
        footprint_volume = site.area * RADIUS / 3
        if reached > 0.01 and site.particle_volume > footprint_volume:
            self._remember_particle(site, charge, reached)
            return
        loss = charge / (F * C_MAX * footprint_volume)
        np.add.at(self.grains.theta, site.grains, -site.weights * loss)
        self._clip(site.grains)

    def _remember_particle(self, site: Site, charge: float, reached: float) -> None:
        members = self._members[site.particle]
        theta = self.grains.theta[members]
        loss = charge / (F * C_MAX * site.particle_volume)
        mean = theta.mean() - loss
        wetted_mean = theta.mean() - loss / reached
        mixed = theta + reached * (wetted_mean - theta)
        self.grains.theta[members] = mixed + (mean - mixed.mean())
        self._clip(members)

    def _clip(self, grains: np.ndarray) -> None:
        theta = self.grains.theta[grains]
        self.grains.theta[grains] = np.clip(theta, 1e-4, 1 - 1e-4)


def make_sample(
    name: str,
    *,
    seed: int = 0,
    size: float = 60e-6,
    electrolyte: str = "LiCl",
    memory: bool = True,
) -> Sample:
    """Make one of the simulated electrodes.

    Parameters
    ----------
    name
        "composite", "film", "film_edge" or "nanoparticles".
    seed
        The same seed gives the same electrode.
    size
        Edge of the square electrode (m).
    electrolyte
        "LiCl", or "KCl" for the control without lithium.
    memory
        Whether charge taken by a measurement stays taken.

    Returns
    -------
    Sample
        The electrode, centred on (0, 0).

    Raises
    ------
    ValueError
        If there is no such sample, electrolyte, or the size is not positive.
    """
    if name not in GENERATORS:
        raise ValueError(f"no sample {name!r}: choose one of {', '.join(SAMPLES)}")
    if not size > 0:
        raise ValueError(f"the size of a sample must be positive, not {size!r} m")
    rng = np.random.default_rng([seed, SAMPLES.index(name)])
    return Sample(
        name,
        GENERATORS[name](size, rng),
        rng=rng,
        electrolyte=electrolyte,
        memory=memory,
    )


def load_surface(
    path: str | os.PathLike[str],
    *,
    seed: int = 0,
    electrolyte: str = "LiCl",
    memory: bool = True,
) -> Sample:
    """Put a measured surface under the probe, covered by a film of LiFePO4.

    Parameters
    ----------
    path
        ``.npz`` file with ``height_um`` (y, x) and ``pixel_size_um``.
    seed
        Seed of the crystallites.
    electrolyte, memory
        As in `make_sample`.

    Returns
    -------
    Sample
        Its contact height is the bilinear interpolation of the map: a map measured
        by a probe tells where a probe touches.

    Raises
    ------
    ValueError
        If the file is not such a map; the message names what is wrong.
    """
    rng = np.random.default_rng([seed, len(SAMPLES)])
    return Sample(
        Path(path).stem,
        measured(read_height_map(path), rng),
        rng=rng,
        electrolyte=electrolyte,
        memory=memory,
        is_contact_surface=True,
    )
