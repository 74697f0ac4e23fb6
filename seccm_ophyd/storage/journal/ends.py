"""Opens journals, and reads the documents at the ends of one."""

import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from ...errors import SeccmError
from .lines import Document
from .needed import problem
from .read_lines import last_in, read_lines

__all__ = ["JournalError", "first_document", "last_document", "open_journal"]

_TAIL = 1 << 14  # bytes: the last line is sought in the last block, then in twice that
_FAR = 1 << 20  # ... and no further away from the end
_BUFFER = 1 << 16


class JournalError(SeccmError, ValueError):
    """A journal is damaged, or is no file of ours; the message says where."""


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
