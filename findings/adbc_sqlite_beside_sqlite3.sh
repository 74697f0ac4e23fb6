#!/usr/bin/env bash
# adbc-driver-sqlite 1.13.0 brings a copy of SQLite of its own. In a process that looks at
# the same database with Python's sqlite3 as well, the two do not see each other's locks
# (POSIX locks belong to the process): closing the sqlite3 connection, as the last one
# that it knows of, removes the write-ahead log under the open ADBC connection. From then
# on that connection reads an old state for ever: rows and tables that other processes
# write do not come ("no such table"), and no error says why.
# Whoever opens a database by ADBC should look at it by ADBC only, in that process.
# Exit 0: still so. Exit 1: the behaviour has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet "adbc-driver-sqlite==1.13.0" "adbc-driver-manager==1.13.0" "pyarrow==26.0.1"
cd "$place"
venv/bin/python - <<'PYTHON'
import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import adbc_driver_sqlite.dbapi


def written_elsewhere(path, query):
    code = f"import sqlite3; c = sqlite3.connect({path!r}); c.execute({query!r}); c.close()"
    subprocess.run([sys.executable, "-c", code], check=True)


def seen(path, look):
    """Whether an open ADBC connection sees a table that another process made."""
    with closing(sqlite3.connect(path)) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("CREATE TABLE first (height)")
    with closing(adbc_driver_sqlite.dbapi.connect(path, autocommit=True)) as opened:
        with opened.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM first")
            cursor.fetchall()
            logs = [os.path.exists(f"{path}-wal")]
            look(path)
            logs.append(os.path.exists(f"{path}-wal"))
            written_elsewhere(path, "CREATE TABLE second (height)")
            try:
                cursor.execute("SELECT count(*) FROM second")
                return logs, cursor.fetchall()
            except adbc_driver_sqlite.dbapi.Error as error:
                return logs, str(error).splitlines()[0]


def by_sqlite3(path):
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA quick_check").fetchall() == [("ok",)]


def by_adbc(path):
    with closing(adbc_driver_sqlite.dbapi.connect(path, autocommit=True)) as other:
        with other.cursor() as cursor:
            cursor.execute("PRAGMA quick_check")
            assert cursor.fetchall() == [("ok",)]


adbc, python = seen("adbc.db", by_adbc), seen("python.db", by_sqlite3)
print("looked at by ADBC:    write-ahead log before, after; answer:", *adbc)
print("looked at by sqlite3: write-ahead log before, after; answer:", *python)
assert adbc == ([True, True], [(0,)]), "changed"
assert python[0] == [True, False], "changed"
assert "no such table: second" in python[1], "changed"
PYTHON
echo "adbc-driver-sqlite 1.13.0: a look by sqlite3 still blinds an open connection"
