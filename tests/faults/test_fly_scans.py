"""A fly scan ends early: what the IOC has completed is in the run."""

import pytest
from bluesky.utils import RunEngineInterrupted
from ophyd import EpicsSignal

from seccm_ophyd.errors import OverloadError, SeccmError, TooManyMissesError
from seccm_ophyd.operate import Instrument
from seccm_ophyd.plans import hop_fly, hop_scan
from seccm_ophyd.session import open_session
from seccm_ophyd.storage.follower import documents
from seccm_ophyd.techniques import CurrentSample
from tests.faults.phases import call_when_made
from tests.faults.safety import is_safe
from tests.iocs import RunningIOC, wait_for
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
