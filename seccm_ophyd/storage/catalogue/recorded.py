"""Documents that the catalogue cannot hold as they are, and how readers undo that.

Tiled keeps metadata as JSON: no NaN, no infinity, and no whole number beyond 2**53. A
start, stop or descriptor document with such values goes into the catalogue with text in
their places (``"inf"``, ``"40123456789012345678"``), and carries the document as it was
recorded, written as JSON, under `AS_RECORDED`.
"""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..data_folder import DataFolder

__all__ = [
    "AS_RECORDED",
    "IN_JOURNAL",
    "JOURNAL",
    "catalogued",
    "journal_beside",
    "restored",
]

AS_RECORDED = "as_recorded"
IN_JOURNAL = "in_journal"
"""In the metadata of a run: the streams of which the journal holds more."""

JOURNAL = "journal"
"""In the metadata of a run of which the catalogue has no stream: its journal."""

_LARGEST = 2**53 - 1


def catalogued(doc: dict[str, Any]) -> dict[str, Any]:
    """Put a start, stop or descriptor document into the form of the catalogue.

    Parameters
    ----------
    doc
        As it was read from the journal.

    Returns
    -------
    dict
        The same document if the catalogue can hold it, or one like it that carries it.
    """
    if AS_RECORDED not in doc and _all_kept(doc):
        return doc
    # numbers that a schema asks for: in data keys, not in what was configured
    numbers = {key: _changed(doc[key], _number) for key in ("data_keys",) if key in doc}
    configured = {
        name: {**_changed(part, _number), "data": _changed(part["data"], repr)}
        for name, part in doc.get("configuration", {}).items()
        if isinstance(part, dict) and "data" in part
    }
    changed = {**_changed(doc, repr), **numbers}
    if configured:
        changed["configuration"] = configured
    return {**changed, AS_RECORDED: json.dumps(doc)}


def restored(doc: Mapping[str, Any]) -> dict[str, Any]:
    """Give a document of the catalogue as it was recorded.

    Parameters
    ----------
    doc
        A start, stop or descriptor document of a catalogue.

    Returns
    -------
    dict
        What `catalogued` was given.
    """
    found = dict(doc)
    recorded = _parsed(found.get(AS_RECORDED))
    if recorded is None:
        return found
    if recorded["uid"] == found.get("uid"):
        return recorded
    # a later descriptor of a stream is made of the first: that text is not its own
    del found[AS_RECORDED]
    return found


def _parsed(text: Any) -> dict[str, Any] | None:
    """Read a document from its text; None if somebody else uses the key."""
    try:
        recorded = json.loads(text)
    except (TypeError, ValueError):
        return None
    return recorded if isinstance(recorded, dict) and "uid" in recorded else None


def folder_of(run: Any) -> DataFolder | None:
    """Find the data folder of a run.

    Parameters
    ----------
    run
        The path of a journal, or a run of a catalogue, from `SessionCatalogue` or
        databroker; of anything else nothing is known.
    """
    if isinstance(run, Path):
        inside = run.parent.name == "journal"
        return DataFolder(run.parent.parent) if inside else None
    if isinstance(folder := getattr(type(run), "folder", None), DataFolder):
        return folder
    tables = _tables(run) if hasattr(type(run), "base") else None
    return None if tables is None else DataFolder(tables.parent.parent)


def journal_beside(run: Any) -> Path | None:
    """Find the journal of a run of a catalogue; None if it is not there."""
    path = Path(run.metadata[JOURNAL]) if JOURNAL in run.metadata else None
    if (folder := folder_of(run)) is not None:
        path = folder.journal_file(run.metadata["start"]["uid"])
    return path if path is not None and path.exists() else None


def _tables(run: Any) -> Path | None:
    """Ask a run where its tables are."""
    for stream in run.base:
        parts = run.base[stream].base
        if "internal" in parts:
            (source,) = parts["internal"].data_sources()
            (asset,) = source.assets
            return Path(asset.data_uri.removeprefix("sqlite://localhost/"))
    return None


def _all_kept(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_all_kept, value)) and all(map(_all_kept, value.values()))
    if isinstance(value, list):
        return all(map(_all_kept, value))
    if isinstance(value, str):
        return value.isascii() or not any(map(_is_half_sign, value))
    return not isinstance(value, int | float) or _is_kept(value)


def _is_kept(number: float) -> bool:
    """Return whether JSON keeps a number, and tiled does not cut it."""
    if isinstance(number, float):
        if not math.isfinite(number):
            return False
        if number % 1:
            return True
    return abs(number) <= _LARGEST


def _is_half_sign(sign: str) -> bool:
    return "\ud800" <= sign <= "\udfff"


def _changed(value: Any, odd: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {_changed(k, odd): _changed(v, odd) for k, v in value.items()}
    if isinstance(value, list):
        return [_changed(item, odd) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int | float) and not _is_kept(value):
        return odd(value)
    return value


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None  # tiled cuts it
