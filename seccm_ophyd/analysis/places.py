"""Where the hops of a run lie: on which pixel, and where the probe has been."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..schema import HOP_INDEX, X_SET, Y_SET, X, Y, find_key
from .grid import Grid, find_grid, scan_grid

__all__ = ["Hops", "place", "place_table", "reached"]

# Columns and rows that were reached within this (um) lie where they were planned: it is
# a tenth of the radius of a pipette, and about what a good stage scatters by.
AS_PLANNED_UM = 5e-3
OFF_GRID = 0.1  # of the distance of the pixels: hops farther from it are reported


@dataclass(frozen=True)
class Hops:
    """Where the hops of a run lie on its grid.

    Parameters
    ----------
    grid
        Its columns and rows, where the probe was.
    pixels : ndarray, shape (hops,)
        Row-major pixel numbers.
    x, y : ndarray, shape (hops,)
        Positions (um) that each hop has reached.
    """

    grid: Grid
    pixels: NDArray[np.intp]
    x: NDArray[np.float64]
    y: NDArray[np.float64]

    @property
    def off_grid_um(self) -> float:
        """Largest distance (um) of a hop from its column or row, if that matters.

        0 as long as it is less than a tenth of the distance of the pixels.
        """
        iy, ix = np.divmod(self.pixels, len(self.grid.x))
        worst = 0.0
        for axis, k, reached in ((self.grid.x, ix, self.x), (self.grid.y, iy, self.y)):
            apart = np.abs(reached - axis[k]).max(initial=0.0)
            pitch = np.abs(np.diff(axis)).min(initial=np.inf)
            if apart > OFF_GRID * pitch:
                worst = max(worst, float(apart))
        return worst


def reached(table: xr.Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return x and y (um) that each hop of a `hop_table` has reached.

    The position read back; where there is none, the one that was set.
    """
    columns = _columns(table)
    return _reached(columns, X, X_SET), _reached(columns, Y, Y_SET)


def place_table(table: xr.Dataset) -> Hops:
    """Find the grid of a run, and where on it the hops of its `hop_table` lie.

    Raises
    ------
    ValueError
        If the hops do not lie on a regular grid.
    """
    return place(table.attrs["start"], _columns(table))


def place(start: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> Hops:
    """Find the grid of a run, and where on it its hops lie.

    Which pixel a hop belongs to is what was asked for; where columns and rows lie is
    what was reached: the median of their hops. A map that was taken relative to where
    the stage was, or with a stage that lags, so lies where the probe has been.

    Parameters
    ----------
    start
        Start document.
    columns
        Of the hops, by their names in `seccm_ophyd.schema`: `HOP_INDEX`, the pixel
        number if the run is a `hop_scan`; `X_SET` and `Y_SET` (um), from which the grid
        of any other run is found; `X` and `Y` as read back, where they were.

    Raises
    ------
    ValueError
        If the hops do not lie on a regular grid.
    """
    x_set, y_set = columns[X_SET], columns[Y_SET]
    grid = scan_grid(start)
    if grid is not None:
        pixels = np.asarray(columns[HOP_INDEX], np.intp)
        grid.check(pixels)
    else:
        grid = find_grid(x_set, y_set)
        pixels = grid.pixels(x_set, y_set)
    x, y = _reached(columns, X, X_SET), _reached(columns, Y, Y_SET)
    iy, ix = np.divmod(pixels, len(grid.x))
    there = Grid(_where_it_was(grid.x, ix, x), _where_it_was(grid.y, iy, y))
    return Hops(there, pixels, x, y)


def _columns(table: xr.Dataset) -> dict[str, NDArray[Any]]:
    """Take what describes positions out of a `hop_table`."""
    names = {
        name: find_key(map(str, table), name) for name in (HOP_INDEX, X_SET, Y_SET)
    }
    for name in (X, Y):
        with contextlib.suppress(KeyError):  # a device that reads back nothing
            names[name] = find_key(map(str, table), name)
    return {name: table[key].values for name, key in names.items()}


def _reached(
    columns: Mapping[str, NDArray[Any]], back: str, asked: str
) -> NDArray[np.float64]:
    planned = np.asarray(columns[asked], float)
    there = np.asarray(columns.get(back, planned), float)
    return np.where(np.isfinite(there), there, planned)


def _where_it_was(
    planned: NDArray[np.float64], number: NDArray[np.intp], reached: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Move the columns (or rows) of a grid to where their hops were."""
    visited = np.unique(number)
    if not visited.size:
        return planned
    medians = np.array([np.median(reached[number == k]) for k in visited])
    shifts = medians - planned[visited]
    if np.abs(shifts).max() <= AS_PLANNED_UM:
        return planned
    # of those that no hop has reached yet: as their neighbours
    moved = planned + np.interp(np.arange(len(planned)), visited, shifts)
    steps = np.diff(moved)
    if (steps > 0).all() or (steps < 0).all():
        return moved
    return planned + np.median(shifts)  # scattered by more than a pixel
