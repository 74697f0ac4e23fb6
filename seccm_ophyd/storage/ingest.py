"""Puts runs into the catalogue: bluesky's `TiledWriter`, made to flush when asked.

`TiledWriter` writes full batches, and the rest only with the stop document. To let
others read a run while it goes on, this takes the two parts that it is made of, and
adds `flush`.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from bluesky_tiled_plugins.writing.tiled_writer import RunNormalizer, _RunWriter
from event_model import DocumentNames

__all__ = ["RunIngest", "forget_run", "write_run"]

logger = logging.getLogger(__name__)

BATCH = 1000  # rows; each batch is a request to the catalogue for each stream and array

_ROWS = DocumentNames.event, DocumentNames.stream_datum


class _FlushableRunWriter(_RunWriter):
    def stop(self, doc: Any) -> None:
        super().stop(doc)
        self._external_data_cache.clear()  # written, but kept: a flush would repeat it

    def flush(self) -> None:
        """Write the rows of batches that are not full yet."""
        for stream, rows in self._internal_data_cache.items():
            if rows:
                self._write_internal_data(rows, desc_node=self._desc_nodes[stream])
                rows.clear()
        for uid in list(self._external_data_cache):
            self._write_external_data(self._external_data_cache.pop(uid))


class _SparingNormalizer(RunNormalizer):
    """Validates one row of each table and array.

    The others have no need of it: the engine has validated the events of a journal,
    each that differs in its types (`composing`), and of an array's rows two numbers
    change.
    """

    def __init__(self, patches: dict[str, Any]) -> None:
        super().__init__(patches=patches)
        self._validated: set[tuple[Any, ...]] = set()

    def emit(self, name: Any, doc: dict[str, Any]) -> None:
        kind = name, doc.get("descriptor"), doc.get("stream_resource")
        if name in _ROWS and kind in self._validated:
            self.dispatcher.process(name, doc)
            return
        super().emit(name, doc)
        self._validated.add(kind)


class RunIngest:
    """Callback that puts the documents of one run into the catalogue.

    The rows of external arrays are handed on behind their event: a run that ends
    between the two would else have arrays longer than its table, and be unreadable.

    SQLite keeps NaN as NULL, and its driver takes a column's type from its first 1024
    rows: a number that is NaN in all of these, and not later, makes the table
    unreadable (the journal has it).

    Parameters
    ----------
    client
        The catalogue, from `open_catalogue`.
    """

    def __init__(self, client: Any) -> None:
        # arrays of any size stay out of the tables: SQLite has no type for them
        self._writer = _FlushableRunWriter(
            client.include_data_sources(), batch_size=BATCH, max_array_size=0
        )
        patches = {"descriptor": self._note_types, "event": self._as_described}
        self._normalizer = _SparingNormalizer(patches)
        self._normalizer.subscribe(self._writer)
        self._numbers: dict[str, set[str]] = {}  # by descriptor: keys that are floats
        self._last_event: dict[str, int] = {}  # by descriptor with events: seq_num
        self._waiting: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def __call__(self, name: str, doc: dict[str, Any]) -> None:
        """Take one document.

        Parameters
        ----------
        name, doc
            In the order they were emitted.
        """
        if name == "stream_datum" and doc["descriptor"] in self._last_event:
            self._waiting[doc["descriptor"]].append(doc)
            self._release(doc["descriptor"])
            return
        self._normalizer(name, doc)
        if name == "descriptor":
            if any("external" not in key for key in doc["data_keys"].values()):
                self._last_event[doc["uid"]] = 0
        elif name in ("event", "event_page"):
            seq_num = doc["seq_num"] if name == "event" else doc["seq_num"][-1]
            self._last_event[doc["descriptor"]] = seq_num
            self._release(doc["descriptor"])

    def flush(self) -> None:
        """Make everything readable that has been taken so far."""
        self._writer.flush()

    def _release(self, descriptor: str) -> None:
        """Hand on the rows of external arrays whose events have been taken."""
        waiting, self._waiting[descriptor] = self._waiting[descriptor], []
        for datum in waiting:
            if datum["seq_nums"]["stop"] <= self._last_event[descriptor] + 1:
                self._normalizer("stream_datum", datum)
            else:
                self._waiting[descriptor].append(datum)

    def _note_types(self, doc: dict[str, Any]) -> dict[str, Any]:
        self._numbers[doc["uid"]] = {
            key for key, about in doc["data_keys"].items() if about["dtype"] == "number"
        }
        return doc

    def _as_described(self, doc: dict[str, Any]) -> dict[str, Any]:
        """Make numbers float: the first batch fixes the column's type for the run."""
        for key in self._numbers[doc["descriptor"]] & doc["data"].keys():
            if type(doc["data"][key]) is int:
                doc["data"][key] = float(doc["data"][key])
        return doc


def forget_run(client: Any, uid: str) -> None:
    """Take a run out of the catalogue, as far as it is in it.

    Parameters
    ----------
    client
        The catalogue.
    uid
        Of the run. Its journal and its HDF5 file stay.
    """
    if uid in client:
        logger.info("run %s is partly in the catalogue: written again", uid)
        client.delete_contents(uid, recursive=True, external_only=False)


def write_run(client: Any, documents: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Put a whole run into the catalogue, replacing what is there of it.

    Parameters
    ----------
    client
        The catalogue.
    documents
        From start to stop.
    """
    ingest = RunIngest(client)
    for name, doc in documents:
        if name == "start":
            forget_run(client, doc["uid"])
        ingest(name, doc)
