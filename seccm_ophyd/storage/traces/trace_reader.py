"""Reads rows of a file of traces, and never gives values that are not those written.

Each chunk of a dataset has a checksum (HDF5's filter ``fletcher32``), and so has all
that HDF5 writes about them. Datasets of earlier versions have none for their chunks;
they are read as they are.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from ...errors import DamagedFileError
from .fletcher import rows_before
from .superblock import is_marked, open_traces

__all__ = ["TraceCheck", "check_traces", "read_rows"]

_TRIES, _PAUSE_S = 5, 0.05  # of a file that is being written at the same time
_NAMED = 6  # of many damaged places a message names this many
_HDF5_SAYS = (OSError, KeyError, RuntimeError, ValueError, TypeError, MemoryError)

Part = tuple[slice | int, ...]
Run = str | Callable[[], str]
Result = TypeVar("Result")


def read_rows(
    path: Path, name: str, rows: NDArray[np.intp], part: Part = (), run: Run = ""
) -> NDArray[np.float64]:
    """Read rows of a dataset.

    Parameters
    ----------
    path
        The file; another process may be writing it.
    name
        Of the dataset.
    rows
        Numbers of the rows, in the order wanted.
    part
        Of each row: channel and sample, or a slice of them; empty: the whole row.
    run
        The run, as a message calls it, or what gives that.

    Returns
    -------
    ndarray, shape (rows, ...)
        NaN for a row that was never written.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DamagedFileError
        If some of that is damaged; names the file, the run and the rows.
    """

    def read(file: h5py.File) -> NDArray[np.float64]:
        dataset = _dataset(file, name)
        return _read(dataset, rows, part)

    return _opened(path, read, run)


def _opened(path: Path, read: Callable[[h5py.File], Result], run: Run = "") -> Result:
    """Read from a file; tries again while another process is writing it."""
    for left in reversed(range(_TRIES)):
        try:
            with open_traces(path) as file:
                return read(file)
        except FileNotFoundError:
            raise
        except _HDF5_SAYS as error:
            if left and _may_be_written(path):
                time.sleep(_PAUSE_S)
                continue
            raise _damaged(path, error, run) from error
    raise AssertionError("the last try returns or raises")


def _may_be_written(path: Path) -> bool:
    try:
        return is_marked(path)
    except OSError:  # the first bytes are damaged, or change now
        return True


def _damaged(path: Path, error: Exception, run: Run) -> DamagedFileError:
    named = run() if callable(run) else run
    where = f" of {named}" if named else ""
    why = (
        str(error)
        if isinstance(error, DamagedFileError)
        else f"HDF5 cannot read it ({' '.join(str(error).split()):.160})"
    )
    return DamagedFileError(
        f"the file of the traces{where}, {path}, is damaged: {why}; type `seccm verify "
        f"{named.split()[1] if where else 'RUN'}` to see what of the run is whole"
    )


def _dataset(file: h5py.File, name: str) -> h5py.Dataset:
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.ndim < 1:
        raise DamagedFileError(f"{name!r} is no dataset of rows")
    return dataset


def _read(
    dataset: h5py.Dataset, rows: NDArray[np.intp], part: Part
) -> NDArray[np.float64]:
    whole = tuple(part) + (slice(None),) * (dataset.ndim - 1 - len(part))
    one = np.empty(dataset.shape[1:], np.int8)[whole]
    found = np.full((len(rows), *np.shape(one)), np.nan)
    there = np.flatnonzero((rows >= 0) & (rows < dataset.shape[0]))
    bad: list[tuple[int, int]] = []
    # neighbours in one go: a list of rows is slow in HDF5
    breaks = np.flatnonzero(np.diff(rows[there]) != 1) + 1
    for group in np.split(there, breaks):
        if len(group):
            first, stop = int(rows[group[0]]), int(rows[group[-1]]) + 1
            values, damaged = _span(dataset, first, stop, whole)
            found[group] = values
            bad += [span for span in damaged if span not in bad]
    if bad:
        raise DamagedFileError(f"the checksum of {_named(dataset, bad)} is wrong")
    return found


def _named(dataset: h5py.Dataset, spans: list[tuple[int, int]]) -> str:
    shown = [f"{a} to {b - 1}" if b - a > 1 else str(a) for a, b in spans[:_NAMED]]
    more = f" and {len(spans) - _NAMED} more places" if spans[_NAMED:] else ""
    return f"{dataset.name.strip('/')!r}, rows {', '.join(shown)}{more},"


def _span(
    dataset: h5py.Dataset, first: int, stop: int, part: Part
) -> tuple[NDArray[np.float64], list[tuple[int, int]]]:
    """Read neighbouring rows, and name those in damaged chunks."""
    try:
        values = dataset[(slice(first, stop), *part)]
    except OSError:
        return _by_chunk(dataset, first, stop, part)
    if not dataset.fletcher32:
        return values, []
    # the checksum of zeros is zero: a chunk that was erased passes for one of zeros
    zero = np.flatnonzero((values == 0).reshape(len(values), -1).all(axis=1))
    bad = {_chunk_of(dataset, first + int(k)) for k in zero}
    return values, [
        span for span in sorted(bad) if not any(_raw(dataset, span[0]) or b"\1")
    ]


def _by_chunk(
    dataset: h5py.Dataset, first: int, stop: int, part: Part
) -> tuple[NDArray[np.float64], list[tuple[int, int]]]:
    parts, bad = [], []
    for a, b in _chunks(dataset, first, stop):
        rows = slice(max(a, first), min(b, stop))
        try:
            parts.append(dataset[(rows, *part)])
        except OSError:
            rescued = _rescued(dataset, a)
            if rescued is None:
                bad.append((a, b))
            else:
                parts.append(rescued[(slice(rows.start - a, rows.stop - a), *part)])
    if bad:
        shape = np.empty((stop - first, *dataset.shape[1:]), np.int8)
        return np.full(shape[(slice(None), *part)].shape, np.nan), bad
    return np.concatenate(parts), []


def _rescued(dataset: h5py.Dataset, row: int) -> NDArray[np.float64] | None:
    if not (dataset.fletcher32 and dataset.compression is None):
        return None
    raw = _raw(dataset, row)
    return None if raw is None else rows_before(raw, dataset.chunks, dataset.dtype)


def _raw(dataset: h5py.Dataset, row: int) -> bytes | None:
    """Give a chunk as it is in the file, with its checksum; None if there is none."""
    offset = (row, *(0,) * (dataset.ndim - 1))
    try:
        return bytes(dataset.id.read_direct_chunk(offset)[1])
    except _HDF5_SAYS:
        return None


def _chunk_of(dataset: h5py.Dataset, row: int) -> tuple[int, int]:
    """Give the rows of the chunk of a row."""
    size = dataset.chunks[0]
    first = row // size * size
    return first, min(first + size, dataset.shape[0])


def _chunks(dataset: h5py.Dataset, first: int, stop: int) -> Iterator[tuple[int, int]]:
    if dataset.chunks is None or stop <= first:
        return
    start = _chunk_of(dataset, first)[0]
    for row in range(start, stop, dataset.chunks[0]):
        yield _chunk_of(dataset, row)


@dataclass(frozen=True)
class TraceCheck:
    """What is known of a file of traces after all of it was read.

    Parameters
    ----------
    rows
        Number of rows, by dataset.
    unchecked
        Datasets that have no checksum.
    """

    rows: dict[str, int]
    unchecked: tuple[str, ...]


def check_traces(path: Path, run: str = "") -> TraceCheck:
    """Read all of a file of traces.

    Parameters
    ----------
    path
        The file.
    run
        The run, as a message calls it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DamagedFileError
        If anything in it is damaged; names the file, the run and the place.
    """

    def check(file: h5py.File) -> TraceCheck:
        bad: list[str] = []
        rows: dict[str, int] = {}
        unchecked: list[str] = []
        for name in file:
            dataset = _dataset(file, name)
            rows[name] = int(dataset.shape[0])
            if not dataset.fletcher32:
                unchecked.append(name)
            if spans := list(_damaged_chunks(dataset)):
                bad.append(_named(dataset, spans).rstrip(","))
        if bad:
            raise DamagedFileError(f"the checksum of {' and of '.join(bad)} is wrong")
        return TraceCheck(rows, tuple(unchecked))

    return _opened(path, check, run)


def _damaged_chunks(dataset: h5py.Dataset) -> Iterator[tuple[int, int]]:
    """Find chunks with a wrong checksum, also those whose rows can still be read."""
    for first, stop in _chunks(dataset, 0, dataset.shape[0]):
        try:
            dataset[first:stop]
        except OSError:
            yield first, stop
        else:
            whole = (slice(None),) * (dataset.ndim - 1)
            yield from _span(dataset, first, stop, whole)[1]
