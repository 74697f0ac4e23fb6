"""Writes the arrays of each hop to HDF5: approach curve and technique's trace."""

import uuid
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ophyd import Component as Cpt
from ophyd import Device, Signal

from ..storage.traces import TraceFile
from ..techniques import TRACE_CHANNELS, TRACE_UNITS
from .z_stage import CURVE_SAMPLES

__all__ = ["HopTraces"]


class HopTraces(Device):
    """One HDF5 file per run, one dataset per kind of trace, one row per hop.

    The rows are written when the engine collects the documents of an event, at the row
    of that event: a hop that is interrupted there and redone overwrites its row.
    Without a folder nothing is written, and nothing described.
    """

    folder = Cpt(Signal, value="", kind="omitted", doc="where the files go")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._file: TraceFile | None = None
        self._row = -1
        self._last_index: int | None = None
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
        return super().stage()

    def unstage(self) -> list[object]:
        """Close the file."""
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

    def collect_asset_docs(
        self, index: int | None = None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Write the rows of the hop that is being saved and announce them."""
        if self._file is None:
            return
        hop = self.parent.hop.index.get()
        if hop != self._last_index:
            self._row, self._last_index = self._row + 1, hop
        self._file.write(self._row, "approach", self.parent.z.read_curve())
        found = self.parent.clamp.traces()
        for measurement in self.parent.clamp.measurements:
            samples = measurement.technique.acquisition.samples
            trace = np.full((len(TRACE_CHANNELS), samples), np.nan)
            if measurement.label in found:
                part = found[measurement.label][:, :samples]
                trace[:, : part.shape[1]] = part
            self._file.write(self._row, measurement.label, trace)
        yield from self._announced
        self._announced.clear()
        for name in self._names:
            yield "stream_datum", self._file.stream_datum(name, self._row)
