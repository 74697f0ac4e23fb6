"""Where the arrays of a run stand: the HDF5 file that its documents name.

Only the rows that are asked for are read, also while the file is being written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..schema import (
    APPROACH_TRACE,
    HOP_INDEX,
    HOP_OUTCOME,
    PRIMARY,
    TECHNIQUES,
    HopOutcome,
    find_key,
)
from ..storage.addresses import path_of
from ..storage.catalogue.recorded import folder_of
from ..storage.data_folder import DataFolder
from ..storage.traces.trace_reader import read_rows
from .places import reached
from .runs import documents, hop_table, plain, resolve, stored_in_catalogue

__all__ = ["APPROACH", "RunTraces"]

APPROACH = "approach"


@dataclass
class _Stored:
    """Where the rows of one trace stand: in which file, and at which row each event."""

    channels: tuple[str, ...]
    units: tuple[str, ...]
    samples: int
    path: Path | None = None
    dataset: str = ""
    rows: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))

    @classmethod
    def described(cls, about: Mapping[str, Any]) -> "_Stored":
        """Take what the data key of a descriptor says."""
        units = tuple(about["units"].split(", "))
        return cls(tuple(about["channels"]), units, int(about["shape"][-1]))

    def read(self, events: NDArray[np.intp], run: str) -> NDArray[np.float64]:
        """Read those of events, (events, channels, samples); NaN where none is."""
        return self._read(events, (slice(None), slice(None)), run)

    def read_sample(
        self, events: NDArray[np.intp], channel: str, sample: int, run: str
    ) -> NDArray[np.float64]:
        """Read one sample of one channel, (events,); NaN where there is none."""
        return self._read(events, (self.channels.index(channel), sample), run)

    def _read(
        self,
        events: NDArray[np.intp],
        part: tuple[slice | int, slice | int],
        run: str,
    ) -> NDArray[np.float64]:
        if self.path is None or not len(events):
            one = np.empty((len(self.channels), self.samples))[part]
            return np.full((len(events), *one.shape), np.nan)
        return read_rows(self.path, self.dataset, self.rows[events], part, run)


class RunTraces:
    """What a run records of its arrays; `of` makes it.

    Whoever reads again and again from a large run makes it once and gives it to
    `hop_traces`, `approach_traces`, `trace_map`, `voltammograms` in place of the run:
    a pixel then takes milliseconds.

    Parameters
    ----------
    table
        The `hop_table` of the run.
    stored
        Where each trace stands, by label.
    source
        The run itself.
    """

    def __init__(
        self, table: xr.Dataset, stored: Mapping[str, _Stored], source: Any
    ) -> None:
        self.table = table
        self.source = source
        self._stored = stored

    @classmethod
    def of(cls, run: Any) -> "RunTraces":
        """Find the traces of a run, without reading any.

        Parameters
        ----------
        run
            Any kind of run; what this gives is taken as it is.

        Raises
        ------
        ValueError
            If the run has no start document, or no traces.
        """
        if isinstance(run, cls):
            return run
        run = resolve(run)
        if stored_in_catalogue(run):
            table = hop_table(run)
            traces = cls(table, _in_catalogue(run, table.sizes["hop"]), run)
        else:
            docs = list(documents(run))
            source = run if isinstance(run, Path) else docs
            traces = cls(
                hop_table(docs), _in_documents(docs, folder_of(source)), source
            )
        if not traces.labels:
            raise ValueError(f"{traces.name} has no traces")
        return traces

    @property
    def name(self) -> str:
        """The run, as messages call it."""
        start = self.table.attrs["start"]
        return f"run {start['uid'][:8]} ({start.get('plan_name')})"

    @property
    def labels(self) -> list[str]:
        """Names of the traces of the techniques, in the order they are done."""
        return [label for label in self._stored if label != APPROACH]

    @property
    def techniques(self) -> dict[str, dict[str, Any]]:
        """The techniques of the start document by the names of their traces."""
        techniques = self.table.attrs["start"].get(TECHNIQUES, ())
        return dict(zip(self.labels, techniques, strict=False))

    def column(self, suffix: str) -> NDArray[Any]:
        """Return a scalar of all events; see `seccm_ophyd.schema.find_key`."""
        return self.table[find_key(map(str, self.table), suffix)].values

    def rows(self, hops: Sequence[int] | None) -> NDArray[np.intp]:
        """Find the rows of the table that belong to hops.

        Raises
        ------
        ValueError
            If one of them has not been made.
        """
        if hops is None:
            return np.arange(self.table.sizes["hop"])
        index = self.column(HOP_INDEX)
        found = [np.flatnonzero(index == hop) for hop in hops]
        missing = [int(h) for h, f in zip(hops, found, strict=True) if not len(f)]
        if missing:
            raise ValueError(f"{self.name} has no hop {', '.join(map(str, missing))}")
        return np.concatenate([*found, np.empty(0, np.intp)]).astype(np.intp)

    def read(self, label: str, rows: NDArray[np.intp]) -> xr.Dataset:
        """Read one trace at rows of the table, with the coordinates of `hop_traces`.

        Raises
        ------
        ValueError
            If there is no such trace.
        FileNotFoundError
            If its file is gone.
        DamagedFileError
            If its file is damaged there; names the file, the run and the rows.
        """
        stored = self._find(label)
        values = stored.read(rows, self.name)
        variables = {
            channel: (("hop", "sample"), values[:, k], {"units": stored.units[k]})
            for k, channel in enumerate(stored.channels)
        }
        x, y = reached(self.table)
        coords = {
            "hop_index": ("hop", self.column(HOP_INDEX)[rows]),
            "x": ("hop", x[rows], {"units": "um"}),
            "y": ("hop", y[rows], {"units": "um"}),
            "outcome": ("hop", self.column(HOP_OUTCOME)[rows]),
        }
        attrs = {"label": label, "uid": self.table.attrs["start"]["uid"]}
        return xr.Dataset(variables, coords, attrs)

    def read_sample(self, label: str, channel: str, sample: int) -> xr.DataArray:
        """Read one sample of one channel at all hops, and nothing else of the file.

        Raises
        ------
        ValueError
            If there is no such trace or channel.
        FileNotFoundError
            If its file is gone.
        DamagedFileError
            If its file is damaged there; names the file, the run and the rows.
        """
        stored = self._find(label)
        if channel not in stored.channels:
            raise ValueError(
                f"trace {label} has no channel {channel!r}; it has "
                f"{', '.join(stored.channels)}"
            )
        values = stored.read_sample(self.rows(None), channel, sample, self.name)
        units = stored.units[stored.channels.index(channel)]
        return xr.DataArray(values, dims="hop", name=channel, attrs={"units": units})

    def overloaded(self) -> dict[str, NDArray[np.bool_]]:
        """Find by label at which hops the technique left the range of the amplifier.

        An overload ends its contact, so that it belongs to the last technique of it
        that measured anything.
        """
        left = self.column(HOP_OUTCOME) == HopOutcome.OVERLOAD.label
        found = {}
        for label in reversed(self.labels):
            measured = np.zeros(len(left), bool)
            if left.any():
                channel = self._find(label).channels[-1]
                measured = self.read_sample(label, channel, 0).notnull().values
            found[label] = left & measured
            left = left & ~measured
        return found

    def samples(self, label: str) -> int:
        """Return how many samples a trace has."""
        return self._find(label).samples

    def _find(self, label: str) -> _Stored:
        if label not in self._stored:
            known = ", ".join(self._stored)
            raise ValueError(f"{self.name} has no trace {label!r}; it has {known}")
        return self._stored[label]


def _primary(
    docs: Sequence[tuple[str, dict[str, Any]]], *names: str
) -> Iterator[dict[str, Any]]:
    """Yield the documents of these names that belong to the primary stream."""
    uids = {d["uid"] for n, d in docs if n == "descriptor" and d.get("name") == PRIMARY}
    for name, doc in docs:
        of = doc["uid"] if name == "descriptor" else doc.get("descriptor")
        if name in names and of in uids:
            yield doc


def _sequence(docs: Sequence[tuple[str, dict[str, Any]]]) -> NDArray[np.intp]:
    """Give the sequence number of each event."""
    numbers = (doc["seq_num"] for doc in _primary(docs, "event", "event_page"))
    return np.concatenate([[], *(np.atleast_1d(n) for n in numbers)]).astype(np.intp)


def _described(data_keys: Mapping[str, Any]) -> dict[str, _Stored]:
    """Find the traces among data keys, by key."""
    prefix = APPROACH_TRACE.removesuffix(APPROACH)
    return {
        key: _Stored.described(about)
        for key, about in data_keys.items()
        if "external" in about and prefix in key and "channels" in about
    }


def _by_label(stored: Mapping[str, _Stored]) -> dict[str, _Stored]:
    prefix = APPROACH_TRACE.removesuffix(APPROACH)
    return {key.partition(prefix)[2]: one for key, one in stored.items()}


def _in_documents(
    docs: Sequence[tuple[str, dict[str, Any]]], folder: DataFolder | None
) -> dict[str, _Stored]:
    """Gather where the traces stand; by label, in the order of the descriptor."""
    root = None if folder is None else folder.root
    stored: dict[str, _Stored] = {}
    for descriptor in _primary(docs, "descriptor"):
        stored |= _described(descriptor["data_keys"])
    resources = {}
    for name, doc in docs:
        if name == "stream_resource" and doc["data_key"] in stored:
            one = resources[doc["uid"]] = stored[doc["data_key"]]
            one.path = path_of(doc["uri"], root)
            one.dataset = str(doc["parameters"]["dataset"])
    sequence = _sequence(docs)
    last = int(sequence.max(initial=0))
    rows = {uid: np.full(last + 1, -1, np.intp) for uid in resources}
    for doc in _primary(docs, "stream_datum"):
        if doc["stream_resource"] in rows:
            first, row = doc["seq_nums"]["start"], doc["indices"]["start"]
            count = min(doc["indices"]["stop"] - row, last + 1 - first)
            target = rows[doc["stream_resource"]]
            target[first : first + count] = np.arange(row, row + count)
    for uid, one in resources.items():
        one.rows = rows[uid][sequence]
    return _by_label(stored)


def _in_catalogue(run: Any, events: int) -> dict[str, _Stored]:
    """Ask a catalogue where the traces stand: it has a row for each event."""
    if PRIMARY not in list(run):
        return {}
    stream = run[PRIMARY]
    stored = _described(plain(stream.metadata["data_keys"]))
    columns = stream["data"] if "data" in set(stream) else stream  # old-style, or not
    for key, one in stored.items():
        if key in set(columns):
            (source,) = columns[key].data_sources()
            (asset,) = source.assets
            # as tiled writes it: not quoted
            one.path = Path(asset.data_uri.removeprefix("file://localhost"))
            one.dataset = str(source.parameters["dataset"])
        one.rows = np.arange(events)
    return _by_label(stored)
