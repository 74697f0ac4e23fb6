"""Follows a journal, from the start or an offset, while it is written or after."""

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..locks import held
from .coherence import Ahead, Coherence, look_ahead
from .ends import first_document, open_journal
from .lines import DamagedLine, Document, Line
from .needed import problem
from .read_lines import read_lines

__all__ = ["Follower"]


class Follower:
    """Gives the documents of one journal as they become complete.

    It survives a file that does not exist yet, a last line that is cut, a missing stop
    document, lines that are damaged, and its own restart at the `offset` it had
    reached.

    Parameters
    ----------
    path
        The journal of a run.
    offset
        Where (bytes) to begin; an `offset` of an earlier follower.

    Attributes
    ----------
    offset : int
        Offset (bytes) after the last line that was read.
    damaged : list of DamagedLine
        The lines so far that could not be used; they were passed over.

    Examples
    --------
    >>> for name, doc in Follower(path).follow():
    ...     callback(name, doc)
    """

    def __init__(self, path: Path | str, offset: int = 0) -> None:
        self.path = Path(path)
        self.offset = 0
        self.damaged: list[DamagedLine] = []
        self._read = 0  # bytes, up to where lines have been taken
        self._number = 1  # of the line that is read next
        self._ready: deque[tuple[Document, int]] = deque()  # and the offset after it
        self._tail: Line | None = None  # a last line that has no end
        self._there: tuple[int, Ahead] | None = None  # by the size of the file
        self._run = Coherence(self.path.stem, self._ahead, self._events)
        if offset:
            for _ in self._take_lines(until=offset):
                self._ready.clear()
            self.damaged.clear()
            self.offset = self._read = offset

    @property
    def stopped(self) -> bool:
        """Whether the stop document has been given."""
        return self._run.stopped and not self._ready

    @property
    def start(self) -> dict[str, Any] | None:
        """The start document; None while it has not been written."""
        return first_document(self.path)

    @property
    def notes(self) -> list[dict[str, Any]]:
        """What `seccm recover` has set aside of the lines so far."""
        return self._run.notes

    def read_new(self, limit: int | None = None) -> list[Document]:
        """Read the documents that have become complete since the last call.

        Parameters
        ----------
        limit
            The maximum number; all if None.

        Returns
        -------
        list of (str, dict)
            Name and document; empty if there is nothing new.

        Raises
        ------
        JournalError
            If the path is no regular file.
        """
        return list(itertools.islice(self.read_each(), limit))

    def read_rest(self) -> tuple[list[Document], DamagedLine | None]:
        """Read all that is left of a journal, with what stands after its last line.

        Returns
        -------
        documents : list of (str, dict)
            A last line that is whole but for its newline is read, too.
        cut : DamagedLine or None
            A last line without an end, if no process is writing it.

        Raises
        ------
        JournalError
            If the path is no regular file.
        """
        found = self.read_new()
        tail = self._tail
        if tail is None or held(self.path):
            return found, None
        self._take(tail)
        if tail.document is None:
            return found, self.damaged.pop()
        found += [document for document, _ in self._ready]
        self._ready.clear()
        self.offset = self._read = tail.offset + tail.size
        return found, None

    def follow(
        self, poll_s: float = 0.1, until: Callable[[], bool] | None = None
    ) -> Iterator[Document]:
        """Yield documents, waiting for more, up to the stop document.

        Parameters
        ----------
        poll_s
            How long (s) to wait before looking again.
        until
            Asked when there is nothing new: if true, what came before it was asked is
            still read, then the generator ends without a stop document.

        Yields
        ------
        (str, dict)
            Name and document.
        """
        last_look = False
        while not self.stopped:
            offset = self.offset
            yield from self.read_each()
            if last_look:
                return
            if self.offset == offset and not self.stopped:
                last_look = until is not None and until()
                if not last_look:
                    time.sleep(poll_s)

    def read_each(self) -> Iterator[Document]:
        """Yield what `read_new` returns, one document at a time."""
        for _ in self._take_lines():
            while self._ready:
                document, self.offset = self._ready.popleft()
                yield document
            self.offset = self._read

    def _take_lines(self, until: int | None = None) -> Iterator[None]:
        """Take line by line what is complete; after each, look at what is ready."""
        yield  # a document may be left from the last time
        try:
            file = open_journal(self.path)
        except FileNotFoundError:
            return
        with file:
            file.seek(self._read)
            for line in read_lines(file, self._number):
                self._tail = None if line.ended else line
                if not line.ended or (until is not None and line.offset >= until):
                    return
                self._read = line.offset + line.size
                self._number = line.number + 1
                self._take(line)
                yield

    def _take(self, line: Line) -> None:
        end = line.offset + line.size
        if line.document is None:
            self.damaged.append(line.damaged)
            return
        found, why = self._run.take(*line.document)
        self._ready.extend((document, end) for document in found)
        if why:
            self.damaged.append(line._replace(why=why).damaged)

    def _ahead(self) -> Ahead:
        """Look at the whole file, as it is now, for what is missing."""
        size = self.path.stat().st_size
        if self._there is None or self._there[0] != size:
            self._there = size, look_ahead(_intact(self.path))
        return self._there[1]

    def _events(self, descriptor: str) -> Iterator[Document]:
        for name, doc in _intact(self.path):
            is_event = name in ("event", "event_page") and not problem(name, doc)
            if is_event and doc["descriptor"] == descriptor:
                yield name, doc


def _intact(path: Path) -> Iterator[Document]:
    """Read the intact documents of a journal as they stand there."""
    with open_journal(path) as file:
        for line in read_lines(file):
            if line.document is not None:
                yield line.document
