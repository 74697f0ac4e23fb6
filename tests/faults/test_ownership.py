"""Who drives, who may write, and an operator in any shell."""

import contextlib
import getpass
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from seccm_ophyd.errors import SeccmError
from seccm_ophyd.plans import hop_list, hop_scan
from seccm_ophyd.session import open_session
from seccm_ophyd.storage.data_folder import DataFolder
from seccm_ophyd.storage.journal.reader import documents
from seccm_ophyd.storage.recover import recover
from seccm_ophyd.techniques import CurrentSample
from tests.faults.phases import start_scan, wait_for_events
from tests.iocs import RunningIOC, wait_for
from tests.system.conftest import read_pv

pytestmark = pytest.mark.system


def seccm(*arguments):
    """Run the command line; the process that has ended, with its duration (s)."""
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "seccm_ophyd.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    done.duration = time.monotonic() - start
    return done


def said(ioc):
    return read_pv(f"{ioc.prefix}IOC:ErrorMessage.VAL$")


@pytest.mark.fault(35)
def test_two_clients_on_one_ioc(ioc, tmp_path):
    process = start_scan(ioc.prefix, tmp_path / "first")
    try:
        wait_for_events(process, 3)
        with pytest.raises(SeccmError, match=f"is driven by .* pid {process.pid} "):
            open_session(prefix=ioc.prefix, data_dir=tmp_path / "second", catalogue="")
        wait_for_events(process, 3)
        done = seccm("safe", "--prefix", ioc.prefix, "--data", tmp_path)
        assert done.returncode == 0, done.stderr
        assert f"pid {process.pid} " in done.stdout
        told = process.communicate(timeout=60)[1]
        # lost, stopped amid a command, or refused one on the way to SAFE
        ends = ("InstrumentLostError", "StoppedError", "is being made SAFE")
        assert any(end in told for end in ends), told
        assert read_pv(f"{ioc.prefix}IOC:Tripped") in (0, "no")
    finally:
        process.kill()
        process.communicate()
    wait_for(lambda: "WITHDRAWN" in ioc.caproto("get", "Z:State"))


@pytest.mark.fault(36)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("XY:X", "1"),
        ("XY:X.VELO", "5"),
        ("Z:Z", "60"),
        ("Z:Threshold", "3"),
        ("Z:Approach", "7"),
        ("Clamp:HoldingPotential", "0.5"),
        ("Clamp:Mode", "1"),
        ("IOC:Heartbeat", "1"),
        ("IOC:Owner", "me"),
    ],
)
def test_someone_writes_with_caput(owned, name, value):
    session, ioc = owned
    before = ioc.caproto("get", name)
    ioc.caproto("put", name, value, check=False)
    assert "holds the lease" in said(ioc)
    # the owner itself goes on writing its heartbeat
    assert name == "IOC:Heartbeat" or ioc.caproto("get", name) == before
    assert session.seccm.owner.get() == session.seccm.driver


@pytest.mark.fault(36)
def test_someone_stops_with_caput(owned):
    _, ioc = owned
    for name in ("Z:Stop", "Clamp:Stop", "XY:X.STOP", "Z:Z.STOP", "IOC:MakeSafe"):
        ioc.caproto("put", name, "1")
    wait_for(lambda: "[1]" in ioc.caproto("get", "IOC:MakeSafeDone"))


@pytest.mark.fault(36)
def test_a_refused_write_does_not_disturb_a_scan(session, ioc):
    """The motor of the owner is not told that its move is over."""
    writer = subprocess.Popen(
        [sys.executable, "-c", FLOOD, f"{ioc.prefix}XY:X"], stdout=subprocess.PIPE
    )
    try:
        assert writer.stdout.readline()
        m = session.seccm
        (uid,) = session.RE(hop_scan(m, CurrentSample(), -2, 2, 7, -2, 2, 7))
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()
    stop = [d for n, d in documents(session.folder.journal_file(uid)) if n == "stop"]
    assert stop[0]["num_events"] == {"primary": 49}
    assert "holds the lease" in said(ioc)


FLOOD = """
import sys, time
import seccm_ophyd
from caproto.threading.client import Context, SharedBroadcaster
pv, = Context(SharedBroadcaster()).get_pvs(sys.argv[1])
pv.wait_for_connection(timeout=10)
print("writing", flush=True)
while True:
    pv.write([3.0], wait=False)
    time.sleep(0.01)
"""


@pytest.fixture(scope="module")
def owned(tmp_path_factory, module_profiles):
    """Open a session on an IOC, for tests that leave it as it was."""
    ioc = RunningIOC()
    folder = tmp_path_factory.mktemp("owned")
    with (
        contextlib.closing(ioc),
        open_session(prefix=ioc.prefix, data_dir=folder, catalogue="") as session,
    ):
        yield session, ioc


@pytest.mark.fault(41)
def test_strangers_may_only_read(tmp_path):
    me = f"{getpass.getuser()}@{socket.gethostname()}"
    ioc = RunningIOC("--allow", "nobody@nowhere")
    try:
        ioc.caproto("put", "Clamp:HoldingPotential", "0.5", check=False)
        assert "[0]" in ioc.caproto("get", "Clamp:HoldingPotential")
        with pytest.raises((SeccmError, Exception), match=r"driven by no|write|ead"):
            open_session(prefix=ioc.prefix, data_dir=tmp_path / "refused", catalogue="")
    finally:
        ioc.close()
    ioc = RunningIOC("--allow", "nobody@nowhere", me)
    try:
        with open_session(
            prefix=ioc.prefix, data_dir=tmp_path / "data", catalogue=""
        ) as session:
            session.RE(hop_list(session.seccm, CurrentSample(), [(0, 0)]))
    finally:
        ioc.close()


@pytest.mark.fault(35)
def test_the_state_of_an_instrument_from_any_shell(owned):
    session, ioc = owned
    session.seccm.rehome()  # others have made it SAFE
    session.RE(hop_list(session.seccm, CurrentSample(), [(0, 0)]))
    folder = session.folder.root
    done = seccm("status", "--data", folder)  # finds the prefix by the open session
    assert done.returncode == 0, done.stderr
    assert ioc.prefix in done.stdout
    assert session.seccm.driver in done.stdout
    assert "WITHDRAWN" in done.stdout
    assert "hop_list" in done.stdout
    done = seccm("safe", "--data", folder)
    assert (done.returncode, done.duration < 5.0) == (0, True), done.stderr
    assert "now         SAFE" in done.stdout


@pytest.mark.fault(27)
def test_an_instrument_that_cannot_be_made_safe_is_told(tmp_path):
    ioc = RunningIOC()
    try:
        ioc.freeze()
        done = seccm("safe", "--prefix", ioc.prefix, "--data", tmp_path)
        assert (done.returncode, done.duration < 7.0) == (1, True)
        assert "tip state unknown" in done.stderr
    finally:
        ioc.close()
    done = seccm("safe", "--data", tmp_path)
    assert (done.returncode, "--prefix" in done.stderr) == (1, True)


def kill_a_session(ioc, folder, hops, delay):
    """Kill a scan after some hops; check SAFE, the hops, and a session after it."""
    process = start_scan(ioc.prefix, folder)
    seen = 0
    for line in process.stdout:
        seen += line.strip() == "event"
        if seen == hops:
            break
    time.sleep(delay)  # wherever in a hop that is
    os.kill(process.pid, signal.SIGKILL)
    killed = time.monotonic()
    rest, _ = process.communicate()
    seen += rest.splitlines().count("event")
    wait_for(lambda: "WITHDRAWN" in ioc.caproto("get", "Z:State"), 3.0 + 2.0)
    assert time.monotonic() - killed < 3.0 + 2.0, "2 s for the tool that asks"
    wait_for(lambda: "[0]" in ioc.caproto("get", "Clamp:HoldingPotential"))
    assert "lost its connection" in said(ioc)
    (result,) = recover(DataFolder(folder))
    assert result.interrupted
    assert result.error is None
    assert result.num_events["primary"] >= seen
    with open_session(prefix=ioc.prefix, data_dir=folder, catalogue="") as session:
        session.RE(hop_list(session.seccm, CurrentSample(), [(0, 0)]))


@pytest.mark.slow
@pytest.mark.fault(28)
def test_the_session_is_killed(ioc, tmp_path):
    kill_a_session(ioc, tmp_path / "data", 20, 0.005)


@pytest.mark.fault(28)
@pytest.mark.soak
@pytest.mark.timeout(900)
def test_the_session_is_killed_at_twenty_moments(ioc, tmp_path):
    rng = np.random.default_rng(28)
    for k in range(20):
        hops, delay = int(rng.integers(1, 60)), float(rng.uniform(0, 0.03))
        kill_a_session(ioc, tmp_path / str(k), hops, delay)


def kill_the_ioc(ioc, folder, delay):
    """Kill the IOC in a scan; nothing made up, and the next run works."""
    process = start_scan(ioc.prefix, folder)
    wait_for_events(process, 10)
    time.sleep(delay)
    ioc.kill()
    seen = 10 + process.communicate(timeout=60)[0].splitlines().count("event")
    (path,) = DataFolder(folder).journal.glob("*.jsonl")
    stored = list(documents(path))
    heights = [
        doc["data"]["seccm_z_contact_height"] for name, doc in stored if name == "event"
    ]
    assert len(heights) == seen
    assert np.isfinite(heights).all()
    assert stored[-1][1]["exit_status"] == "fail"
    ioc.start()
    assert "WITHDRAWN" in ioc.caproto("get", "Z:State")
    with open_session(prefix=ioc.prefix, data_dir=folder, catalogue="") as session:
        session.RE(hop_list(session.seccm, CurrentSample(), [(0, 0)]))


@pytest.mark.slow
@pytest.mark.fault(1, 28)
@pytest.mark.parametrize("delay", [0.0, 0.013])
def test_the_ioc_is_killed(ioc, tmp_path, delay):
    kill_the_ioc(ioc, tmp_path / "data", delay)


@pytest.mark.fault(1, 28)
@pytest.mark.soak
@pytest.mark.timeout(600)
def test_the_ioc_is_killed_at_ten_moments(ioc, tmp_path):
    for k, delay in enumerate(np.random.default_rng(1).uniform(0, 0.03, 10)):
        kill_the_ioc(ioc, tmp_path / str(k), float(delay))
