"""The topography as a picture shows it: levelled, and counted from the lowest."""

from typing import Any

import xarray as xr
from numpy.typing import NDArray

from ..analysis import Grid, level, robust_limits
from ..analysis.levelling import Method, fit_plane

__all__ = ["LEVELLED", "relief_of_map", "relief_of_points"]

# What the title of a picture says.
LEVELLED: dict[Method, str] = {
    "facet": "levelled by facets",
    "plane": "levelled by a plane",
    "rows": "levelled by facets and rows",
    "none": "not levelled",
}


def relief_of_map(grid: Grid, heights: NDArray[Any], levelling: Method) -> NDArray[Any]:
    """Level the heights (um) of a map, shape (ny, nx); as measured if `none`."""
    coords = {"y": grid.y, "x": grid.x}
    levelled = level(xr.DataArray(heights, coords, ("y", "x")), levelling).values
    return levelled if levelling == "none" else _from_zero(levelled)


def relief_of_points(
    x: NDArray[Any], y: NDArray[Any], heights: NDArray[Any], levelling: Method
) -> NDArray[Any]:
    """Level the heights (um) of points that lie on no grid; as measured if `none`."""
    if levelling == "none":
        return heights
    plane = fit_plane(x, y, heights, "plane" if levelling == "plane" else "facet")
    return _from_zero(heights - plane)


def _from_zero(heights: NDArray[Any]) -> NDArray[Any]:
    """Count heights from the lowest, spikes aside, as microscopists expect."""
    return heights - robust_limits(heights)[0]
