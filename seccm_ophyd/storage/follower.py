"""Read a journal, from the start or an offset, while it is being written or after."""

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import SeccmError

__all__ = [
    "Document",
    "Follower",
    "JournalError",
    "documents",
    "first_document",
    "last_document",
]

Document = tuple[str, dict[str, Any]]

_TAIL = 1 << 14  # bytes: the last line is sought in the last block, then in twice that


class JournalError(SeccmError, ValueError):
    """A journal holds a complete line that is no document."""


class Follower:
    """Hands out the documents of one journal as they become complete.

    It survives a file that does not exist yet, a last line that is cut, a missing stop
    document, and its own restart at the `offset` it had reached.

    Parameters
    ----------
    path
        The journal of a run.
    offset
        Where (bytes) to begin; an `offset` of an earlier follower.

    Attributes
    ----------
    offset : int
        Behind (bytes) the last document handed out.
    stopped : bool
        Whether the stop document has been handed out.

    Examples
    --------
    >>> for name, doc in Follower(path).follow():
    ...     callback(name, doc)
    """

    def __init__(self, path: Path | str, offset: int = 0) -> None:
        self.path = Path(path)
        self.offset = offset
        self.stopped = offset > 0 and _is_stop(last_document(self.path, offset))

    @property
    def start(self) -> dict[str, Any] | None:
        """The start document; None while it has not been written."""
        return first_document(self.path)

    def read_new(self, limit: int | None = None) -> list[Document]:
        """Read the documents that have become complete since the last call.

        Parameters
        ----------
        limit
            At most so many; all if None.

        Returns
        -------
        list of (str, dict)
            Name and document; empty if there is nothing new.

        Raises
        ------
        JournalError
            If a complete line is no document; names the file and the line.
        """
        return list(itertools.islice(self._complete(), limit))

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
            yield from self._complete()
            if last_look:
                return
            if self.offset == offset and not self.stopped:
                last_look = until is not None and until()
                if not last_look:
                    time.sleep(poll_s)

    def _complete(self) -> Iterator[Document]:
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                for line in file:
                    if not line.endswith(b"\n"):
                        return
                    document = self._parse(line)
                    self.offset += len(line)
                    self.stopped = self.stopped or _is_stop(document)
                    yield document
        except FileNotFoundError:
            return

    def _parse(self, line: bytes) -> Document:
        try:
            return _parse(line)
        except ValueError as error:
            number = self.path.read_bytes()[: self.offset].count(b"\n") + 1
            raise JournalError(f"{self.path}, line {number}: {error}") from None


def documents(path: Path | str) -> list[Document]:
    """Read a journal as it stands, with or without a stop document.

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
        If a complete line is no document; names the file and the line.
    """
    os.stat(path)
    return Follower(path).read_new()


def first_document(path: Path) -> dict[str, Any] | None:
    """Read the start document of a journal, nothing else.

    Parameters
    ----------
    path
        The journal of a run.

    Returns
    -------
    dict or None
        None if the file or its first line is missing, not complete, or no document.
    """
    try:
        found = Follower(path).read_new(1)
    except JournalError:
        return None
    return found[0][1] if found and found[0][0] == "start" else None


def last_document(path: Path, end: int | None = None) -> Document | None:
    """Read the last complete line of a journal, nothing before it.

    Parameters
    ----------
    path
        The journal of a run.
    end
        Take the file as ending here (bytes).

    Returns
    -------
    (str, dict) or None
        None if there is none, or if that line is no document.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END) if end is None else end
            block = _TAIL
            while True:
                file.seek(max(0, size - block))
                lines = file.read(min(block, size)).split(b"\n")
                # the first piece may have lost its head, the last one lacks its newline
                if len(lines) > 2 or block >= size:
                    break
                block *= 2
        return _parse(lines[-2]) if len(lines) > 1 else None
    except (FileNotFoundError, ValueError):
        return None


def _parse(line: bytes) -> Document:
    content = json.loads(line)
    match content:
        case [str(name), dict(doc)]:
            return name, doc
    raise ValueError("not a [name, document] list")


def _is_stop(document: Document | None) -> bool:
    return document is not None and document[0] == "stop"
