"""An IOC that runs already: standard clients by hand, sessions that come and go."""

import gc
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from functools import partialmethod
from pathlib import Path

import pytest
from ophyd import EpicsSignalRO
from ophyd._caproto_shim import PV

from seccm_ophyd.channel_access import free_simulator_port, uses_libca
from seccm_ophyd.devices import Microscope
from seccm_ophyd.devices.microscope import CONNECT_TIMEOUT_S
from seccm_ophyd.errors import SeccmError
from seccm_ophyd.plans import hop_list
from seccm_ophyd.session import open_session
from seccm_ophyd.techniques import CurrentSample
from tests.iocs import RunningIOC

from .conftest import read_pv

pytestmark = pytest.mark.system

BIN = Path(sys.executable).parent

SCAN = """
import sys
from seccm_ophyd.session import open_session
from seccm_ophyd.plans import hop_scan
from seccm_ophyd.techniques import CurrentSample
with open_session(prefix=sys.argv[1], data_dir=sys.argv[2]) as s:
    s.RE.subscribe(lambda name, doc: print(name, flush=True))
    s.RE(hop_scan(s.seccm, CurrentSample(), -5, 5, 100, -5, 5, 100))
"""


@pytest.fixture(scope="module")
def ioc():
    """Start `seccm ioc` as a facility would, and give its prefix and port."""
    prefix, port = f"LAB{uuid.uuid4().hex[:6]}:", free_simulator_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "seccm_ophyd.cli", "ioc", "--prefix", prefix),
            *("--port", str(port), "--time-scale", "0", "--seed", "4"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert "ready" in process.stdout.readline()
    yield prefix, port
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    process.stdout.close()


def caproto(tool, port, *arguments):
    """Run a standard caproto tool as a person in a shell does."""
    environment = {
        **os.environ,
        "EPICS_CA_ADDR_LIST": f"127.0.0.1:{port}",
        "EPICS_CA_AUTO_ADDR_LIST": "NO",
    }
    done = subprocess.run(
        [BIN / f"caproto-{tool}", "--no-repeater", "--timeout", "10", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=True,
    )
    return done.stdout


def wait_for(condition, timeout_s=20.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_approach_by_hand_with_standard_clients(ioc):
    prefix, port = ioc
    caproto("put", port, f"{prefix}Clamp:HoldingPotential", "0.65")
    caproto("put", port, f"{prefix}Z:Approach", "1")
    wait_for(lambda: "1" in caproto("get", port, f"{prefix}Z:ApproachDone"))
    assert "CONTACT" in caproto("get", port, f"{prefix}Z:State")
    landing = caproto("get", port, f"{prefix}Z:Landing")
    assert len(re.findall(r"[-\d.e+]+", landing)) >= 10
    caproto("put", port, f"{prefix}XY:X", "3")
    refusal = caproto("get", port, f"{prefix}IOC:ErrorMessage")
    assert "XY:X" in refusal
    caproto("put", port, f"{prefix}Clamp:Acquire", "1")
    wait_for(lambda: "1" in caproto("get", port, f"{prefix}Clamp:AcquireDone"))
    monitor = subprocess.Popen(
        [BIN / "caproto-monitor", "--no-repeater", f"{prefix}Z:State"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "EPICS_CA_ADDR_LIST": f"127.0.0.1:{port}"},
    )
    assert "CONTACT" in monitor.stdout.readline()
    caproto("put", port, f"{prefix}Z:Withdraw", "1")
    assert "WITHDRAWING" in monitor.stdout.readline()
    assert "WITHDRAWN" in monitor.stdout.readline()
    monitor.kill()
    monitor.wait()
    monitor.stdout.close()


def test_a_session_takes_the_lease_and_gives_it_back(ioc, tmp_path):
    prefix, _ = ioc
    with open_session(simulator=False, prefix=prefix, data_dir=tmp_path) as session:
        (uid,) = session.RE(hop_list(session.seccm, CurrentSample(), [(0, 0), (1, 1)]))
        assert session.catalog[uid].metadata["start"]["instrument"] == prefix
        owner = session.seccm.owner.get()
        assert f" pid {os.getpid()} " in owner
        with pytest.raises(SeccmError, match=re.escape(f"is driven by {owner}")):
            open_session(prefix=prefix, data_dir=tmp_path / "other")
        assert session.seccm.owner.get() == owner
    assert read_pv(f"{prefix}IOC:Owner") == ""
    assert read_pv(f"{prefix}Z:State") == 0  # WITHDRAWN


def test_a_second_session_on_the_same_data_folder_is_refused(ioc, tmp_path):
    prefix, _ = ioc
    with (
        open_session(prefix=prefix, data_dir=tmp_path),
        pytest.raises(SeccmError, match=f"held by process {os.getpid()}"),
    ):
        open_session(prefix=prefix, data_dir=tmp_path)


def test_when_the_client_dies_the_ioc_makes_itself_safe(ioc, tmp_path, module_profiles):
    prefix, _ = ioc
    process = subprocess.Popen(
        [sys.executable, "-c", SCAN, prefix, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    seen = 0
    for line in process.stdout:
        seen += line.strip() == "event"
        if seen == 5:
            break
    while True:  # until it is caught with the probe down
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(0.1)  # the IOC ends what it does
        if read_pv(f"{prefix}Z:State") == 2:  # CONTACT
            break
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    died = time.monotonic()
    wait_for(lambda: read_pv(f"{prefix}Z:State") == 0)
    assert time.monotonic() - died < 3.0, "not only when the lease has lapsed"
    assert read_pv(f"{prefix}Clamp:HoldingPotential") == 0.0
    assert read_pv(f"{prefix}IOC:Owner") == ""
    assert "lost its connection" in read_pv(f"{prefix}IOC:ErrorMessage.VAL$")


def test_an_ioc_that_is_not_there_is_told_within_seconds(tmp_path, monkeypatch):
    assert CONNECT_TIMEOUT_S < 10.0
    monkeypatch.setattr(Microscope, "connect", partialmethod(Microscope.connect, 0.5))
    with pytest.raises(SeccmError, match=r"PVs of NONE: do not answer.*does its IOC"):
        open_session(prefix="NONE:", data_dir=tmp_path)


def test_no_simulator_without_a_prefix_is_refused(tmp_path):
    with pytest.raises(SeccmError, match="needs a prefix"):
        open_session(simulator=False, data_dir=tmp_path)


def live_devices():
    gc.collect()
    # by type: isinstance() asks weak proxies, whose object may have gone
    return sum(issubclass(type(thing), Microscope) for thing in gc.get_objects())


@pytest.mark.skipif(uses_libca(), reason="libca keeps its channels")
def test_sessions_that_have_closed_leave_nothing(tmp_path):
    """An IOC of its own: what listens to the other one keeps its connection."""
    ioc = RunningIOC()
    before = live_devices()
    connections = set(PV.default_context().circuit_managers)
    try:
        for _ in range(2):
            folder = tmp_path / "data"
            with open_session(prefix=ioc.prefix, data_dir=folder, catalogue=""):
                assert set(PV.default_context().circuit_managers) > connections
            assert set(PV.default_context().circuit_managers) == connections
            assert live_devices() == before
        state = EpicsSignalRO(f"{ioc.prefix}Z:State", name="state")
        state.wait_for_connection(timeout=20)
        with open_session(prefix=ioc.prefix, data_dir=folder, catalogue=""):
            pass
        assert state.connected  # another one that listens is not cut off
        assert state.get() == 0
    finally:
        ioc.close()
