"""Files in the folder of the journals that are no journals: named, and passed over."""

import logging
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...terminal import clean
from ..data_folder import is_uid

__all__ = ["ForeignFile", "is_beside", "name_foreign", "why_foreign"]

logger = logging.getLogger(__name__)

_BESIDE = re.compile(r"(.+)\.jsonl\.(damaged-[0-9]+|new)")
_NAMED = 20  # of many files at most this many are named
_KINDS = {
    stat.S_ISLNK: "a link",
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a pipe",
    stat.S_ISSOCK: "a socket",
}
_reported: set["ForeignFile"] = set()  # once in a process


@dataclass(frozen=True)
class ForeignFile:
    """A file in the folder of the journals that is no journal.

    Parameters
    ----------
    path
        The file.
    why
        Why it is none.
    """

    path: Path
    why: str

    def __str__(self) -> str:
        """Name it in one line, for people."""
        return f"{clean(self.path)} is passed over, it is no journal: {clean(self.why)}"


def is_beside(path: Path) -> bool:
    """Return whether a file has the name of one that `seccm recover` keeps.

    Parameters
    ----------
    path
        The file.
    """
    match = _BESIDE.fullmatch(path.name)
    return match is not None and is_uid(match[1])


def why_foreign(path: Path) -> str:
    """Say why a file cannot be a journal, without opening it; empty if it can.

    Links are not followed: what they lead to is not ours to change.

    Parameters
    ----------
    path
        The file; it may be gone.
    """
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        return "" if isinstance(error, FileNotFoundError) else f"{error.strerror}"
    if not stat.S_ISREG(mode):
        kinds = (words for is_kind, words in _KINDS.items() if is_kind(mode))
        return f"it is {next(kinds, 'a device')}"
    if path.suffix != ".jsonl" or not is_uid(path.stem):
        return "the name of a journal is <uid of the run>.jsonl"
    return ""


def name_foreign(folder: Path, found: Sequence[ForeignFile]) -> None:
    """Name foreign files in the log, each once in a process.

    Parameters
    ----------
    folder
        The folder of the journals.
    found
        What is foreign in it.
    """
    new = [file for file in found if file not in _reported]
    if not new:
        return
    _reported.update(new)
    for file in new[:_NAMED]:
        logger.warning("%s", file)
    if more := len(new) - len(new[:_NAMED]):
        logger.warning("%d more files in %s are passed over", more, clean(folder))
