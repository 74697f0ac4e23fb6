"""A run that is read from its journal, as one of the catalogue is read."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import xarray as xr
from event_model import EventPage, unpack_event_page
from numpy.typing import NDArray

from ..columns import as_array, as_column
from .damage import Damage, damage_of
from .info import JournalInfo
from .lines import Document
from .reader import documents

__all__ = ["JournalRun", "JournalStream"]


class JournalRun:
    """A run that the catalogue does not have.

    It has the attributes of a run of the catalogue that people use, and each function
    of `seccm_ophyd.analysis` takes it. External arrays are read by these only
    (`hop_traces`).

    Parameters
    ----------
    journal
        The journal of the run.

    Examples
    --------
    >>> run = JournalRun(folder.journal_file(uid))
    >>> run.primary.read()
    """

    def __init__(self, journal: Path) -> None:
        self.journal = journal

    @property
    def metadata(self) -> dict[str, Any]:
        """The start document, and the stop document as far as there is one."""
        info = JournalInfo.read(self.journal)
        if info is None:
            raise FileNotFoundError(f"{self.journal} has no start document")
        return {"start": info.start} | ({"stop": info.stop} if info.stop else {})

    @property
    def start(self) -> dict[str, Any]:
        """The start document."""
        start: dict[str, Any] = self.metadata["start"]
        return start

    @property
    def stop(self) -> dict[str, Any]:
        """The stop document; KeyError while there is none."""
        stop: dict[str, Any] = self.metadata["stop"]
        return stop

    @property
    def damage(self) -> Damage:
        """What is damaged in the journal; false if nothing is."""
        return damage_of(self.journal)

    def documents(self, fill: bool = False) -> Iterator[Document]:
        """Yield the documents as they were recorded."""
        if fill:
            raise NotImplementedError("fill: hop_traces(run) reads the arrays of a run")
        yield from documents(self.journal)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the streams."""
        found = (doc["name"] for name, doc in self.documents() if name == "descriptor")
        return iter(dict.fromkeys(found))

    def keys(self) -> list[str]:
        """Name the streams."""
        return list(self)

    def __contains__(self, stream: object) -> bool:
        return stream in list(self)

    def __getitem__(self, stream: str) -> "JournalStream":
        """Give a stream.

        Raises
        ------
        KeyError
            If the run has none of that name.
        """
        if stream not in self:
            raise KeyError(f"the run has no stream {stream!r}; it has {self.keys()}")
        return JournalStream(self, stream)

    def __getattr__(self, name: str) -> "JournalStream":
        if not name.startswith("_") and name in self:
            return self[name]
        raise AttributeError(name)

    def __repr__(self) -> str:
        start, damage = self.start, self.damage
        return (
            f"<JournalRun streams: {set(self) or 'NONE'} "
            f"scan_id={start.get('scan_id', 'UNSET')!r} uid={start['uid'][:8]!r}"
            f"{f' {damage.short}' if damage else ''}>"
        )


class JournalStream:
    """One stream of a `JournalRun`."""

    def __init__(self, run: JournalRun, name: str) -> None:
        self._run = run
        self.name = name

    @property
    def descriptors(self) -> list[dict[str, Any]]:
        """The descriptors, oldest first."""
        docs = self._run.documents()
        return [d for n, d in docs if n == "descriptor" and d["name"] == self.name]

    @property
    def metadata(self) -> dict[str, Any]:
        """The first descriptor."""
        return self.descriptors[0]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys that stand in the events."""
        return (k for k, v in self.metadata["data_keys"].items() if "external" not in v)

    def __getitem__(self, key: str) -> "JournalColumn":
        if key not in list(self):
            raise KeyError(f"the stream {self.name} has no {key!r} in its events")
        return JournalColumn(self.read([key])[key].values)

    def read(self, variables: Iterable[str] | None = None) -> xr.Dataset:
        """Read keys of all events.

        Parameters
        ----------
        variables
            Names of the keys; None: all but external arrays.

        Returns
        -------
        xarray.Dataset
            Dimension ``time``.
        """
        uids, events = {doc["uid"] for doc in self.descriptors}, []
        for name, doc in self._run.documents():
            if name == "event" and doc["descriptor"] in uids:
                events.append(doc)
            elif name == "event_page" and doc["descriptor"] in uids:
                events.extend(unpack_event_page(cast(EventPage, doc)))
        about, columns = self.metadata["data_keys"], {}
        for key in self if variables is None else set(variables) & set(self):
            values = [event["data"].get(key) for event in events]
            if about[key]["shape"]:
                array = as_array(values)
                dims = ["time", *(f"{key}_{n}" for n in range(1, array.ndim))]
                columns[key] = dims, array
            else:
                columns[key] = ["time"], as_column(values, about[key]["dtype"])
        times = np.array([event["time"] for event in events], float)
        return xr.Dataset(columns, {"time": times})


class JournalColumn:
    """The values of one key of a `JournalStream`."""

    def __init__(self, values: NDArray[Any]) -> None:
        self._values = values

    def read(self, part: Any = ...) -> NDArray[Any]:
        """Give the values of all events, or of a part of them."""
        values: NDArray[Any] = self._values[part]
        return values

    __getitem__ = read
