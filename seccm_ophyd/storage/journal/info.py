"""One run, by the documents at the ends of its journal, and its age among others."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from ...schema import ORDER_TIME
from ..locks import held
from .ends import first_document, last_document
from .follower import Follower
from .needed import problem

__all__ = ["JournalInfo", "age"]

_LATEST_S = 1e11  # since the epoch: what is beyond it is no time of a run


def age(start: dict[str, Any]) -> tuple[float, int, str]:
    """Give what runs are sorted by, oldest first.

    Parameters
    ----------
    start
        A start document.

    Returns
    -------
    (float, int, str)
        When the run was started (s since the epoch); for runs of the same time the
        scan number (0 without one), then the uid. A session writes the time under
        `ORDER_TIME`: there it rises from run to run, even where the clock of the
        computer has been set back between two of them. The scan number has no say: a
        user or another program may have chosen it.
    """
    ordered = start.get(ORDER_TIME)
    when = ordered if _is_time(ordered) else start["time"]
    return float(when), _scan_number(start) or 0, str(start["uid"])


def _is_time(value: object) -> TypeGuard[float]:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value < _LATEST_S  # type: ignore[operator]


def _scan_number(start: dict[str, Any]) -> int | None:
    number = start.get("scan_id")
    return number if isinstance(number, int) and not isinstance(number, bool) else None


@dataclass(frozen=True)
class JournalInfo:
    """One run of a data folder: its journal and the documents at the ends of it.

    Parameters
    ----------
    path
        The journal.
    start
        The start document.
    stop
        The stop document; None while the run is open, or if it was interrupted.
    """

    path: Path
    start: dict[str, Any]
    stop: dict[str, Any] | None

    @property
    def uid(self) -> str:
        """The uid of the run."""
        return str(self.start["uid"])

    @property
    def scan_id(self) -> int | None:
        """The scan number, if the run has one."""
        return _scan_number(self.start)

    @classmethod
    def read(cls, path: Path) -> "JournalInfo | None":
        """Read the two ends of a journal; all of it where its first line is damaged.

        Parameters
        ----------
        path
            The journal of a run.

        Returns
        -------
        JournalInfo or None
            None if not even the uid and a time of the run are there.

        Raises
        ------
        JournalError
            If the path is no regular file.
        OSError
            If it cannot be read.
        """
        start, last = first_document(path), last_document(path)
        if start is None and last is not None:
            size, changed = path.stat().st_size, path.stat().st_mtime_ns
            start = _start_of_damaged(path, size, changed)
        if start is None or not _is_time(start.get("time")):
            return None
        is_stop = last is not None and last[0] == "stop" and not problem(*last)
        return cls(path, start, last[1] if last is not None and is_stop else None)

    @property
    def interrupted(self) -> bool:
        """Whether the run has no stop document, and no process writes its journal."""
        if self.stop is not None or held(self.path):
            return False
        return JournalInfo.read(self.path) == self  # no stop in the meantime


@functools.lru_cache(maxsize=256)
def _start_of_damaged(path: Path, size: int, changed: int) -> dict[str, Any] | None:
    """Find, or make up, the start of a journal whose first line is damaged."""
    found = Follower(path).read_new(1)
    return found[0][1] if found else None
