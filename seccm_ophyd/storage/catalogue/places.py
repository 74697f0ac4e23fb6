"""Where the databases of a catalogue are opened, and what tiled has to know of that."""

import logging
import tempfile
from pathlib import Path
from typing import Any

from ..addresses import address_of
from ..data_folder import DataFolder
from ..locks import held
from .databases import (
    bring_up_to_date,
    copy_databases,
    is_up_to_date,
    is_writable,
)

__all__ = ["place_to_open", "tree_arguments"]

logger = logging.getLogger(__name__)


def tree_arguments(folder: DataFolder, databases: Path | None = None) -> dict[str, Any]:
    """Give what tiled is to know of the catalogue of a data folder.

    Parameters
    ----------
    folder
        The data folder.
    databases
        A folder with copies of its databases; None: those of the catalogue itself.
    """
    address = address_of(folder)
    place = databases or address / "catalogue"
    arrays = address / folder.arrays.relative_to(folder.root)
    return {
        "uri": f"sqlite:///{place / folder.database.name}",
        "writable_storage": [str(arrays), f"sqlite:///{place / folder.tables.name}"],
        "readable_storage": [str(address / folder.traces.name)],
        "specs": [{"name": "CatalogOfBlueskyRuns", "version": "3.0"}],
        "init_if_not_exists": False,
    }


def place_to_open(folder: DataFolder, owner: bool) -> Path | None:
    """Find where the databases of a catalogue can be opened.

    One that has moved, or that somebody else writes under another path, has the
    addresses of another place; on a read-only medium SQLite opens nothing.

    Parameters
    ----------
    folder
        The data folder.
    owner
        Whether this process holds the lock of the writer.

    Returns
    -------
    Path or None
        A temporary folder with copies of them, for the caller to remove; None: where
        they are.
    """
    used = held(folder.session_lock) or held(folder.writer_lock)
    if is_writable(folder):
        if is_up_to_date(folder):
            return None
        if owner or not used:
            bring_up_to_date(folder)
            return None
    target = Path(tempfile.mkdtemp(prefix="seccm-catalogue-"))
    copy_databases(folder, target)
    logger.info("the catalogue of %s is read from a copy, %s", folder.root, target)
    return target
