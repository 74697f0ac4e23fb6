"""Compares the catalogue with the journals: which runs it has, and whether all of them.

That a run is acknowledged says that the catalogue had it once. Its databases may have
been deleted, emptied or replaced by older ones since.
"""

import contextlib
import logging
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..data_folder import DataFolder
from ..journal.ends import JournalError
from ..journal.hop_counter import count_events
from ..journal.info import JournalInfo
from ..journal.reader import read_journal
from .databases import ask_tables, read_only

__all__ = [
    "Entry",
    "difference",
    "differences",
    "entries",
    "forget_acknowledged",
    "not_whole",
]

logger = logging.getLogger(__name__)

_FILE = "file://localhost"
_ROOT = "SELECT id FROM nodes WHERE parent IS NULL"
_RUNS = f"""
SELECT key, json_extract(metadata, '$.stop.uid'), json_extract(metadata, '$.start.uid')
FROM nodes WHERE parent IN ({_ROOT})
"""
_TABLES = f"""
SELECT run.key, stream.key, json_extract(source.parameters, '$.table_name'),
       json_extract(source.parameters, '$.dataset_id')
FROM nodes AS run JOIN nodes AS stream ON stream.parent = run.id
JOIN nodes AS inner ON inner.parent = stream.id
JOIN data_sources AS source ON source.node_id = inner.id
WHERE run.parent IN ({_ROOT}) AND source.mimetype = 'application/x-tiled-sql-table'
"""
_ARRAYS = f"""
SELECT DISTINCT run.key, assets.data_uri
FROM nodes AS run JOIN nodes AS stream ON stream.parent = run.id
JOIN nodes AS inner ON inner.parent = stream.id
JOIN data_sources AS source ON source.node_id = inner.id
JOIN data_source_asset_association AS link ON link.data_source_id = source.id
JOIN assets ON assets.id = link.asset_id
WHERE run.parent IN ({_ROOT}) AND assets.data_uri LIKE 'file:%'
"""


@dataclass
class Entry:
    """What the catalogue has of a run.

    Parameters
    ----------
    stop
        Uid of its stop document; None without one.
    start
        Uid of its start document.
    events
        Rows by stream.
    missing
        Files that are not there although the catalogue names them.
    """

    stop: str | None
    start: str | None = None
    events: dict[str, int] = field(default_factory=dict)
    missing: list[Path] = field(default_factory=list)


def entries(folder: DataFolder) -> dict[str, Entry]:
    """List what the catalogue has, by uid of the run.

    Raises
    ------
    sqlite3.Error
        If its databases cannot be read.
    """
    if not folder.has_catalogue:
        return {}
    with contextlib.closing(read_only(folder.database)) as database:
        found = {
            uid: Entry(stop, start) for uid, stop, start in database.execute(_RUNS)
        }
        tables = database.execute(_TABLES).fetchall()
        files = database.execute(_ARRAYS).fetchall()
    counts = _counts(folder, {table for _, _, table, _ in tables})
    for uid, stream, table, number in tables:
        found[uid].events[stream] = counts[table].get(number, 0)
    for uid, uri in files:
        path = Path(uri.removeprefix(_FILE))
        if not path.exists() or (path.is_dir() and not any(path.iterdir())):
            found[uid].missing.append(path)
    return found


def _counts(folder: DataFolder, tables: set[str]) -> dict[str, dict[int, int]]:
    """Count the rows of each run and stream in the tables of the events."""
    found: dict[str, dict[int, int]] = defaultdict(dict)
    if not tables or not folder.tables.exists():
        return found
    names = ask_tables(folder.tables, "SELECT name FROM sqlite_master")
    for table in tables & {name for (name,) in names}:
        query = f'SELECT _dataset_id, count(*) FROM "{table}" GROUP BY _dataset_id'
        found[table] = dict(ask_tables(folder.tables, query))
    return found


def differences(
    folder: DataFolder, runs: Mapping[str, JournalInfo], found: Mapping[str, Entry]
) -> dict[str, str]:
    """Find the runs that ended and that the catalogue does not have as their journals.

    Parameters
    ----------
    folder
        The data folder.
    runs
        By uid.
    found
        What the catalogue has of them.

    Returns
    -------
    dict
        What is wrong, by uid, in the order of `runs`.
    """
    wrong = {
        uid: difference(folder, info, found.get(uid))
        for uid, info in runs.items()
        if info.stop is not None
    }
    return {uid: why for uid, why in wrong.items() if why}


def difference(folder: DataFolder, info: JournalInfo, entry: Entry | None) -> str:
    """Say what of a run that has ended is not in the catalogue; empty if all is."""
    stop: Any = info.stop
    if entry is None:
        return "the catalogue did not have it"
    if entry.start != info.uid:
        return "the catalogue had another start document"
    if entry.stop is None:
        return "the catalogue did not have its end"
    if entry.stop != stop["uid"]:
        return "the catalogue had another stop document"
    if gone := [p for p in entry.missing if p.is_relative_to(folder.arrays)]:
        return f"{len(gone)} of its arrays in the catalogue were gone"
    recorded = {k: n for k, n in (stop.get("num_events") or {}).items() if n}
    there = {k: n for k, n in entry.events.items() if n}
    if recorded == there:
        return ""
    try:  # of streams of arrays only, or where lines are damaged, the stop has more
        content = read_journal(info.path)
    except (OSError, JournalError):
        return ""  # there is nothing better to write
    recorded = {k: n for k, n in count_events(content.documents).items() if n}
    has_more = all(there.get(k, 0) >= n for k, n in recorded.items())
    if recorded == there or (has_more and (content.damaged or content.notes)):
        return ""
    parts = [
        f"{there.get(k, 0)} of {recorded.get(k, 0)} events of {k}"
        for k in sorted(recorded.keys() | there.keys())
        if recorded.get(k, 0) != there.get(k, 0)
    ]
    return f"the catalogue had {', '.join(parts)}"


def not_whole(folder: DataFolder) -> set[str]:
    """Find acknowledged runs whose end the catalogue does not have; two short looks.

    Raises
    ------
    sqlite3.Error
        If its databases cannot be read.
    """
    marked = {path.name for path in folder.acknowledged.glob("*")}
    if not marked:
        return set()
    whole: set[str] = set()
    if folder.has_catalogue:
        with contextlib.closing(read_only(folder.database)) as database:
            found = database.execute(_RUNS)
            whole = {uid for uid, stop, start in found if stop and start == uid}
    return {uid for uid in marked - whole if folder.journal_file(uid).exists()}


def forget_acknowledged(folder: DataFolder) -> set[str]:
    """Have the writer write the runs again that the catalogue has lost.

    Parameters
    ----------
    folder
        The data folder; only the process that holds the writer's lock may.

    Returns
    -------
    set of str
        Their uids.
    """
    try:
        lost = not_whole(folder)
    except sqlite3.Error as error:
        logger.warning("the catalogue of %s cannot be compared: %s", folder.root, error)
        return set()
    for uid in lost:
        folder.acknowledgement(uid).unlink(missing_ok=True)
    if lost:
        logger.warning(
            "%d runs are no longer in the catalogue of %s: they are written again from "
            "their journals",
            len(lost),
            folder.root,
        )
    return lost
