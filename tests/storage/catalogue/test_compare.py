"""Catalogues that lost something, and what puts it back."""

import contextlib
import shutil
import sqlite3
import time

import pytest
from hop_documents import events
from stored_runs import two_runs

from seccm_ophyd.storage import (
    DataFolder,
    JournalRun,
    SessionCatalogue,
    close_catalogue,
    documents,
    open_catalogue,
    recover,
)
from seccm_ophyd.storage.catalogue.compare import (
    differences,
    entries,
    forget_acknowledged,
)
from seccm_ophyd.storage.catalogue.soundness import what_is_wrong
from seccm_ophyd.storage.journal.index import journals
from seccm_ophyd.storage.verify import verify

HOPS = 4
STOP = {"uid": "stop"}
PAGE = 4096


@pytest.fixture(scope="module")
def whole(tmp_path_factory, empty_catalogue):
    """A data folder of two runs that are in the catalogue."""
    place = tmp_path_factory.mktemp("whole") / "data"
    folder = two_runs(place, empty_catalogue, HOPS)
    for path in (folder.database, folder.tables):
        sql(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    return DataFolder(shutil.copytree(whole.root, tmp_path / "data"))


def sql(path, *queries):
    with contextlib.closing(sqlite3.connect(path)) as database:
        for query in queries:
            database.execute(query)
        database.commit()


def tables(folder):
    with contextlib.closing(sqlite3.connect(folder.tables)) as database:
        found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return [name for (name,) in found if name.startswith("table_")]


def remove(*paths):
    for path in paths:
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()


def zero(path, page):
    content = bytearray(path.read_bytes())
    content[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)
    path.write_bytes(content)


def zero_each_third(path):
    for page in range(1, path.stat().st_size // PAGE, 3):
        zero(path, page)


def in_order(folder):
    return [info.uid for info in journals(folder)[::-1]]


def assert_whole(folder):
    assert what_is_wrong(folder, thorough=True) == ""
    client = open_catalogue(folder)
    for uid in in_order(folder):
        stored = [
            (name, dict(doc)) for name, doc in client[uid].documents_of_catalogue()
        ]
        assert events(stored) == events(documents(folder.journal_file(uid)))
        assert client[uid]["primary"].read().sizes["time"] == HOPS
    assert [client[n].metadata["start"]["scan_id"] for n in (-1, -2)] == [2, 1]
    close_catalogue(client)
    assert recover(folder) == []


DAMAGED = {
    "catalogue deleted": lambda f: remove(f.database),
    "catalogue empty": lambda f: f.database.write_bytes(b""),
    "catalogue without tables": lambda f: (
        remove(f.database),
        sql(f.database, "CREATE TABLE other (a)"),
    ),
    "catalogue cut": lambda f: f.database.write_bytes(f.database.read_bytes()[:9000]),
    "first page zeroed": lambda f: zero(f.database, 0),
    "some page zeroed": lambda f: zero(f.database, 9),
    "many pages zeroed": lambda f: zero_each_third(f.database),
    "metadata overwritten": lambda f: sql(
        f.database, "UPDATE nodes SET metadata = 'x' || metadata WHERE id = 1"
    ),
    "tables deleted": lambda f: remove(f.tables),
    "tables empty": lambda f: f.tables.write_bytes(b""),
    "tables, page zeroed": lambda f: zero(f.tables, 1),
    "tables, last page zeroed": lambda f: zero(
        f.tables, f.tables.stat().st_size // PAGE - 1
    ),
    "both deleted": lambda f: remove(f.database, f.tables),
}


@pytest.mark.parametrize("hurt", DAMAGED.values(), ids=DAMAGED.keys())
def test_damage_is_seen(folder, hurt):
    assert what_is_wrong(folder) == ""
    hurt(folder)
    assert what_is_wrong(folder) != ""


QUICK = "catalogue deleted", "tables, page zeroed"


@pytest.mark.fault(61)
@pytest.mark.parametrize(
    "hurt",
    [
        pytest.param(hurt, id=name, marks=() if name in QUICK else pytest.mark.slow)
        for name, hurt in DAMAGED.items()
    ],
)
def test_a_damaged_catalogue_is_set_aside_and_made_anew(folder, hurt, caplog):
    before = in_order(folder)
    hurt(folder)
    found = recover(folder)
    assert [(run.uid, run.error) for run in found] == [(uid, None) for uid in before]
    assert {run.rebuilt for run in found} == {"the catalogue was damaged"}
    aside = folder.root / "catalogue.corrupt-1"
    assert aside.is_dir()
    assert f"moved to {aside}, and made anew from the journals" in caplog.text
    assert_whole(folder)


LOST = {
    "run": (
        lambda f: sql(f.database, f"DELETE FROM nodes WHERE key = '{in_order(f)[0]}'"),
        "the catalogue did not have it",
    ),
    "stop": (
        lambda f: sql(
            f.database,
            "UPDATE nodes SET metadata = json_remove(metadata, '$.stop') "
            f"WHERE key = '{in_order(f)[0]}'",
        ),
        "the catalogue did not have its end",
    ),
    "rows": (
        lambda f: [
            sql(f.tables, f'DELETE FROM "{t}" WHERE _dataset_id = 1 AND seq_num > 1')
            for t in tables(f)
        ],
        f"the catalogue had 1 of {HOPS} events of primary",
    ),
    "stream": (
        lambda f: sql(f.database, "DELETE FROM nodes WHERE key = 'internal'"),
        f"the catalogue had 0 of {HOPS} events of primary",
    ),
}


@pytest.mark.parametrize(("hurt", "why"), LOST.values(), ids=LOST.keys())
def test_what_is_lost_is_named(folder, hurt, why):
    runs = {info.uid: info for info in journals(folder)[::-1]}
    assert differences(folder, runs, entries(folder)) == {}
    hurt(folder)
    found = differences(folder, runs, entries(folder))
    assert set(found.values()) == {why}
    assert next(iter(runs)) in found


@pytest.mark.fault(61)
@pytest.mark.parametrize(
    ("hurt", "why"),
    [
        pytest.param(*case, id=name, marks=() if name == "rows" else pytest.mark.slow)
        for name, case in LOST.items()
    ],
)
def test_what_the_catalogue_has_lost_is_written_again(folder, hurt, why):
    hurt(folder)
    found = recover(folder)
    assert found[0].uid == in_order(folder)[0]
    assert {run.rebuilt for run in found} == {why}
    assert not list(folder.root.glob("catalogue.corrupt*"))
    assert_whole(folder)


@pytest.mark.slow
@pytest.mark.fault(61)
def test_an_older_catalogue_gets_the_runs_made_since(folder, empty_catalogue):
    """As after a lost write-ahead log, or a copy from a backup."""
    remove(folder.database, folder.tables)
    for path in (folder.database, folder.tables):
        shutil.copy(empty_catalogue / path.name, path)
    assert {run.rebuilt for run in recover(folder)} == {"the catalogue did not have it"}
    assert_whole(folder)


def test_the_writer_of_a_session_finds_what_is_gone(folder, caplog):
    uid = in_order(folder)[1]
    assert forget_acknowledged(folder) == set()
    sql(folder.database, f"DELETE FROM nodes WHERE key = '{uid}'")
    assert forget_acknowledged(folder) == {uid}
    assert "1 runs are no longer in the catalogue" in caplog.text
    assert not folder.acknowledgement(uid).exists()


@pytest.mark.fault(61)
@pytest.mark.parametrize(
    "name", ["catalogue deleted", "some page zeroed", "tables empty"]
)
def test_runs_of_a_damaged_catalogue_come_from_their_journals(folder, name, caplog):
    DAMAGED[name](folder)
    catalogue = SessionCatalogue(folder)
    run = catalogue[-1]
    assert isinstance(run, JournalRun)
    assert run.primary.read().sizes["time"] == HOPS
    assert "`seccm recover`" in caplog.text
    with pytest.raises(OSError, match="type `seccm recover`"):
        catalogue.search(scan_id=1)
    catalogue.close()


def test_a_run_is_written_again_when_asked_for(folder):
    uid = in_order(folder)[0]
    for table in tables(folder):
        query = f'UPDATE "{table}" SET seccm_xy_x = 99.5 WHERE seq_num = 2'
        sql(folder.tables, f"{query} AND _dataset_id = 1")
    infos = journals(folder)[::-1]
    found = [check.catalogue for check in verify(folder, infos, values=True)]
    assert [part.state for part in found] == ["damaged", "right"]
    assert "another seccm_xy_x in event 2 of primary, 99.5 in place of" in found[0].why
    assert recover(folder) == []
    (run,) = recover(folder, again=[uid])
    assert (run.uid, run.rebuilt) == (uid, "as asked for")
    assert_whole(folder)


def test_five_thousand_runs_are_compared_in_a_second(folder):
    """As many rows as 5,000 runs have, beside the two."""
    with contextlib.closing(sqlite3.connect(folder.database)) as database:
        database.executemany(
            "INSERT INTO nodes (parent, key, structure_family, metadata, specs) "
            "VALUES (0, ?, 'container', ?, '[]')",
            [
                (
                    f"run-{k}",
                    f'{{"start": {{"uid": "run-{k}"}}, "stop": {{"uid": "s"}}}}',
                )
                for k in range(5000)
            ],
        )
        database.commit()
    for k in range(5000):
        folder.acknowledgement(f"run-{k}").touch()
    begun = time.process_time()
    assert forget_acknowledged(folder) == set()
    assert time.process_time() - begun < 1.0
