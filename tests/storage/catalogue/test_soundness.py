"""The databases of a catalogue are looked at while tiled has them open."""

import contextlib
import multiprocessing
import sqlite3

import adbc_driver_sqlite.dbapi
import pytest

from seccm_ophyd.storage.catalogue.databases import ask_tables, copy_databases
from seccm_ophyd.storage.catalogue.soundness import quickly_wrong, what_is_wrong


def copied(folder):
    (target := folder.root / "copy").mkdir()
    copy_databases(folder, target)


def write_table(path):
    """Do what the catalogue's writer does: a table more, then it ends."""
    with contextlib.closing(adbc_driver_sqlite.dbapi.connect(str(path))) as database:
        with database.cursor() as cursor:
            cursor.execute("CREATE TABLE measured (height REAL)")
        database.commit()


@pytest.mark.parametrize("look", [what_is_wrong, quickly_wrong, copied])
def test_a_look_leaves_the_tables_to_those_who_have_them_open(catalogued, look):
    """As two copies of SQLite in a process do not see the locks of each other."""
    reader = adbc_driver_sqlite.dbapi.connect(str(catalogued.tables), autocommit=True)
    with contextlib.closing(reader), reader.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sqlite_master")
        assert cursor.fetchall() == [(0,)]
        look(catalogued)
        writer = multiprocessing.get_context("spawn").Process(
            target=write_table, args=(catalogued.tables,)
        )
        writer.start()
        writer.join()
        assert writer.exitcode == 0
        cursor.execute("SELECT count(*) FROM measured")
        assert cursor.fetchall() == [(0,)]


def test_damage_and_what_may_pass_are_told_apart(tmp_path):
    gone = tmp_path / "gone.db"
    with pytest.raises(sqlite3.OperationalError, match="failed to open"):
        ask_tables(gone, "PRAGMA quick_check(1)")
    assert not gone.exists()
    junk = tmp_path / "it's 50 % junk?.db"
    junk.write_bytes(b"no database " * 1000)
    with pytest.raises(sqlite3.DatabaseError, match="is not a database") as raised:
        ask_tables(junk, "PRAGMA quick_check(1)")
    assert not isinstance(raised.value, sqlite3.OperationalError)
