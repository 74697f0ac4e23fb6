"""Which runs a data folder holds, told by their journals."""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from ..schema import ORDER_TIME
from .follower import first_document, last_document
from .layout import DataFolder, is_uid
from .locks import held
from .lookup import choose

__all__ = [
    "JournalInfo",
    "acknowledge",
    "age",
    "journal_of",
    "journals",
    "journals_in",
    "newest_first",
    "unfinished",
]


_LENGTH = 36  # of the uids that bluesky gives
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
    return number and abs(value) < _LATEST_S  # type: ignore[arg-type]


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
        return _scan_number(self.start)

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
        if not _is_time(start.get("time")):
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
    return journals_in(folder.journal)


def journals_in(path: Path) -> list[JournalInfo]:
    """List the runs of a folder of journals, newest first; see `journals`."""
    return _named_so(newest_first(path.glob("*.jsonl")))


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


def journal_of(folder: DataFolder, run: str | int, name: str = "") -> JournalInfo:
    """Find a run as people name runs.

    Parameters
    ----------
    folder
        The data folder.
    run
        Uid or its beginning, scan number, or -1, -2, ... from the newest; see
        `seccm_ophyd.storage.lookup.choose`.
    name
        Under which databroker finds the catalogue of the folder, for the message.

    Returns
    -------
    JournalInfo
        The run.

    Raises
    ------
    RunNotFoundError
        If there is none, or several begin so.
    """
    if isinstance(run, str) and len(run) == _LENGTH and is_uid(run):  # two reads only
        info = JournalInfo.read(folder.journal_file(run))
        if info is not None and info.uid == run:
            return info
    called = f' (databroker.catalog["{name}"])' if name else ""
    return choose(journals(folder), run, f"{folder.root}{called}")


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
