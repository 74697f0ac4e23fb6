"""The slope of a sample, from what most of its surface says.

A film edge, a pit, a trench, terraces or particles differ from the flat rest in height,
and in slope only where they begin and end. So the slope is taken first, from the facets
that most agree, and a plane is fitted to the patches of these facets, each of a height
that is free. This is the facet levelling of scanning probe microscopy (Necas &
Klapetek, Cent. Eur. J. Phys. 10 (2012) 181, Gwyddion; 2.5 of Klapetek, Quantitative
Data Processing in Scanning Probe Microscopy, 2nd ed.) with triangles in place of
pixels, for points may be missing or lie on no grid.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay, QhullError

__all__ = ["Plane", "fit_facets"]

Floats = NDArray[np.float64]

PEAK_SHARE, MOST_SHARE = 0.25, 0.5  # of the surface that agrees on a slope; most of it
# where there is no sharp peak: half of the surface then lies within this many radii of
# a quarter of it (1.55 for normal scatter, more for flats between steep flanks)
NO_PEAK = 2.0
REACH = 3.0  # facets within this many radii of the slope found agree with it
# where they scatter along one direction, as those of a line or of lines that drift, a
# quarter of them lies within less than half of the radius
REACH_ALONG, NARROW = 6.0, 0.3
WIDE_SHARE = 0.02  # of the facets that agree: this share lies among such on all sides
BLOCKS = (1, 2, 3, 4)  # times the pitch: widths over which heights are averaged
LARGEST = 10_000  # points of a triangulation; of more, blocks are taken from the start
LEAST_BLOCKS = 60  # fewer agree by chance
FEWEST_BLOCKS = 9  # where the points agree in narrow stripes only
BASE_SHARE = 1 / 3  # of the widest patch: the lowest patch as wide as this is the base
SAMPLED, CANDIDATES = 2000, 200  # facets of which the mode is sought, and at how many
MAX_FITS = 30
FLAT = 1e-9  # relative: triangles thinner than this are none; slopes closer are one


@dataclass(frozen=True)
class Plane:
    """A plane over x and y.

    Parameters
    ----------
    slope : ndarray, shape (2,)
        Rise (um/um) along x and y.
    height
        At x = y = 0 (um).
    """

    slope: Floats
    height: float

    def at(self, points: Floats) -> Floats:
        """Return its heights at points, shape (n, 2)."""
        return points @ self.slope + self.height


@dataclass(frozen=True)
class _Facets:
    """Triangles between points; between points on one line their connections."""

    points: Floats  # (n, 2)
    heights: Floats  # (n,)
    corners: NDArray[np.intp]  # (m, 3), or (m, 2) on a line
    slopes: Floats  # (m, 2)
    areas: Floats  # (m,)

    def patches(self, chosen: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Give each point the number of its patch of connected facets; -1: in none."""
        corners = self.corners[chosen]
        pairs = np.concatenate(
            [corners[:, k : k + 2] for k in range(len(corners.T) - 1)]
        )
        shape = (len(self.points),) * 2
        graph = coo_matrix((np.ones(len(pairs)), tuple(pairs.T)), shape)
        _, patch = connected_components(graph, directed=False)
        inside = np.zeros(len(self.points), bool)
        inside[corners] = True
        return np.where(inside, patch, -1)

    def inner(self, chosen: NDArray[np.bool_]) -> float:
        """Return the share of the chosen facets with a chosen one on each side."""
        corners = np.sort(self.corners[chosen], axis=1)
        kinds = corners.shape[1]
        sides = np.concatenate([np.delete(corners, k, axis=1) for k in range(kinds)])
        _, side, count = np.unique(
            sides, axis=0, return_inverse=True, return_counts=True
        )
        shared = (count[side.ravel()] == 2).reshape(kinds, -1)
        return float(shared.all(axis=0).mean()) if len(corners) else 0.0


@dataclass(frozen=True)
class _Mode:
    """A slope on which facets agree, and the radius of their scatter about it."""

    facets: _Facets
    slope: Floats
    radius: float

    def agrees(self, slope: Floats) -> NDArray[np.bool_]:
        """Return which facets agree with a slope near that of the mode."""
        distance = np.linalg.norm(self.facets.slopes - slope, axis=1)
        return np.asarray(distance <= self.reach)

    @cached_property
    def reach(self) -> float:
        """How far the slopes of facets that agree scatter."""
        apart = self.facets.slopes - self.slope
        near = apart[np.linalg.norm(apart, axis=1) <= REACH * self.radius]
        spread = np.linalg.svd(near, compute_uv=False)
        along = spread[-1] < NARROW * spread[0]
        radii = REACH_ALONG if along else REACH
        return radii * self.radius + FLAT * (1 + float(np.abs(self.slope).max()))

    @cached_property
    def is_wide(self) -> bool:
        """Whether facets agree side by side: not in stripes of one facet each.

        Such stripes are made by lines or pixels that alternate in height, as those of
        a scan that goes forth and back: their slopes are none of the sample.
        """
        chosen = self.agrees(self.slope)
        few = chosen.sum() < FEWEST_BLOCKS
        return bool(few) or self.facets.inner(chosen) >= WIDE_SHARE


def fit_facets(points: Floats, heights: Floats) -> Plane:
    """Fit a plane to the base of a surface by the slope of its facets.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
        Positions (um), in any order.
    heights : ndarray, shape (n,)
        Finite heights (um) there.

    Returns
    -------
    Plane
        Through the lowest wide patch of the surface; level if there are not enough
        points for a slope.
    """
    centre = points.mean(axis=0)
    mode = _sharpest(points - centre, heights)
    if mode is None:
        return Plane(np.zeros(2), float(np.median(heights)))
    slope, patch = _refined(mode)
    base = _base(mode.facets, slope, patch)
    return Plane(slope, base - float(centre @ slope))


def _sharpest(points: Floats, heights: Floats) -> _Mode | None:
    """Find the slope, of means over blocks so wide as noise makes it blurred.

    Wider blocks are taken as long as the scatter falls as that of noise would, and the
    slope stays: those that reach over terraces would see their mean slope. Where facets
    agree in narrow stripes only, the first width at which they do not is taken instead.
    """
    on_line = np.linalg.matrix_rank(points, tol=FLAT * np.abs(points).max()) < 2
    best, best_width = None, 1
    first = math.ceil(math.sqrt(len(points) / LARGEST))
    for width in (first * times for times in BLOCKS):
        block, count = _blocks(points, width, on_line)
        if best is not None:
            if len(count) < (LEAST_BLOCKS if best.is_wide else FEWEST_BLOCKS):
                break
        x, y, z = (np.bincount(block, v) / count for v in (*points.T, heights))
        facets = _triangles(np.stack([x, y], axis=1), z, on_line)
        if facets is None:
            break
        mode = _mode(facets)
        if best is None or (mode.is_wide and not best.is_wide):
            best, best_width = mode, width
        elif best.is_wide:
            falls = mode.is_wide and mode.radius < best.radius * best_width / width
            if not falls or np.linalg.norm(mode.slope - best.slope) > best.radius:
                break
            best, best_width = mode, width
    return best


def _blocks(
    points: Floats, width: int, on_line: bool
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give each point the number of its block, and count the points of each."""
    if width == 1:
        return np.arange(len(points)), np.ones(len(points), np.intp)
    span = np.ptp(points, axis=0)
    area = float(span.max() if on_line else np.prod(span))
    pitch = (area / len(points)) ** (1 if on_line else 0.5)
    cell = np.floor((points - points.min(axis=0)) / (width * pitch)).astype(np.intp)
    _, block, count = np.unique(cell, axis=0, return_inverse=True, return_counts=True)
    return block.ravel(), count


def _triangles(points: Floats, heights: Floats, on_line: bool) -> _Facets | None:
    """Span facets between points; None if there are too few."""
    if on_line:
        return _segments(points, heights)
    try:
        corners = Delaunay(points).simplices.astype(np.intp)
    except QhullError:
        return _segments(points, heights)
    sides = points[corners[:, 1:]] - points[corners[:, :1]]
    rises = heights[corners[:, 1:]] - heights[corners[:, :1]]
    areas = np.abs(np.linalg.det(sides))
    real = areas > FLAT * areas.max()
    slopes = np.linalg.solve(sides[real], rises[real, :, None])[..., 0]
    return _Facets(points, heights, corners[real], slopes, areas[real])


def _segments(points: Floats, heights: Floats) -> _Facets | None:
    """Connect points on a line with their neighbours."""
    direction = np.linalg.svd(points - points.mean(axis=0))[2][0]
    along = points @ direction
    order = np.argsort(along, kind="stable")
    lengths = np.diff(along[order])
    real = lengths > FLAT * np.ptp(along)
    if not real.any():
        return None
    corners = np.stack([order[:-1], order[1:]], axis=1)[real]
    slopes = (np.diff(heights[order])[real] / lengths[real])[:, None] * direction
    return _Facets(points, heights, corners, slopes, lengths[real])


def _mode(facets: _Facets) -> _Mode:
    """Find the slope about which a share of the surface lies closest."""
    # drawn by area in even steps, so that large facets count as the surface they are
    shuffled = np.random.default_rng(0).permutation(len(facets.areas))
    passed = np.cumsum(facets.areas[shuffled])
    count = min(SAMPLED, 4 * len(shuffled))
    drawn = np.searchsorted(passed, (np.arange(count) + 0.5) / count * passed[-1])
    sample = facets.slopes[shuffled[drawn]]
    candidates = sample[:: max(1, count // CANDIDATES)]
    distance = np.linalg.norm(candidates[:, None] - sample[None], axis=2)
    ranks = [min(int(share * count), count - 1) for share in (PEAK_SHARE, MOST_SHARE)]
    peak, most = np.partition(distance, ranks, axis=1)[:, ranks].T
    if most.min() < NO_PEAK * peak.min():
        return _Mode(facets, candidates[most.argmin()], float(most.min()) / 1.5)
    return _Mode(facets, candidates[peak.argmin()], float(peak.min()))


def _refined(mode: _Mode) -> tuple[Floats, NDArray[np.intp]]:
    """Fit one slope to the patches of the facets that agree, until these stay."""
    facets, slope = mode.facets, mode.slope
    chosen = mode.agrees(slope)
    patch = facets.patches(chosen)
    for _ in range(MAX_FITS):
        inside = patch >= 0
        of = patch[inside]
        columns = np.column_stack([facets.points, facets.heights])[inside]
        # each patch has a separate height
        means = [np.bincount(of, c) / np.bincount(of).clip(1) for c in columns.T]
        columns = columns - np.stack(means, axis=1)[of]
        slope = np.linalg.lstsq(columns[:, :2], columns[:, 2], rcond=None)[0]
        now = mode.agrees(slope)
        if np.array_equal(now, chosen) or not now.any():
            break
        chosen, patch = now, facets.patches(now)
    return slope, patch


def _base(facets: _Facets, slope: Floats, patch: NDArray[np.intp]) -> float:
    """Return the height of the lowest wide patch."""
    heights = (facets.heights - facets.points @ slope)[patch >= 0]
    numbers, of, count = np.unique(
        patch[patch >= 0], return_inverse=True, return_counts=True
    )
    levels = np.array([np.median(heights[of == k]) for k in range(len(numbers))])
    return float(levels[count >= BASE_SHARE * count.max()].min())
