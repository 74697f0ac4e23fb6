"""Counts the events of a run."""

from collections import Counter
from collections.abc import Iterable

from .lines import Document

__all__ = ["count_events"]


def count_events(found: Iterable[Document]) -> dict[str, int]:
    """Count the events of each stream.

    Parameters
    ----------
    found
        The documents of a run, in order.

    Returns
    -------
    dict
        By name of the stream; 0 for a stream without events.
    """
    streams: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for name, doc in found:
        if name == "descriptor":
            streams[doc["uid"]] = doc["name"]
            counts[doc["name"]] += 0
        elif name == "event":
            counts[streams[doc["descriptor"]]] += 1
        elif name == "event_page":
            counts[streams[doc["descriptor"]]] += len(doc["seq_num"])
    return dict(counts)
