"""Puts runs into the catalogue: bluesky's `TiledWriter`, made to flush when asked.

`TiledWriter` writes full batches, and the rest only with the stop document. To have
others read a run while it is open, this takes the two parts that it is made of, and
adds `flush`.
"""

import warnings
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
from bluesky_tiled_plugins.utils import truncate_json_overflow
from bluesky_tiled_plugins.writing.tiled_writer import RunNormalizer, _RunWriter
from event_model import DocumentNames
from numpy.typing import NDArray

from ...addresses import address_of, path_of
from ...columns import Form, as_array
from ...data_folder import DataFolder
from ...journal.damage import without_gaps
from ..recorded import IN_JOURNAL, catalogued
from ..refusal import forget_run
from .forms import FormChanged, Forms

__all__ = ["RunIngest", "write_run"]

BATCH = 1000  # rows; each batch is a request to the catalogue for each stream and array

_ROWS = DocumentNames.event, DocumentNames.stream_datum


class _FlushableRunWriter(_RunWriter):
    """Writes the columns of events in the forms that it is given.

    `_RunWriter` takes the type of a column from the rows at hand, and fills up or cuts
    what does not fit.
    """

    def __init__(self, client: Any, forms: Forms) -> None:
        super().__init__(client, batch_size=BATCH)
        self._forms = forms
        self._mixed: dict[str, dict[str, list[Any]]] = defaultdict(dict)
        self._marked: set[str] = set()

    def descriptor(self, doc: Any) -> None:
        super().descriptor(doc)
        # arrays are written here: in tables SQLite has no type for them
        self._int_array_keys[doc["name"]].clear()
        self._int_ragged_array_keys[doc["name"]].clear()

    def mark(self) -> None:
        """Note in the run which of its streams the journal holds more of."""
        streams = self._forms.in_journal
        if streams != self._marked and self.root_node is not None:
            self._marked = streams
            marks = {IN_JOURNAL: sorted(streams)}
            self.root_node.update_metadata(metadata=marks, drop_revision=True)

    def has_rows(self, descriptor: str) -> bool:
        """Return whether rows of a stream are written, and so its columns made."""
        stream = self._desc_nodes[descriptor].item["id"]
        return stream in self._internal_tables

    def stop(self, doc: Any) -> None:
        self._write_rows()
        for stream, columns in self._mixed.items():
            for key, values in columns.items():
                self._extend(self._desc_nodes[stream], key, as_array(values))
        super().stop(doc)
        self._external_data_cache.clear()  # written, but kept: a flush would repeat it

    def flush(self) -> None:
        """Write the rows of batches that are not full yet."""
        self._write_rows()
        for uid in list(self._external_data_cache):
            self._write_external_data(self._external_data_cache.pop(uid))

    def _write_rows(self) -> None:
        for stream, rows in self._internal_data_cache.items():
            if rows:
                self._write_internal_data(rows, desc_node=self._desc_nodes[stream])
                rows.clear()

    def _write_internal_data(
        self, data_cache: list[dict[str, Any]], desc_node: Any
    ) -> None:
        stream = desc_node.item["id"]
        for key, shape in self._forms.of(stream).items():
            rows = [row for row in data_cache if key in row]
            if shape.form is Form.NUMBER:
                for row in rows:
                    row[key] = float(row[key])
            elif rows and shape.form is Form.ARRAY:
                values = np.array([row.pop(key) for row in rows], shape.dtype)
                self._extend(desc_node, key, values)
            elif shape.form is Form.MIXED:
                column = self._mixed[stream].setdefault(key, [])
                column.extend(row.pop(key) for row in rows)
        for key in self._forms.untabled[stream]:
            for row in data_cache:
                row.pop(f"ts_{key}", None)
        super()._write_internal_data(data_cache, desc_node)

    def _internal_dims(
        self, desc_name: str, shape: tuple[int | None, ...]
    ) -> tuple[str, ...]:
        """Name the dimensions of an array; those of one size get a number."""
        dims = super()._internal_dims(desc_name, shape)
        before = (dims[:axis].count(name) for axis, name in enumerate(dims))
        return tuple(
            f"{name}_{n + 1}" if n else name
            for name, n in zip(dims, before, strict=True)
        )

    def _extend(self, desc_node: Any, key: str, values: NDArray[Any]) -> None:
        """Write rows of an array, after those that are there."""
        stream = desc_node.item["id"]
        place = f"{stream}/{key}"
        if (there := self._internal_arrays.get(place)) is not None:
            there.patch(values, offset=there.shape[:1], extend=True)
            return
        about = truncate_json_overflow(self.data_keys.get(key, {}))
        with warnings.catch_warnings():
            # of text in arrays; the journal has it, too
            warnings.filterwarnings("ignore", message=".*Zarr V3 specification")
            self._internal_arrays[place] = desc_node.write_array(
                values,
                key=key,
                metadata={**about, "dtype_numpy": values.dtype.str},
                dims=self._internal_dims(stream, values.shape),
                access_tags=self.access_tags,
            )


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

    The rows of external arrays are passed on after their event: a run that ends
    between the two would else have arrays longer than its table, and be unreadable.

    Parameters
    ----------
    client
        The catalogue, from `open_catalogue`.
    forms
        Of the columns, as an earlier attempt has found them; None: they are found.
    folder
        The data folder, where it is now; None: files are where the run says.
    """

    def __init__(
        self,
        client: Any,
        forms: Forms | None = None,
        folder: DataFolder | None = None,
    ) -> None:
        self._folder = folder
        self._forms = Forms() if forms is None else forms
        self._writer = _FlushableRunWriter(client.include_data_sources(), self._forms)
        patches = {
            "start": catalogued,
            "stop": catalogued,
            "descriptor": self._describe,
            "event": self._take,
            "stream_resource": self._locate,
        }
        self._normalizer = _SparingNormalizer(patches)
        self._normalizer.subscribe(self._writer)
        self._described: set[str] = set()  # names of streams
        self._last_event: dict[str, int] = {}  # by descriptor with events: seq_num
        self._waiting: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def __call__(self, name: str, doc: dict[str, Any]) -> None:
        """Take one document.

        Parameters
        ----------
        name, doc
            In the order they were emitted.

        Raises
        ------
        FormChanged
            If a value does not fit into its column as it has been written: the run is
            to be forgotten, and written again by a `RunIngest` of the same forms.
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
        """Pass on the rows of external arrays whose events have been taken."""
        waiting, self._waiting[descriptor] = self._waiting[descriptor], []
        for datum in waiting:
            if datum["seq_nums"]["stop"] <= self._last_event[descriptor] + 1:
                self._normalizer("stream_datum", datum)
            else:
                self._waiting[descriptor].append(datum)

    def _describe(self, doc: dict[str, Any]) -> dict[str, Any]:
        self._forms.describe(doc)
        changed = catalogued(doc)
        if changed is not doc and doc["name"] in self._described:
            self._forms.lose(doc["name"])  # of later descriptors few things are kept
        self._described.add(doc["name"])
        self._writer.mark()
        return changed

    def _take(self, doc: dict[str, Any]) -> dict[str, Any]:
        if self._forms.take(doc):
            self._writer.mark()
            if self._writer.has_rows(doc["descriptor"]):
                raise FormChanged
        return doc

    def _locate(self, doc: dict[str, Any]) -> dict[str, Any]:
        """Say where a file is, as tiled reads it."""
        if self._folder is None or "uri" not in doc:
            return doc
        path = path_of(doc["uri"], self._folder.root)
        if path.is_relative_to(self._folder.root):
            path = address_of(self._folder) / path.relative_to(self._folder.root)
        return {**doc, "uri": f"file://localhost{path}"}


def write_run(
    client: Any,
    documents: Iterable[tuple[str, dict[str, Any]]],
    folder: DataFolder | None = None,
) -> None:
    """Put a whole run into the catalogue, replacing what is there of it.

    Parameters
    ----------
    client
        The catalogue.
    documents
        From start to stop.
    folder
        As for `RunIngest`.
    """
    found, lossy = without_gaps(list(documents))
    forms = Forms()
    for stream in lossy:
        forms.lose(stream)
    forms.scan(found)
    ingest = RunIngest(client, forms, folder)
    for name, doc in found:
        if name == "start":
            forget_run(client, doc["uid"])
        ingest(name, doc)
