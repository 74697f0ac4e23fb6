"""A run to which hops are appended that its session has not stored.

The session has died, or the disk was full and the run has ended without them.
"""

import fcntl
import os
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from event_model import DocumentNames, schema_validators
from numpy.typing import NDArray

from ..schema import HOP_COUNTS, HOP_OUTCOME, HOP_REPEATED, HOPS, PRIMARY, find_key
from .data_folder import DataFolder
from .journal.follower import Follower
from .journal.hop_counter import count_events, totals
from .journal.journal import append_line, encode
from .journal.lines import Document
from .journal.reader import documents
from .locks import held
from .traces.superblock import open_traces
from .traces.trace_file import TraceFile

__all__ = ["InterruptedRun", "LeftHops", "is_of_hops"]


@dataclass(frozen=True)
class LeftHops:
    """What became of the hops that a run had left in the IOC.

    Parameters
    ----------
    run
        uid of the run.
    fetched
        Hops that are in the journal now and were not before.
    lost
        Hops more that may have been completed, at most.
    why
        Why they could not be fetched, as the end of a sentence; empty if they were.
    later
        Whether they can be fetched later: the IOC still has them.
    """

    run: str
    fetched: int = 0
    lost: int = 0
    why: str = ""
    later: bool = False

    def __bool__(self) -> bool:
        return bool(self.fetched or self.why)

    def __str__(self) -> str:
        run = self.run[:8]
        if not self.why:
            return f"{run}: {self.fetched} hops were fetched from the IOC"
        if self.later:
            return f"{run}: up to {self.lost} hops are still in the IOC: {self.why}"
        return f"{run}: up to {self.lost} hops may be lost: {self.why}"


class InterruptedRun:
    """The journal and the traces of a run that no process writes any more.

    Where it has an end, that is taken off with the first hops: `end` puts it back.

    Parameters
    ----------
    folder
        The data folder.
    path
        The journal.
    found
        Its documents.
    """

    def __init__(self, folder: DataFolder, path: Path, found: list[Document]) -> None:
        self._folder, self._path = folder, path
        self.start: dict[str, Any] = found[0][1]
        self.stop = next((doc for name, doc in found if name == "stop"), None)
        self._cut = False  # the end is taken off
        self.hops = count_events(found).get(PRIMARY, 0)
        self._stream = next(
            doc for name, doc in found if name == "descriptor" and is_of_hops(doc)
        )
        self._resources = {
            doc["data_key"]: doc for name, doc in found if name == "stream_resource"
        }

    @classmethod
    def open(cls, folder: DataFolder, uid: str) -> "InterruptedRun | None":
        """Open a run; None if it is being written, is complete, or has no hops."""
        path = folder.journal_file(uid)
        if held(path) or not path.is_file():
            return None
        found = documents(path)
        has_hops = any(n == "descriptor" and is_of_hops(doc) for n, doc in found)
        run = cls(folder, path, found) if has_hops else None
        return None if run is None or run.is_whole else run

    @property
    def is_whole(self) -> bool:
        """Whether it has ended, and had all its hops then."""
        return self.stop is not None and not self.stop.get(HOPS, {}).get("lost")

    def append(
        self,
        page: dict[str, Any],
        traces: Mapping[str, NDArray[np.float64]],
        file: str,
    ) -> None:
        """Append hops: first their traces, then the documents that describe them.

        Parameters
        ----------
        page
            ``data``, ``timestamps``, ``time`` of an event page.
        traces
            By name of the dataset, (hops, channels, samples).
        file
            Name of their file.

        Raises
        ------
        OSError
            If the disk does not take them.
        """
        count = len(page["time"])
        lines = []
        path = self._folder.traces / file
        _append_rows(path, traces, self.hops)
        for name in traces:
            lines += self._announced(path, name, count)
        lines.append(("event_page", self._page(page, count)))
        for name, doc in lines:
            schema_validators[DocumentNames[name]].validate(doc)
        self._write([encode(name, doc) for name, doc in lines])
        self.hops += count
        if self.stop is not None:
            self._count(self.stop, page["data"])

    def end(self) -> None:
        """Give a run that had ended its end back, with what it has now.

        The catalogue no longer has it as it is then: it is to be written again.
        """
        if self.stop is not None and self._cut:
            self._write([encode("stop", self.stop)])
            self._folder.acknowledgement(self.start["uid"]).unlink(missing_ok=True)

    def _count(self, stop: dict[str, Any], data: dict[str, Any]) -> None:
        """Count hops that were appended in the stop document."""
        counts = Counter(stop.get(HOP_COUNTS, {}))
        counts.update(data[find_key(data, HOP_OUTCOME)])
        counts["repeated"] += sum(data[find_key(data, HOP_REPEATED)])
        stored = counts.total() - counts["repeated"]
        stop[HOP_COUNTS] = dict(counts)
        stop[HOPS] = totals(stored, stop[HOPS]["done"])
        stop["num_events"] = {**stop["num_events"], PRIMARY: self.hops}

    def _page(self, page: dict[str, Any], count: int) -> dict[str, Any]:
        return {
            **page,
            "uid": [str(uuid.uuid4()) for _ in range(count)],
            "seq_num": list(range(self.hops + 1, self.hops + 1 + count)),
            "filled": {},
            "descriptor": self._stream["uid"],
        }

    def _write(self, lines: list[bytes]) -> None:
        follower = Follower(self._path)
        follower.read_rest()
        whole = follower.offset
        if self.stop is not None and not self._cut:  # the stop is the last line
            with self._path.open("rb") as file:
                whole = file.read(whole).rstrip(b"\n").rfind(b"\n") + 1
            self._cut = True
        fd = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(fd, whole)  # a last line that was cut
            append_line(fd, b"".join(lines))
        finally:
            os.close(fd)

    # -- traces -----------------------------------------------------------------------

    def _key(self, name: str) -> str:
        """Find the event key of a dataset."""
        keys = self._stream["data_keys"].items()
        return str(next(k for k, v in keys if v.get("source") == f"HDF5:/{name}"))

    def _announced(self, file: Path, name: str, count: int) -> list[Document]:
        key = self._key(name)
        lines: list[Document] = []
        if key not in self._resources:
            made = TraceFile(file)
            with open_traces(file) as h5:
                _announce(made, h5[name])
            resource = made.stream_resource(name, key)
            self._resources[key] = resource | {"run_start": self.start["uid"]}
            lines.append(("stream_resource", self._resources[key]))
        start, stop = self.hops, self.hops + count
        datum = {
            "uid": str(uuid.uuid4()),
            "stream_resource": self._resources[key]["uid"],
            "descriptor": self._stream["uid"],
            "indices": {"start": start, "stop": stop},
            "seq_nums": {"start": start + 1, "stop": stop + 1},
        }
        return [*lines, ("stream_datum", datum)]


def is_of_hops(doc: dict[str, Any]) -> bool:
    """Return whether a descriptor is that of the hops of a run."""
    keys = doc["data_keys"]
    return doc.get("name") == PRIMARY and any(k.endswith(HOP_OUTCOME) for k in keys)


def _announce(file: TraceFile, dataset: h5py.Dataset) -> None:
    channels, units = (
        tuple(word.decode() if isinstance(word, bytes) else str(word) for word in words)
        for words in (dataset.attrs["channels"], dataset.attrs["units"])
    )
    file.add(dataset.name.lstrip("/"), channels, units, dataset.shape[2])


def _append_rows(
    path: Path, traces: Mapping[str, NDArray[np.float64]], first: int
) -> None:
    """Write a file anew with more rows after the first ones, and put it in its place.

    The process that wrote it has died: HDF5 cannot continue it.
    """
    scratch = path.with_suffix(".left")
    scratch.unlink(missing_ok=True)
    made = TraceFile(scratch)
    with open_traces(path) as old:
        for name in traces:
            _announce(made, old[name])
        made.start()
        try:
            for name, rows in traces.items():
                dataset = old[name]
                stop, step = min(first, len(dataset)), dataset.chunks[0]
                for row in range(0, stop, step):
                    made.write_rows(row, name, dataset[row : min(row + step, stop)])
                made.write_rows(first, name, rows)
        finally:
            made.close()
    os.replace(scratch, path)
