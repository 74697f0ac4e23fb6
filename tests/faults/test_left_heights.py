"""Heights that an adaptive scan has left in the IOC lift no later probe."""

import contextlib
import os
import signal
import subprocess
import sys

import pytest
from bluesky.utils import RunEngineInterrupted

from seccm_ophyd.plans import hop_scan
from seccm_ophyd.schema import UNKNOWN_HEIGHT_UM as UNKNOWN
from seccm_ophyd.session import open_session
from seccm_ophyd.techniques import CurrentSample
from tests.iocs import wait_for
from tests.system.conftest import read_pv

pytestmark = [pytest.mark.system, pytest.mark.fault(68)]

KILLED = """
import os, signal, sys
from seccm_ophyd.plans import hop_scan
from seccm_ophyd.schema import UNKNOWN_HEIGHT_UM as UNKNOWN
from seccm_ophyd.session import open_session
from seccm_ophyd.techniques import CurrentSample
with open_session(prefix=sys.argv[1], data_dir=sys.argv[2], catalogue="") as s:
    def kill(name, doc):
        if s.seccm.z.travel_height.get() < 100:
            os.kill(os.getpid(), signal.SIGKILL)
    s.RE.subscribe(kill, "event")
    s.RE(hop_scan(s.seccm, CurrentSample(), -1, 1, 5, -1, 1, 5, adaptive=True))
"""


def heights(m):
    signals = (m.z.travel_height, m.z.slow_height)
    return tuple(signal.get(use_monitor=False) for signal in signals)


def adaptive(m):
    return hop_scan(m, CurrentSample(), -1, 1, 5, -1, 1, 5, adaptive=True)


def test_those_of_a_session_that_was_killed(ioc, tmp_path):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, ioc.prefix, str(tmp_path / "killed")],
        env=os.environ,
        timeout=120,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    wait_for(ioc.seen_safe)
    assert read_pv(f"{ioc.prefix}Z:TravelHeight") < UNKNOWN
    opened = open_session(prefix=ioc.prefix, data_dir=tmp_path / "next", catalogue="")
    with contextlib.closing(opened):
        assert heights(opened.seccm) == (UNKNOWN, UNKNOWN)


def test_those_of_a_scan_that_was_halted(session, ioc):
    m = session.seccm

    def pause(name, doc):
        if heights(m)[0] < UNKNOWN:
            session.RE.request_pause()

    session.RE.subscribe(pause, "event")
    with pytest.raises(RunEngineInterrupted):
        session.RE(adaptive(m))
    assert heights(m)[0] < UNKNOWN
    session.RE.halt()
    assert heights(m) == (UNKNOWN, UNKNOWN)
    assert read_pv(f"{ioc.prefix}Sim:LateralTouches") == 0


def test_those_of_a_scan_that_lost_the_instrument(session):
    m = session.seccm
    m.z.set((1.0, 0.5)).wait(5)
    m.link.lose("is not connected")
    m.rehome()
    assert heights(m) == (UNKNOWN, UNKNOWN)
