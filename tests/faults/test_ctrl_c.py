"""Ctrl-C at a terminal, SIGTERM and SIGHUP to a session."""

import contextlib
import signal
import time

import pytest

from seccm_ophyd.analysis import list_runs
from seccm_ophyd.storage import DataFolder, journals
from seccm_ophyd.storage.journal.reader import documents
from seccm_ophyd.storage.locks import held
from tests.faults.phases import start_scan, wait_for_events
from tests.faults.safety import is_safe, wait_until_safe
from tests.faults.terminals import Terminal
from tests.iocs import RunningIOC
from tests.system.conftest import read_pv

pytestmark = pytest.mark.system

PROMPT = """
import sys
from seccm_ophyd.session import open_session
from seccm_ophyd.plans import hop_scan
from seccm_ophyd.techniques import CurrentSample
s = open_session(prefix=sys.argv[1], data_dir=sys.argv[2], catalogue="")
RE = s.RE
RE.subscribe(lambda name, doc: print("<hop>", flush=True), "event")
print("the session", "is open")
"""
SCAN = "RE(hop_scan(s.seccm, CurrentSample(), -5, 5, 100, -5, 5, 100))"


@pytest.fixture(scope="module")
def ioc():
    running = RunningIOC(time_scale=0.5)
    yield running
    running.close()


@pytest.fixture(scope="module")
def terminal(ioc, module_profiles, tmp_path_factory):
    """Open one prompt for all tests: the next scan works after each abort."""
    opened = Terminal(PROMPT, ioc.prefix, str(tmp_path_factory.mktemp("prompt")))
    with contextlib.closing(opened):
        opened.wait_for("the session is open", timeout_s=120)
        yield opened


@pytest.mark.fault(22, 23)
@pytest.mark.parametrize(
    ("times", "apart_s"),
    [(1, 0.0), (2, 0.001), (2, 0.3), (11, 0.001), (11, 0.15)],
    ids=["once", "bouncing", "twice", "a held key", "in anger"],
)
def test_ctrl_c_pauses_and_leaves_the_instrument_safe(ioc, terminal, times, apart_s):
    terminal.type(SCAN)
    terminal.wait_for("<hop>", 3)
    for _ in range(times):
        terminal.press()
        time.sleep(apart_s)
    terminal.wait_for("RE.abort()")  # what bluesky says when it has paused
    assert is_safe(ioc)
    terminal.type("print('it is', RE.state)")
    terminal.wait_for("it is paused")
    terminal.type("RE.resume()")
    terminal.wait_for("<hop>", 3)
    terminal.press()
    terminal.wait_for("RE.abort()")
    terminal.type("print('ended with', len(RE.abort()), 'run')")
    terminal.wait_for("ended with 1 run")
    assert is_safe(ioc)
    assert read_pv(f"{ioc.prefix}Sim:LateralTouches") == 0
    assert read_pv(f"{ioc.prefix}IOC:Tripped") in (0, "no")


def test_the_prompt_is_left_in_order(ioc, terminal):
    terminal.close()
    assert terminal.process.returncode == 0
    assert read_pv(f"{ioc.prefix}IOC:Owner.VAL$") == ""


@pytest.mark.fault(29)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=str)
def test_a_signal_ends_the_session_in_order(ioc, tmp_path, number):
    folder = DataFolder(tmp_path)
    process = start_scan(ioc.prefix, folder.root)
    with process:
        wait_for_events(process, 3)
        process.send_signal(number)
        _, told = process.communicate(timeout=90)
    assert process.returncode == -number
    assert f"{number.name}: the session ends" in told
    wait_until_safe(ioc, 3.0)
    assert read_pv(f"{ioc.prefix}IOC:Owner.VAL$") == ""
    assert not held(folder.session_lock)
    (run,) = journals(folder)
    assert list(documents(run.path))[-1][1]["exit_status"] == "abort"
    assert list_runs(folder.root)
