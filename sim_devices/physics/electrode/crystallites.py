"""Crystallites of LiFePO4: how they lie, and what each of them is like."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["AS_MADE", "FULL_AREA", "Grains", "crystallites"]

FULL_AREA = 1.4e-12
"""LiFePO4 area (m^2) wetted by a footprint that lies wholly on open channels."""

AS_MADE = 0.96
"""Mean Li fraction of crystallites that were never cycled."""

_SCATTER = 0.008  # standard deviation of the Li fraction between crystallites
_LEAST, _MOST = 0.005, 0.995  # the Li fractions that crystallites begin with
_LATTICE = 150e-9  # mean distance of crystallites (diameter 100-200 nm, Takahashi 2014)


@dataclass
class Grains:
    """The crystallites of an electrode; arrays with one element per crystallite.

    Parameters
    ----------
    orientation
        s = 0.05 + 0.95 cos^2(phi), phi the angle between Li channel and normal.
    rate
        Factor on the rate constant k0.
    theta
        Li fraction of Li_theta FePO4; changes when charge is taken.
    area
        Area (m^2) that a footprint wholly on this crystallite wets, before
        `orientation`.
    particle
        Number of the secondary particle, -1 for none.
    """

    orientation: np.ndarray
    rate: np.ndarray
    theta: np.ndarray
    area: np.ndarray
    particle: np.ndarray

    @classmethod
    def draw(
        cls, n: int, rng: np.random.Generator, lowest_cosine: float = 0.0
    ) -> "Grains":
        """Draw `n` crystallites with cos(phi) uniform on (`lowest_cosine`, 1)."""
        cosine = rng.uniform(lowest_cosine, 1.0, n)
        return cls(
            orientation=0.05 + 0.95 * cosine**2,
            rate=np.exp(0.35 * rng.standard_normal(n)),
            theta=np.clip(AS_MADE + _SCATTER * rng.standard_normal(n), _LEAST, _MOST),
            area=np.full(n, FULL_AREA),
            particle=np.full(n, -1),
        )

    def lithiate(self, theta: float | Sequence[float]) -> None:
        """Give as-made crystallites another mean Li fraction, with the same scatter.

        Parameters
        ----------
        theta
            A number for all, or one for each secondary particle, over again.

        Raises
        ------
        ValueError
            If it does not lie between 0 and 1, or there are several numbers but no
            secondary particles.
        """
        wanted = np.atleast_1d(np.asarray(theta, float))
        if not (
            wanted.ndim == 1 and len(wanted) and np.all((wanted > 0) & (wanted < 1))
        ):
            raise ValueError(f"theta must lie between 0 and 1, not {theta!r}")
        if len(wanted) > 1 and np.all(self.particle < 0):
            raise ValueError("no secondary particles: theta must be one number")
        means = wanted[self.particle % len(wanted)]
        self.theta[:] = np.clip(self.theta + (means - AS_MADE), _LEAST, _MOST)


def crystallites(
    x: np.ndarray, y: np.ndarray, size: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, int]:
    """Voronoi cells of a jittered lattice, each with a dome on top.

    Parameters
    ----------
    x, y
        Points (m), shape (n,).
    size
        Edge of the square to cover (m).
    rng
        Source of the jitter and the radii.

    Returns
    -------
    tuple
        Number of the crystallite at each point, height of its dome (m), and how
        many crystallites there are.
    """
    m = int(np.ceil(size / _LATTICE)) + 4
    jitter = rng.uniform(-0.35, 0.35, (2, m, m)).astype(np.float32)
    radius = np.clip(0.52 + 0.08 * rng.standard_normal((m, m)), 1 / 3, 2 / 3)
    u = (x / _LATTICE + m / 2).astype(np.float32)  # in units of the lattice
    v = (y / _LATTICE + m / 2).astype(np.float32)
    j0 = np.clip(u.astype(np.int32), 1, m - 2)
    i0 = np.clip(v.astype(np.int32), 1, m - 2)
    seed_u = (np.arange(m, dtype=np.float32)[None] + 0.5 + jitter[0]).ravel()
    seed_v = (np.arange(m, dtype=np.float32)[:, None] + 0.5 + jitter[1]).ravel()
    centre = i0 * m + j0
    nearest = np.full(len(u), np.inf, np.float32)
    owner = np.empty(len(u), np.int32)
    for step in (di * m + dj for di in (-1, 0, 1) for dj in (-1, 0, 1)):
        k = centre + step
        distance2 = (u - seed_u[k]) ** 2 + (v - seed_v[k]) ** 2
        closer = distance2 < nearest
        np.copyto(nearest, distance2, where=closer)
        np.copyto(owner, k, where=closer)
    dome = np.sqrt(np.maximum(radius.ravel()[owner] ** 2 - nearest, 0.0)) * _LATTICE
    return owner, dome, m * m
