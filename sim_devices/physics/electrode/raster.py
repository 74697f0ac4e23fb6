"""Maps of square pixels, and the files in which measured ones come."""

import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import types

from ..compiled import NUMBER, READ, READ_2D, WRITE, compiled

__all__ = ["Raster", "read_height_map"]

_SINGLE = types.Array(types.float32, 2, "C", readonly=True)
_WHOLE = types.Array(types.int32, 2, "C", readonly=True)
_WHOLE_OUT = types.Array(types.int32, 1, "C")
_HERE = np.zeros((2, 1))


@compiled()
def _along(place: float, pixel: float, n: int) -> float:
    """Return at which of n pixels a place (m) is, as a broken number within the map."""
    return min(max(place / pixel + (n - 1) / 2, 0.0), n - 1.0)


@compiled()
def _between(values: np.ndarray, pixel: float, x: float, y: float) -> float:
    """Give the bilinear interpolation at one point."""
    ny, nx = values.shape
    u, v = _along(x, pixel, nx), _along(y, pixel, ny)
    j, i = min(int(u), max(nx - 2, 0)), min(int(v), max(ny - 2, 0))
    right, up = min(j + 1, nx - 1), min(i + 1, ny - 1)
    u, v = u - j, v - i
    low = values[i, j] + u * (values[i, right] - values[i, j])
    high = values[up, j] + u * (values[up, right] - values[up, j])
    return low + v * (high - low)


@compiled(*[WRITE(kind, NUMBER, READ, READ, READ_2D) for kind in (_SINGLE, READ_2D)])
def _highest_of(
    values: np.ndarray, pixel: float, x: np.ndarray, y: np.ndarray, spots: np.ndarray
) -> np.ndarray:
    """Give the highest of the interpolated values at the spots around each point."""
    found = np.empty(len(x))
    for n in range(len(x)):
        highest = -np.inf
        for k in range(spots.shape[1]):
            value = _between(values, pixel, x[n] + spots[0, k], y[n] + spots[1, k])
            highest = max(highest, value)
        found[n] = highest
    return found


@compiled(*[NUMBER(kind, NUMBER, READ, READ) for kind in (_SINGLE, READ_2D)])
def _highest_within(
    values: np.ndarray, pixel: float, x: np.ndarray, y: np.ndarray
) -> float:
    """Give the largest value between two x and two y, and the pixels that touch it."""
    ny, nx = values.shape
    highest = -np.inf
    for i in range(
        int(_along(y[0], pixel, ny)), int(np.ceil(_along(y[1], pixel, ny))) + 1
    ):
        for j in range(
            int(_along(x[0], pixel, nx)), int(np.ceil(_along(x[1], pixel, nx))) + 1
        ):
            highest = max(highest, values[i, j])
    return highest


@compiled(_WHOLE_OUT(_WHOLE, NUMBER, READ, READ), WRITE(READ_2D, NUMBER, READ, READ))
def _nearest(
    values: np.ndarray, pixel: float, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Give the value of the pixel under each point; edge pixels outside."""
    ny, nx = values.shape
    found = np.empty(len(x), values.dtype)
    for n in range(len(x)):
        i, j = np.rint(_along(y[n], pixel, ny)), np.rint(_along(x[n], pixel, nx))
        found[n] = values[int(i), int(j)]
    return found


@dataclass(frozen=True)
class Raster:
    """A map of square pixels centred on (0, 0).

    Parameters
    ----------
    values
        Pixel values, shape (y, x).
    pixel
        Edge of a pixel (m); centres lie at ``(j - (n - 1) / 2) * pixel``.
    """

    values: np.ndarray
    pixel: float

    @property
    def size(self) -> tuple[float, float]:
        """Extent (x, y) in m."""
        ny, nx = self.values.shape
        return nx * self.pixel, ny * self.pixel

    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Pixel centres along x and y (m)."""
        ny, nx = self.values.shape
        return (
            (np.arange(nx) - (nx - 1) / 2) * self.pixel,
            (np.arange(ny) - (ny - 1) / 2) * self.pixel,
        )

    def nearest(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Value of the pixel under each point, shape (n,); edge pixels outside."""
        return _nearest(self.values, self.pixel, x, y)

    def highest(self, x: tuple[float, float], y: tuple[float, float]) -> float:
        """Largest value (no NaN) of the pixels that matter between two x and two y."""
        return _highest_within(
            self.values, self.pixel, np.array(x, float), np.array(y, float)
        )

    def bilinear(
        self, x: np.ndarray, y: np.ndarray, around: np.ndarray = _HERE
    ) -> np.ndarray:
        """Bilinear interpolation; edge values outside.

        Parameters
        ----------
        x, y
            Points (m), shape (n,).
        around
            Spots around each of them (m), shape (2, k): the highest counts.
        """
        return _highest_of(self.values, self.pixel, x, y, around)


def read_height_map(path: str | os.PathLike[str]) -> Raster:
    """Read a measured surface.

    Parameters
    ----------
    path
        ``.npz`` file with ``height_um`` (y, x) and ``pixel_size_um``.

    Returns
    -------
    Raster
        Height (m).

    Raises
    ------
    ValueError
        If the file is not such a map; the message names what is wrong.
    """
    path = Path(path)
    try:
        # opened here, as numpy leaves a broken file open
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            content = {key: stored[key] for key in stored}
    except FileNotFoundError:
        raise ValueError(f"there is no surface file {path}") from None
    except (
        *(OSError, ValueError, AttributeError, TypeError, EOFError),
        *(zipfile.BadZipFile, zlib.error, NotImplementedError),
    ) as error:
        raise ValueError(f"{path} is not an .npz file: {error}") from error
    for key in ("height_um", "pixel_size_um"):
        if key not in content:
            found = ", ".join(content) or "nothing"
            raise ValueError(f"{path} has no {key!r}; it holds {found}")
    try:
        height = np.asarray(content["height_um"], float)
        pixel = float(content["pixel_size_um"])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: height_um or pixel_size_um: {error}") from error
    if height.ndim != 2 or min(height.shape) < 2:
        raise ValueError(f"{path}: height_um has shape {height.shape}, not (y, x)")
    if not np.all(np.isfinite(height)):
        raise ValueError(f"{path}: height_um has NaN or infinite heights")
    if not (np.isfinite(pixel) and pixel > 0):
        raise ValueError(f"{path}: pixel_size_um is {pixel!r}, not a positive number")
    return Raster(height * 1e-6, pixel * 1e-6)
