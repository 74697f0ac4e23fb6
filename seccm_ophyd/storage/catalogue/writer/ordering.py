"""The order of the runs in the catalogue, which is that of their start.

Tiled lists the entries of a catalogue in the order in which they were written, and
databroker takes the last one for the newest run. A run that was written late, because
it was interrupted and recovered or because the catalogue did not take it at first, is
put in its place here.
"""

import contextlib
import json
import logging
import sqlite3
from typing import Any

from ...data_folder import DataFolder
from ...journal.info import age

__all__ = ["order_catalogue"]

logger = logging.getLogger(__name__)

_BUSY_S = 30.0  # longest wait for the writer of another transaction

_RUNS = """
SELECT id, json_extract(metadata, '$.start') FROM nodes
WHERE parent IN (SELECT id FROM nodes WHERE parent IS NULL) ORDER BY id
"""
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"


def order_catalogue(folder: DataFolder) -> bool:
    """Give the runs in the catalogue the order of their start.

    The entries keep their content and exchange their numbers in the database, in one
    transaction: a reader sees the old order or the new one.

    Parameters
    ----------
    folder
        The data folder; only the process that holds the writer's lock may.

    Returns
    -------
    bool
        Whether the order was changed.

    Raises
    ------
    sqlite3.Error
        If the database refuses; nothing has changed then.
    """
    if not folder.has_catalogue:
        return False
    database = sqlite3.connect(folder.database, timeout=_BUSY_S, isolation_level=None)
    with contextlib.closing(database):
        found = [(number, _age(start)) for number, start in database.execute(_RUNS)]
        numbers = [number for number, _ in found]
        wanted = [number for number, _ in sorted(found, key=lambda run: run[1])]
        moves = {a: b for a, b in zip(wanted, numbers, strict=True) if a != b}
        if not moves:
            return False
        database.execute("BEGIN IMMEDIATE")
        try:
            _renumber(database, moves)
            database.execute("COMMIT")
        except BaseException:
            database.execute("ROLLBACK")
            raise
    logger.info("%d runs of the catalogue were put in order", len(moves))
    return True


def _age(start: str | None) -> Any:
    """Give what a run is sorted by; what is no run of ours comes first."""
    try:
        return age(json.loads(start or ""))
    except (ValueError, TypeError, KeyError):
        return (float("-inf"), 0, "")


def _renumber(database: sqlite3.Connection, moves: dict[int, int]) -> None:
    """Change numbers of nodes, and of all that refers to them."""
    places = [("nodes", "id")]
    for (table,) in database.execute(_TABLES).fetchall():
        for key in database.execute(f'PRAGMA foreign_key_list("{table}")'):
            if key[2] == "nodes":
                places.append((table, key[3]))
    for table, column in places:
        # over negative numbers: a number must be free before another takes it
        database.executemany(
            f'UPDATE "{table}" SET "{column}" = ? WHERE "{column}" = ?',
            [(-new, old) for old, new in moves.items()],
        )
        database.execute(
            f'UPDATE "{table}" SET "{column}" = -"{column}" WHERE "{column}" < 0'
        )
