"""The databases of the catalogue: made when there are none, set aside when corrupt."""

import asyncio
import contextlib
import itertools
import logging
import sqlite3
import warnings
from pathlib import Path

from .layout import DataFolder

__all__ = ["create_databases", "set_aside_if_corrupt"]

logger = logging.getLogger(__name__)


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
    new = folder.catalogue / "new.db"
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


def set_aside_if_corrupt(folder: DataFolder) -> Path | None:
    """Move a catalogue away that SQLite finds corrupt; the journals make it anew.

    Parameters
    ----------
    folder
        The data folder; only the process that holds the writer's lock may.

    Returns
    -------
    Path or None
        Where it is now; None if nothing is wrong with it.
    """
    said = [_check(path) for path in (folder.database, folder.tables) if path.is_file()]
    if set(said) <= {"ok"}:
        return None
    number = itertools.count(1)
    while (aside := folder.root / f"catalogue.corrupt-{next(number)}").exists():
        pass
    folder.catalogue.rename(aside)
    logger.error("the catalogue is corrupt (%s): moved to %s", "; ".join(said), aside)
    folder.create()
    return aside


def _check(database: Path) -> str:
    try:
        with contextlib.closing(sqlite3.connect(database)) as connection:
            return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError:  # locked, or not to be read: that may pass
        return "ok"
    except sqlite3.DatabaseError as error:
        return f"{database.name}: {error}"
