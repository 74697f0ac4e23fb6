"""The databases of the catalogue: made when there are none, set aside when corrupt."""

import asyncio
import contextlib
import itertools
import logging
import os
import shutil
import sqlite3
import warnings
from pathlib import Path

from .addresses import address_of, moved
from .layout import DataFolder

__all__ = [
    "bring_up_to_date",
    "copy_databases",
    "create_databases",
    "is_up_to_date",
    "is_writable",
    "read_only",
    "set_aside_if_corrupt",
    "what_is_wrong",
]

logger = logging.getLogger(__name__)


_NO_JSON = (
    "SELECT count(*) FROM nodes WHERE NOT json_valid(metadata)",
    "SELECT count(*) FROM structures WHERE NOT json_valid(structure)",
    "SELECT count(*) FROM data_sources WHERE NOT json_valid(parameters)",
)


def create_databases(folder: DataFolder) -> None:
    """Make the databases; the catalogue's gets its name only when it is complete.

    Parameters
    ----------
    folder
        The data folder; only the process that holds the writer's lock may.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError
        If they cannot be made.
    """
    folder.create()
    new = address_of(folder) / "catalogue" / "new.db"
    for leftover in folder.catalogue.glob("new.db*"):
        leftover.unlink()
    _initialize(f"sqlite+aiosqlite:///{new}")
    tables = sqlite3.connect(folder.tables)
    # write-ahead log, as in the catalogue: readers and the writer do not wait
    tables.execute("PRAGMA journal_mode=WAL")
    tables.close()
    new.rename(folder.database)


def _initialize(uri: str) -> None:
    """Do what ``tiled catalog init`` does, without the 3 s of another Python."""
    from sqlalchemy.ext.asyncio import create_async_engine
    from tiled.alembic_utils import stamp_head
    from tiled.catalog.alembic_constants import ALEMBIC_DIR, ALEMBIC_INI_TEMPLATE_PATH
    from tiled.catalog.core import initialize_database

    async def make_tables() -> None:
        engine = create_async_engine(uri)
        try:
            await initialize_database(engine)
        finally:
            await engine.dispose()

    asyncio.run(make_tables())
    with warnings.catch_warnings():
        # tiled's alembic.ini is for tiled's authors to bring up to date
        warnings.filterwarnings("ignore", message=".*path_separator")
        stamp_head(ALEMBIC_INI_TEMPLATE_PATH, ALEMBIC_DIR, uri)


def bring_up_to_date(folder: DataFolder, databases: Path | None = None) -> bool:
    """Write where the files of a data folder are now into its catalogue.

    The catalogue holds absolute addresses: after the folder has been moved, copied or
    renamed they are those of another place.

    Parameters
    ----------
    folder
        The data folder.
    databases
        The folder of the databases; None: that of the catalogue. They are changed in
        one transaction.

    Returns
    -------
    bool
        Whether there was anything to change.
    """
    place = databases or folder.catalogue
    tables = (databases or address_of(folder) / "catalogue") / folder.tables.name
    try:
        with contextlib.closing(_open(place / folder.database.name)) as database:
            changed = _change_addresses(database, folder, tables)
    except sqlite3.DatabaseError as error:  # whoever writes it sets it aside
        logger.warning("the catalogue of %s cannot be changed: %s", folder.root, error)
        return False
    if changed and databases is None:
        logger.warning(
            "the data folder has moved to %s: %d addresses in its catalogue brought up "
            "to date",
            folder.root,
            changed,
        )
    return bool(changed)


def _change_addresses(
    database: sqlite3.Connection, folder: DataFolder, tables: Path
) -> int:
    if not _stale(database, folder, tables):
        return 0
    database.execute("BEGIN IMMEDIATE")
    stale = _stale(database, folder, tables)
    for number, uri in stale.items():
        _readdress(database, number, uri)
    database.execute("COMMIT")
    return len(stale)


def is_up_to_date(folder: DataFolder) -> bool:
    """Tell whether the addresses in the catalogue are those of its data folder."""
    tables = address_of(folder) / "catalogue" / folder.tables.name
    with contextlib.closing(_open(folder.database)) as database:
        return not _stale(database, folder, tables)


def copy_databases(folder: DataFolder, target: Path) -> None:
    """Copy the databases of a catalogue that must not be written.

    Parameters
    ----------
    folder
        The data folder.
    target
        An empty folder; the addresses in the copies are brought up to date.
    """
    for source in (folder.database, folder.tables):
        if is_writable(folder):  # by others, perhaps now
            with (
                contextlib.closing(_open(source)) as one,
                contextlib.closing(_open(target / source.name)) as other,
            ):
                one.backup(other)
        else:
            for path in (source, source.with_name(f"{source.name}-wal")):
                if path.exists():
                    shutil.copyfile(path, target / path.name)
    bring_up_to_date(folder, target)


def is_writable(folder: DataFolder) -> bool:
    """Tell whether SQLite can open the databases of a catalogue where they are."""
    paths = folder.catalogue, folder.database, folder.tables
    return all(os.access(path, os.W_OK) for path in paths)


def read_only(database: Path) -> sqlite3.Connection:
    """Open a database that is not to be changed; none is made where there is none.

    Raises
    ------
    sqlite3.Error
        If it cannot be opened.
    """
    return sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=30.0)


def _open(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(database, isolation_level=None, timeout=30.0)


def _stale(
    database: sqlite3.Connection, folder: DataFolder, tables: Path
) -> dict[int, str]:
    """Find the addresses that are wrong now: what they should be, by number."""
    found = database.execute("SELECT id, data_uri FROM assets").fetchall()
    right = {number: moved(uri, folder, tables) for number, uri in found}
    return {number: right[number] for number, uri in found if right[number] != uri}


def _readdress(database: sqlite3.Connection, number: int, uri: str) -> None:
    known = database.execute("SELECT id FROM assets WHERE data_uri = ?", (uri,))
    if (row := known.fetchone()) is None:
        database.execute("UPDATE assets SET data_uri = ? WHERE id = ?", (uri, number))
        return
    # runs were added since the folder has moved: the file has both addresses
    link = "UPDATE data_source_asset_association SET asset_id = ? WHERE asset_id = ?"
    database.execute(link, (row[0], number))
    database.execute("DELETE FROM assets WHERE id = ?", (number,))


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
    check = "integrity_check" if thorough else "quick_check"
    said = [_check(path, check) for path in paths if not state[path.name]]
    said = [one for one in said if one] or _check_content(folder)
    if not said and state[folder.tables.name] and used:
        said = [f"{folder.tables.name} is {state[folder.tables.name]}"]
    return "; ".join(said)


def _is_new(database: Path) -> bool:
    try:
        with contextlib.closing(read_only(database)) as opened:
            found = opened.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError:
        return False
    return bool(found[0] == 0)


def _state(path: Path) -> str:
    if not path.exists():
        return "gone"
    return "" if path.stat().st_size else "empty"


def _check(database: Path, pragma: str) -> str:
    try:
        with contextlib.closing(sqlite3.connect(database)) as connection:
            said = str(connection.execute(f"PRAGMA {pragma}(1)").fetchone()[0])
    except sqlite3.OperationalError:  # locked, or not to be read: that may pass
        return ""
    except sqlite3.DatabaseError as error:
        said = str(error)
    return "" if said == "ok" else f"{database.name}: {' '.join(said.split())}"


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
