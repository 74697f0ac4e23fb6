"""Topography and what was measured, side by side.

One class for every use: live (`seccm_ophyd.views.live`), in replay
(`seccm_ophyd.replay`), and of a stored run into a file.
"""

import contextlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import xarray as xr
from bluesky.callbacks.core import CallbackBase, make_class_safe
from event_model import Event, EventDescriptor, RunStart, RunStop
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..analysis import Grid, hop_table, level, robust_limits
from ..analysis.grid import scan_grid
from ..analysis.levelling import fit_plane
from ..analysis.maps import outcome_codes
from ..analysis.places import place
from ..schema import (
    CLAMP,
    CONTACT_CURRENT,
    CONTACT_HEIGHT,
    HOP_INDEX,
    HOP_OUTCOME,
    MAPPED,
    PRIMARY,
    TECHNIQUES,
    X_SET,
    Y_SET,
    HopOutcome,
    X,
    Y,
    find_key,
)
from .captions import Captions
from .layout import Layout
from .panel import MapPanel
from .picture_file import save_picture

__all__ = ["HopMapView"]

logger = logging.getLogger(__name__)

_MAPPED = "mapped"  # column of what the second panel shows
_ROWS = 1024  # allocated at first if the start document does not tell how many hops

# how a run ended, for the picture; nothing if well
_ENDS = {
    "success": "",
    "abort": "INTERRUPTED (aborted)",
    "fail": "INTERRUPTED (failed)",
}
_NO_END = "UNFINISHED (interrupted or running)"


class HopMapView(CallbackBase):
    """Draws topography and current of a hop run from its documents alone.

    Documents are only taken in; nothing is drawn until `draw` or `save`, so that a fast
    scan costs a copy of six numbers a hop. Called as a callback it logs errors and does
    not raise them: a plot may die, an acquisition that it is subscribed to may not.

    Parameters
    ----------
    figure
        Where to draw; its content is replaced at each start document. By default a new
        figure without a window, of a size that suits the scan.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    panels : dict of str to MapPanel
        ``topography`` and what the technique maps (``current``,
        ``zero_current_potential``, ...), once a hop run has been taken in.
    captions : Captions or None
        The text around them.

    Examples
    --------
    >>> HopMapView.from_run(catalog[uid]).save("map.png")
    >>> view = HopMapView()
    >>> replay(journal_path, view)
    >>> view.save("map.png")
    """

    def __init__(self, figure: Figure | None = None) -> None:
        super().__init__()
        self._own_size = figure is None
        if figure is None:
            figure = Figure()
            FigureCanvasAgg(figure)
        self.figure = figure
        self._clear({})

    @classmethod
    def from_run(cls, run: Any, figure: Figure | None = None) -> Self:
        """Make the view of a stored run, ready to be shown or saved.

        Parameters
        ----------
        run
            Any kind of run, see `seccm_ophyd.analysis.runs`.
        figure
            As of the class.

        Raises
        ------
        KeyError
            If the run has no hops.
        """
        table = hop_table(run)
        view = cls(figure)
        view._clear(table.attrs["start"])
        view._open({str(key): table[key].attrs for key in table})
        view._hops = table.sizes["hop"]
        view._columns = {name: table[key].values for name, key in view._keys.items()}
        view._columns[HOP_OUTCOME] = outcome_codes(view._columns[HOP_OUTCOME])
        stop = table.attrs["stop"]
        view._status = _ENDS[stop["exit_status"]] if stop else _NO_END
        view._update()
        return view

    def start(self, doc: RunStart) -> None:
        """Begin a new picture."""
        self._clear(doc)

    def descriptor(self, doc: EventDescriptor) -> None:
        """Learn names and units of the keys of the hops."""
        hops = TECHNIQUES in self._start  # other runs leave the picture empty
        if hops and doc.get("name") == PRIMARY and not self._keys:
            self._descriptor = doc["uid"]
            self._open(doc["data_keys"])

    def event(self, doc: Event) -> Event:
        """Take in one hop."""
        if doc["descriptor"] != self._descriptor:
            return doc
        columns = self._columns
        if self._hops == len(columns[HOP_INDEX]):  # repeated hops come on top
            for name, column in columns.items():
                columns[name] = np.concatenate([column, np.empty_like(column)])
        for name, key in self._keys.items():
            value = doc["data"][key]
            if name == HOP_OUTCOME:
                value = outcome_codes([value])[0]
            columns[name][self._hops] = value
        self._hops += 1
        return doc

    def stop(self, doc: RunStop) -> None:
        """Learn how the run ended."""
        self._status = _ENDS[doc["exit_status"]]

    def draw(self) -> None:
        """Bring the picture up to date with the documents taken in so far."""
        self._update()
        self.figure.canvas.draw_idle()

    def save(self, path: str | os.PathLike, dpi: float = 200) -> Path:
        """Write the picture up to date, so that no reader ever sees half of it.

        Parameters
        ----------
        path
            File to write or replace; its suffix tells the format (png, pdf, svg, ...).
        dpi
            Dots per inch.

        Returns
        -------
        Path
            The file.
        """
        self._update()
        return save_picture(self.figure, path, dpi)

    def _clear(self, start: Mapping[str, Any]) -> None:
        self._start = start
        self._status = self._descriptor = self._mapped = ""
        self._keys: dict[str, str] = {}
        self._columns: dict[str, NDArray] = {}
        self._hops = 0
        self.panels: dict[str, MapPanel] = {}
        self.captions: Captions | None = None
        self.figure.clear()

    def _open(self, data_keys: Mapping[str, Mapping[str, Any]]) -> None:
        mapped, title, suffix = self._choose(data_keys)
        names = (HOP_INDEX, HOP_OUTCOME, X_SET, Y_SET, CONTACT_HEIGHT)
        self._keys = {name: find_key(data_keys, name) for name in names}
        for name in (X, Y):  # as read back
            with contextlib.suppress(KeyError):
                self._keys[name] = find_key(data_keys, name)
        self._keys[_MAPPED] = find_key(data_keys, suffix)
        dtypes = {HOP_INDEX: np.intp, HOP_OUTCOME: np.int8}
        rows = self._start.get("num_points") or _ROWS
        self._columns = {
            name: np.empty(rows, dtypes.get(name, np.float64)) for name in self._keys
        }
        height, unit = (
            data_keys[self._keys[name]].get("units") or ""
            for name in (CONTACT_HEIGHT, _MAPPED)
        )
        first, second = self._lay_out()
        colours = "plasma" if unit == "V" else "viridis"
        self._mapped = mapped
        self.panels = {
            "topography": MapPanel(first, "Topography", height, "afmhot"),
            mapped: MapPanel(second, title, unit, colours),
        }
        self.captions = Captions(self.figure, self._start)

    def _choose(self, data_keys: Mapping[str, Any]) -> tuple[str, str, str]:
        """Choose what the second panel shows: its name, title and key in events."""
        for technique in self._start.get(TECHNIQUES) or ():
            for name, title in MAPPED.get(technique.get("technique"), ()):
                with contextlib.suppress(KeyError):
                    find_key(data_keys, CLAMP + name)
                    return name, title, CLAMP + name
        # of a technique that has nothing to map: the current at the threshold
        return "current", "Current", CONTACT_CURRENT

    def _lay_out(self) -> tuple[Axes, Axes]:
        figure, grid = self.figure, scan_grid(self._start)
        left, right, bottom, top = grid.extent if grid else (0, 1, 0, 1)
        tall = (top - bottom) / (right - left)
        if self._own_size:
            figure.set_size_inches(Layout.of(tall).size)
        return Layout.of(tall, _size(figure)).make_axes(figure)

    def _update(self) -> None:
        captions = self.captions
        if captions is None:  # no hop run so far
            return
        columns = {name: column[: self._hops] for name, column in self._columns.items()}
        missed = columns[HOP_OUTCOME] == HopOutcome.NO_CONTACT
        height = np.where(missed, np.nan, columns[CONTACT_HEIGHT])
        mapped = np.where(missed, np.nan, columns[_MAPPED])
        grid: Grid | None
        try:
            hops = place(self._start, columns)
            grid, pixels = hops.grid, hops.pixels
        except ValueError:  # on no grid
            grid = None
            x, y = columns.get(X, columns[X_SET]), columns.get(Y, columns[Y_SET])
            if self._hops:
                height = _from_zero(height - fit_plane(x, y, height))
                self.panels["topography"].show_points(x, y, height, missed)
                self.panels[self._mapped].show_points(x, y, mapped, missed)
        else:
            coords = {"y": grid.y, "x": grid.x}
            heights = grid.fill(pixels, height, np.nan)
            levelled = level(xr.DataArray(heights, coords, ("y", "x"))).values
            values = grid.fill(pixels, mapped, np.nan)
            misses = grid.fill(pixels, missed, False)
            self.panels["topography"].show_map(grid, _from_zero(levelled), misses)
            self.panels[self._mapped].show_map(grid, values, misses)
        done = len(np.unique(columns[HOP_INDEX]))
        captions.update(self._status, grid, done, int(missed.sum()))


def _size(figure: Figure) -> tuple[float, float]:
    return figure.get_figwidth(), figure.get_figheight()


def _from_zero(heights: NDArray) -> NDArray:
    """Let heights count from the lowest, spikes aside, as microscopists expect."""
    return heights - robust_limits(heights)[0]


make_class_safe(HopMapView, logger=logger)
