"""One map of a picture: image or points, colour bar, scale bar, missed landings."""

import math
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar
from numpy.typing import ArrayLike, NDArray

from ..analysis import Grid, robust_limits

__all__ = ["MISSED", "UNSCANNED", "MapPanel", "nice_length", "pretty_unit"]

# In neither colour map: light grey where there was no hop, magenta where no contact.
UNSCANNED = "#d9dce1"
MISSED = "#e0218a"

GAP, BAR = 0.12, 0.17  # inches: between map and colour bar, and the width of that

_NO_MASK = np.zeros((1, 1), bool)


def pretty_unit(unit: str) -> str:
    """Write a unit as people do: um becomes µm."""
    return f"µ{unit[1:]}" if unit in ("um", "uA", "uV", "us") else unit


def nice_length(width: float) -> float:
    """Return the 1-2-5 number next below a quarter of `width`, for a scale bar."""
    decade = 10.0 ** math.floor(math.log10(width / 4))
    return max(n * decade for n in (1, 2, 5) if n * decade <= width / 4 * (1 + 1e-9))


def _set_limits(shown: Any, low: float, high: float) -> None:
    """Set the limits of colours, so that they never cross.

    matplotlib sets the lower one first, and before 3.11 the colour bar changes limits
    that cross for that moment.
    """
    if low >= shown.norm.vmax:
        shown.set_clim(vmax=high)
    shown.set_clim(low, high)


def _beside(axes: Axes) -> Callable[[Any, Any], Bbox]:
    """Locate a colour bar: of one width in inches, as high as the map beside it."""

    def locate(_: Any, __: Any) -> Bbox:
        axes.apply_aspect()
        box, figure = axes.get_position(), axes.get_figure(root=True)
        wide = figure.get_figwidth() if figure else 1.0
        return Bbox.from_bounds(box.x1 + GAP / wide, box.y0, BAR / wide, box.height)

    return locate


class MapPanel:
    """Draws one quantity over x and y; made once, then given new data.

    Parameters
    ----------
    axes
        Where to draw; anything there already stays.
    title
        What is shown.
    unit
        Of the values; goes to the colour bar.
    cmap
        Name of the colour map.
    """

    def __init__(self, axes: Axes, title: str, unit: str, cmap: str) -> None:
        self.axes = axes
        self._extent: tuple[float, ...] | None = None
        self._scale_bar: AnchoredSizeBar | None = None
        colours = mpl.colormaps[cmap].with_extremes(bad=UNSCANNED)
        empty = np.full((1, 1), np.nan)
        self.image = axes.imshow(
            empty, cmap=colours, origin="lower", interpolation="nearest", zorder=1
        )
        self.missed = axes.imshow(
            np.ma.masked_equal(_NO_MASK, False),
            cmap=ListedColormap([MISSED]),
            origin="lower",
            interpolation="nearest",
            zorder=2,
        )
        style: dict[str, Any] = {"linewidths": 0.6, "edgecolors": "white", "zorder": 3}
        self.points = axes.scatter([], [], c=[], cmap=colours, **style)
        self.missed_points = axes.scatter([], [], color=MISSED, marker="X", zorder=3)
        # follows the map, whose size in the figure depends on its aspect
        beside = axes.inset_axes((0, 0, 1, 1))
        beside.set_axes_locator(_beside(axes))
        self.colorbar = axes.figure.colorbar(self.image, cax=beside)
        self.colorbar.set_label(pretty_unit(unit))
        self.colorbar.outline.set_linewidth(0.6)
        self.set_title(title)
        self._dress()

    def set_title(self, title: str) -> None:
        """Write over the map what it shows."""
        self.axes.set_title(title, loc="left", size=10)

    def _dress(self) -> None:
        axes = self.axes
        axes.set_aspect("equal")
        axes.set_facecolor(UNSCANNED)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
        axes.tick_params(direction="out", length=3, width=0.6, labelsize=9)
        self.colorbar.ax.tick_params(length=3, width=0.6, labelsize=9)
        for spine in axes.spines.values():
            spine.set_linewidth(0.6)

    def set_limits(self, low: float, high: float) -> None:
        """Set the limits of the colours of the map."""
        _set_limits(self.image, low, high)

    def show_map(self, grid: Grid, values: NDArray[Any], missed: NDArray[Any]) -> None:
        """Show values on a grid.

        Parameters
        ----------
        grid
            Where the pixels are; axes that descend are turned round.
        values : ndarray, shape (ny, nx)
            NaN where there is none.
        missed : ndarray of bool, shape (ny, nx)
            Where no contact was made.
        """
        turn = tuple(
            slice(None, None, -1 if a[0] > a[-1] else None) for a in (grid.y, grid.x)
        )
        for image, data in (
            (self.image, np.ma.masked_invalid(values[turn])),
            (self.missed, np.ma.masked_equal(missed[turn], False)),
        ):
            image.set_data(data)
            image.set_extent(grid.extent)
            image.set_visible(True)
        self._show(self.image, values, grid.extent)

    def show_points(
        self,
        x: NDArray[Any],
        y: NDArray[Any],
        values: NDArray[Any],
        missed: NDArray[Any],
    ) -> None:
        """Show values at points that lie on no grid.

        Parameters
        ----------
        x, y, values : ndarray, shape (hops,)
            Positions (um) and what was measured there.
        missed : ndarray of bool, shape (hops,)
            Where no contact was made.
        """
        span = max(np.ptp(x), np.ptp(y), 1.0) * 0.58
        x0, y0 = (x.min() + x.max()) / 2, (y.min() + y.max()) / 2
        extent = (x0 - span, x0 + span, y0 - span, y0 + span)
        size = float(np.clip(6e3 / len(x), 4, 90))
        at = np.column_stack([x, y])
        self.points.set_offsets(at[~missed])
        self.points.set_array(values[~missed])
        self.missed_points.set_offsets(at[missed])
        for points in (self.points, self.missed_points):
            points.set_sizes([size])
        self.image.set_visible(False)
        self.missed.set_visible(False)
        self._show(self.points, values, extent)

    def _show(self, shown: Any, values: ArrayLike, extent: tuple[float, ...]) -> None:
        for points in (self.points, self.missed_points):
            points.set_visible(shown is self.points)
        _set_limits(shown, *robust_limits(values))
        if self.colorbar.mappable is not shown:
            self.colorbar.update_normal(shown)
        if extent != self._extent:
            self._extent = extent
            self.axes.set(xlim=extent[:2], ylim=extent[2:])
            self._draw_scale_bar(extent[1] - extent[0])

    def _draw_scale_bar(self, width: float) -> None:
        if self._scale_bar is not None:
            self._scale_bar.remove()
        length = nice_length(width)
        self._scale_bar = AnchoredSizeBar(
            self.axes.transData,
            length,
            f"{length:g} µm",
            "lower right",
            pad=0.4,
            borderpad=0.5,
            sep=3,
            color="white",
            size_vertical=width / 80,
            fontproperties=FontProperties(size=8.5, weight="bold"),
        )
        self._scale_bar.patch.set(facecolor="black", alpha=0.6, edgecolor="none")
        self._scale_bar.set_zorder(5)
        self.axes.add_artist(self._scale_bar)
