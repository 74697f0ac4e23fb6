"""The arrays of a run, in one HDF5 file that others may read while it is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from event_model import compose_stream_resource

__all__ = ["TraceFile"]

# Rows share a chunk up to so many bytes: one row of 1000 samples, many of the short
# ones, whose chunks would cost more for the index than for the data.
_CHUNK_BYTES = 16_000


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
        row_bytes = 8 * len(self.channels) * self.samples
        return (max(1, _CHUNK_BYTES // row_bytes), *self.shape)


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
        OSError
            If there is such a file already, or it cannot be made.
        """
        self._file = h5py.File(self.path, "x", libver="latest")
        for name, trace in self._traces.items():
            dataset = self._file.create_dataset(
                name,
                (0, *trace.shape),
                "<f8",
                maxshape=(None, *trace.shape),
                chunks=trace.chunks,
                fillvalue=np.nan,
            )
            dataset.attrs["channels"] = trace.channels
            dataset.attrs["units"] = trace.units
        self._file.swmr_mode = True

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
        """
        shape = self._traces[name].shape
        if np.shape(array) != shape:
            raise ValueError(f"trace {name!r} is {shape}, not {np.shape(array)}")
        dataset = self._reach(name, row)
        dataset[row] = array
        dataset.flush()

    def stream_resource(self, name: str, data_key: str) -> dict[str, Any]:
        """Compose the document that tells where the rows of a trace stand.

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
        # not percent-encoded: tiled takes the path of the URI as it is
        resource, self._datum[name] = compose_stream_resource(
            mimetype="application/x-hdf5",
            uri=f"file://localhost{self.path}",
            data_key=data_key,
            parameters={
                "dataset": f"/{name}",
                "chunk_shape": trace.chunks,
                "swmr": True,
            },
        )
        return dict(resource)

    def stream_datum(self, name: str, row: int) -> dict[str, Any]:
        """Compose the document that announces one row.

        Parameters
        ----------
        name
            Of the dataset, after its `stream_resource`.
        row
            Of the hop; reads NaN if it has not been written.

        Returns
        -------
        dict
            A StreamDatum; the RunEngine adds descriptor and sequence number.
        """
        self._reach(name, row).flush()
        return dict(self._datum[name](indices={"start": row, "stop": row + 1}))

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
        if self._file:  # false once closed
            self._file.close()

    def _reach(self, name: str, row: int) -> h5py.Dataset:
        if not self._file:
            raise RuntimeError(f"{self.path.name} is not open")
        dataset = self._file[name]
        if row >= dataset.shape[0]:
            dataset.resize(row + 1, axis=0)
        return dataset
