"""Which runs a data folder holds, told by their journals."""

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .follower import first_document, last_document
from .layout import DataFolder
from .locks import session_alive

__all__ = ["JournalInfo", "acknowledge", "journal_of", "journals", "unfinished"]


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
        return self.start.get("scan_id")

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
            None if not even the start document is there.
        """
        start, last = first_document(path), last_document(path)
        if start is None:
            return None
        is_stop = last is not None and last[0] == "stop"
        return cls(path, start, last[1] if last is not None and is_stop else None)

    def interrupted(self, folder: DataFolder) -> bool:
        """Tell whether the run has no stop document and will not get one.

        Parameters
        ----------
        folder
            The data folder: no session is open on it, or one that began later than
            the journal was last written.
        """
        if self.stop is not None:
            return False
        if not session_alive(folder):
            return JournalInfo.read(self.path) == self  # no stop in the meantime
        # both times are the file system's: no two clocks are compared
        written = self.path.stat().st_mtime_ns
        return written < folder.session_lock.stat().st_mtime_ns


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
    found = [JournalInfo.read(path) for path in folder.journal.glob("*.jsonl")]
    return sorted(
        (info for info in found if info is not None),
        key=lambda info: (info.start["time"], info.scan_id or 0),
        reverse=True,
    )


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
    if isinstance(run, str) and folder.journal_file(run).is_file():
        info = JournalInfo.read(folder.journal_file(run))
        if info is not None:
            return info
    runs = journals(folder)
    text = str(run)
    if text.lstrip("-").isdigit():
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
    raise KeyError(f"no run {run!r} among the {len(runs)} runs of {folder.root}")


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
    found = [JournalInfo.read(path) for path in paths]
    infos = [info for info in found if info is not None]
    return sorted(infos, key=lambda info: info.start["time"])


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
