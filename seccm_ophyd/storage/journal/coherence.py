"""What the intact documents of a journal make up: a run that readers can use.

Documents refer to others: an event to its descriptor, a descriptor to its start. Where
such a line is damaged, its copy is taken, which the journal has further down. Without a
copy, a document is made up of those that refer to it, and says so under `LOST`.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..data_folder import is_uid
from .lines import COPY_OF, DAMAGE_NOTE, Document
from .needed import PARENT, is_number, is_range, problem

__all__ = ["LOST", "Ahead", "Coherence", "look_ahead"]

LOST = "lost"
"""In a start document or descriptor that is made up: that its line is damaged."""

_MADE_UP = "the line of this document is damaged: it is made up of those that follow"


@dataclass
class Ahead:
    """What stands anywhere in a journal that documents may refer to.

    Parameters
    ----------
    documents
        Start, descriptors and resources, or copies of them, by uid.
    start
        The start document, or its copy; None if there is none.
    starts
        Uids of all start documents: more than one where files were joined.
    run
        The uid of the run, as other documents give it; empty if they do not.
    time
        Of the earliest document (s since the epoch); None if no document has one.
    stop
        The stop document; None if there is none.
    """

    documents: dict[str, Document] = field(default_factory=dict)
    start: dict[str, Any] | None = None
    starts: set[str] = field(default_factory=set)
    run: str = ""
    time: float | None = None
    stop: dict[str, Any] | None = None


def look_ahead(found: Iterable[Document]) -> Ahead:
    """Gather what documents of a journal may refer to.

    Parameters
    ----------
    found
        All its intact documents.
    """
    ahead = Ahead()
    for name, doc in found:
        kind = name.removeprefix(COPY_OF)
        if problem(kind, doc):
            continue
        if kind == "start":
            ahead.start = ahead.start or doc
            ahead.starts.add(doc["uid"])
        elif kind in ("descriptor", "resource", "stream_resource"):
            ahead.documents.setdefault(doc["uid"], (kind, doc))
        elif kind == "stop":
            ahead.stop = ahead.stop or doc
        if not ahead.run and isinstance(run := doc.get("run_start"), str):
            ahead.run = run
        when = doc.get("time")
        if is_number(when) and (ahead.time is None or when < ahead.time):
            ahead.time = float(when)
    return ahead


class Coherence:
    """Takes the intact documents of a journal one by one; gives those of a run.

    Parameters
    ----------
    uid
        Of the run, by the name of its file; taken where no document gives it.
    ahead
        Asked what stands further down, when a document is missing.
    events
        Asked for the events and pages of a descriptor, when that is missing.

    Attributes
    ----------
    stopped : bool
        Whether the stop document has been given.
    notes : list of dict
        What `seccm recover` has set aside of this journal.
    """

    def __init__(
        self,
        uid: str,
        ahead: Callable[[], Ahead],
        events: Callable[[str], Iterable[Document]],
    ) -> None:
        self._uid, self._ahead, self._events = uid, ahead, events
        self._run = ""
        self._known: set[str] = set()  # uids that others may refer to
        self._streams: set[str] = set()
        self.stopped = False
        self.notes: list[dict[str, Any]] = []

    def take(self, name: str, doc: dict[str, Any]) -> tuple[list[Document], str]:
        """Take the next document.

        Parameters
        ----------
        name, doc
            As it stands in the journal.

        Returns
        -------
        documents, why : list of (str, dict), str
            The document, after those that were missing in front of it; not a copy that
            is not needed. And why it is of no use to readers; empty if it is.
        """
        if self._is_usual(name, doc):  # most are
            return [(name, doc)], ""
        found: list[Document] = []
        try:
            for document in self._taken(name, doc):
                found.append(document)
        except ValueError as error:
            return found, str(error)  # what was missing has been given all the same
        return found, ""

    def _taken(self, name: str, doc: dict[str, Any]) -> Iterator[Document]:
        if name == DAMAGE_NOTE:
            self.notes.append(doc)
            return
        kind = name.removeprefix(COPY_OF)
        if why := problem(kind, doc):
            raise ValueError(why)
        if self.stopped:
            raise ValueError(f"a {name} document after the stop document")
        if kind == "start":
            yield from self._take_start(name, doc)
            return
        yield from self._begin(kind)
        if kind in PARENT:
            yield from self._take_parent(kind, doc)
        if kind in ("descriptor", "resource", "stream_resource"):
            if doc["uid"] in self._known:
                if kind == name:
                    raise ValueError(f"a second {kind} document of this uid")
                return
            self._note(kind, doc)
        self.stopped = kind == "stop"
        yield kind, doc

    def _is_usual(self, name: str, doc: dict[str, Any]) -> bool:
        """Return quickly whether a row of a stream has nothing wrong with it."""
        if self.stopped or doc.get("descriptor") not in self._known:
            return False
        if name == "event":
            when = doc.get("time")
            return (
                type(when) is float
                and math.isfinite(when)
                and type(doc.get("seq_num")) is int
                and type(doc.get("data")) is dict
                and type(doc.get("timestamps")) is dict
            )
        return (
            name == "stream_datum"
            and doc.get("stream_resource") in self._known
            and is_range(doc.get("indices"))
            and is_range(doc.get("seq_nums"))
        )

    def _take_start(self, name: str, doc: dict[str, Any]) -> list[Document]:
        if self._run:
            if name == "start":
                raise ValueError("a second start document")
            return []
        self._run = doc["uid"]
        return [("start", doc)]

    def _begin(self, kind: str) -> Iterator[Document]:
        """Give a start document, if the run has not begun."""
        if self._run:
            return
        ahead = self._ahead()
        if ahead.start is not None:
            if kind == "stop":
                raise ValueError("a stop document in front of the start document")
            start = ahead.start
        else:
            uid = ahead.run or self._uid
            if not is_uid(uid):
                raise ValueError("no document gives the uid of the run")
            start = {"uid": uid, "time": ahead.time or 0.0, LOST: _MADE_UP}
        self._run = start["uid"]
        yield "start", start

    def _take_parent(self, kind: str, doc: dict[str, Any]) -> Iterator[Document]:
        """Give what a document refers to, if it has not been given."""
        wanted = doc.get(PARENT[kind], self._run)
        if PARENT[kind] == "run_start":
            if wanted not in (self._run, self._uid):
                raise ValueError(f"it belongs to another run, {wanted!r:.60}")
            return
        for uid in dict.fromkeys([doc.get("descriptor", wanted), wanted]):
            if uid in self._known:
                continue
            name, parent = self._ahead().documents.get(uid) or self._made_up(kind, uid)
            of = parent.get("run_start", self._run)
            if of != self._run and of in self._ahead().starts:
                raise ValueError(f"it belongs to another run, {of!r:.60}")
            self._note(name, parent)
            yield name, {**parent, "run_start": self._run}

    def _note(self, name: str, doc: dict[str, Any]) -> None:
        self._known.add(doc["uid"])
        if name == "descriptor":
            self._streams.add(doc["name"])

    def _made_up(self, kind: str, uid: str) -> Document:
        """Make a descriptor of its events."""
        pages = [(name, doc) for name, doc in self._events(uid)]
        if not pages:
            raise ValueError(f"what it belongs to is lost, {PARENT[kind]} {uid!r:.60}")
        values: dict[str, list[Any]] = {}
        for name, doc in pages:
            for key, value in doc["data"].items():
                values.setdefault(key, []).extend(
                    value if name == "event_page" else [value]
                )
        first = pages[0][1]["time"]
        return "descriptor", {
            "uid": uid,
            "run_start": self._run,
            "name": self._stream(),
            "time": first[0] if isinstance(first, list) else first,
            "data_keys": {key: _described(column) for key, column in values.items()},
            "configuration": {},
            "object_keys": {},
            "hints": {},
            LOST: _MADE_UP,
        }

    def _stream(self) -> str:
        """Name the stream of a descriptor that is made up."""
        counted = (self._ahead().stop or {}).get("num_events", {})
        described = {
            doc["name"]
            for name, doc in self._ahead().documents.values()
            if name == "descriptor"
        }
        usual = [n for n in ("primary", *counted) if not counted or n in counted]
        names = itertools.chain(usual, (f"lost_{n}" for n in itertools.count(1)))
        return str(next(n for n in names if n not in self._streams | described))


def _described(column: list[Any]) -> dict[str, Any]:
    """Describe a column of events by its values."""
    value = next((v for v in column if v is not None), None)
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    if shape:
        return {"source": LOST, "dtype": "array", "shape": shape}
    kinds = {type(v) for v in column if v is not None}
    if kinds == {bool}:
        dtype = "boolean"
    elif kinds == {int}:
        dtype = "integer"
    else:
        dtype = "number" if kinds and kinds <= {int, float} else "string"
    return {"source": LOST, "dtype": dtype, "shape": []}
