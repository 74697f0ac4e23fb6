"""The documents of a run in the order in which they refer to each other."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ..journal.lines import Document

__all__ = ["by_reference"]

_REFERS_TO = {"event": "descriptor", "stream_datum": "stream_resource"}


def by_reference(found: Iterable[Document]) -> Iterator[Document]:
    """Put documents that were sorted by their times into an order that can be read.

    A clock that was set during a run makes events older than their descriptor, and
    later ones older than those before.

    Parameters
    ----------
    found
        The documents of one run.

    Yields
    ------
    tuple of str and dict
        The same documents: none before the one that it refers to, the events of a
        stream by their ``seq_num``. An order that is right stays as it is.
    """
    documents = list(found)
    _sort_events(documents)
    come: set[str] = set()
    waiting: dict[str, list[Document]] = defaultdict(list)
    last: list[Document] = []
    for name, doc in documents:
        wanted = doc.get(_REFERS_TO.get(name, ""))
        if wanted is not None and wanted not in come:
            waiting[wanted].append((name, doc))
        elif name == "stop":
            last.append((name, doc))
        else:
            yield name, doc
            come.add(doc.get("uid", ""))
            yield from waiting.pop(doc.get("uid", ""), ())
    for left in waiting.values():  # what they refer to is nowhere
        yield from left
    yield from last


def _sort_events(documents: list[Document]) -> None:
    """Sort the events of each stream, among their own places."""
    streams: dict[str, str] = {
        doc["uid"]: doc["name"] for name, doc in documents if name == "descriptor"
    }
    places: dict[str, list[int]] = defaultdict(list)
    for place, (name, doc) in enumerate(documents):
        if name == "event":
            uid: str = doc["descriptor"]
            places[streams.get(uid, uid)].append(place)
    for own in places.values():
        events = sorted((documents[p] for p in own), key=lambda e: e[1]["seq_num"])
        for place, event in zip(own, events, strict=True):
            documents[place] = event
