"""The arrays of a run, in one HDF5 file that others may read while it is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from event_model import compose_stream_resource

from ..addresses import file_uri
from ..data_folder import check_in_place, check_present
from .disk_room import DiskRoom

__all__ = ["TraceFile"]

# Rows share a chunk up to this many bytes: one sample of all rows is then read at the
# speed of the disk, and writing a row costs no more than with smaller ones.
_CHUNK_BYTES = 128_000


@dataclass(frozen=True)
class _Trace:
    channels: tuple[str, ...]
    units: tuple[str, ...]
    samples: int

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.channels), self.samples

    @property
    def chunks(self) -> tuple[int, int, int]:
        return (max(1, _CHUNK_BYTES // self.row_bytes), *self.shape)

    @property
    def row_bytes(self) -> int:
        return 8 * len(self.channels) * self.samples

    @property
    def chunk_bytes(self) -> int:
        return self.chunks[0] * self.row_bytes


class TraceFile:
    """One HDF5 file per run: a dataset per kind of trace, (hop, channel, sample).

    All channels of a trace stand in one dataset, so no kill can part them. The file is
    in SWMR mode: rows that were written survive the death of the process, and others
    read them at once. A row that was never written reads NaN.

    Parameters
    ----------
    path
        The file; must not exist.

    Examples
    --------
    >>> file = TraceFile(folder.traces / "0123.h5")
    >>> file.add("approach", ("z", "i"), ("um", "pA"), 1000)
    >>> file.start()
    >>> file.write(0, "approach", curve)
    >>> file.close()
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).resolve()
        self._traces: dict[str, _Trace] = {}
        self._file: h5py.File | None = None
        self._datasets: dict[str, h5py.Dataset] = {}
        self._rows: dict[str, int] = {}  # of each dataset: HDF5 takes long to find it
        self._room: DiskRoom | None = None
        self._datum: dict[str, Callable[..., Any]] = {}

    def add(
        self, name: str, channels: Sequence[str], units: Sequence[str], samples: int
    ) -> None:
        """Announce a kind of trace, before `start`.

        Parameters
        ----------
        name
            Of the dataset.
        channels, units
            Names of the channels and their units, e.g. ``("z", "i"), ("um", "pA")``.
        samples
            Number of samples per channel.

        Raises
        ------
        ValueError
            If the name is taken, the units are not as many as the channels, or there
            are no samples.
        RuntimeError
            If the file has been started.
        """
        if self._file is not None:
            raise RuntimeError(f"{self.path.name} is being written: no further dataset")
        if name in self._traces:
            raise ValueError(f"trace {name!r} is there already")
        if not channels or len(channels) != len(units) or samples < 1:
            raise ValueError(
                f"trace {name!r}: {len(channels)} channels, {len(units)} units, "
                f"{samples} samples"
            )
        self._traces[name] = _Trace(tuple(channels), tuple(units), int(samples))

    def start(self) -> None:
        """Create the file with all its datasets, empty, and open it to readers.

        Raises
        ------
        FolderGoneError
            If its folder is not there.
        OSError
            If there is such a file already, or it cannot be made.
        """
        check_present(self.path.parent)
        self._file = h5py.File(self.path, "x", libver="latest")
        for name, trace in self._traces.items():
            dataset = self._file.create_dataset(
                name,
                (0, *trace.shape),
                "<f8",
                maxshape=(None, *trace.shape),
                chunks=trace.chunks,
                fillvalue=np.nan,
                fletcher32=True,
            )
            for key, words in (("channels", trace.channels), ("units", trace.units)):
                # of fixed length: those of any length stand where no checksum covers
                # them, and HDF5 can search such a place for ever once it is damaged
                dataset.attrs[key] = np.array([word.encode() for word in words])
            self._datasets[name], self._rows[name] = dataset, 0
        self._file.swmr_mode = True
        self._room = DiskRoom(self._file, self.path)

    def write(self, row: int, name: str, array: np.ndarray) -> None:
        """Write one row; written again, it is overwritten.

        Parameters
        ----------
        row
            Of the hop.
        name
            Of the dataset.
        array
            Values, (channels, samples), in the units of the dataset.

        Raises
        ------
        ValueError
            If the shape is not that of the dataset.
        KeyError
            If there is no such dataset.
        OSError
            If the disk does not take it; rows written before stay readable.
        FolderGoneError
            If the file was moved, deleted or replaced.
        """
        self.write_rows(row, name, np.asarray(array)[np.newaxis])

    def write_rows(self, first: int, name: str, arrays: np.ndarray) -> None:
        """Write neighbouring rows at once; see `write`.

        Parameters
        ----------
        first
            Row of the first hop.
        name
            Of the dataset.
        arrays
            Values, (hops, channels, samples).
        """
        shape = self._traces[name].shape
        if np.shape(arrays)[1:] != shape:
            raise ValueError(f"trace {name!r} is {shape}, not {np.shape(arrays)[1:]}")
        stop = first + len(arrays)
        room = self._reach(name, stop)
        self._datasets[name][first:stop] = arrays
        self._datasets[name].flush()
        check_in_place(room.fd, self.path)

    def reach(self, name: str, stop: int) -> None:
        """Make a dataset that number of rows long, if it is shorter; new rows read NaN.

        Parameters
        ----------
        name
            Of the dataset.
        stop
            Number of rows.

        Raises
        ------
        OSError
            If the disk does not take it.
        """
        self._reach(name, stop)
        self._datasets[name].flush()

    def stream_resource(self, name: str, data_key: str) -> dict[str, Any]:
        """Compose the document that says where the rows of a trace stand.

        Parameters
        ----------
        name
            Of the dataset.
        data_key
            The event key of the rows, e.g. ``seccm_traces_approach``.

        Returns
        -------
        dict
            A StreamResource; the RunEngine adds the run.
        """
        trace = self._traces[name]
        resource, self._datum[name] = compose_stream_resource(
            mimetype="application/x-hdf5",
            uri=file_uri(self.path),
            data_key=data_key,
            parameters={
                "dataset": f"/{name}",
                "chunk_shape": trace.chunks,
                "swmr": True,
            },
        )
        return dict(resource)

    def stream_datum(self, name: str, row: int, count: int = 1) -> dict[str, Any]:
        """Compose the document that announces rows.

        Parameters
        ----------
        name
            Of the dataset, after its `stream_resource`.
        row
            Of the first hop, which has been written or is going to be.
        count
            Number of rows.

        Returns
        -------
        dict
            A StreamDatum; the RunEngine adds descriptor and sequence number.
        """
        # two numbers, made here: nothing that the schema could find fault with
        indices = {"start": row, "stop": row + count}
        found = self._datum[name](indices=indices, validate=False)
        return dict(found)

    def describe(self, name: str) -> dict[str, Any]:
        """Describe one row of a trace as an event's data key.

        Parameters
        ----------
        name
            Of the dataset.

        Returns
        -------
        dict
            A data key with ``external``; `units` names the unit of each channel.
        """
        trace = self._traces[name]
        return {
            "source": f"HDF5:/{name}",
            "dtype": "array",
            "dtype_numpy": "<f8",
            "shape": list(trace.shape),
            "dims": [f"{name}_channel", f"{name}_sample"],
            "external": "STREAM:",
            "units": ", ".join(trace.units),
            "channels": list(trace.channels),
        }

    def close(self) -> None:
        """Close the file; does nothing if it is closed, or was never started."""
        if not self._file or self._room is None:  # the file is false once closed
            return
        self._room.release()
        self._file.close()

    def _reach(self, name: str, stop: int) -> DiskRoom:
        """Make a dataset that number of rows long, if it is shorter; give its room."""
        if not self._file or self._room is None:
            raise RuntimeError(f"{self.path.name} is not open")
        trace = self._traces[name]
        new = max(stop - self._rows[name], 0)
        self._room.reserve(new * trace.row_bytes + trace.chunk_bytes)
        if new:
            self._datasets[name].resize(stop, axis=0)
            self._rows[name] = stop
        return self._room
