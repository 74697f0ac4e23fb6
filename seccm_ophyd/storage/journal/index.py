"""Which runs a data folder holds, according to their journals."""

import os
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from ..data_folder import DataFolder, is_uid
from ..locks import held
from .ends import JournalError
from .foreign import ForeignFile, is_beside, name_foreign, why_foreign
from .info import JournalInfo, age
from .lookup import choose

__all__ = [
    "Survey",
    "acknowledge",
    "journal_of",
    "journals",
    "journals_in",
    "survey",
    "unfinished",
]


# what is no journal, as it was: it is not read again at each look into the folder
_none: dict[Path, tuple[tuple[int, int, int], str]] = {}

_LENGTH = 36  # of the uids that bluesky gives


def journals(folder: DataFolder) -> list[JournalInfo]:
    """List the runs of a data folder.

    Two short reads per run. What is no journal in the folder of the journals is passed
    over, and named in the log; see `survey`.

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
    found = survey(path)
    name_foreign(path, found.foreign)
    return found.runs


@dataclass(frozen=True)
class Survey:
    """What lies in a folder of journals.

    Parameters
    ----------
    runs
        Newest first.
    foreign
        Files that are no journal, and why not.
    """

    runs: list[JournalInfo]
    foreign: list[ForeignFile]


def survey(path: Path, skip: Set[str] = frozenset()) -> Survey:
    """Look at everything in a folder of journals.

    Parameters
    ----------
    path
        The folder.
    skip
        Uids of runs that are not looked at.

    Returns
    -------
    Survey
        Its runs, by their `age`, and the other files.
    """
    runs, foreign = [], []
    names = os.listdir(path) if path.is_dir() else []
    for file in sorted(path / name for name in names):
        if file.stem in skip or is_beside(file):
            continue
        found = why_foreign(file) or _examined(file)
        if isinstance(found, JournalInfo):
            runs.append(found)
        elif found:
            foreign.append(ForeignFile(file, found))
    runs.sort(key=lambda info: age(info.start), reverse=True)
    return Survey(runs, foreign)


def _examined(path: Path) -> "JournalInfo | str":
    """Read the ends of a journal, or say why it is none; empty: not yet one."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return ""
    state = found.st_ino, found.st_size, found.st_mtime_ns
    if (known := _none.get(path)) is not None and known[0] == state:
        return known[1]
    why = _read(path)
    if isinstance(why, str) and why:
        _none[path] = state, why
    return why


def _read(path: Path) -> "JournalInfo | str":
    try:
        info = JournalInfo.read(path)
        if info is None:
            empty = path.stat().st_size == 0 or held(path)
            return "" if empty else "no line of it is a document of a run with a time"
    except FileNotFoundError:
        return ""  # it has been moved in the meantime
    except (OSError, JournalError) as error:
        return f"it cannot be read: {getattr(error, 'strerror', '') or error}"
    if info.uid != path.stem:
        return f"it holds run {info.uid!r:.70}: rename it to <uid of the run>.jsonl"
    return info


def journal_of(folder: DataFolder, run: str | int, name: str = "") -> JournalInfo:
    """Find a run as people name runs.

    Parameters
    ----------
    folder
        The data folder.
    run
        Uid or its beginning, scan number, or -1, -2, ... from the newest; see
        `seccm_ophyd.storage.journal.lookup.choose`.
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
        path = folder.journal_file(run)
        info = "" if why_foreign(path) else _examined(path)
        if isinstance(info, JournalInfo):
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
        Uids of runs that need not be returned.

    Returns
    -------
    list of JournalInfo
        Oldest first.
    """
    skip = {path.name for path in folder.acknowledged.glob("*")} | known
    found = survey(folder.journal, skip)
    name_foreign(folder.journal, found.foreign)
    return found.runs[::-1]


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
