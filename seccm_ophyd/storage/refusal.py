"""Runs that the catalogue does not have, or not all of: taken out, or noted as such."""

import logging
from typing import Any

from bluesky_tiled_plugins.utils import truncate_json_overflow
from tiled.structures.core import Spec

from .index import JournalInfo
from .layout import DataFolder
from .recorded import JOURNAL, catalogued

__all__ = ["first_line", "forget_run", "refuse_run"]

logger = logging.getLogger(__name__)


def first_line(error: BaseException) -> str:
    """Say in a line why a run could not be written."""
    while isinstance(error, BaseExceptionGroup):  # tiled serves in a group of tasks
        error = error.exceptions[0]
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]:.200}" if lines else type(error).__name__


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


def refuse_run(folder: DataFolder, client: Any, info: JournalInfo, why: str) -> None:
    """Note that the catalogue cannot take a run; it gets its start and stop only.

    Parameters
    ----------
    folder
        The data folder.
    client
        Its catalogue.
    info
        The run.
    why
        In one sentence.
    """
    folder.create()
    folder.refusal(info.uid).write_text(f"{why}\n")
    forget_run(client, info.uid)
    found = (
        {"start": info.start, "stop": info.stop} if info.stop else {"start": info.start}
    )
    documents = {
        name: truncate_json_overflow(catalogued(doc)) for name, doc in found.items()
    }
    notes = {JOURNAL: str(info.path), "notes": [f"only in the journal: {why}"]}
    client.create_container(
        key=info.uid,
        metadata={**documents, **notes},
        specs=[Spec("BlueskyRun", version="3.0")],
    )
