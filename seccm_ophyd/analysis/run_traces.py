"""Where the arrays of a run stand: the HDF5 file that its documents name.

Only the rows that are asked for are read, also while the file is being written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..schema import (
    APPROACH_TRACE,
    HOP_INDEX,
    HOP_OUTCOME,
    PRIMARY,
    TECHNIQUES,
    X_SET,
    Y_SET,
    find_key,
)
from .runs import documents, hop_table

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
    rows: dict[int, int] = field(default_factory=dict)

    def read(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Read rows, (rows, channels, samples); NaN where there is none yet."""
        found = np.full((len(rows), len(self.channels), self.samples), np.nan)
        if self.path is None or not len(rows):
            return found
        # SWMR also for a file that is complete: its writer may have been killed
        with h5py.File(self.path, "r", libver="latest", swmr=True) as file:
            dataset = file[self.dataset]
            there = np.flatnonzero((rows >= 0) & (rows < dataset.shape[0]))
            # neighbours in one go: a list of rows is slow in HDF5
            breaks = np.flatnonzero(np.diff(rows[there]) != 1) + 1
            for part in np.split(there, breaks):
                if len(part):
                    found[part] = dataset[rows[part[0]] : rows[part[-1]] + 1]
        return found


class RunTraces:
    """What the documents of a run tell of its arrays; `of` makes it.

    Parameters
    ----------
    table
        The `hop_table` of the run.
    sequence
        Sequence number of each event, in the order of the table.
    stored
        Where each trace stands, by label.
    """

    def __init__(
        self, table: xr.Dataset, sequence: Sequence[int], stored: Mapping[str, _Stored]
    ) -> None:
        self.table = table
        self._sequence = sequence
        self._stored = stored

    @classmethod
    def of(cls, run: Any) -> "RunTraces":
        """Read the documents of a run once.

        Raises
        ------
        ValueError
            If the run has no start document, or no traces.
        """
        docs = list(documents(run))
        traces = cls(hop_table(docs), _sequence(docs), _find_stored(docs))
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
        told = self.table.attrs["start"].get(TECHNIQUES, ())
        return dict(zip(self.labels, told, strict=False))

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
        """
        if label not in self._stored:
            known = ", ".join(self._stored)
            raise ValueError(f"{self.name} has no trace {label!r}; it has {known}")
        stored = self._stored[label]
        in_file = [stored.rows.get(self._sequence[row], -1) for row in rows]
        values = stored.read(np.array(in_file, np.intp))
        variables = {
            channel: (("hop", "sample"), values[:, k], {"units": stored.units[k]})
            for k, channel in enumerate(stored.channels)
        }
        coords = {
            "hop_index": ("hop", self.column(HOP_INDEX)[rows]),
            "x": ("hop", self.column(X_SET)[rows], {"units": "um"}),
            "y": ("hop", self.column(Y_SET)[rows], {"units": "um"}),
            "outcome": ("hop", self.column(HOP_OUTCOME)[rows]),
        }
        attrs = {"label": label, "uid": self.table.attrs["start"]["uid"]}
        return xr.Dataset(variables, coords, attrs)


def _primary(docs: Sequence[tuple[str, dict]], *names: str) -> Iterator[dict[str, Any]]:
    """Yield the documents of these names that belong to the primary stream."""
    uids = {d["uid"] for n, d in docs if n == "descriptor" and d.get("name") == PRIMARY}
    for name, doc in docs:
        of = doc["uid"] if name == "descriptor" else doc.get("descriptor")
        if name in names and of in uids:
            yield doc


def _sequence(docs: Sequence[tuple[str, dict]]) -> list[int]:
    numbers = (doc["seq_num"] for doc in _primary(docs, "event", "event_page"))
    return [n for one in numbers for n in (one if isinstance(one, list) else [one])]


def _find_stored(docs: Sequence[tuple[str, dict]]) -> dict[str, _Stored]:
    """Gather where the traces stand; by label, in the order of the descriptor."""
    prefix = APPROACH_TRACE.removesuffix(APPROACH)
    described = {
        key: about
        for descriptor in _primary(docs, "descriptor")
        for key, about in descriptor["data_keys"].items()
        if "external" in about and prefix in key and "channels" in about
    }
    stored = {
        key: _Stored(
            tuple(about["channels"]),
            tuple(about["units"].split(", ")),
            int(about["shape"][-1]),
        )
        for key, about in described.items()
    }
    resources = {}
    for name, doc in docs:
        if name == "stream_resource" and doc["data_key"] in stored:
            one = resources[doc["uid"]] = stored[doc["data_key"]]
            # not percent-encoded: `TraceFile` writes the path as it is
            one.path = Path(doc["uri"].removeprefix("file://localhost"))
            one.dataset = doc["parameters"]["dataset"]
    for doc in _primary(docs, "stream_datum"):
        if doc["stream_resource"] in resources:
            one = resources[doc["stream_resource"]]
            first, row = doc["seq_nums"]["start"], doc["indices"]["start"]
            count = doc["indices"]["stop"] - row
            one.rows |= {first + k: row + k for k in range(count)}
    return {key.partition(prefix)[2]: one for key, one in stored.items()}
