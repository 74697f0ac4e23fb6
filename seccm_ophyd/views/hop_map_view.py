"""Topography and what was measured, side by side.

One class for every use: live (`seccm_ophyd.views.live`), in replay
(`seccm_ophyd.replay`), and of a stored run into a file.
"""

import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import xarray as xr
from bluesky.callbacks.core import make_class_safe
from event_model import Event, EventDescriptor, RunStart, RunStop
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..analysis import Grid
from ..analysis.grid import scan_grid
from ..analysis.levelling import Method, check_method
from ..analysis.places import place
from ..analysis.resumed import whole_table
from ..schema import (
    CLAMP,
    CONTACT_CURRENT,
    CONTACT_HEIGHT,
    HOP_INDEX,
    HOP_OUTCOME,
    MAPPED,
    PRIMARY,
    RESUMES,
    TECHNIQUES,
    X_SET,
    Y_SET,
    HopOutcome,
    X,
    Y,
    find_key,
)
from .captions import Captions
from .hop_columns import MAPPED_VALUE, HopColumns
from .layout import Layout
from .panel import MapPanel
from .picture_file import Picture
from .relief import LEVELLED, relief_of_map, relief_of_points

__all__ = ["HopMapView"]

logger = logging.getLogger(__name__)

_ROWS = 1024  # allocated at first if the start document does not say how many hops

# how a run ended, for the picture; nothing if well
_ENDS = {
    "success": "",
    "abort": "INTERRUPTED (aborted)",
    "fail": "INTERRUPTED (failed)",
}
_NO_END = "UNFINISHED (interrupted or running)"


class HopMapView(Picture):
    """Draws topography and current of a hop run from its documents alone.

    Documents are only taken in; nothing is drawn until `draw` or `save`, so that a fast
    scan costs a copy of six numbers a hop. Called as a callback it logs errors and does
    not raise them: a plot may die, an acquisition that it is subscribed to may not.

    Parameters
    ----------
    figure
        Where to draw; its content is replaced at each start document. By default a new
        figure without a window, of a size that suits the scan.
    levelling
        How the topography is levelled, see `seccm_ophyd.analysis.level`; the picture
        says so. Points on no grid have no rows: they are levelled by facets then.
    find_run
        Finds the run of a uid: that which another run finishes, whose hops are drawn,
        too. Raises KeyError, OSError or ValueError if there is none.

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

    def __init__(
        self,
        figure: Figure | None = None,
        levelling: Method = "facet",
        find_run: Callable[[str], Any] | None = None,
    ) -> None:
        super().__init__()
        check_method(levelling)
        self._levelling, self._find_run = levelling, find_run
        self._before: xr.Dataset | None = None
        self._own_size = figure is None
        if figure is None:
            figure = Figure()
            FigureCanvasAgg(figure)
        self.figure = figure
        self._clear({})

    @classmethod
    def from_run(
        cls, run: Any, figure: Figure | None = None, levelling: Method = "facet"
    ) -> Self:
        """Make the view of a stored run, ready to be shown or saved.

        Parameters
        ----------
        run
            Any kind of run, see `seccm_ophyd.analysis.runs`; with the runs that it
            finishes, as in `seccm_ophyd.analysis.hop_map`.
        figure, levelling
            As of the class.

        Raises
        ------
        KeyError
            If the run has no hops.
        """
        table = whole_table(run)
        view = cls(figure, levelling)
        view._clear(table.attrs["start"])
        view._open({str(key): table[key].attrs for key in table}).extend(table)
        stop = table.attrs["stop"]
        view._status = _ENDS[stop["exit_status"]] if stop else _NO_END
        view._update()
        return view

    def start(self, doc: RunStart) -> None:
        """Begin a new picture."""
        self._clear(doc)
        before = doc.get(RESUMES)
        if before is None or self._find_run is None:
            return
        try:
            table = whole_table(self._find_run(str(before)))
        except (KeyError, OSError, ValueError) as error:
            logger.warning("only a part is drawn: run %s: %s", before, error)
        else:
            self._before, self._start = table, table.attrs["start"]

    def descriptor(self, doc: EventDescriptor) -> None:
        """Learn names and units of the keys of the hops."""
        hops = TECHNIQUES in self._start  # other runs leave the picture empty
        if hops and doc.get("name") == PRIMARY and self._hops is None:
            self._descriptor = doc["uid"]
            columns = self._open(doc["data_keys"])
            if self._before is not None and self._before.data_vars:
                columns.extend(self._before)

    def event(self, doc: Event) -> Event:
        """Take in one hop."""
        if self._hops is not None and doc["descriptor"] == self._descriptor:
            self._hops.append(doc["data"])
        return doc

    def stop(self, doc: RunStop) -> None:
        """Learn how the run ended."""
        self._status = _ENDS[doc["exit_status"]]

    def _clear(self, start: Mapping[str, Any]) -> None:
        self._start = start
        self._status = self._descriptor = self._mapped = ""
        self._hops: HopColumns | None = None
        self._before = None
        self.panels: dict[str, MapPanel] = {}
        self.captions: Captions | None = None
        self.figure.clear()

    def _open(self, data_keys: Mapping[str, Mapping[str, Any]]) -> HopColumns:
        mapped, title, suffix = self._choose(data_keys)
        rows = self._start.get("num_points") or _ROWS
        self._hops = columns = HopColumns(data_keys, suffix, rows)
        height, unit = (
            data_keys[columns.keys[name]].get("units") or ""
            for name in (CONTACT_HEIGHT, MAPPED_VALUE)
        )
        first, second = self._lay_out()
        colours = "plasma" if unit == "V" else "viridis"
        self._mapped = mapped
        self.panels = {
            "topography": MapPanel(first, "Topography", height, "afmhot"),
            mapped: MapPanel(second, title, unit, colours),
        }
        self.captions = Captions(self.figure, self._start)
        return columns

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
        if self._hops is None or self.captions is None:  # no hop run so far
            return
        columns = self._hops.arrays()
        missed = columns[HOP_OUTCOME] == HopOutcome.NO_CONTACT
        height = np.where(missed, np.nan, columns[CONTACT_HEIGHT])
        mapped = np.where(missed, np.nan, columns[MAPPED_VALUE])
        topography, second = self.panels["topography"], self.panels[self._mapped]
        grid: Grid | None
        levelling = self._levelling
        try:
            hops = place(self._start, columns)
            grid, pixels = hops.grid, hops.pixels
        except ValueError:  # on no grid
            grid = None
            levelling = "facet" if levelling == "rows" else levelling
            x, y = columns.get(X, columns[X_SET]), columns.get(Y, columns[Y_SET])
            if len(missed):
                relief = relief_of_points(x, y, height, levelling)
                topography.show_points(x, y, relief, missed)
                second.show_points(x, y, mapped, missed)
        else:
            heights = grid.fill(pixels, height, np.nan)
            values = grid.fill(pixels, mapped, np.nan)
            misses = grid.fill(pixels, missed, False)
            topography.show_map(grid, relief_of_map(grid, heights, levelling), misses)
            second.show_map(grid, values, misses)
        topography.set_title(f"Topography, {LEVELLED[levelling]}")
        done = len(np.unique(columns[HOP_INDEX]))
        self.captions.update(self._status, grid, done, int(missed.sum()))


def _size(figure: Figure) -> tuple[float, float]:
    return figure.get_figwidth(), figure.get_figheight()


make_class_safe(HopMapView, logger=logger)
