"""Catching a hop in one of its phases."""

import contextlib
import os
import subprocess
import sys
import threading
import time

from seccm_ophyd.techniques import Chronoamperometry

PHASES = ("approach", "contact", "retract", "xy")

# slow enough, with SLOW_HOP, that each phase of a hop can be caught
SCALE = 0.3
SLOW_HOP = Chronoamperometry(duration_s=2.0, sample_rate_hz=1000)

SCAN = """
import sys
from seccm_ophyd.session import open_session
from seccm_ophyd.plans import hop_scan
from seccm_ophyd.techniques import CurrentSample
with open_session(prefix=sys.argv[1], data_dir=sys.argv[2], catalogue="") as s:
    s.RE.subscribe(lambda name, doc: print(name, flush=True))
    s.RE(hop_scan(s.seccm, CurrentSample(), -5, 5, 100, -5, 5, 100))
"""


FLY = """
import sys
from seccm_ophyd.session import open_session
from seccm_ophyd.plans import hop_fly
from seccm_ophyd.techniques import CurrentSample
with open_session(prefix=sys.argv[1], data_dir=sys.argv[2], catalogue="") as s:
    s.RE.subscribe(lambda name, doc: print(name.replace("_page", ""), flush=True))
    s.RE(hop_fly(s.seccm, CurrentSample(), -5, 5, 60, -5, 5, 60))
"""


def slow_stages(m):
    """Let withdrawals and XY moves take a second or so."""
    m.z.withdraw_rate.put(2.0, wait=True)
    m.xy.x.velocity.put(1.0, wait=True)


class Caught:
    """Calls something, in a thread, once a phase has begun after `hops` events.

    `recorded` hops are on disk by then: the probe is withdrawn from a contact while its
    event is recorded, so that in the phase "retract" it is one more.
    """

    def __init__(self, session, phase, action, *, hops=1):
        m = session.seccm
        self.recorded = hops + (phase == "retract")
        self.at = None
        self._action, self._left, self._done = action, hops, threading.Event()
        session.RE.subscribe(self._count, "event")
        signal, word = {
            "approach": (m.z.state, "APPROACHING"),
            "contact": (m.z.state, "CONTACT"),
            "retract": (m.z.state, "WITHDRAWING"),
            "xy": (m.xy.x.motor_is_moving, 1),
        }[phase]
        self._word = word
        signal.subscribe(self._changed, run=False)

    def _count(self, name, doc):
        self._left -= 1

    def _changed(self, value=None, **kwargs):
        if value == self._word and self._left <= 0 and self.at is None:
            self.at = time.monotonic()
            threading.Timer(0.1, self._act).start()

    def _act(self):
        self.at = time.monotonic()
        self._action()
        self._done.set()

    def wait(self):
        assert self._done.wait(20)


@contextlib.contextmanager
def call_when_made(session, action, hops=80):
    """Call something, in a thread, once the IOC has made so many hops of a line."""
    begun, thread = threading.Event(), None

    def made(value=0, **kwargs):
        nonlocal thread
        if value >= hops and not begun.is_set():
            begun.set()
            thread = threading.Thread(target=action)
            thread.start()

    counter = session.seccm.line.hops
    token = counter.subscribe(made, run=False)
    try:
        yield
    finally:
        counter.unsubscribe(token)
        assert begun.is_set(), f"no line of {hops} hops"
        thread.join(20)


def start_scan(prefix, folder, code=SCAN):
    """Scan in a process of its own, whose lines tell the documents."""
    return subprocess.Popen(
        [sys.executable, "-u", "-c", code, prefix, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )


def wait_for_events(process, count):
    """Read the lines of a scan until so many more events have come."""
    for line in process.stdout:
        count -= line.strip() == "event"
        if count <= 0:
            return
    raise AssertionError(process.stderr.read())
