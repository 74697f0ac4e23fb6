"""The network fails, or sends what no client of Channel Access would."""

import contextlib
import random
import socket
import struct
import time
from pathlib import Path

import pytest

from seccm_ophyd.analysis import hop_map
from seccm_ophyd.devices.link import SILENCE_S
from seccm_ophyd.errors import InstrumentLostError
from seccm_ophyd.plans import hop_fly, hop_list, hop_scan
from seccm_ophyd.session import open_session
from seccm_ophyd.storage.journal.reader import documents
from seccm_ophyd.techniques import CurrentSample
from tests.faults.phases import (
    PHASES,
    SCALE,
    SLOW_HOP,
    Caught,
    call_when_made,
    slow_stages,
)
from tests.faults.proxy import Network
from tests.faults.safety import wait_until_safe
from tests.iocs import RunningIOC, wait_for

pytestmark = pytest.mark.system

POINTS = [(0, 0), (2, 0), (0, 0), (2, 0)]


def unsearched_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def distant_ioc():
    """Start an IOC that clients reach through the network only."""
    running = RunningIOC(time_scale=SCALE, port=unsearched_port())
    yield running
    running.close()


@pytest.fixture
def network(distant_ioc):
    with contextlib.closing(Network(distant_ioc.port)) as opened:
        yield opened


@pytest.fixture
def distant_session(distant_ioc, network, tmp_path):
    with contextlib.closing(
        open_session(
            prefix=distant_ioc.prefix, data_dir=tmp_path / "data", catalogue=""
        )
    ) as opened:
        yield opened


def lose_in(session, phase, action, bound_s):
    """Scan until the network is lost in a phase; the run must know it in time."""
    m = session.seccm
    slow_stages(m)
    caught = Caught(session, phase, action)
    with pytest.raises(InstrumentLostError, match="tip state unknown"):
        session.RE(hop_list(m, SLOW_HOP, POINTS))
    assert m.link.lost
    (path,) = session.folder.journal.glob("*.jsonl")
    stored = list(documents(path))
    made = [name for name, _ in stored].count("event")
    assert made == caught.recorded, "no point is made up"
    assert stored[-1][1]["exit_status"] == "fail"
    assert time.time() - stored[-1][1]["time"] < 60.0
    lost_after = time.monotonic() - caught.at
    assert lost_after < bound_s, "the run ends in time, with all its cleaning up"


@pytest.mark.slow
@pytest.mark.fault(7)
@pytest.mark.parametrize("phase", PHASES)
def test_the_network_is_cut_in_a_hop(distant_ioc, network, distant_session, phase):
    lose_in(distant_session, phase, network.cut, 20.0)
    wait_for(distant_ioc.seen_safe)  # asked directly, not through the network
    network.mend()
    m = distant_session.seccm
    m.rehome()
    (uid,) = distant_session.RE(hop_list(m, CurrentSample(), POINTS[:2]))
    (stop,) = [
        doc
        for name, doc in documents(distant_session.folder.journal_file(uid))
        if name == "stop"
    ]
    assert stop["exit_status"] == "success"


@pytest.mark.slow
@pytest.mark.fault(7)
def test_a_cable_is_pulled_in_a_hop(distant_ioc, network, distant_session):
    """Nobody closes a connection: only the silence tells."""
    lose_in(distant_session, "contact", network.fall_silent, SILENCE_S + 25.0)
    wait_for(distant_ioc.seen_safe)  # asked directly, not through the network


@pytest.mark.slow
@pytest.mark.fault(57)
@pytest.mark.parametrize("plan", ["hop_list", "hop_fly"])
def test_the_owner_hears_nothing_any_more(distant_ioc, network, distant_session, plan):
    """Its heartbeats would still arrive."""
    m, beats = distant_session.seccm, []
    put = m.heartbeat.put
    m.heartbeat.put = lambda *a, **k: (beats.append(time.monotonic()), put(*a, **k))
    cut_at, made_safe = [], []

    def cut_and_watch():
        network.cut_towards("client")
        cut_at.append(time.monotonic())
        wait_for(distant_ioc.seen_safe, 15.0)
        made_safe.append(time.monotonic())

    if plan == "hop_list":
        Caught(distant_session, "contact", cut_and_watch)
        cutting, moves = contextlib.nullcontext(), hop_list(m, SLOW_HOP, POINTS)
    else:
        cutting = call_when_made(distant_session, cut_and_watch, hops=1)
        moves = hop_fly(m, SLOW_HOP, -1, 1, 3, -1, 1, 3)
    with (
        cutting,
        pytest.raises(InstrumentLostError, match="tip state unknown"),
    ):
        distant_session.RE(moves)
    wait_for(lambda: made_safe)
    assert beats[-1] - cut_at[0] < 3.0, "who hears nothing does not beat"
    assert made_safe[0] - beats[-1] < 5.0 + 2.0, "2 s for the tool that asks"


def resident_mb(process):
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


class Garbage:
    """What a port scanner, a browser and a broken program would send."""

    def __init__(self, port):
        self._address = ("127.0.0.1", port)
        self._random = random.Random(1)
        self._open = []

    def send(self):
        """Send some of each kind."""
        for make in (self._noise, self._web, self._claim, self._idle, self._datagram):
            make()

    def close(self):
        for sock in self._open:
            sock.close()

    def _connection(self):
        sock = socket.create_connection(self._address, timeout=10)
        self._open.append(sock)
        return sock

    def _tell(self, data):
        with contextlib.suppress(ConnectionError, TimeoutError):
            self._connection().sendall(data)

    def _noise(self):
        self._tell(self._random.randbytes(5000))

    def _web(self):
        self._tell(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")

    def _claim(self):
        """Claim a write of 4 GB, and send a part of it."""
        header = struct.pack("!HHHHIIII", 4, 0xFFFF, 6, 0, 1, 1, 0xFFFFFFF0, 5 * 10**8)
        self._tell(header + bytes(1_000_000))

    def _idle(self):
        self._connection()

    def _datagram(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(self._random.randbytes(800), self._address)


@pytest.mark.fault(39)
def test_garbage_on_the_port_during_a_scan(session, ioc, capfd):
    before = resident_mb(ioc.process)
    garbage = Garbage(ioc.port)
    session.RE.subscribe(lambda name, doc: garbage.send(), "event")
    with contextlib.closing(garbage):
        (uid,) = session.RE(
            hop_scan(session.seccm, CurrentSample(), -1, 1, 5, -1, 1, 5)
        )
        assert resident_mb(ioc.process) < before + 100
        assert "WITHDRAWN" in ioc.caproto("get", "Z:State")
    whole = hop_map(session.folder.journal_file(uid))
    assert whole.topography.notnull().all()
    wait_until_safe(ioc)
    assert resident_mb(ioc.process) < before + 100
