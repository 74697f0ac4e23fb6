"""The catalogue cannot be opened, dies, or hangs; journals are cut."""

import contextlib
import json
import os
import signal
import time

import numpy as np
import pytest

from seccm_ophyd.analysis import describe_run, hop_map, list_runs
from seccm_ophyd.plans import hop_scan
from seccm_ophyd.session import open_session
from seccm_ophyd.storage import DataFolder, JournalRun, journal_of, recover
from seccm_ophyd.storage.journal.reader import documents
from seccm_ophyd.storage.locks import held
from seccm_ophyd.techniques import CurrentSample
from tests.faults.safety import is_safe
from tests.iocs import wait_for
from tests.system.conftest import run_python

pytestmark = pytest.mark.system


def grid(microscope, points=6):
    return hop_scan(microscope, CurrentSample(), -1, 1, points, -1, 1, points)


def events(found):
    return [
        (doc["seq_num"], doc["time"], doc["data"])
        for name, doc in found
        if name == "event"
    ]


def assert_equal(run, journal):
    """The catalogue tells what the journal tells, bit for bit."""
    of_catalogue = not isinstance(run, JournalRun)
    read = run.documents_of_catalogue if of_catalogue else run.documents
    stored, written = list(read()), documents(journal)
    assert [json.dumps(e) for e in events(stored)] == [
        json.dumps(e) for e in events(written)
    ]
    for name in ("start", "stop"):
        told = json.loads(json.dumps(dict(stored)[name]))
        assert told == dict(written)[name]


@contextlib.contextmanager
def opened(ioc, folder):
    with open_session(prefix=ioc.prefix, data_dir=folder.root) as session:
        yield session


def spoil_header(folder):
    folder.database.write_bytes(b"this is no database\n" * 500)


def spoil_pages(folder):
    content = bytearray(folder.database.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    folder.database.write_bytes(content)


def spoil_tables(folder):
    folder.tables.write_bytes(os.urandom(8192))


ONE_RUN = """
import sys
from seccm_ophyd.session import open_session
from seccm_ophyd.plans import hop_scan
from seccm_ophyd.techniques import CurrentSample
with open_session(prefix=sys.argv[1], data_dir=sys.argv[2], catalogue="one") as s:
    (uid,) = s.RE(hop_scan(s.seccm, CurrentSample(), -1, 1, 2, -1, 1, 2))
    s.catalog[uid]
print(uid)
"""


@pytest.mark.slow
@pytest.mark.fault(33)
@pytest.mark.parametrize(
    "spoil",
    [
        spoil_header,
        *(pytest.param(s, marks=pytest.mark.soak) for s in (spoil_pages, spoil_tables)),
    ],
)
def test_the_catalogue_is_corrupt_at_the_start(ioc, tmp_path, spoil):
    folder = DataFolder(tmp_path / "data")
    first = run_python(ONE_RUN, ioc.prefix, folder.root).split()[-1]
    wait_for(lambda: not held(folder.writer_lock), 60)
    for leftover in folder.catalogue.glob("*.db-*"):
        leftover.unlink()
    spoil(folder)
    with opened(ioc, folder) as session:
        (second,) = session.RE(grid(session.seccm, 3))
        wait_for((folder.root / "catalogue.corrupt-1").is_dir, 60)
        for uid in (first, second):  # made anew, from all the journals
            assert_equal(session.catalog[uid], folder.journal_file(uid))
    assert is_safe(ioc)
    assert len(list(folder.root.glob("catalogue*"))) == 2
    assert "the catalogue is corrupt" in folder.writer_log.read_text()


@pytest.mark.slow
@pytest.mark.fault(33)
def test_the_catalogue_cannot_be_opened_at_the_start(ioc, tmp_path):
    folder = DataFolder(tmp_path / "data").create()
    folder.database.mkdir()
    (folder.database / "in the way").touch()
    with opened(ioc, folder) as session:
        (uid,) = session.RE(grid(session.seccm))
        assert int(np.isfinite(hop_map(folder.journal_file(uid)).current).sum()) == 36
        session.catalog.timeout_s = 2.0
        assert isinstance(session.catalog[uid], JournalRun)
        assert_equal(session.catalog[uid], folder.journal_file(uid))
    assert is_safe(ioc)
    wait_for(lambda: not held(folder.writer_lock), 60)
    (folder.database / "in the way").unlink()
    folder.database.rmdir()
    (result,) = recover(folder)
    assert (result.uid, result.error, result.interrupted) == (uid, None, False)
    with opened(ioc, folder) as session:
        assert_equal(session.catalog[uid], folder.journal_file(uid))


@pytest.mark.slow
@pytest.mark.fault(34)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_the_catalogue_writer_dies_or_hangs_in_a_run(session, ioc, number):
    folder = session.folder
    (first,) = session.RE(grid(session.seccm))
    session.catalog[first]  # the writer is at work
    writer = json.loads(folder.writer_lock.read_text())["pid"]

    def strike(name, doc):
        if doc["seq_num"] == 3:
            os.kill(writer, number)

    token = session.RE.subscribe(strike, "event")
    begun = time.monotonic()
    (uid,) = session.RE(grid(session.seccm))
    took_s = time.monotonic() - begun
    session.RE.unsubscribe(token)
    assert is_safe(ioc)
    (*_, stop) = documents(folder.journal_file(uid))
    assert stop[1]["exit_status"] == "success"
    times = [time for _, time, _ in events(documents(folder.journal_file(uid)))]
    before = [time for _, time, _ in events(documents(folder.journal_file(first)))]
    # on a busy machine as well: nothing waits for the writer, whose time-outs are long
    assert np.diff(times).max() < 10 * np.diff(before).max() + 1.0
    assert took_s < 60
    assert not folder.acknowledgement(uid).exists()
    if number == signal.SIGSTOP:
        os.kill(writer, signal.SIGCONT)
    assert_equal(session.catalog[uid], folder.journal_file(uid))


@pytest.mark.slow
@pytest.mark.fault(48)
def test_the_journal_of_a_run_is_cut_anywhere(session, ioc, tmp_path):
    """As by a power cut: no stop, and the last line in pieces."""
    session.RE(grid(session.seccm, 4))
    whole = session.folder.journal_file(session.catalog[-1].metadata["start"]["uid"])
    content = whole.read_bytes()
    lines = content.splitlines(keepends=True)
    ends = np.cumsum([len(line) for line in lines])
    rng = np.random.default_rng(1)
    folder = DataFolder(tmp_path / "cut").create()
    path = folder.journal_file(whole.stem)
    for cut in [*rng.integers(len(lines[0]), len(content) - 1, 40), *(ends[-8:-1])]:
        path.write_bytes(content[:cut])
        whole_lines = lines[: int((ends <= cut).sum())]
        kept = [tuple(json.loads(line)[:2]) for line in whole_lines]
        kept = [pair for pair in kept if not pair[0].startswith("copy of")]
        hops = sum(name == "event" for name, _ in kept)
        assert journal_of(folder, -1).interrupted
        line = list_runs(folder.journal).splitlines()[1]
        assert line.split()[-2:] == [f"{hops}/16", "unfinished"]
        assert "interrupted" in describe_run(path)
        assert documents(path) == kept
        if hops:
            found = hop_map(path)
            assert found.attrs["exit_status"] == "unfinished"
            assert int(np.isfinite(found.topography).sum()) == hops
    path.write_bytes(content[: ends[-3] + 7])
    (result,) = recover(folder)
    assert (result.interrupted, result.error) == (True, None)
    stop = documents(path)[-1][1]
    assert stop["interrupted"] is True
    assert "interrupted" in describe_run(path)
    assert list_runs(folder.journal).split()[-1] == "abort"
