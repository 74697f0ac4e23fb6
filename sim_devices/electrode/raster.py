"""Maps of square pixels, and the files in which measured ones come."""

import os
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np

__all__ = ["Raster", "read_height_map"]


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

    def nearest(self, x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
        """Value of the pixel under each point; edge pixels outside."""
        ny, nx = self.values.shape
        j = np.minimum(np.maximum(np.rint(x / self.pixel + (nx - 1) / 2), 0), nx - 1)
        i = np.minimum(np.maximum(np.rint(y / self.pixel + (ny - 1) / 2), 0), ny - 1)
        return self.values[i.astype(np.intp), j.astype(np.intp)]

    def highest(self, x: tuple[float, float], y: tuple[float, float]) -> float:
        """Largest value (no NaN) of the pixels that matter between two x and two y."""
        ny, nx = self.values.shape
        left, right = (min(max(p / self.pixel + (nx - 1) / 2, 0), nx - 1) for p in x)
        low, high = (min(max(p / self.pixel + (ny - 1) / 2, 0), ny - 1) for p in y)
        rows = self.values[int(low) : ceil(high) + 1]
        return float(rows[:, int(left) : ceil(right) + 1].max())

    def bilinear(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Bilinear interpolation; edge values outside."""
        ny, nx = self.values.shape
        u = np.minimum(np.maximum(x / self.pixel + (nx - 1) / 2, 0), nx - 1)
        v = np.minimum(np.maximum(y / self.pixel + (ny - 1) / 2, 0), ny - 1)
        j = np.minimum(u.astype(np.intp), max(nx - 2, 0))
        i = np.minimum(v.astype(np.intp), max(ny - 2, 0))
        u, v = u - j, v - i
        flat = self.values.ravel()
        k = i * nx + j
        right, down = (1 if nx > 1 else 0), (nx if ny > 1 else 0)
        low, high = flat[k], flat[k + down]
        low = low + u * (flat[k + right] - low)
        high = high + u * (flat[k + down + right] - high)
        return low + v * (high - low)


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
        with np.load(path, allow_pickle=False) as stored:
            content = {key: stored[key] for key in stored}
    except FileNotFoundError:
        raise ValueError(f"there is no surface file {path}") from None
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} is not an .npz file: {error}") from error
    for key in ("height_um", "pixel_size_um"):
        if key not in content:
            found = ", ".join(content) or "nothing"
            raise ValueError(f"{path} lacks {key!r}; it holds {found}")
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
