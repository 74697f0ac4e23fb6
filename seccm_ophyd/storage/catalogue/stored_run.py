"""Runs of the catalogue as they were recorded; importing this imports tiled."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bluesky_tiled_plugins.clients.bluesky_event_stream import BlueskyEventStreamV3
from bluesky_tiled_plugins.clients.bluesky_run import BlueskyRunV2, BlueskyRunV3
from event_model import unpack_event_page
from tiled.utils import DictView, OneShotCachedMap

from ..data_folder import DataFolder
from ..journal.damage import NO_DAMAGE, Damage, damage_of
from ..journal.lines import Document
from ..journal.reader import is_intact, iter_documents
from .by_reference import by_reference
from .recorded import AS_RECORDED, IN_JOURNAL, restored

__all__ = ["StoredRun", "StoredStream", "of_folder"]


class StoredRun(BlueskyRunV3):
    """A `BlueskyRun` whose documents are those that were recorded.

    `documents` reads them from the journal, one at a time, where that is beside the
    catalogue and intact: the catalogue itself gives no document of a run before it has
    made all of them.
    """

    folder: DataFolder

    @property
    def metadata(self) -> Any:
        """The start and stop document, and notes of the catalogue."""
        found = dict(super().metadata)
        for name in ("start", "stop"):
            if found.get(name):
                found[name] = restored(found[name])
        return DictView(found)

    @property
    def journal(self) -> Path:
        """The journal of the run, beside the catalogue."""
        return self.folder.journal_file(self.item["id"])

    @property
    def damage(self) -> Damage:
        """What is damaged in the journal, beside the catalogue; false if nothing is."""
        return damage_of(self.journal) if self.journal.exists() else NO_DAMAGE

    @property
    def v2(self) -> BlueskyRunV2:
        """The run in the old style; those asked for later stay as they are."""
        clients = OneShotCachedMap(
            {
                kind: functools.partial(self.structure_clients.__getitem__, kind)
                for kind in self.structure_clients
            }
        )
        clients.set("BlueskyRun", lambda: BlueskyRunV2)
        return BlueskyRunV2(self.context, item=self.item, structure_clients=clients)

    def documents(self, fill: bool = False) -> Iterator[Document]:
        """Yield the documents of the run; see `BlueskyRun.documents`.

        A page of events comes as its events.
        """
        in_journal = self.metadata.get(IN_JOURNAL) and self.journal.exists()
        if fill or not (in_journal or is_intact(self.journal)):
            yield from self.documents_of_catalogue(fill=fill)
            return
        for name, doc in iter_documents(self.journal):
            if name == "event_page" and not in_journal:
                page: Any = doc
                yield from (("event", dict(event)) for event in unpack_event_page(page))
            else:
                yield name, doc

    def documents_of_catalogue(self, fill: bool = False) -> Iterator[Document]:
        """Yield the documents as the catalogue makes them, all of them in memory."""
        # the catalogue sorts them by their times, and a clock may have been set
        for name, doc in by_reference(super().documents(fill=fill)):
            # of its class, as tiled makes them
            yield name, type(doc)(restored(doc)) if AS_RECORDED in doc else doc


class StoredStream(BlueskyEventStreamV3):
    """A `BlueskyEventStream` with the configuration that was recorded."""

    @property
    def metadata(self) -> Any:
        """The descriptor, and what the catalogue adds to it."""
        raw = super().metadata
        if AS_RECORDED not in raw:
            return raw
        recorded = restored(raw)
        found = {**raw, **{key: recorded[key] for key in recorded.keys() & raw.keys()}}
        found["data_keys"] = {
            key: {**about, **recorded["data_keys"].get(key, {})}
            for key, about in raw["data_keys"].items()
        }
        return DictView({k: v for k, v in found.items() if k != AS_RECORDED})


def of_folder(folder: DataFolder) -> type[StoredRun]:
    """Make the class of the runs of a data folder."""
    return type("StoredRun", (StoredRun,), {"folder": folder})
