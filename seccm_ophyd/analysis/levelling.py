"""Levelling and colour limits that edges, particles and spikes do not spoil."""

from typing import Any, Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from .facets import Plane, fit_facets
from .inputs import Input
from .maps import as_map

__all__ = ["METHODS", "Method", "check_method", "fit_plane", "level", "robust_limits"]

Method = Literal["facet", "plane", "rows", "none"]
METHODS: tuple[Method, ...] = get_args(Method)

SIGMA_PER_MAD = 1.4826  # of a normal distribution


def level(topography: Any, method: Method = "facet") -> xr.DataArray:
    """Take the tilt of the sample out of a topography.

    Parameters
    ----------
    topography : xarray.DataArray, dims (y, x)
        Heights with coordinates x and y; NaN is left out and stays. Or a map, or a run
        of any kind (see `seccm_ophyd.analysis.runs`): its topography.
    method
        ``facet``: subtract a plane of the slope on which most of the surface agrees,
        through the lowest wide part of it. Edges of films, pits, trenches, terraces and
        particles do not tilt it.

        ``plane``: subtract the plane of least squares through all points. Right for a
        surface without parts at different heights: these tilt it.

        ``rows``: as ``facet``, and then take out what changes from line to line by
        the median of the differences: drift in time. Takes out real edges along x, too.

        ``none``: leave the heights as they are.

    Returns
    -------
    xarray.DataArray
        Heights above that plane (um), with the attrs of `topography`, and `method` as
        ``levelled``.

    Raises
    ------
    TypeError
        If `topography` is none of these.
    ValueError
        If `method` is none of these, or the run has no map.

    Examples
    --------
    >>> level(cat[-1]).plot()
    >>> level(cat[-1], "none").plot()
    """
    check_method(method)
    if isinstance(topography, xr.Dataset) and "topography" in topography:
        topography = topography["topography"]
    heights = _HEIGHTS.of(topography, "level").transpose("y", "x")
    levelled = heights.copy()
    if method != "none":
        y, x = np.meshgrid(heights["y"], heights["x"], indexing="ij")
        shape: Literal["facet", "plane"] = "plane" if method == "plane" else "facet"
        levelled.values = heights.values - fit_plane(x, y, heights.values, shape)
    if method == "rows":
        levelled.values -= _drift(levelled.values)[:, None]
    return levelled.assign_attrs(levelled=method)


def check_method(method: str) -> None:
    """Refuse what is no way of levelling.

    Raises
    ------
    ValueError
        If it is none.
    """
    if method not in METHODS:
        raise ValueError(f"method={method!r} is unknown: {', '.join(METHODS)}")


def fit_plane(
    x: ArrayLike,
    y: ArrayLike,
    z: ArrayLike,
    method: Literal["facet", "plane"] = "facet",
) -> NDArray[np.float64]:
    """Fit a plane to a surface.

    Parameters
    ----------
    x, y, z : array_like, of one shape
        Positions and heights (um), on a grid or not; NaN in z is left out.
    method
        As of `level`.

    Returns
    -------
    ndarray, of the same shape
        The plane (um) at x, y; 0 if there is no height at all.
    """
    z = np.asarray(z, float)
    points = np.column_stack([np.ravel(x), np.ravel(y)]).astype(float)
    heights = z.ravel()
    finite = np.isfinite(heights)
    if not finite.any():
        return np.zeros(z.shape)
    fit = fit_facets if method == "facet" else _least_squares
    return fit(points[finite], heights[finite]).at(points).reshape(z.shape)


def _least_squares(points: NDArray[Any], heights: NDArray[Any]) -> Plane:
    centre, middle = points.mean(axis=0), heights.mean()
    slope = np.linalg.lstsq(points - centre, heights - middle, rcond=None)[0]
    return Plane(slope, float(middle - centre @ slope))


def _drift(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Sum up the median differences between rows; 0 for the median row."""
    drift = np.zeros(len(rows))
    before = None  # the last row that has heights
    for k, row in enumerate(rows):
        if np.isnan(row).all():
            drift[k] = drift[k - 1] if k else 0.0
            continue
        if before is not None:
            rise = row - rows[before]
            shared = rise[np.isfinite(rise)]
            drift[k] = drift[before] + (np.median(shared) if shared.size else 0.0)
        before = k
    return drift - np.median(drift)


def _is_heights(given: Any) -> bool:
    return isinstance(given, xr.DataArray) and {"y", "x"} == set(given.dims)


def _topography(run: Any) -> xr.DataArray:
    return as_map(run, "level")["topography"]


_HEIGHTS = Input(
    "heights over y and x (hop_map(run).topography), a map (hop_map)",
    _is_heights,
    _topography,
)


def robust_limits(
    a: ArrayLike, low: float = 1, high: float = 99
) -> tuple[float, float]:
    """Colour limits that a few spikes do not stretch.

    Parameters
    ----------
    a : array_like
        Values; NaN and infinity are left out.
    low, high
        Percentiles.

    Returns
    -------
    float, float
        Limits, the first below the second; (0, 1) if there is no value.
    """
    values = np.asarray(a, float)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    bottom, top = np.percentile(values, [low, high])
    if top > bottom:
        return float(bottom), float(top)
    margin = abs(bottom) * 1e-3 or 0.5
    return float(bottom - margin), float(bottom + margin)
