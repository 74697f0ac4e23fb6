"""Writes the arrays of each hop to HDF5: approach curve and technique's trace."""

import math
import shutil
import threading
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ophyd import Component as Cpt
from ophyd import Device, Signal, SignalRO

from ..errors import DiskSpaceError
from ..storage.data_folder import check_present
from ..storage.storage_thread import AtOnce, StorageThread
from ..storage.traces.trace_file import TraceFile
from ..techniques import TRACE_CHANNELS, TRACE_UNITS, Measurement
from .named import Named
from .setting import Number
from .z_stage import CURVE_SAMPLES

__all__ = ["HopTraces"]

_NOTHING = np.full((len(TRACE_CHANNELS), 0), np.nan)


class FreeSpace(SignalRO):
    """Free space of the parent's folder (bytes); infinite without a folder."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(value=math.inf, **kwargs)

    def get(self, **kwargs: Any) -> float:
        """Ask the file system."""
        if not (folder := self.parent.folder.get()):
            return math.inf
        check_present(folder)
        return float(shutil.disk_usage(folder).free)


class HopTraces(Named, Device):
    """One HDF5 file per run, one dataset per kind of trace, one row per hop.

    The rows are written when the engine collects the documents of an event, at the row
    of that event: a hop that is interrupted there and redone overwrites its row. What a
    long acquisition has taken so far stands in its row already while it runs.
    Without a folder nothing is written, and nothing described. Where the free space is
    below the reserve, or a row cannot be written, the hop fails.

    Attributes
    ----------
    storage
        Does the writing: a session sets its `StorageThread`, which the engine awaits
        before the next message; without one each row is written at once.
    """

    storage: AtOnce | StorageThread = AtOnce()

    folder = Cpt(Signal, value="", kind="omitted", doc="where the files go")
    free_space = Cpt(FreeSpace, kind="omitted", doc="of the folder (bytes)")
    reserve = Cpt(
        Number,
        value=0.0,
        bounds=(0.0, 1e15),
        unit="bytes",
        kind="omitted",
        doc="free space a run leaves alone (bytes)",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._file: TraceFile | None = None
        self._row = -1
        self._last_index: int | None = None
        self._subscription: int | None = None
        self._counting = threading.Lock()  # parts come in another thread
        self._parts: dict[tuple[int, str], NDArray[Any]] = {}  # to be written
        self._announced: deque[tuple[str, dict[str, Any]]] = deque()
        super().__init__(*args, **kwargs)

    @property
    def path(self) -> Path | None:
        """The file of the run that is open; None without one."""
        return None if self._file is None else self._file.path

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
            self.storage.submit(file.start)
            self._announced.clear()
            for name in self._names:
                document = file.stream_resource(name, f"{self.name}_{name}")
                self._announced.append(("stream_resource", document))
            self._file, self._row, self._last_index = file, -1, None
            self._parts = {}
            self.parent.clamp.progress.file.put(str(path))
            self._subscription = self.parent.clamp.progress.subscribe(self._write_part)
        return super().stage()

    def unstage(self) -> list[object]:
        """Close the file."""
        if self._subscription is not None:
            self.parent.clamp.progress.unsubscribe(self._subscription)
            self._subscription = None
        with self._counting:
            file, self._file = self._file, None
        if file is not None:
            self.storage.submit(file.close, always=True)
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
        """Return the row of the hop that is being made, and its index."""
        hop = self.parent.hop.index.get()
        return self._row + (hop != self._last_index), hop

    def _write_part(self, *args: Any, **kwargs: Any) -> None:
        """Write what a long acquisition has taken so far to the row of its hop."""
        clamp, trace = self.parent.clamp, self.parent.clamp.progress.trace
        with self._counting:
            file, (row, _), measurement = self._file, self._next_row(), clamp.measuring
            if file is None:
                return
            place, parts = (row, measurement.label), self._parts
            waits = place in parts
            parts[place] = trace
        clamp.progress.row.put(row)
        if waits:  # for a storage that is slow: this part takes its place
            return

        def write() -> None:
            with self._counting:
                newest = parts.pop(place)
            try:
                self.check_space()
                _write(file, row, measurement, newest)
            except OSError as error:
                clamp.acquire.fail(error)  # in this thread it would be lost

        self.storage.submit(write)

    def check_space(self) -> None:
        """Check that more space is free than the reserve.

        Raises
        ------
        DiskSpaceError
            If it is not; the message has both sizes.
        """
        free, reserve = self.free_space.get(), self.reserve.get()
        if free < reserve:
            raise DiskSpaceError(
                f"{free / 1e6:.1f} MB are left in {self.folder.get()}, less than the "
                f"reserve of {reserve / 1e6:.1f} MB: the run ends"
            )

    def take_rows(self, hops: Sequence[int]) -> int:
        """Keep rows for hops that were made in one go.

        Parameters
        ----------
        hops
            Their indices.

        Returns
        -------
        int
            The row of the first.
        """
        with self._counting:
            first = self._row + 1
            self._row, self._last_index = self._row + len(hops), hops[-1]
        return first

    def write_hops(
        self,
        first: int,
        curves: NDArray[np.float64],
        traces: Sequence[NDArray[np.float64]],
    ) -> None:
        """Write the rows of hops that were made in one go; `announce` describes them.

        Parameters
        ----------
        first
            Row of the first.
        curves : ndarray, shape (hops, 2, 1000)
            Approach curves.
        traces : sequence of ndarray, shape (hops, 3, samples)
            One for each technique; NaN where nothing was measured.
        """
        file = self._file
        if file is None:
            return
        named = list(zip(self._names, (curves, *traces), strict=True))

        def write() -> None:
            for name, rows in named:
                file.write_rows(first, name, rows)

        self.storage.submit(write)

    def announce(self, first: int, count: int) -> Iterator[tuple[str, dict[str, Any]]]:
        """Announce rows that were written in one go.

        Parameters
        ----------
        first
            Row of the first.
        count
            How many.
        """
        if self._file is None:
            return
        yield from self._announced
        self._announced.clear()
        for name in self._names:
            yield "stream_datum", self._file.stream_datum(name, first, count)

    def collect_asset_docs(
        self, index: int | None = None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Have the rows of the hop that is being saved written, and announce them."""
        file = self._file
        if file is None:
            return
        with self._counting:
            self._row, self._last_index = row, _ = self._next_row()
        curve, found = self.parent.z.read_curve(), self.parent.clamp.traces()
        measurements = self.parent.clamp.measurements

        def write() -> None:
            self.check_space()
            file.write(row, "approach", curve)
            for measurement in measurements:
                trace = found.get(measurement.label, _NOTHING)
                _write(file, row, measurement, trace)

        self.storage.submit(write)
        yield from self._announced
        self._announced.clear()
        for name in self._names:
            yield "stream_datum", file.stream_datum(name, row)


def _write(
    file: TraceFile, row: int, measurement: Measurement, trace: NDArray[Any]
) -> None:
    """Write a trace, or what there is of it; NaN after it."""
    samples = measurement.technique.acquisition.samples
    full = np.full((len(TRACE_CHANNELS), samples), np.nan)
    part = trace[:, :samples]
    full[:, : part.shape[1]] = part
    file.write(row, measurement.label, full)
