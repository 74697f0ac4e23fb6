"""Compares the events of the catalogue with those of a journal, value by value."""

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from event_model import unpack_event_page

from ..data_folder import DataFolder
from ..journal.lines import Document

__all__ = ["values_differ"]


def values_differ(folder: DataFolder, uid: str, recorded: Sequence[Document]) -> str:
    """Say where the catalogue has another value than the journal.

    Parameters
    ----------
    folder
        The data folder; its catalogue has the run.
    uid
        Of the run.
    recorded
        The documents of its journal.

    Returns
    -------
    str
        In one sentence; empty if all are equal.
    """
    from .tiled_client import close_catalogue, open_catalogue  # imports tiled

    client = open_catalogue(folder)
    try:
        stored = list(client[uid].documents_of_catalogue())
    except Exception as error:  # damaged databases fail in many ways
        return f"the catalogue cannot read it ({type(error).__name__}: {error})"
    finally:
        close_catalogue(client)
    there, wanted = _by_stream(stored), _by_stream(recorded)
    for stream, events in wanted.items():
        for one, other in itertools.zip_longest(events, there.get(stream, [])):
            if one is None or other is None:
                return f"the catalogue has another number of events of {stream}"
            for key, value in one["data"].items():
                if key in other["data"] and not _equal(value, other["data"][key]):
                    return (
                        f"the catalogue has another {key} in event {one['seq_num']} of "
                        f"{stream}, {other['data'][key]!r:.40} in place of "
                        f"{value!r:.40}"
                    )
    return ""


def _by_stream(found: Sequence[Document]) -> dict[str, list[dict[str, Any]]]:
    streams: dict[str, str] = {}
    events: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name, doc in found:
        if name == "descriptor":
            streams[doc["uid"]] = doc["name"]
        elif name == "event":
            events[streams[doc["descriptor"]]].append(doc)
        elif name == "event_page":
            page: Any = doc
            events[streams[doc["descriptor"]]].extend(
                dict(event) for event in unpack_event_page(page)
            )
    return {stream: _replayed(of) for stream, of in events.items()}


def _replayed(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort events; of those that a pause has had replayed, the last one counts."""
    last = {event["seq_num"]: event for event in events}
    return [last[number] for number in sorted(last)]


def _equal(one: Any, other: Any) -> bool:
    """Compare two values; a number that is missing may be NaN or None."""
    if hasattr(other, "tolist"):
        other = other.tolist()
    if isinstance(one, list) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    return (_is_none(one) and _is_none(other)) or one == other


def _is_none(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
