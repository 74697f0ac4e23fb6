"""A session stands still past its lease and wakes when another one drives."""

import signal

import pytest

from seccm_ophyd.errors import SeccmError
from seccm_ophyd.plans import hop_fly, hop_scan
from seccm_ophyd.session import open_session
from seccm_ophyd.storage.data_folder import DataFolder
from seccm_ophyd.storage.journal.reader import documents
from seccm_ophyd.techniques import CurrentSample
from tests.faults.phases import SCAN, start_scan
from tests.iocs import RunningIOC, wait_for
from tests.system.conftest import read_pv

pytestmark = pytest.mark.system

LEASE_S = 1.0
PLANS = {"hop_scan": hop_scan, "hop_fly": hop_fly}


@pytest.fixture
def ioc():
    running = RunningIOC(time_scale=0.1)
    running.caproto("put", "IOC:LeaseTime", str(LEASE_S))
    yield running
    running.close()


def stop_of(folder, uid=None):
    journal = DataFolder(folder).journal
    (path,) = journal.glob("*.jsonl") if uid is None else [journal / f"{uid}.jsonl"]
    (stop,) = [doc for name, doc in documents(path) if name == "stop"]
    return stop


@pytest.mark.fault(59)
@pytest.mark.parametrize("plan", PLANS)
def test_the_scan_of_the_new_owner_goes_on(ioc, tmp_path, plan):
    code = SCAN.replace("hop_scan", plan).replace("5, 100, -5", "5, 8, -5")
    old = start_scan(ioc.prefix, tmp_path / "old", code)
    try:
        assert any(line.startswith("event") for line in old.stdout)  # or event_page
        old.send_signal(signal.SIGSTOP)
        wait_for(lambda: not read_pv(f"{ioc.prefix}IOC:Owner.VAL$"))
        with open_session(
            prefix=ioc.prefix, data_dir=tmp_path / "new", catalogue=""
        ) as session:

            def wake(name, doc):
                if name in ("event", "event_page"):
                    old.send_signal(signal.SIGCONT)

            session.RE.subscribe(wake)
            grid = (-1, 1, 8, -1, 1, 8)
            (uid,) = session.RE(PLANS[plan](session.seccm, CurrentSample(), *grid))
            told, driver = old.communicate(timeout=60)[1], session.seccm.driver
            assert session.seccm.owner.get() == driver
        assert stop_of(tmp_path / "new", uid)["num_events"] == {"primary": 64}
        assert stop_of(tmp_path / "new", uid)["exit_status"] == "success"
        assert stop_of(tmp_path / "old")["exit_status"] == "fail"
        assert "InstrumentLostError" in told, told
        assert f"is driven by {driver} now, this session stood still" in told, told
    finally:
        old.kill()
        old.communicate()


@pytest.mark.fault(60)
def test_the_instrument_is_free_after_an_idle_session_was_lost(ioc, tmp_path):
    """Its connection stays half open."""
    idle = start_scan(ioc.prefix, tmp_path / "idle", IDLE)
    try:
        assert "open" in idle.stdout.readline()
        idle.send_signal(signal.SIGSTOP)  # as one that is gone: nothing is closed
        for attempt in range(3):
            folder = tmp_path / str(attempt)
            wait_for(lambda folder=folder: opens(ioc, folder), 5 * LEASE_S)
    finally:
        idle.kill()
        idle.communicate()


def opens(ioc, folder):
    try:
        open_session(prefix=ioc.prefix, data_dir=folder, catalogue="").close()
    except SeccmError:
        return False
    return True


IDLE = """
import sys, time
from seccm_ophyd.session import open_session
with open_session(prefix=sys.argv[1], data_dir=sys.argv[2], catalogue="") as s:
    print("open", flush=True)
    time.sleep(600)
"""
