"""Whether the databases of a catalogue are sound; damaged ones are set aside."""

import contextlib
import itertools
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..data_folder import DataFolder
from .databases import ask_tables, read_only

__all__ = ["quickly_wrong", "set_aside_if_corrupt", "what_is_wrong"]

logger = logging.getLogger(__name__)

_QUICKLY_CHECKED = 200_000_000  # bytes of databases: SQLite reads them in a second
_NO_JSON = (
    "SELECT count(*) FROM nodes WHERE NOT json_valid(metadata)",
    "SELECT count(*) FROM structures WHERE NOT json_valid(structure)",
    "SELECT count(*) FROM data_sources WHERE NOT json_valid(parameters)",
)


def set_aside_if_corrupt(folder: DataFolder, thorough: bool = False) -> Path | None:
    """Move a catalogue away that is damaged; the journals make it anew.

    Parameters
    ----------
    folder
        The data folder; only the process that holds the writer's lock may.
    thorough
        Compare the indices of the databases with their tables as well.

    Returns
    -------
    Path or None
        Where it is now; None if nothing is wrong with it.
    """
    if not (said := what_is_wrong(folder, thorough)):
        return None
    number = itertools.count(1)
    while (aside := folder.root / f"catalogue.corrupt-{next(number)}").exists():
        pass
    folder.catalogue.rename(aside)
    logger.error(
        "the catalogue is corrupt (%s): moved to %s, and made anew from the journals",
        said,
        aside,
    )
    folder.create()
    return aside


def what_is_wrong(folder: DataFolder, thorough: bool = False) -> str:
    """Say in a few words what is wrong with the databases of a catalogue.

    Parameters
    ----------
    folder
        The data folder.
    thorough
        Compare the indices of the databases with their tables as well.

    Returns
    -------
    str
        Empty if nothing is, or if there is no catalogue yet.
    """
    paths = folder.database, folder.tables
    if any(path.exists() and not path.is_file() for path in paths):
        return ""  # something else is in the way, and stays there
    used = any(folder.acknowledged.glob("*"))
    state = {p.name: _state(p) for p in paths}
    if not folder.has_catalogue:
        # beside it may lie what was made too early by a reader, or not completed
        rest = used or (state[folder.tables.name] == "" and not _is_new(folder.tables))
        return (
            f"{folder.database.name} is {state[folder.database.name]}" if rest else ""
        )
    check = f"PRAGMA {'integrity_check' if thorough else 'quick_check'}(1)"
    ways = (folder.database, _ask_database), (folder.tables, ask_tables)
    said = [_check(path, ask, check) for path, ask in ways if not state[path.name]]
    said = [one for one in said if one] or _check_content(folder)
    if not said and state[folder.tables.name] and used:
        said = [f"{folder.tables.name} is {state[folder.tables.name]}"]
    return "; ".join(said)


def quickly_wrong(folder: DataFolder) -> str:
    """Say what `what_is_wrong` does, as far as that is found in a second."""
    paths = [p for p in (folder.database, folder.tables) if p.is_file()]
    if sum(path.stat().st_size for path in paths) > _QUICKLY_CHECKED:
        return ""
    return what_is_wrong(folder)


def _is_new(tables: Path) -> bool:
    try:
        return ask_tables(tables, "SELECT count(*) FROM sqlite_master") == [(0,)]
    except sqlite3.DatabaseError:
        return False


def _state(path: Path) -> str:
    if not path.exists():
        return "gone"
    return "" if path.stat().st_size else "empty"


def _check(path: Path, ask: Callable[[Path, str], list[Any]], check: str) -> str:
    try:
        said = str(ask(path, check)[0][0])
    except sqlite3.OperationalError:  # locked, or not to be read: that may pass
        return ""
    except sqlite3.DatabaseError as error:
        said = str(error)
    return "" if said == "ok" else f"{path.name}: {' '.join(said.split())}"


def _ask_database(path: Path, query: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def _check_content(folder: DataFolder) -> list[str]:
    """Look for what SQLite does not mind: no JSON where it should be, no tables."""
    try:
        with contextlib.closing(read_only(folder.database)) as database:
            wrong = sum(database.execute(query).fetchone()[0] for query in _NO_JSON)
    except sqlite3.OperationalError as error:
        # "no such table" is for ever; locked, or not to be read: that may pass
        gone = "no such" in str(error)
        return [f"{folder.database.name}: {error}"] if gone else []
    except sqlite3.DatabaseError as error:
        return [f"{folder.database.name}: {error}"]
    return [f"{folder.database.name}: {wrong} damaged values"] if wrong else []
