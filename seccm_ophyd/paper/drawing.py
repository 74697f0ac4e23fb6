"""What the figures of the paper share: maps with scale bars, arrows, curves."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..analysis import Grid, level
from ..views.panel import MapPanel

__all__ = [
    "BLUE",
    "RED",
    "add_letters",
    "arrow",
    "curve_axes",
    "draw_map",
    "make_figure",
    "topography",
]

BLUE, RED = "#1f5fb4", "#c8281e"
_CMAPS = {"topography": "afmhot", "current": "viridis", "potential": "plasma"}


def draw_map(
    axes: Axes,
    values: xr.DataArray,
    title: str,
    kind: str,
    limits: tuple[float, float] | None = None,
) -> MapPanel:
    """Draw a map with its scale bar and colour bar.

    Parameters
    ----------
    axes
        Where to.
    values
        Dimensions (y, x), coordinates in um, ``units`` in the attrs.
    title
        Over the map.
    kind
        "topography", "current" or "potential": decides the colours.
    limits
        Of the colours; None: robust limits of the values.
    """
    panel = MapPanel(axes, title, values.attrs.get("units", ""), _CMAPS[kind])
    grid = Grid(values.x.values, values.y.values)
    nowhere = np.zeros(values.shape, bool)
    panel.show_map(grid, values.values.astype(float), nowhere)
    if limits is not None:
        panel.set_limits(*limits)
    axes.set(xlabel="x (µm)", ylabel="y (µm)")
    return panel


def topography(run_map: xr.Dataset) -> xr.DataArray:
    """Level the topography of a map and make it begin at zero (um)."""
    flat = level(run_map.topography)
    return (flat - float(flat.min())).assign_attrs(units="um")


def arrow(axes: Axes, point: Sequence[float], colour: str) -> None:
    """Point at a place of a map, as the paper's arrows do."""
    axes.annotate(
        "",
        xy=(float(point[0]), float(point[1])),
        xytext=(14, 14),
        textcoords="offset points",
        arrowprops={
            "arrowstyle": "-|>,head_length=0.7,head_width=0.35",
            "facecolor": colour,
            "edgecolor": "white",
            "linewidth": 1.2,
            "mutation_scale": 14,
        },
        zorder=6,
    )


def curve_axes(axes: Axes, xlabel: str, ylabel: str) -> Axes:
    """Dress axes for curves."""
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(direction="out", length=3, width=0.6, labelsize=9)
    return axes


def add_letters(figure: Figure, axes: Sequence[Axes], letters: str = "abcd") -> None:
    """Letter the panels of a figure."""
    for panel, letter in zip(axes, letters, strict=False):
        options: dict[str, Any] = {"weight": "bold", "size": 12, "va": "bottom"}
        panel.text(-0.02, 1.08, letter, transform=panel.transAxes, **options)


def make_figure(width: float, height: float, dpi: int = 150) -> Figure:
    """Make a figure of a size in inches, without a window."""
    figure = Figure(figsize=(width, height), layout="constrained", dpi=dpi)
    FigureCanvasAgg(figure)
    return figure
