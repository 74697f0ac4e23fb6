"""Height, material and crystallites of the simulated electrodes, as maps of pixels.

Lengths are in m, the origin is the centre of the map. Every generator takes a
`numpy.random.Generator`, so that a seed gives one and the same electrode.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .crystallites import Grains, crystallites
from .raster import Raster

__all__ = [
    "GENERATORS",
    "Surface",
    "composite",
    "film",
    "film_edge",
    "measured",
    "nanoparticles",
]

_NANO_DENSITY = 40 / 25e-12  # nanoparticles per m^2 of platinum: 40 in 5 x 5 um
_TILE = 10e-6  # the composite is strewn tile by tile, so that no region is empty


@dataclass(frozen=True)
class Surface:
    """What a generator makes.

    Parameters
    ----------
    height
        Height of the surface (m).
    grain
        Number of the crystallite under each pixel, -1 where there is none.
    grains
        The crystallites.
    volumes
        Volume (m^3) of each secondary particle: its capacity.
    centres
        Centre (x, y) of each secondary particle (m), shape (n, 2).
    substrate
        What lies between the LiFePO4: "AB" (acetylene black) or "Pt".
    """

    height: Raster
    grain: Raster
    grains: Grains
    volumes: np.ndarray
    centres: np.ndarray
    substrate: str


def _pixels(size: float) -> tuple[int, float]:
    """Pixels along an edge and their size: 10 to 60 nm, at most 2000 if that allows."""
    pixel = float(np.clip(size / 2000, 10e-9, 60e-9))
    return max(round(size / pixel), 2), pixel


def _smooth_noise(
    n: int, pixel: float, rms: float, length: float, rng: np.random.Generator
) -> np.ndarray:
    """Noise of given rms, correlated over `length`: white noise, Gaussian filter."""
    nu_y, nu_x = np.fft.fftfreq(n, pixel)[:, None], np.fft.rfftfreq(n, pixel)[None]
    spectrum = np.fft.rfft2(rng.standard_normal((n, n), dtype=np.float32))
    spectrum *= np.exp(-2 * (np.pi * length) ** 2 * (nu_y**2 + nu_x**2))
    noise = np.fft.irfft2(spectrum, s=(n, n))
    return noise * (rms / noise.std())


def _base(n: int, pixel: float, rng: np.random.Generator) -> np.ndarray:
    """Relief of the carbon and binder between the particles (m)."""
    return _smooth_noise(n, pixel, 120e-9, 0.35e-6, rng) + _smooth_noise(
        n, pixel, 25e-9, 80e-9, rng
    )


def _strew(size: float, rng: np.random.Generator, centre: float) -> np.ndarray:
    """Place particles without overlap: a large, a middling, a small one in each tile.

    Before them, if its radius `centre` (m) is not 0, one in the centre.

    Returns x, y, radius (m), shape (n, 3), of those whose centre lies on the electrode.
    Diameters are 1 to 5 um.
    """
    half = int(np.ceil(size / 2 / _TILE))
    classes = ((1.5e-6, 2.5e-6), (0.9e-6, 1.5e-6), (0.5e-6, 0.9e-6))
    tiles = [(i, j) for i in range(-half, half) for j in range(-half, half)]
    placed = np.array([[0.0, 0.0, centre]] if centre else []).reshape(-1, 3)
    for low, high in classes:  # the large ones first, while there is room
        for i, j in tiles:
            for _ in range(100):
                x, y = (np.array([j, i]) + rng.uniform(0.05, 0.95, 2)) * _TILE
                r = rng.uniform(low, high)
                apart = np.hypot(placed[:, 0] - x, placed[:, 1] - y)
                if np.all(apart > 1.2 * (placed[:, 2] + r)):
                    placed = np.vstack([placed, (x, y, r)])
                    break
    return placed[np.abs(placed[:, :2]).max(axis=1) < size / 2]


def _particle_caps(
    height: Raster, particles: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Add the caps of secondary particles to `height`; returns who lies where (-1)."""
    owner = np.full(height.values.shape, -1, np.int32)
    x_axis, y_axis = height.axes()
    for number, (x, y, r) in enumerate(particles):
        order = np.arange(2, 6)
        amplitude = 0.08 * rng.standard_normal(4) / order * np.sqrt(2)
        phase = rng.uniform(0, 2 * np.pi, 4)
        columns = slice(*np.searchsorted(x_axis, (x - 1.2 * r, x + 1.2 * r)))
        rows = slice(*np.searchsorted(y_axis, (y - 1.2 * r, y + 1.2 * r)))
        dx, dy = x_axis[columns][None] - x, y_axis[rows][:, None] - y
        angle = np.arctan2(dy, dx)[..., None]
        wobble = 1 + np.clip(
            (amplitude * np.cos(order * angle + phase)).sum(-1), -0.15, 0.15
        )
        rho2 = (dx**2 + dy**2) / wobble**2
        cap = 1.1 * np.sqrt(np.maximum(r**2 - rho2, 0)) - 0.25 * r
        inside = cap > 0
        height.values[rows, columns][inside] += cap[inside]
        owner[rows, columns][inside] = number
    return owner


def composite(
    size: float, rng: np.random.Generator, particle_radius: float = 0.0
) -> Surface:
    """Make a composite electrode: secondary particles of 1-5 um on carbon black.

    Parameters
    ----------
    size
        Edge of the square electrode (m).
    rng
        Source of all that is random.
    particle_radius
        Radius (m) of a secondary particle in the centre, the others around it; 0 leaves
        the centre to chance.
    """
    n, pixel = _pixels(size)
    height = Raster(_base(n, pixel, rng), pixel)
    particles = _strew(size, rng, particle_radius)
    owner = _particle_caps(height, particles, rng)
    return _with_crystallites(height, owner, particles, "AB", rng)


def _with_crystallites(
    height: Raster,
    owner: np.ndarray,
    particles: np.ndarray,
    substrate: str,
    rng: np.random.Generator,
) -> Surface:
    """Grow crystallites where `owner` is not -1; -2 stands for film, no particle."""
    x_axis, y_axis = height.axes()
    rows, columns = np.nonzero(owner != -1)
    number, dome, n_grains = crystallites(
        x_axis[columns], y_axis[rows], max(height.size), rng
    )
    height.values[rows, columns] += dome
    grain = np.full(height.values.shape, -1, np.int32)
    grain[rows, columns] = number
    grains = Grains.draw(n_grains, rng)
    grains.particle[number] = np.maximum(owner[rows, columns], -1)
    return Surface(
        height=height,
        grain=Raster(grain, height.pixel),
        grains=grains,
        volumes=4 / 3 * np.pi * particles[:, 2] ** 3,
        centres=particles[:, :2],
        substrate=substrate,
    )


def film(size: float, rng: np.random.Generator) -> Surface:
    """Make a thin film: crystallites everywhere."""
    n, pixel = _pixels(size)
    height = Raster(_base(n, pixel, rng), pixel)
    owner = np.full((n, n), -2, np.int32)
    return _with_crystallites(height, owner, np.empty((0, 3)), "Pt", rng)


def film_edge(size: float, rng: np.random.Generator) -> Surface:
    """Make the ragged edge of a thin film (x < 0) 0.5 um above bare platinum."""
    n, pixel = _pixels(size)
    relief = _smooth_noise(n, pixel, 1.0, 1e-6, rng)
    x_axis, _ = Raster(relief, pixel).axes()
    covered = x_axis[None] + 0.5e-6 * relief < 0
    bare = _smooth_noise(n, pixel, 1.5e-9, 80e-9, rng)
    height = np.where(covered, 0.5e-6 + 0.3 * _base(n, pixel, rng), bare)
    owner = np.where(covered, -2, -1).astype(np.int32)
    return _with_crystallites(Raster(height, pixel), owner, np.empty((0, 3)), "Pt", rng)


def nanoparticles(size: float, rng: np.random.Generator) -> Surface:
    """Make single crystallites, diameter 100-200 nm, on flat platinum."""
    n, pixel = _pixels(size)
    height = Raster(_smooth_noise(n, pixel, 1.5e-9, 80e-9, rng), pixel)
    x_axis, y_axis = height.axes()
    grain = np.full((n, n), -1, np.int32)
    count = max(round(_NANO_DENSITY * size**2), 1)
    centres = rng.uniform(-size / 2, size / 2, (count, 2))
    diameters = np.clip(150e-9 + 25e-9 * rng.standard_normal(count), 100e-9, 200e-9)
    for number, ((x, y), d) in enumerate(zip(centres, diameters, strict=True)):
        columns = slice(*np.searchsorted(x_axis, (x - d / 2, x + d / 2)))
        rows = slice(*np.searchsorted(y_axis, (y - d / 2, y + d / 2)))
        rho2 = (x_axis[columns][None] - x) ** 2 + (y_axis[rows][:, None] - y) ** 2
        sphere = d / 2 + np.sqrt(np.maximum(d**2 / 4 - rho2, 0))
        visible = (rho2 < d**2 / 4) & (sphere > height.values[rows, columns])
        height.values[rows, columns][visible] = sphere[visible]
        grain[rows, columns][visible] = number
    grains = Grains.draw(count, rng, lowest_cosine=0.3)
    grains.area[:] = 1.6 * np.pi * diameters**2
    grains.particle[:] = np.arange(count)
    return Surface(
        height, Raster(grain, pixel), grains, np.pi / 6 * diameters**3, centres, "Pt"
    )


def measured(height: Raster, rng: np.random.Generator) -> Surface:
    """Cover a measured surface with a film of crystallites, without domes."""
    size = max(height.size)
    n = int(np.clip(size / 30e-9, 2, 2000))
    fine = Raster(np.empty((n, n), np.int32), size / n)
    x_axis, y_axis = fine.axes()
    number, _, count = crystallites(np.tile(x_axis, n), np.repeat(y_axis, n), size, rng)
    return Surface(
        height=height,
        grain=Raster(number.reshape(n, n), fine.pixel),
        grains=Grains.draw(count, rng),
        volumes=np.empty(0),
        centres=np.empty((0, 2)),
        substrate="Pt",
    )


GENERATORS: dict[str, Callable[..., Surface]] = {
    "composite": composite,
    "film": film,
    "film_edge": film_edge,
    "nanoparticles": nanoparticles,
}
"""What `samples.make_sample` can make."""
