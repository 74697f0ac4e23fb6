"""Levelling and colour limits that a few particles or spikes do not spoil."""

from typing import Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

__all__ = ["fit_plane", "level", "robust_limits"]

Method = Literal["plane", "rows", "none"]

# Points farther from the plane than this many standard deviations, as estimated from
# the median absolute deviation, are taken for particles and left out of the next fit.
TRIM_SIGMA = 2.0
ABOVE_WEIGHT = 0.03  # of a point above the first plane, where one below has 0.97
SIGMA_PER_MAD = 1.4826  # of a normal distribution
MAX_FITS = 30


def level(topography: xr.DataArray, method: Method = "plane") -> xr.DataArray:
    """Take the tilt of the sample out of a topography.

    Parameters
    ----------
    topography : xarray.DataArray, dims (y, x)
        Heights with coordinates x and y; NaN is left out and stays.
    method
        ``plane``: subtract a plane fitted to the base of the sample, without particles;
        ``rows``: subtract the median of each row, which also takes slow drift;
        ``none``: leave the heights as they are.

    Returns
    -------
    xarray.DataArray
        Heights above that plane or median, with the attrs of `topography`.

    Raises
    ------
    ValueError
        If `method` is none of these.
    """
    if method == "none":
        return topography.copy()
    if method == "rows":
        return topography - topography.median("x", keep_attrs=False)
    if method != "plane":
        raise ValueError(f"method={method!r} is unknown: {', '.join(get_args(Method))}")
    y, x = np.meshgrid(topography.y, topography.x, indexing="ij")
    plane = fit_plane(x, y, topography.transpose("y", "x").values)
    return topography - xr.DataArray(plane, dims=("y", "x"))


def fit_plane(x: ArrayLike, y: ArrayLike, z: ArrayLike) -> NDArray[np.float64]:
    """Fit a plane to the base of a surface.

    A first plane leans on the low points; then least squares, repeated without the
    points that stick out (trimming) until these no longer change.

    Parameters
    ----------
    x, y, z : array_like, of one shape
        Positions and heights; NaN in z is left out.

    Returns
    -------
    ndarray, of the same shape
        The plane at x, y; 0 if there is no height at all.
    """
    z = np.asarray(z, float)
    matrix = np.stack([np.ones(z.size), np.ravel(x), np.ravel(y)], axis=1)
    matrix[:, 1:] -= matrix[:, 1:].mean(axis=0)  # well conditioned far from the origin
    heights = z.ravel()
    finite = np.isfinite(heights)
    plane = np.zeros(z.size)
    if not finite.any():
        return plane.reshape(z.shape)
    plane = _lower_plane(matrix, heights, finite)
    used = finite
    for _ in range(MAX_FITS):
        residual = np.abs(heights - plane - np.median((heights - plane)[used]))
        limit = TRIM_SIGMA * SIGMA_PER_MAD * np.median(residual[used])
        inside = finite & (residual <= limit)
        if np.array_equal(inside, used) or inside.sum() < matrix.shape[1]:
            break
        used = inside
        plane = matrix @ np.linalg.lstsq(matrix[used], heights[used], rcond=None)[0]
    return plane.reshape(z.shape)


def _lower_plane(matrix: NDArray, heights: NDArray, finite: NDArray) -> NDArray:
    """Fit a plane that leans on the low points: asymmetric least squares.

    Plain least squares would tilt towards large particles, and trimming that begins
    there never gets away from them (after Eilers, Anal. Chem. 75 (2003) 3631).
    """
    a, b = matrix[finite], heights[finite]
    below = np.ones(len(b), bool)
    for _ in range(MAX_FITS):
        weight = np.sqrt(np.where(below, 1 - ABOVE_WEIGHT, ABOVE_WEIGHT))
        fit = np.linalg.lstsq(a * weight[:, None], b * weight, rcond=None)[0]
        lower = b <= a @ fit
        if np.array_equal(lower, below):
            break
        below = lower
    return matrix @ fit


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
