"""What a session has stored: the hops of its journals."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seccm_ophyd.schema import CONTACT_HEIGHT, HOP_INDEX, PRIMARY, X, Y, find_key
from seccm_ophyd.storage.journal.reader import documents

from .truth import HopKey, key_of

__all__ = ["StoredRun", "read_run"]


@dataclass
class StoredRun:
    """The hops of one run.

    Parameters
    ----------
    uid
        Of the run.
    keys
        Of its hops, in their order.
    indices
        Their hop indices.
    stop
        The stop document; None without.
    """

    uid: str
    keys: list[HopKey] = field(default_factory=list)
    indices: list[int] = field(default_factory=list)
    stop: dict[str, Any] | None = None


def read_run(path: Path) -> StoredRun:
    """Read the hops of a journal.

    Parameters
    ----------
    path
        The journal.
    """
    run, hops = StoredRun(path.stem), set()
    for name, doc in documents(path):
        if name == "descriptor" and doc["name"] == PRIMARY:
            hops.add(doc["uid"])
        elif name == "event" and doc["descriptor"] in hops:
            _add(run, {key: [value] for key, value in doc["data"].items()})
        elif name == "event_page" and doc["descriptor"] in hops:
            _add(run, doc["data"])
        elif name == "stop":
            run.stop = doc
    return run


def _add(run: StoredRun, data: dict[str, list[Any]]) -> None:
    names = (find_key(data, name) for name in (X, Y, CONTACT_HEIGHT, HOP_INDEX))
    for x, y, height, index in zip(*(data[name] for name in names), strict=True):
        run.keys.append(key_of(x, y, height))
        run.indices.append(int(index))
