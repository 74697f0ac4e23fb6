"""A data folder that was moved or copied, whatever its name, is read where it is."""

import logging
import shutil
import sqlite3
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from hop_documents import bits, hop_run, hop_trace

from seccm_ophyd.analysis import documents, hop_table
from seccm_ophyd.analysis.run_traces import RunTraces
from seccm_ophyd.storage import (
    DataFolder,
    Journal,
    SessionCatalogue,
    SessionLock,
    bring_up_to_date,
    close_catalogue,
    open_catalogue,
    recover,
)
from seccm_ophyd.storage.addresses import address_of, file_uri, path_of

NAMES = ["plain", "a b µ", "LFP #12", "pH 7?", "50 %", "a;b", "100%25", "$HOME", "x\\y"]


def measure(folder, scan_id=1):
    emitted = list(hop_run(folder, 3, scan_id))
    journal = Journal(folder)
    for name, doc in emitted:
        journal(name, doc)
    return emitted[0][1]["uid"]


@pytest.fixture
def stored(tmp_path, empty_catalogue):
    """Make a data folder of any name, with a run in its catalogue."""

    def make(name):
        folder = DataFolder(tmp_path / "there" / name).create()
        shutil.copytree(empty_catalogue, folder.catalogue, dirs_exist_ok=True)
        uid = measure(folder)
        assert [each.error for each in recover(folder)] == [None]
        return folder, uid

    return make


def assert_readable(folder, uid):
    """Scalars and arrays are read, through our catalogue and as databroker does."""
    catalogue = SessionCatalogue(folder)
    run = catalogue[uid]
    array = run["primary"]["seccm_traces_approach"].read()
    np.testing.assert_array_equal(array[2], hop_trace(2, "approach"))
    for each in (run, run.v2, folder.journal_file(uid)):
        assert hop_table(each).sizes["hop"] == 3
        traces = RunTraces.of(each)
        assert traces.labels == ["cv"]
        np.testing.assert_array_equal(
            traces._find("cv").read(np.array([1]), uid)[0], hop_trace(1, "cv")
        )
    catalogue.close()


@pytest.mark.parametrize("name", ["a b µ", "LFP #12; pH 7? 50 % $HOME x\\y"])
def test_any_name_of_a_folder(stored, name):
    folder, uid = stored(name)
    assert sorted(path.name for path in folder.root.parent.iterdir()) == [name]
    assert_readable(folder, uid)
    (resource, *_) = (
        doc for kind, doc in documents(folder.journal_file(uid)) if "uri" in doc
    )
    parts = urlsplit(resource["uri"])
    assert Path(unquote(parts.path)).parent == folder.traces


@pytest.mark.parametrize("name", NAMES)
def test_addresses_are_read_back(tmp_path, name):
    path = tmp_path / name
    path.touch()
    assert path_of(file_uri(path)) == path
    assert path_of(f"file://localhost{path}") == path  # as earlier versions wrote it
    assert path_of(str(path)) == path


def test_a_link_stands_for_a_name_that_no_address_can_have(tmp_path):
    plain, odd = DataFolder(tmp_path / "a b"), DataFolder(tmp_path / "a#b").create()
    assert address_of(plain) == plain.root
    link = address_of(odd)
    assert link.resolve() == odd.root
    link.unlink()
    link.symlink_to(tmp_path)  # of a folder that is no more
    assert address_of(odd) == link
    assert link.resolve() == odd.root


def test_a_folder_that_was_moved(stored, tmp_path, caplog):
    folder, uid = stored("lab")
    (tmp_path / "here").mkdir()
    there = DataFolder(shutil.move(folder.root, tmp_path / "here" / "a # b"))
    assert_readable(there, uid)
    (said,) = [r.getMessage() for r in caplog.records if "has moved" in r.getMessage()]
    assert str(there.root) in said
    caplog.clear()
    assert not bring_up_to_date(there)  # once
    more = measure(there, 2)
    assert [each.error for each in recover(there)] == [None]
    for each in (uid, more):
        assert_readable(there, each)


def test_a_copy_and_its_original_side_by_side(stored, tmp_path):
    folder, uid = stored("lab")
    copy = DataFolder(shutil.copytree(folder.root, tmp_path / "stick"))
    for path in folder.traces.iterdir():
        shutil.copyfile(path, copy.traces / path.name)
    for each in (copy, folder):
        assert_readable(each, uid)


def test_runs_added_before_the_addresses_were_mended(stored, tmp_path):
    """One file under two addresses becomes one again."""
    folder, uid = stored("lab")
    there = DataFolder(shutil.move(folder.root, tmp_path / "there2"))
    database = sqlite3.connect(there.database)
    database.execute(
        "INSERT INTO assets (data_uri, is_directory) VALUES (?, 0)",
        (f"sqlite://localhost/{there.tables}",),
    )
    database.commit()
    database.close()
    assert bring_up_to_date(there)
    assert_readable(there, uid)


def test_a_folder_that_somebody_uses_under_another_path_is_left_alone(
    stored, tmp_path, caplog
):
    folder, uid = stored("lab")
    there = DataFolder(shutil.move(folder.root, tmp_path / "there2"))
    before = there.database.read_bytes()
    session = SessionLock(there)
    session.acquire()
    caplog.set_level(logging.INFO)
    assert_readable(there, uid)
    session.release()
    assert there.database.read_bytes() == before
    assert "is read from a copy" in caplog.text


def test_a_folder_that_cannot_be_written(stored, tmp_path, monkeypatch):
    folder, uid = stored("lab")
    there = DataFolder(shutil.move(folder.root, tmp_path / "stick"))
    late = measure(there, 2)  # has not come into the catalogue
    before = contents_of(there)

    def access(path, mode):
        return not Path(path).is_relative_to(there.root)

    monkeypatch.setattr("os.access", access)
    assert_readable(there, uid)
    run = SessionCatalogue(there)[late]  # from the journal
    assert bits(list(run.documents())) == bits(
        list(documents(there.journal_file(late)))
    )
    assert contents_of(there) == before


def contents_of(folder):
    """What the databases and their logs hold; SQLite notes readers beside, in -shm."""
    files = folder.catalogue.glob("*.db*")
    return {p: p.read_bytes() for p in files if not p.name.endswith("-shm")}


def test_a_copy_is_removed_with_its_client(stored, tmp_path, monkeypatch):
    folder, _ = stored("lab")
    there = DataFolder(shutil.move(folder.root, tmp_path / "stick"))
    monkeypatch.setattr(
        "seccm_ophyd.storage.catalogue.places.is_writable", lambda _: False
    )
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    client = open_catalogue(there)
    (copy,) = tmp_path.glob("seccm-catalogue-*")
    assert sorted(path.name for path in copy.glob("*.db")) == [
        "catalog.db",
        "storage.db",
    ]
    close_catalogue(client)
    assert not copy.exists()


def test_a_corrupt_catalogue_is_left_to_its_writer(folder, caplog):
    folder.database.write_text("no database, but as long as the head of one " * 9)
    assert not bring_up_to_date(folder)
    assert "cannot be changed" in caplog.text
