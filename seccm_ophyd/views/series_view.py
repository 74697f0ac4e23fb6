"""What a run of any plan has measured, event by event: for runs without hops."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Self

from bluesky.callbacks.core import make_class_safe
from event_model import Event, EventDescriptor, RunStart
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..analysis import documents
from ..schema import PRIMARY
from .picture_file import Picture

__all__ = ["SeriesView"]

logger = logging.getLogger(__name__)

_MOST_PANELS = 6
_PANEL_INCHES = (6.4, 1.8)
_TIME = "time since the first event (s)"


class SeriesView(Picture):
    """Draws the numbers of a run over its first dimension, or over time.

    For ``bp.count``, ``bp.scan`` and other plans with any detectors: what the devices
    hint at is drawn, one panel each; all numbers where they hint at none. Called as a
    callback it logs errors and does not raise them.

    Parameters
    ----------
    figure
        Where to draw; its content is replaced at each start document. By default a new
        figure without a window.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    columns : dict of str to list of float
        The values of each panel, by event key.
    x : list of float
        What they are drawn over.

    Examples
    --------
    >>> SeriesView.from_run(catalog[-1]).save("count.png")
    >>> RE.subscribe(SeriesView())
    """

    DPI = 150.0

    def __init__(self, figure: Figure | None = None) -> None:
        super().__init__()
        if figure is None:
            figure = Figure()
            FigureCanvasAgg(figure)
        self.figure = figure
        self.x: list[float] = []
        self.columns: dict[str, list[float]] = {}
        self._descriptor = ""
        self._x_key: str | None = None
        self._units: dict[str, str] = {}
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
        """
        view = cls(figure)
        for name, doc in documents(run):
            view(name, doc)
        view._update()
        return view

    def start(self, doc: RunStart) -> None:
        """Begin a new picture."""
        self._clear(doc)

    def descriptor(self, doc: EventDescriptor) -> None:
        """Choose what is drawn of the primary stream, and over what."""
        if doc.get("name") != PRIMARY or self._descriptor:
            return
        self._descriptor = doc["uid"]
        keys = doc["data_keys"]
        numbers = [key for key, about in keys.items() if _is_number(about)]
        moved = [field for field in _dimensions(self._start) if field in numbers]
        self._x_key = moved[0] if len(moved) == 1 else None
        hints: Mapping[str, Any] = doc.get("hints") or {}
        hinted = [
            field for about in hints.values() for field in about.get("fields", ())
        ]
        owned: Mapping[str, Any] = doc.get("object_keys") or {}
        over = {  # the motors themselves, with their setpoints
            key
            for fields in owned.values()
            if set(moved) & set(fields)
            for key in fields
        }
        chosen = [key for key in hinted if key in numbers and key not in over]
        chosen = chosen or [key for key in numbers if key not in over]
        self.columns = {key: [] for key in chosen[:_MOST_PANELS]}
        self._units = {key: keys[key].get("units") or "" for key in numbers}

    def event(self, doc: Event) -> Event:
        """Take in one event."""
        if doc["descriptor"] == self._descriptor:
            for key, column in self.columns.items():
                column.append(_float(doc["data"].get(key)))
            self._times.append(doc["time"])
            if self._x_key is None:
                self.x.append(doc["time"] - self._times[0])
            else:
                self.x.append(_float(doc["data"].get(self._x_key)))
        return doc

    def _clear(self, start: Mapping[str, Any]) -> None:
        self._start, self._descriptor = start, ""
        self._x_key = None
        self._units = {}
        self._times: list[float] = []
        self.x, self.columns = [], {}
        self.figure.clear()

    def _update(self) -> None:
        self.figure.clear()
        start = self._start
        title = f"scan {start.get('scan_id', '-')}   {start.get('plan_name', 'run')}"
        self.figure.suptitle(f"{title}   {str(start.get('uid', ''))[:8]}")
        if not self.columns:
            self.figure.text(0.5, 0.5, "no numbers to draw", ha="center")
            return
        rows = len(self.columns)
        width, height = _PANEL_INCHES
        self.figure.set_size_inches(width, 1.2 + height * rows)
        self.figure.set_layout_engine("constrained")
        panels = self.figure.subplots(rows, sharex=True, squeeze=False)[:, 0]
        for axes, (key, column) in zip(panels, self.columns.items(), strict=True):
            axes.plot(self.x, column, "o-", markersize=3, linewidth=1)
            axes.set_ylabel(self._label(key))
        panels[-1].set_xlabel(self._label(self._x_key) if self._x_key else _TIME)

    def _label(self, key: str) -> str:
        unit = self._units.get(key)
        return f"{key}\n({unit})" if unit else key


def _dimensions(start: Mapping[str, Any]) -> list[str]:
    """Return the fields that a plan moves along, as its hints say."""
    found = (start.get("hints") or {}).get("dimensions") or []
    return [
        field
        for fields, stream in found
        if stream == PRIMARY
        for field in (fields if isinstance(fields, Sequence) else [])
    ]


def _is_number(about: Mapping[str, Any]) -> bool:
    numeric = about["dtype"] in ("number", "integer")
    return numeric and not about["shape"] and "external" not in about


def _float(value: Any) -> float:
    return float("nan") if value is None else float(value)


make_class_safe(SeriesView, logger=logger)
