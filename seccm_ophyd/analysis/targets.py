"""From a stored map to the points where something shall be measured next."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

from .classification import Material, classify
from .direction import active
from .grid import Grid
from .maps import as_map, reached

__all__ = ["TARGET_RULES", "find_targets"]

Points = list[tuple[float, float]]

MOST_NODES = 1000  # of a grid of targets, across a map
_TOUCHING = np.ones((3, 3), bool)  # pixels of a particle may touch at a corner


def find_targets(run: Any, rule: str, **options: Any) -> Points:
    """Find points on a map that was measured.

    Parameters
    ----------
    run
        Any kind of run, see `seccm_ophyd.analysis.runs`, or its `hop_map`. Particles
        are the LiFePO4 that `classify` finds, connected pixel to pixel. Hops without a
        good contact are no targets.
    rule
        One of `TARGET_RULES`:

        ``brightest``: the ``n`` hops with the most current (of intercalation: the most
        negative), at least ``apart_um`` apart, the brightest first.

        ``brightest_particle``: of the particle with the largest summed current (without
        a current: the largest one) the hop nearest to its centroid, which is weighted
        by the current.

        ``on``, ``off``: ``n`` hops on LiFePO4 or on carbon, well inside: drawn by
        ``seed`` from the half of the pixels farthest from a border.

        ``on_and_off``: ``n`` of each, those on LiFePO4 first.

        ``within``: a square grid of ``spacing_um`` within a particle, its nodes counted
        from the centre that ``brightest_particle`` gives. Which one: ``particle``, 1
        for the brightest, 2 for the next; or that at the ``point`` (x, y).

        ``at``: the position ``x``, ``y`` (um), if it lies on the map.
    **options
        Those of the rule.

    Returns
    -------
    list of (float, float)
        x and y (um), where the probe was when it made that hop.

    Raises
    ------
    ValueError
        If rule or option is unknown or missing, a value is refused, the map does not
        have what the rule needs or has too few such points, or there is no map.

    Examples
    --------
    >>> find_targets(catalog[uid], "on_and_off", n=3, seed=7)
    """
    if rule not in _RULES:
        raise ValueError(f"rule={rule!r} is unknown: {', '.join(TARGET_RULES)}")
    find = _RULES[rule]
    takes = inspect.signature(find)
    try:
        takes.bind(None, **options)
    except TypeError as error:
        allowed = ", ".join(str(p) for p in list(takes.parameters.values())[1:])
        raise ValueError(
            f"rule {rule!r} takes {allowed or 'no option'}: {error}"
        ) from None
    try:
        return find(_Map(as_map(run, "find_targets")), **options)
    except ValueError as error:
        raise ValueError(f"rule {rule!r}: {error}") from None


class _Map:
    """A map as the rules see it."""

    def __init__(self, data: xr.Dataset) -> None:
        self.data = data
        self.grid = Grid(data["x"].values, data["y"].values)
        self.x, self.y = reached(data)

    @property
    def name(self) -> str:
        attrs = self.data.attrs
        return f"the map of run {str(attrs.get('uid'))[:8]} ({attrs.get('plan_name')})"

    @property
    def brightness(self) -> NDArray[np.float64] | None:
        """Currents, the most active most positive; None if the map has none."""
        if "current" not in self.data:
            return None
        return active(self.data).values

    def made_of(self, material: Material) -> NDArray[np.bool_]:
        return np.asarray(classify(self.data).values == material)

    def inside(self, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Distance (um) to the nearest pixel outside; the map ends in the unknown."""
        pitch = [
            abs(axis[-1] - axis[0]) / (len(axis) - 1) if len(axis) > 1 else 1.0
            for axis in (self.grid.y, self.grid.x)
        ]
        distance = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=pitch)
        return np.asarray(distance[1:-1, 1:-1], float)

    def particles(self) -> list[NDArray[np.bool_]]:
        """Find the particles, the brightest first; raise if there is none."""
        mask = self.made_of(Material.LIFEPO4)
        regions, count = ndimage.label(mask, _TOUCHING)
        if not count:
            raise ValueError(f"{self.name} shows no LiFePO4")
        weight = self.weight(mask)
        sums = ndimage.sum_labels(weight, regions, np.arange(1, count + 1))
        return [regions == k + 1 for k in np.argsort(-sums, kind="stable")]

    def weight(self, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the current in a mask; one for each pixel if there is no current."""
        current = self.brightness
        if current is None or not np.nansum(np.clip(current[mask], 0, None)):
            return mask.astype(float)
        return np.where(mask, np.nan_to_num(np.clip(current, 0, None)), 0.0)

    def centre(self, particle: NDArray[np.bool_]) -> tuple[float, float]:
        """Hop on a particle that is nearest to its centroid."""
        weight = self.weight(particle)
        cx, cy = (float(np.average(a, weights=weight)) for a in (self.x, self.y))
        distance = np.where(particle, np.hypot(self.x - cx, self.y - cy), np.inf)
        return self.points([int(np.argmin(distance))])[0]

    def points(self, pixels: Any) -> Points:
        return [(float(self.x.flat[k]), float(self.y.flat[k])) for k in pixels]

    def pixel(self, x: float, y: float) -> int:
        """Find the pixel of a position; raise if it is not on the map."""
        left, right, bottom, top = self.grid.extent
        if not (left <= x <= right and bottom <= y <= top):
            raise ValueError(
                f"({x}, {y}) um is not on {self.name}: x {left:g} to {right:g}, "
                f"y {bottom:g} to {top:g} um"
            )
        return int(self.grid.pixels(x, y))


def _brightest(on: _Map, *, n: int = 1, apart_um: float = 1.0) -> Points:
    current = on.brightness
    if current is None:
        raise ValueError(
            f"{on.name} has no current; it has {', '.join(map(str, on.data))}"
        )
    n = _count(n)
    order = np.argsort(-current, axis=None, kind="stable")
    chosen: list[int] = []
    for k in order[np.isfinite(current.flat[order])]:
        away = np.hypot(
            on.x.flat[chosen] - on.x.flat[k], on.y.flat[chosen] - on.y.flat[k]
        )
        if np.all(away >= apart_um):
            chosen.append(int(k))
        if len(chosen) == n:
            return on.points(chosen)
    raise ValueError(
        f"{on.name} has {len(chosen)} hops with a current that lie at least "
        f"apart_um={apart_um:g} apart, not n={n}"
    )


def _brightest_particle(on: _Map) -> Points:
    return [on.centre(on.particles()[0])]


def _inside(on: _Map, material: Material, n: int, seed: int) -> Points:
    n = _count(n)
    mask = on.made_of(material)
    pixels = np.flatnonzero(mask)
    if len(pixels) < n:
        raise ValueError(
            f"{on.name} has {len(pixels)} pixels of {material.label}, not {n}"
        )
    inner = pixels[np.argsort(-on.inside(mask).flat[pixels], kind="stable")]
    inner = inner[: max(n, -(-len(pixels) // 2))]
    return on.points(np.random.default_rng(seed).permutation(inner)[:n])


def _on(on: _Map, *, n: int = 1, seed: int = 0) -> Points:
    return _inside(on, Material.LIFEPO4, n, seed)


def _off(on: _Map, *, n: int = 1, seed: int = 0) -> Points:
    return _inside(on, Material.CARBON, n, seed)


def _on_and_off(on: _Map, *, n: int = 1, seed: int = 0) -> Points:
    return _on(on, n=n, seed=seed) + _off(on, n=n, seed=seed)


def _within(
    on: _Map,
    *,
    spacing_um: float,
    particle: int = 1,
    point: tuple[float, float] | None = None,
) -> Points:
    if not 0 < spacing_um < np.inf:
        raise ValueError(f"spacing_um={spacing_um!r} must be more than 0 um")
    particles = on.particles()
    if point is not None:
        pixel = on.pixel(*point)
        particles = [p for p in particles if p.flat[pixel]]
        if not particles:
            raise ValueError(f"there is no LiFePO4 at {tuple(point)} um of {on.name}")
        particle = 1
    if particle not in range(1, len(particles) + 1):
        raise ValueError(
            f"particle={particle!r} must be 1 to {len(particles)} on {on.name}"
        )
    chosen = particles[particle - 1]
    around = on.grid.extent
    wide = max(around[1] - around[0], around[3] - around[2])
    if wide > MOST_NODES * spacing_um:
        raise ValueError(
            f"spacing_um={spacing_um:g} must be at least "
            f"{wide / MOST_NODES:.2g} um on {on.name}"
        )
    cx, cy = on.centre(chosen)
    x, y = np.meshgrid(
        _nodes(cx, *around[:2], spacing_um), _nodes(cy, *around[2:], spacing_um)
    )
    inside = chosen.flat[on.grid.pixels(x, y)]
    return [(float(px), float(py)) for px, py in zip(x[inside], y[inside], strict=True)]


def _at(on: _Map, *, x: float, y: float) -> Points:
    on.pixel(x, y)
    return [(float(x), float(y))]


def _nodes(centre: float, low: float, high: float, spacing: float) -> NDArray[Any]:
    """List the positions from low to high that are whole spacings from a centre."""
    first, last = np.ceil((low - centre) / spacing), np.floor((high - centre) / spacing)
    return centre + spacing * np.arange(first, last + 1)


def _count(n: int) -> int:
    if n != int(n) or n < 1:
        raise ValueError(f"n={n!r} must be a whole number, 1 or more")
    return int(n)


_RULES: dict[str, Callable[..., Points]] = {
    "brightest": _brightest,
    "brightest_particle": _brightest_particle,
    "on": _on,
    "off": _off,
    "on_and_off": _on_and_off,
    "within": _within,
    "at": _at,
}

TARGET_RULES = tuple(_RULES)
