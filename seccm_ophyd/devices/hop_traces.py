"""Writes the arrays of each hop to HDF5: approach curve and technique's trace."""

import threading
import uuid
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ophyd import Component as Cpt
from ophyd import Device, Signal

from ..storage.traces import TraceFile
from ..techniques import TRACE_CHANNELS, TRACE_UNITS, Measurement
from .z_stage import CURVE_SAMPLES

__all__ = ["HopTraces"]

_NOTHING = np.full((len(TRACE_CHANNELS), 0), np.nan)


class HopTraces(Device):
    """One HDF5 file per run, one dataset per kind of trace, one row per hop.

    The rows are written when the engine collects the documents of an event, at the row
    of that event: a hop that is interrupted there and redone overwrites its row. What a
    long acquisition has taken so far stands in its row already while it goes on.
    Without a folder nothing is written, and nothing described.
    """

    folder = Cpt(Signal, value="", kind="omitted", doc="where the files go")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._file: TraceFile | None = None
        self._row = -1
        self._last_index: int | None = None
        self._subscription: int | None = None
        self._writing = threading.Lock()  # parts come in another thread
        self._announced: deque[tuple[str, dict[str, Any]]] = deque()
        super().__init__(*args, **kwargs)

    @property
    def _names(self) -> list[str]:
        """Names of the datasets of a run."""
        return ["approach", *(m.label for m in self.parent.clamp.measurements)]

    def stage(self) -> list[object]:
        """Open a new file for the techniques that the amplifier is prepared for."""
        if self.folder.get():
            path = Path(self.folder.get()) / f"{uuid.uuid4().hex}.h5"
            file = TraceFile(path)
            file.add("approach", ("z", "i"), ("um", "pA"), CURVE_SAMPLES)
            for measurement in self.parent.clamp.measurements:
                samples = measurement.technique.acquisition.samples
                file.add(measurement.label, TRACE_CHANNELS, TRACE_UNITS, samples)
            file.start()
            self._announced.clear()
            for name in self._names:
                document = file.stream_resource(name, f"{self.name}_{name}")
                self._announced.append(("stream_resource", document))
            self._file, self._row, self._last_index = file, -1, None
            self.parent.clamp.progress.file.put(str(path))
            self._subscription = self.parent.clamp.progress.subscribe(self._write_part)
        return super().stage()

    def unstage(self) -> list[object]:
        """Close the file."""
        if self._subscription is not None:
            self.parent.clamp.progress.unsubscribe(self._subscription)
            self._subscription = None
        with self._writing:
            if self._file is not None:
                self._file.close()
                self._file = None
        return super().unstage()

    def describe(self) -> dict[str, Any]:
        """Describe the external arrays (``STREAM:``) of the open file."""
        description = super().describe()
        if self._file is not None:
            for name in self._names:
                key = {**self._file.describe(name), "object_name": self.name}
                description[f"{self.name}_{name}"] = key
        return description

    def _next_row(self) -> tuple[int, int]:
        """Tell the row of the hop that goes on, and its index."""
        hop = self.parent.hop.index.get()
        return self._row + (hop != self._last_index), hop

    def _write(self, row: int, measurement: Measurement, trace: NDArray) -> None:
        """Write a trace, or what there is of it; NaN behind it."""
        samples = measurement.technique.acquisition.samples
        full = np.full((len(TRACE_CHANNELS), samples), np.nan)
        part = trace[:, :samples]
        full[:, : part.shape[1]] = part
        if self._file is not None:
            self._file.write(row, measurement.label, full)

    def _write_part(self, *args: Any, **kwargs: Any) -> None:
        """Write what a long acquisition has taken so far to the row of its hop."""
        clamp = self.parent.clamp
        with self._writing:
            row, _ = self._next_row()
            self._write(row, clamp.measuring, clamp.progress.trace)
        clamp.progress.row.put(row)

    def collect_asset_docs(
        self, index: int | None = None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Write the rows of the hop that is being saved and announce them."""
        if self._file is None:
            return
        with self._writing:
            self._row, self._last_index = self._next_row()
            self._file.write(self._row, "approach", self.parent.z.read_curve())
            found = self.parent.clamp.traces()
            for measurement in self.parent.clamp.measurements:
                trace = found.get(measurement.label, _NOTHING)
                self._write(self._row, measurement, trace)
        yield from self._announced
        self._announced.clear()
        for name in self._names:
            yield "stream_datum", self._file.stream_datum(name, self._row)
