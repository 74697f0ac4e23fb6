"""Pages of a fly scan that the disk refuses: at the reserve, or after a long stall."""

import errno
import os
import threading
import time
from types import SimpleNamespace

import pytest

from seccm_ophyd.analysis import hop_traces
from seccm_ophyd.errors import DiskSpaceError, StorageStalledError
from seccm_ophyd.plans import hop_fly
from seccm_ophyd.run_engine import storing
from seccm_ophyd.session import open_session
from seccm_ophyd.session.left_hops import fetch_left_hops
from seccm_ophyd.storage.journal.damage import gaps
from seccm_ophyd.storage.journal.reader import documents
from seccm_ophyd.storage.traces import TraceFile
from seccm_ophyd.techniques import CurrentSample
from tests.faults.safety import is_safe
from tests.iocs import RunningIOC, wait_for
from tests.system.conftest import read_pv

pytestmark = pytest.mark.system

GRID = (-3, 3, 60, -3, 3, 60)
PATIENCE_S = 0.5


@pytest.fixture(scope="module")
def ioc():
    running = RunningIOC()
    yield running
    running.close()


@pytest.fixture
def session(ioc, module_profiles, tmp_path):
    with open_session(prefix=ioc.prefix, data_dir=tmp_path, catalogue="") as opened:
        yield opened


def read(folder):
    """Read the only run of a folder: its path, its hops and its stop document."""
    (path,) = folder.journal.glob("*.jsonl")
    found = list(documents(path))
    pages = [doc for name, doc in found if name == "event_page"]
    numbers = [number for page in pages for number in page["seq_num"]]
    hops = [hop for page in pages for hop in page["data"]["seccm_hop_index"]]
    assert hops == list(range(len(hops)))
    assert numbers == [hop + 1 for hop in hops]
    assert found[-1][0] == "stop"
    return path, len(hops), found[-1][1]


def assert_whole(path, hops):
    assert not gaps(documents(path))
    traces = hop_traces(path)
    assert len(traces["i"]) == hops
    assert not traces["i"].isnull().any()


@pytest.mark.fault(32)
def test_the_reserve_is_reached_in_a_fly_scan(session, ioc):
    """Seen with the next page; what was made by then is stored within the reserve."""
    m, pages, full_at = session.seccm, [], []

    def fill(name, doc):
        pages.append(len(doc["seq_num"]))
        if sum(pages) > 40:  # the same as free space that goes
            m.traces.reserve.put(m.traces.free_space.get() + 1e12)
            full_at.append(sum(pages))

    token = session.RE.subscribe(fill, "event_page")
    plan = hop_fly(m, CurrentSample(), *GRID)
    with pytest.raises(DiskSpaceError, match=r"MB are left in .*less than the reserve"):
        session.RE(plan)
    assert is_safe(ioc)
    path, hops, stop = read(session.folder)
    done = 1 + int(read_pv(f"{ioc.prefix}Hop:Count"))
    assert hops == done <= full_at[0] + 50 + 50
    assert stop["hops"] == {"done": done, "stored": done, "lost": 0}
    assert "less than the reserve" in stop["reason"]
    assert_whole(path, hops)
    assert not any(session.folder.traces.glob("*.lines"))
    session.RE.unsubscribe(token)
    m.traces.reserve.put(0.0)
    session.RE(hop_fly(m, CurrentSample(), 0, 1, 2, 0, 1, 2))  # space was made


@pytest.fixture(params=["journal", "traces"])
def stall(request, monkeypatch):
    """Let the storage stall at some page, and refuse when it answers again."""
    stall = SimpleNamespace(begun=threading.Event(), answers=threading.Event())
    fsync, write, left = os.fsync, TraceFile.write_rows, iter([True] * 12)

    def refuse():
        if threading.current_thread().name == "storage" and not next(left, False):
            if not stall.begun.is_set():
                stall.begun.set()
                assert stall.answers.wait(20)
                raise OSError(errno.ENOSPC, "No space left on device")

    def fsync_or_refuse(fd):
        refuse()
        fsync(fd)

    def write_or_refuse(self, first, name, arrays):
        refuse()
        write(self, first, name, arrays)

    if request.param == "journal":
        monkeypatch.setattr(os, "fsync", fsync_or_refuse)
    else:
        monkeypatch.setattr(TraceFile, "write_rows", write_or_refuse)
    yield stall
    stall.answers.set()


@pytest.mark.fault(63)
@pytest.mark.parametrize("when", ["as the run ends", "later"])
def test_a_page_that_is_refused_after_a_stall_stays_in_the_ioc(
    session, ioc, monkeypatch, caplog, stall, when
):
    monkeypatch.setattr(storing, "WITHDRAW_S", PATIENCE_S / 4)
    monkeypatch.setattr(storing, "SAY_S", PATIENCE_S / 2)
    monkeypatch.setattr(session.RE._storing, "_patience_s", PATIENCE_S)

    def answer():
        assert stall.begun.wait(20)
        time.sleep(PATIENCE_S + 0.1)
        stall.answers.set()

    if when == "as the run ends":
        threading.Thread(target=answer).start()
    with pytest.raises(StorageStalledError):
        session.RE(hop_fly(session.seccm, CurrentSample(), *GRID))
    assert is_safe(ioc)
    stall.answers.set()
    folder = session.folder
    session.close()
    wait_for(lambda: not read_pv(f"{ioc.prefix}IOC:Owner.VAL$"))
    path, stored, stop = read(folder)
    done = 1 + int(read_pv(f"{ioc.prefix}Hop:Count"))
    lost = done - stored
    assert lost > 0
    assert stop["hops"] == {"done": done, "stored": stored, "lost": lost}
    assert stop["num_events"]["primary"] == stored
    assert f"{lost} completed hops of the run are not stored" in caplog.text
    assert "nothing is lost" not in caplog.text
    (left,) = fetch_left_hops(folder)
    assert (left.fetched, left.lost, left.why) == (lost, 0, "")
    path, stored, stop = read(folder)
    assert stored == done
    assert stop["hops"] == {"done": done, "stored": done, "lost": 0}
    assert_whole(path, done)
    assert fetch_left_hops(folder) == []
    assert stop["num_events"]["primary"] == done
