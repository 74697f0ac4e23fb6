"""The regular grid on which hops lie; they may be made in any order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..schema import GRID

__all__ = ["Grid", "find_grid", "scan_grid"]

# Set positions closer than this (um) are one: motor records keep 0.1 nm.
SAME_UM = 1e-4


@dataclass(frozen=True)
class Grid:
    """A grid of pixels in columns and rows, as even as the stage has made them.

    Parameters
    ----------
    x, y : ndarray, shape (nx,), (ny,)
        Pixel centres (um), in the order of the pixel numbers, which may descend.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx)."""
        return len(self.y), len(self.x)

    @property
    def size(self) -> tuple[float, float]:
        """Distance (um) from the first to the last pixel in x and y."""
        width, height = (abs(axis[-1] - axis[0]) for axis in (self.x, self.y))
        return float(width), float(height)

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Outer edges of the pixels (um): left, right, bottom, top.

        Pixels of a single line are drawn out across it, to a tenth of its length.
        """
        width, height = self.size
        dx = width / max(len(self.x) - 1, 1) or height / 10 or 1.0
        dy = height / max(len(self.y) - 1, 1) or width / 10 or 1.0
        (x0, x1), (y0, y1) = (sorted((a[0], a[-1])) for a in (self.x, self.y))
        return x0 - dx / 2, x1 + dx / 2, y0 - dy / 2, y1 + dy / 2

    def pixels(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.intp]:
        """Find the row-major numbers, iy * nx + ix, of the pixels nearest to x, y."""
        return _nearest(self.y, y) * len(self.x) + _nearest(self.x, x)

    def check(self, pixels: NDArray[np.intp]) -> None:
        """Refuse pixel numbers outside the grid.

        Raises
        ------
        ValueError
            If there is one.
        """
        size = len(self.x) * len(self.y)
        if pixels.size and not 0 <= pixels.min() <= pixels.max() < size:
            raise ValueError(f"hop {pixels.max()} lies outside a grid of {size} pixels")

    def fill(self, pixels: ArrayLike, values: ArrayLike, empty: float) -> NDArray[Any]:
        """Put values of hops on the grid.

        Parameters
        ----------
        pixels, values : array_like, shape (hops,)
            Row-major pixel numbers and what was measured there. Of several hops at one
            pixel the last is kept.
        empty
            What stands where there was no hop.

        Returns
        -------
        ndarray, shape (ny, nx)
            Of the dtype of `values`.

        Raises
        ------
        ValueError
            If a pixel number lies outside the grid.
        """
        pixels, values = np.asarray(pixels, np.intp), np.asarray(values)
        self.check(pixels)
        filled = np.full(len(self.x) * len(self.y), empty, values.dtype)
        filled[pixels] = values
        return filled.reshape(self.shape)


def scan_grid(start: Mapping[str, Any]) -> Grid | None:
    """Read the grid of a `hop_scan` from its start document; None if it has none."""
    if GRID not in start:
        return None
    x, y = (
        np.linspace(axis["start"], axis["stop"], axis["num"])
        for axis in (start[GRID]["x"], start[GRID]["y"])
    )
    return Grid(x, y)


def find_grid(x: ArrayLike, y: ArrayLike) -> Grid:
    """Find the regular grid on which points lie.

    Parameters
    ----------
    x, y : array_like, shape (hops,)
        Set positions (um), in any order. Not each pixel need be there, but more than
        half of them: any few points lie on some grid.

    Returns
    -------
    Grid
        Its coordinates ascend.

    Raises
    ------
    ValueError
        If there is none.
    """
    grid = Grid(_axis(x), _axis(y))
    visited = len(np.unique(grid.pixels(x, y)))
    ny, nx = grid.shape
    if 2 * visited <= nx * ny and visited < nx * ny:
        raise ValueError(f"{visited} points do not fill a regular grid of {ny} x {nx}")
    return grid


def _axis(values: ArrayLike) -> NDArray[np.float64]:
    """Return the distinct values, ascending; they must be equally spaced."""
    ordered = np.sort(np.asarray(values, float))
    if not ordered.size or not np.isfinite(ordered).all():
        raise ValueError("there are no positions, or not all are numbers")
    distinct = ordered[np.diff(ordered, prepend=-np.inf) > SAME_UM]
    if len(distinct) > 2 and np.ptp(np.diff(distinct)) > 2 * SAME_UM:
        raise ValueError(f"{len(distinct)} positions of an axis are not equally spaced")
    return distinct


def _nearest(axis: NDArray[np.float64], values: ArrayLike) -> NDArray[np.intp]:
    """Return the number of the element of an axis nearest to each value."""
    order = np.argsort(axis)
    borders = (axis[order][1:] + axis[order][:-1]) / 2
    return order[np.searchsorted(borders, np.asarray(values, float))].astype(np.intp)
