"""Runs that the catalogue does not have, or not all of: taken out, or noted as such."""

import logging
from typing import Any

from bluesky_tiled_plugins.utils import truncate_json_overflow
from tiled.structures.core import Spec

from ...schema import ORDER_TIME
from ..data_folder import DataFolder
from ..journal.info import JournalInfo
from .recorded import JOURNAL, catalogued

__all__ = ["first_line", "forget_run", "refuse_run"]

_LEAST = {"uid", "time", "scan_id", "plan_name", ORDER_TIME}  # of a start document

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
    notes = {JOURNAL: str(info.path), "notes": [f"only in the journal: {why}"]}
    found = {"start": info.start} | ({"stop": info.stop} if info.stop else {})
    try:
        documents = {
            name: truncate_json_overflow(catalogued(doc)) for name, doc in found.items()
        }
        _note(client, info.uid, {**documents, **notes})
    except Exception as error:  # of these documents, perhaps: then without them
        logger.debug("run %s: %s", info.uid, first_line(error), exc_info=True)
        start = {key: info.start[key] for key in _LEAST & info.start.keys()}
        try:
            _note(client, info.uid, {"start": start, **notes})
        except Exception as again:  # the others must not wait for it
            logger.warning("run %s is not noted: %s", info.uid, first_line(again))


def _note(client: Any, uid: str, metadata: dict[str, Any]) -> None:
    spec = Spec("BlueskyRun", version="3.0")
    client.create_container(key=uid, metadata=metadata, specs=[spec])
