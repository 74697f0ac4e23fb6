"""What tiled keeps for all catalogues of a process, and what is done about it."""

import functools
import gc
from pathlib import Path
from typing import Any

from ..data_folder import DataFolder

__all__ = [
    "identity",
    "keep_what_is_imported",
    "open_tables",
    "own_structure_clients",
]

# which tables tiled has open, by data folder
_TABLES: dict[Path, tuple[tuple[int, int] | None, ...]] = {}


def open_tables(folder: DataFolder, tree: Any) -> None:
    """Have tiled open the tables that are there now.

    It keeps them open by their path for all catalogues of a process, also when others
    are in their place, as after `recover`.
    """
    there = identity(folder)
    if _TABLES.setdefault(folder.root, there) != there:
        _TABLES[folder.root] = there
        for storage in tree.context.writable_storage.values():
            if hasattr(storage, "dispose"):
                storage.dispose()


def identity(folder: DataFolder) -> tuple[tuple[int, int] | None, ...]:
    """Distinguish the databases of a catalogue from others of the same names."""
    found: list[tuple[int, int] | None] = []
    for path in (folder.database, folder.tables):
        try:
            found.append((path.stat().st_dev, path.stat().st_ino))
        except FileNotFoundError:
            found.append(None)
    return tuple(found)


@functools.cache  # once: garbage that is there now is kept, too
def keep_what_is_imported() -> None:
    """Make Python skip all that was imported at each full collection.

    That takes 0.3 s each time, and opening a catalogue and reading a large map takes
    three of them.
    """
    gc.freeze()


def own_structure_clients(folder: DataFolder) -> Any:
    """Copy tiled's table of client classes.

    `client.v1` and `client.v2` write into the table that all clients of a process
    share: after `Broker.named`, each catalogue opened later would give old-style runs.
    """
    from tiled.client.container import DEFAULT_STRUCTURE_CLIENT_DISPATCH, Container
    from tiled.utils import OneShotCachedMap

    Container.discover_clients_from_entrypoints()  # idempotent
    makers = {
        key: functools.partial(table.__getitem__, key)
        for table in (
            DEFAULT_STRUCTURE_CLIENT_DISPATCH["numpy"],
            Container.STRUCTURE_CLIENTS_FROM_ENTRYPOINTS,  # as installed, and unspoilt
        )
        for key in table
    }
    from .stored_run import StoredStream, of_folder

    makers["BlueskyRun"] = functools.partial(of_folder, folder)
    makers["BlueskyEventStream"] = functools.partial(lambda: StoredStream)
    return OneShotCachedMap(makers)
