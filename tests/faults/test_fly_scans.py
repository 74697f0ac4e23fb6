"""A fly scan ends early: what the IOC has completed is in the run."""

import errno
import math
from types import SimpleNamespace

import pytest
from bluesky.utils import RunEngineInterrupted
from ophyd import EpicsSignal

from seccm_ophyd.analysis import hop_table, hop_traces
from seccm_ophyd.cli.operate import Instrument
from seccm_ophyd.errors import OverloadError, SeccmError, TooManyMissesError
from seccm_ophyd.plans import hop_fly, hop_scan
from seccm_ophyd.session import open_session
from seccm_ophyd.session.left_hops import fetch_left_hops
from seccm_ophyd.storage import DataFolder, SessionCatalogue
from seccm_ophyd.storage.journal.damage import gaps
from seccm_ophyd.storage.journal.reader import documents
from seccm_ophyd.storage.recover import recover
from seccm_ophyd.storage.traces.trace_file import TraceFile
from seccm_ophyd.techniques import CurrentSample
from tests.faults.phases import (
    FLY,
    call_when_made,
    start_scan,
    wait_for_events,
)
from tests.faults.safety import is_safe
from tests.iocs import RunningIOC, start_partial_ioc, wait_for
from tests.system.conftest import read_pv

pytestmark = pytest.mark.system

GRID = (-3, 3, 60, -3, 3, 60)


@pytest.fixture(scope="module")
def ioc():
    running = RunningIOC()
    yield running
    running.close()


@pytest.fixture(scope="module")
def session(ioc, module_profiles, tmp_path_factory):
    """Open one session for all tests: the next run works after each end."""
    folder = tmp_path_factory.mktemp("fly")
    with open_session(prefix=ioc.prefix, data_dir=folder, catalogue="") as opened:
        yield opened


@pytest.fixture
def strike(ioc, request):
    """Let a fault of the simulator strike until the test has ended."""
    signals = []

    def put(name):
        signal = EpicsSignal(f"{ioc.prefix}Sim:{name}", name="fault")
        signal.wait_for_connection(timeout=30)
        signals.append(signal)
        signal.put(1, wait=False)

    yield put
    for signal in signals:
        signal.put(0, wait=True)


def journal(session):
    """Read what the last run has left."""
    paths = session.folder.journal.glob("*.jsonl")
    return list(documents(max(paths, key=lambda path: path.stat().st_mtime_ns)))


def assert_all_is_stored(session, ioc):
    """Compare the run with the IOC: a line of one hop, and one that was ended."""
    found = journal(session)
    pages = [doc for name, doc in found if name == "event_page"]
    hops = [hop for page in pages for hop in page["data"]["seccm_hop_index"]]
    done = 1 + int(read_pv(f"{ioc.prefix}Hop:Count"))
    assert hops == list(range(done))
    stop = found[-1][1]
    assert stop["hops"] == {"done": done, "stored": done, "lost": 0}
    counts = {k: n for k, n in stop["hop_counts"].items() if k != "repeated"}
    assert sum(counts.values()) == done
    return stop


@pytest.mark.fault(53)
@pytest.mark.parametrize("end", ["abort", "stop", "halt"])
@pytest.mark.parametrize("paused", [False, True])
def test_the_engine_is_told_to_end(session, ioc, end, paused):
    engine = session.RE
    asked = engine.request_pause if paused else getattr(engine, end)
    with call_when_made(session, asked), pytest.raises(RunEngineInterrupted):
        engine(hop_fly(session.seccm, CurrentSample(), *GRID))
    if paused:
        getattr(engine, end)()
    assert is_safe(ioc)
    stop = assert_all_is_stored(session, ioc)
    assert stop["exit_status"] == ("success" if end == "stop" else "abort")


@pytest.mark.fault(53)
@pytest.mark.parametrize(
    ("fault", "error", "options"),
    [
        ("BadReadingRate", TooManyMissesError, {}),
        ("NoContactRate", TooManyMissesError, {}),
        ("SaturationRate", OverloadError, {"overload": "stop"}),
    ],
)
def test_too_many_bad_hops(session, ioc, strike, fault, error, options):
    plan = hop_fly(session.seccm, CurrentSample(), *GRID, **options)
    with call_when_made(session, lambda: strike(fault)), pytest.raises(error):
        session.RE(plan)
    assert is_safe(ioc)
    assert_all_is_stored(session, ioc)


@pytest.mark.fault(53)
def test_made_safe_by_another_client(session, ioc):
    def safe():
        with Instrument(ioc.prefix) as instrument:
            instrument.make_safe(20.0)

    plan = hop_fly(session.seccm, CurrentSample(), *GRID)
    with call_when_made(session, safe), pytest.raises(SeccmError):
        session.RE(plan)
    assert_all_is_stored(session, ioc)
    wait_for(lambda: read_pv(f"{ioc.prefix}IOC:Owner.VAL$"))
    session.seccm.rehome()


@pytest.mark.fault(53)
def test_a_scan_step_by_step_counts_alike(session):
    session.RE(hop_scan(session.seccm, CurrentSample(), 0, 1, 2, 0, 1, 2))
    assert journal(session)[-1][1]["hops"] == {"done": 4, "stored": 4, "lost": 0}


@pytest.fixture
def disk(monkeypatch):
    """Let the file of traces refuse hops, so many times, behind the first so many."""
    write = TraceFile.write_rows
    disk = SimpleNamespace(room=math.inf, refusals=math.inf)

    def write_or_refuse(self, first, name, arrays):
        if first + len(arrays) > disk.room and disk.refusals > 0:
            disk.refusals -= 1
            raise OSError(errno.ENOSPC, "No space left: no room for more traces")
        write(self, first, name, arrays)

    monkeypatch.setattr(TraceFile, "write_rows", write_or_refuse)
    return disk


@pytest.mark.fault(32)
def test_hops_whose_traces_are_refused_once_are_stored_as_the_run_ends(
    session, ioc, disk
):
    disk.room, disk.refusals = 60, 1
    with pytest.raises(OSError, match="no room for more traces"):
        session.RE(hop_fly(session.seccm, CurrentSample(), *GRID))
    assert is_safe(ioc)
    assert_all_is_stored(session, ioc)
    path = session.folder.journal_file(journal(session)[0][1]["uid"])
    assert not gaps(documents(path))
    assert not hop_traces(path)["i"].isnull().any()
    assert not any(session.folder.traces.glob("*.lines"))


@pytest.mark.fault(53)
def test_a_trip(session, ioc, strike):
    """The last one: what a tip is that has crashed, no further hop can tell."""
    plan = hop_fly(session.seccm, CurrentSample(), *GRID)
    with (
        call_when_made(session, lambda: strike("CrashNext")),
        pytest.raises(SeccmError, match="tripped"),
    ):
        session.RE(plan)
    assert is_safe(ioc)
    assert_all_is_stored(session, ioc)


@pytest.mark.fault(55)
@pytest.mark.parametrize("hops", [60, 140, 230])
def test_the_ioc_is_killed(module_profiles, tmp_path, hops):
    log = tmp_path / "hops.jsonl"
    ioc = RunningIOC("--hop-log", str(log))
    try:
        with open_session(
            prefix=ioc.prefix, data_dir=tmp_path / "data", catalogue=""
        ) as session:
            plan = hop_fly(session.seccm, CurrentSample(), *GRID)
            with (
                call_when_made(session, ioc.kill, hops),
                pytest.raises(SeccmError, match="tip state unknown"),
            ):
                session.RE(plan)
            found = journal(session)
    finally:
        ioc.close()
    done = log.read_text().count('"what": "hop"')
    stop = found[-1][1]
    assert hops < done
    assert 0 <= done - stop["hops"]["stored"] <= 50
    assert stop["hops"]["stored"] == stop["num_events"]["primary"]


def kill_scan(ioc, folder):
    """Fly, and kill the session between two pages; returns the data folder."""
    scan = start_scan(ioc.prefix, folder, FLY)
    wait_for_events(scan, 5)
    scan.kill()
    scan.communicate()
    return DataFolder(folder)


def stored(folder):
    """Read the indices of the hops that the only run of a folder has."""
    (path,) = folder.journal.glob("*.jsonl")
    return path, hops_in(path)


def hops_in(path):
    """Read the indices of the hops of a journal."""
    pages = [doc for name, doc in documents(path) if name == "event_page"]
    return [hop for page in pages for hop in page["data"]["seccm_hop_index"]]


@pytest.fixture
def logged_ioc(tmp_path):
    """Start an IOC that writes down its hops; gives it and what counts them."""
    log = tmp_path / "hops.jsonl"
    running = RunningIOC("--hop-log", str(log))
    yield running, lambda: log.read_text().count('"what": "hop"')
    running.close()


@pytest.mark.fault(54)
def test_the_session_is_killed_and_the_ioc_has_the_rest(logged_ioc, tmp_path):
    ioc, done = logged_ioc
    folder = kill_scan(ioc, tmp_path / "data")
    _, before = stored(folder)
    (left,) = fetch_left_hops(folder)
    path, hops = stored(folder)
    assert hops == list(range(done()))
    assert (left.fetched, left.lost, left.why) == (len(hops) - len(before), 0, "")
    traces = hop_traces(path)
    assert len(traces["i"]) == len(hops)
    assert not traces["i"].isnull().any()
    assert [again.fetched for again in fetch_left_hops(folder)] == [0]
    (result,) = recover(folder, fetch=fetch_left_hops)
    assert result.error is None
    stop = documents(path)[-1][1]
    assert stop["hops"] == {"done": done(), "stored": done(), "lost": 0}
    assert not folder.lines_file(result.uid).exists()
    assert fetch_left_hops(folder) == []


@pytest.mark.fault(54)
def test_the_rest_outlives_another_owner_and_its_lines(
    logged_ioc, tmp_path, module_profiles, caplog
):
    ioc, done = logged_ioc
    folder = kill_scan(ioc, tmp_path / "data")
    with open_session(
        prefix=ioc.prefix, data_dir=tmp_path / "other", catalogue=""
    ) as other:
        made = done()
        other.RE(hop_fly(other.seccm, CurrentSample(), 0, 1, 5, 0, 1, 2))
        (result,) = recover(folder, fetch=fetch_left_hops)
        assert "type seccm recover when it is free" in result.error
        assert other.seccm.owner.get() in result.error
    with open_session(prefix=ioc.prefix, data_dir=folder.root, catalogue=""):
        pass
    assert "hops were fetched from the IOC" in caplog.text
    assert stored(folder)[1] == list(range(made))


@pytest.mark.fault(54)
def test_the_session_and_its_ioc_are_killed(logged_ioc, tmp_path):
    ioc, done = logged_ioc
    folder = kill_scan(ioc, tmp_path / "data")
    ioc.kill()
    ioc.start()
    (left,) = fetch_left_hops(folder)
    path, hops = stored(folder)
    assert (left.fetched, left.later) == (0, False)
    assert "has restarted since" in left.why
    assert done() - len(hops) <= left.lost <= 100
    recover(folder, fetch=fetch_left_hops)
    stop = documents(path)[-1][1]
    assert stop["hops"]["lost_at_most"] == left.lost
    assert f"up to {left.lost} hops may be lost" in stop["reason"]


@pytest.mark.fault(32)
def test_a_disk_that_stays_full_leaves_the_rest_in_the_ioc(
    logged_ioc, module_profiles, tmp_path, disk, caplog
):
    ioc, done = logged_ioc
    disk.room = 130
    data = tmp_path / "data"
    with open_session(prefix=ioc.prefix, data_dir=data, catalogue="") as session:
        folder = session.folder
        with pytest.raises(OSError, match="no room for more traces"):
            session.RE(hop_fly(session.seccm, CurrentSample(), *GRID))
        assert is_safe(ioc)
        path, before = stored(folder)
        stop = documents(path)[-1][1]
        lost = done() - len(before)
        assert stop["hops"] == {"done": done(), "stored": len(before), "lost": lost}
        assert stop["num_events"]["primary"] == len(before)
        assert f"{lost} completed hops of the run are not stored" in caplog.text
        disk.room = math.inf
        session.RE(hop_fly(session.seccm, CurrentSample(), 0, 1, 5, 0, 1, 2))
    made = done() - 10
    (left,) = fetch_left_hops(folder)
    assert (left.fetched, left.lost, left.why) == (made - len(before), 0, "")
    assert hops_in(path) == list(range(made))
    assert not gaps(documents(path))
    traces = hop_traces(path)
    assert len(traces["i"]) == made
    assert not traces["i"].isnull().any()
    again = documents(path)[-1][1]
    assert again["hops"] == {"done": made, "stored": made, "lost": 0}
    assert again["num_events"]["primary"] == made
    assert sum(again["hop_counts"].values()) - again["hop_counts"]["repeated"] == made
    assert fetch_left_hops(folder) == []
    result = recover(folder, fetch=fetch_left_hops)[0]
    assert (result.uid, result.interrupted, result.error) == (path.stem, False, None)
    catalogue = SessionCatalogue(folder)
    assert hop_table(catalogue[path.stem]).sizes["hop"] == made


@pytest.mark.fault(53)
def test_an_ioc_that_knows_no_acknowledgement(module_profiles, tmp_path):
    optional = ("Hop:Window", "Hop:Acknowledge", "Hop:Kept", "Hop:FetchLine")
    process = start_partial_ioc("OLD:", *optional)
    try:
        with open_session(prefix="OLD:", data_dir=tmp_path, catalogue="") as session:
            session.RE(hop_fly(session.seccm, CurrentSample(), 0, 1, 9, 0, 1, 9))
            stop = journal(session)[-1][1]
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
    assert stop["hops"] == {"done": 81, "stored": 81, "lost": 0}
