"""Read a journal, from the start or an offset, while it is being written or after."""

import itertools
import os
import stat
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import SeccmError
from .coherence import LOST, Ahead, Coherence, look_ahead, problem
from .lines import DamagedLine, Document, Line, last_in, read_lines
from .locks import held

__all__ = [
    "DamagedLine",
    "Document",
    "Follower",
    "JournalContent",
    "JournalError",
    "documents",
    "first_document",
    "is_intact",
    "iter_documents",
    "last_document",
    "open_journal",
    "read_journal",
]

_TAIL = 1 << 14  # bytes: the last line is sought in the last block, then in twice that
_FAR = 1 << 20  # ... and no further away from the end
_BUFFER = 1 << 16


class JournalError(SeccmError, ValueError):
    """A journal is damaged, or is no file of ours; the message says where."""


@dataclass(frozen=True)
class JournalContent:
    """A journal as it stands, and what is wrong with it.

    Parameters
    ----------
    path
        The file.
    documents
        Those of the run, in the order they were emitted.
    damaged
        Lines, or pieces of lines, that could not be used.
    cut
        The last line, if it has no end and no process is writing it any more: what the
        process was writing when it ended.
    notes
        What `seccm recover` has set aside earlier.
    """

    path: Path
    documents: tuple[Document, ...]
    damaged: tuple[DamagedLine, ...]
    cut: DamagedLine | None
    notes: tuple[dict[str, Any], ...]

    @property
    def made_up(self) -> list[str]:
        """Names of documents whose line is lost, and that are made up."""
        return [name for name, doc in self.documents if LOST in doc]


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


def read_journal(path: Path | str) -> JournalContent:
    """Read all of a journal, and what is wrong with it.

    Parameters
    ----------
    path
        The journal of a run.

    Returns
    -------
    JournalContent
        As it stands.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    JournalError
        If it is no regular file.
    """
    os.stat(path)
    follower = Follower(path)
    found, cut = follower.read_rest()
    damaged, notes = tuple(follower.damaged), tuple(follower.notes)
    return JournalContent(follower.path, tuple(found), damaged, cut, notes)


def documents(path: Path | str) -> list[Document]:
    """Read a journal as it stands, with or without a stop document.

    Lines that are damaged are passed over: `read_journal` names them.

    Parameters
    ----------
    path
        The journal of a run.

    Returns
    -------
    list of (str, dict)
        Name and document, in the order they were emitted.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    JournalError
        If it is no regular file.
    """
    return list(read_journal(path).documents)


def iter_documents(path: Path | str) -> Iterator[Document]:
    """Read a journal as `documents` does, one document in memory at a time.

    Parameters
    ----------
    path
        The journal of a run.

    Returns
    -------
    iterator of (str, dict)
        Name and document, in the order they were emitted.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    JournalError
        If it is no regular file.
    """
    os.stat(path)
    return _rest(Follower(path))


def is_intact(path: Path | str) -> bool:
    """Return whether a journal is there, with nothing damaged in it, now or before.

    Parameters
    ----------
    path
        The journal of a run.
    """
    try:
        follower = Follower(path)
        for _ in follower.read_each():
            pass
    except (OSError, JournalError):
        return False
    return follower.offset > 0 and not (follower.damaged or follower.notes)


def _rest(follower: Follower) -> Iterator[Document]:
    yield from follower.read_each()
    yield from follower.read_rest()[0]


def first_document(path: Path) -> dict[str, Any] | None:
    """Read the start document of a journal, nothing else.

    Parameters
    ----------
    path
        The journal of a run.

    Returns
    -------
    dict or None
        None if the file or its first line is missing, damaged, or no start document.
    """
    try:
        with open_journal(path) as file:
            line = next(read_lines(file), None)
    except FileNotFoundError:
        return None
    if line is None or line.document is None or not line.ended:
        return None
    name, doc = line.document
    return doc if name == "start" and not problem(name, doc) else None


def last_document(path: Path) -> Document | None:
    """Read the last intact line of a journal, nothing before it.

    Parameters
    ----------
    path
        The journal of a run.

    Returns
    -------
    (str, dict) or None
        None if there is none near the end of the file.
    """
    try:
        with open_journal(path) as file:
            size = file.seek(0, os.SEEK_END)
            block = _TAIL
            while True:
                begin = max(0, size - block)
                file.seek(begin)
                for line in reversed(file.read(size - begin).split(b"\n")):
                    if line and (found := last_in(line)) is not None:
                        return found
                if not begin or block >= _FAR:
                    return None
                block *= 2
    except FileNotFoundError:
        return None


def open_journal(path: Path) -> BinaryIO:
    """Open a journal for reading, and nothing else that may have its name.

    Parameters
    ----------
    path
        The file. A pipe, a folder or a device is not waited for.

    Raises
    ------
    JournalError
        If it is no regular file.
    OSError
        If it cannot be opened.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise JournalError(f"{path} is no regular file")
    return open(fd, "rb", buffering=_BUFFER)


def _intact(path: Path) -> Iterator[Document]:
    """Read the intact documents of a journal as they stand there."""
    with open_journal(path) as file:
        for line in read_lines(file):
            if line.document is not None:
                yield line.document
