"""Which runs a data folder holds, told by their journals."""

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .follower import first_document, last_document
from .layout import DataFolder, is_uid
from .locks import held

__all__ = [
    "JournalInfo",
    "acknowledge",
    "age",
    "journal_of",
    "journals",
    "newest_first",
    "unfinished",
]


_LATEST_S = 1e11  # since the epoch: what is beyond it is no time of a run


def age(start: dict[str, Any]) -> tuple[int, float]:
    """Tell by what runs are sorted, oldest first.

    Parameters
    ----------
    start
        A start document.

    Returns
    -------
    (int, float)
        Scan number (0 without one), then time (s since the epoch): the numbers of a
        data folder only rise, but a clock may be set back between two runs.
    """
    number = start.get("scan_id")
    return number if isinstance(number, int) else 0, start["time"]


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
        The stop document; None while the run goes on, or if it was interrupted.
    """

    path: Path
    start: dict[str, Any]
    stop: dict[str, Any] | None

    @property
    def uid(self) -> str:
        """The uid of the run."""
        return self.start["uid"]

    @property
    def scan_id(self) -> int | None:
        """The scan number, if the run has one."""
        number = self.start.get("scan_id")
        return number if isinstance(number, int) else None

    @classmethod
    def read(cls, path: Path) -> "JournalInfo | None":
        """Read the two ends of a journal.

        Parameters
        ----------
        path
            The journal of a run.

        Returns
        -------
        JournalInfo or None
            None if not even the start document, with uid and time, is there.
        """
        start, last = first_document(path), last_document(path)
        if start is None or not isinstance(start.get("uid"), str):
            return None
        time = start.get("time")
        if not isinstance(time, int | float) or not abs(time) < _LATEST_S:
            return None
        is_stop = last is not None and last[0] == "stop"
        return cls(path, start, last[1] if last is not None and is_stop else None)

    @property
    def interrupted(self) -> bool:
        """Whether the run has no stop document, and nobody writes its journal."""
        if self.stop is not None or held(self.path):
            return False
        return JournalInfo.read(self.path) == self  # no stop in the meantime


def journals(folder: DataFolder) -> list[JournalInfo]:
    """List the runs of a data folder.

    Two short reads per run. A journal without a complete start document holds nothing
    and is left out.

    Parameters
    ----------
    folder
        The data folder.

    Returns
    -------
    list of JournalInfo
        Newest first.
    """
    return _named_so(newest_first(folder.journal.glob("*.jsonl")))


def newest_first(paths: Iterable[Path]) -> list[JournalInfo]:
    """Read the ends of journals and sort them.

    Parameters
    ----------
    paths
        Journals; those without a complete start document are left out.

    Returns
    -------
    list of JournalInfo
        By their `age`.
    """
    found = [JournalInfo.read(path) for path in paths]
    return sorted(
        (info for info in found if info is not None),
        key=lambda info: age(info.start),
        reverse=True,
    )


def _named_so(infos: list[JournalInfo]) -> list[JournalInfo]:
    """Leave out files that are not named after the uid of their run."""
    return [info for info in infos if info.uid == info.path.stem]


def journal_of(folder: DataFolder, run: str | int) -> JournalInfo:
    """Find a run as people name runs.

    Parameters
    ----------
    folder
        The data folder.
    run
        The uid or the beginning of it; a scan number (the newest run of that number);
        -1 for the newest run, -2 for the one before. Numbers may be given as text.

    Returns
    -------
    JournalInfo
        The run.

    Raises
    ------
    KeyError
        If there is none, or several begin so.
    """
    if isinstance(run, str) and is_uid(run) and folder.journal_file(run).is_file():
        info = JournalInfo.read(folder.journal_file(run))
        if info is not None and info.uid == run:
            return info
    runs = journals(folder)
    text = str(run)
    if re.fullmatch("-?[0-9]{1,18}", text):
        number = int(text)
        if number < 0 and -number <= len(runs):
            return runs[-number - 1]
        for info in runs:
            if info.scan_id == number:
                return info
    found = [i for i in runs if isinstance(run, str) and run and i.uid.startswith(run)]
    if len(found) == 1:
        return found[0]
    if found:
        raise KeyError(f"{len(found)} runs begin with {run!r}: give more of the uid")
    raise KeyError(f"no run {run!r:.80} among the {len(runs)} runs of {folder.root}")


def unfinished(folder: DataFolder, known: Set[str] = frozenset()) -> list[JournalInfo]:
    """List the runs that the catalogue does not have whole.

    Parameters
    ----------
    folder
        The data folder.
    known
        Uids of runs that need not be told.

    Returns
    -------
    list of JournalInfo
        Oldest first.
    """
    skip = {path.name for path in folder.acknowledged.glob("*")} | known
    paths = [path for path in folder.journal.glob("*.jsonl") if path.stem not in skip]
    return _named_so(newest_first(paths))[::-1]


def acknowledge(folder: DataFolder, uid: str) -> None:
    """Note that the catalogue has all of a run.

    Parameters
    ----------
    folder
        The data folder.
    uid
        Of the run.
    """
    folder.acknowledgement(uid).touch()
