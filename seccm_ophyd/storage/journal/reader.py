"""Reads a journal as it stands: its documents, and what is wrong with it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .coherence import LOST
from .ends import JournalError
from .follower import Follower
from .lines import DamagedLine, Document

__all__ = [
    "JournalContent",
    "documents",
    "is_intact",
    "iter_documents",
    "read_journal",
]


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
