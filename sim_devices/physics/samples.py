"""The samples to choose from: four that are made, and measured surfaces."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .electrode.crystallites import AS_MADE
from .electrode.raster import read_height_map
from .electrode.surfaces import GENERATORS, measured
from .sample import Sample

__all__ = ["SAMPLES", "load_surface", "make_sample"]

SAMPLES = tuple(GENERATORS)
"""Names that `make_sample` knows."""


def make_sample(
    name: str,
    *,
    seed: int = 0,
    size: float = 60e-6,
    electrolyte: str = "LiCl",
    memory: bool = True,
    theta: float | Sequence[float] = AS_MADE,
    particle_radius: float = 0.0,
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
    theta
        Mean Li fraction at the beginning, 0 to 1: a number for all LiFePO4, or one for
        each secondary particle, in the order of `Sample.centres` and over again.
    particle_radius
        Radius (m) of a secondary particle in the centre of a composite; 0 for none in
        particular.

    Returns
    -------
    Sample
        The electrode, centred on (0, 0).

    Raises
    ------
    ValueError
        If there is no such sample or electrolyte, the size is not positive, `theta`
        does not lie between 0 and 1, or gives a film more than one number, or a
        particle is asked for that is negative, too large, or not on a composite.
    """
    if name not in GENERATORS:
        raise ValueError(f"no sample {name!r}: choose one of {', '.join(SAMPLES)}")
    if not size > 0:
        raise ValueError(f"the size of a sample must be positive, not {size!r} m")
    rng = np.random.default_rng([seed, SAMPLES.index(name)])
    options = {}
    if particle_radius:
        if name != "composite" or not 0 < particle_radius < size / 3:
            raise ValueError(
                f"no particle of radius {1e6 * particle_radius:.6g} um on {name!r}: "
                f"above 0, below {1e6 * size / 3:g} um, on a composite only"
            )
        options["particle_radius"] = particle_radius
    surface = GENERATORS[name](size, rng, **options)
    surface.grains.lithiate(theta)
    return Sample(name, surface, rng=rng, electrolyte=electrolyte, memory=memory)


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
        by a probe shows where a probe touches.

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
