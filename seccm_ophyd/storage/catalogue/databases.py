"""The databases of the catalogue: made where there are none, copied, moved."""

import asyncio
import contextlib
import functools
import logging
import os
import shutil
import sqlite3
import warnings
from pathlib import Path
from typing import Any

from ..addresses import address_of, moved
from ..data_folder import DataFolder

__all__ = [
    "ask_tables",
    "bring_up_to_date",
    "copy_databases",
    "create_databases",
    "is_up_to_date",
    "is_writable",
    "read_only",
]

logger = logging.getLogger(__name__)

_PASSING = ("failed to open", "unable to open", "is locked", "readonly")


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
    # write-ahead log, as in the catalogue: readers and the writer do not wait
    ask_tables(folder.tables, "PRAGMA journal_mode=WAL", mode="rwc")
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
    """Return whether the addresses in the catalogue are those of its data folder."""
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
    if is_writable(folder):  # by others, perhaps now
        with (
            contextlib.closing(_open(folder.database)) as one,
            contextlib.closing(_open(target / folder.database.name)) as other,
        ):
            one.backup(other)
        copy = str(target / folder.tables.name).replace("'", "''")
        ask_tables(folder.tables, f"VACUUM INTO '{copy}'")
    else:
        for source in (folder.database, folder.tables):
            for path in (source, source.with_name(f"{source.name}-wal")):
                if path.exists():
                    shutil.copyfile(path, target / path.name)
    bring_up_to_date(folder, target)


def is_writable(folder: DataFolder) -> bool:
    """Return whether SQLite can open the databases of a catalogue where they are."""
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


def ask_tables(path: Path, query: str, mode: str = "rw") -> list[tuple[Any, ...]]:
    """Ask the database of the tables, by the library by which tiled has it open.

    Python's own SQLite is another one. Two in a process do not see the locks of each
    other: when the one closes the database, it removes the write-ahead log under the
    other, which from then on misses all that is written.

    Parameters
    ----------
    path
        Of the database.
    query
        In SQL.
    mode
        "rw" makes none where there is none; "rwc" does.

    Returns
    -------
    list of tuple
        The rows.

    Raises
    ------
    sqlite3.OperationalError
        If it is locked or cannot be opened: that may pass.
    sqlite3.DatabaseError
        If it is damaged, or does not have what is asked for.
    """
    # 0.5 s, and only where tiled follows
    import adbc_driver_sqlite.dbapi

    where = f"{path.as_uri()}?mode={mode}"
    connect = functools.partial(adbc_driver_sqlite.dbapi.connect, autocommit=True)
    try:
        with (
            contextlib.closing(connect(where)) as opened,
            contextlib.closing(opened.cursor()) as cursor,
        ):
            cursor.execute(query)
            return list(cursor.fetchall())
    except adbc_driver_sqlite.dbapi.Error as error:
        said = " ".join(str(error).partition("\nquery:")[0].split())
        passing = any(words in said for words in _PASSING)
        kind = sqlite3.OperationalError if passing else sqlite3.DatabaseError
        raise kind(said) from None


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
