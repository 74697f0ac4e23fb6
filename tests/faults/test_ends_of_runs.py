"""A run is paused, aborted, stopped, halted, or ends with an exception."""

import time

import bluesky.plan_stubs as bps
import pytest
from bluesky.utils import RunEngineInterrupted

from seccm_ophyd.analysis import hop_map
from seccm_ophyd.errors import InstrumentLostError
from seccm_ophyd.plans import hop_list, hop_scan, hop_to
from seccm_ophyd.session import open_session
from seccm_ophyd.storage.journal.reader import documents
from seccm_ophyd.techniques import CurrentSample
from tests.faults.phases import PHASES, SCALE, SLOW_HOP, Caught, slow_stages
from tests.faults.safety import is_safe
from tests.iocs import RunningIOC
from tests.system.conftest import read_pv

pytestmark = pytest.mark.system

POINTS = [(0, 0), (2, 0), (0, 0), (2, 0)]
ENDS = {"abort": "abort", "stop": "success", "halt": "abort"}
"""What the engine is told, and the exit status of the run then."""


@pytest.fixture(scope="module")
def ioc():
    running = RunningIOC(time_scale=SCALE)
    yield running
    running.close()


@pytest.fixture(scope="module")
def session(ioc, module_profiles, tmp_path_factory):
    """Open one session for all tests: the next run works after each end."""
    folder = tmp_path_factory.mktemp("ends")
    with open_session(prefix=ioc.prefix, data_dir=folder, catalogue="") as opened:
        slow_stages(opened.seccm)
        yield opened


def journal(session):
    """Read what the last run has left."""
    paths = session.folder.journal.glob("*.jsonl")
    return list(documents(max(paths, key=lambda path: path.stat().st_mtime_ns)))


def events(session):
    return [doc["data"] for name, doc in journal(session) if name == "event"]


def pause_in(session, phase, *, defer):
    """Scan until a pause in a hop has taken effect; tell how many are recorded."""
    m = session.seccm
    engine = session.RE
    caught = Caught(session, phase, lambda: engine.request_pause(defer=defer))
    with pytest.raises(RunEngineInterrupted):
        engine(hop_list(m, SLOW_HOP, POINTS))
    caught.wait()
    return caught.recorded


def assert_no_harm(ioc):
    """Nothing was moved in contact, and nothing has tripped."""
    assert read_pv(f"{ioc.prefix}Sim:LateralTouches") == 0
    assert read_pv(f"{ioc.prefix}Sim:UnguardedContacts") == 0
    assert read_pv(f"{ioc.prefix}IOC:Tripped") in (0, "no")


@pytest.mark.slow
@pytest.mark.fault(22)
@pytest.mark.parametrize("phase", PHASES)
def test_a_pause_comes_after_the_hop(session, ioc, phase):
    """What the first Ctrl-C asks for."""
    recorded = pause_in(session, phase, defer=True)
    assert is_safe(ioc)
    assert len(events(session)) == recorded + 1
    session.RE.resume()
    found = events(session)
    assert [event["seccm_hop_index"] for event in found] == [0, 1, 2, 3]
    assert not any(event["seccm_hop_repeated"] for event in found)
    assert_no_harm(ioc)


@pytest.mark.slow
@pytest.mark.fault(23)
@pytest.mark.parametrize("phase", PHASES)
def test_a_pause_at_once_repeats_the_hop(session, ioc, phase):
    """What the second Ctrl-C asks for."""
    recorded = pause_in(session, phase, defer=False)
    assert is_safe(ioc)
    assert len(events(session)) == recorded
    session.RE.resume()
    found = events(session)
    assert [event["seccm_hop_index"] for event in found] == [0, 1, 2, 3]
    assert {event["seccm_hop_outcome"] for event in found} == {"contact"}
    assert_no_harm(ioc)


@pytest.mark.fault(24, 25)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("phase", PHASES)
def test_the_engine_is_told_to_end_in_a_hop(session, ioc, phase, end):
    m = session.seccm
    caught = Caught(session, phase, getattr(session.RE, end))
    with pytest.raises(RunEngineInterrupted):
        session.RE(hop_list(m, SLOW_HOP, POINTS))
    assert time.monotonic() - caught.at < 20.0
    caught.wait()
    assert is_safe(ioc)
    assert len(events(session)) == caught.recorded
    assert journal(session)[-1][1]["exit_status"] == ENDS[end]
    assert_no_harm(ioc)


@pytest.mark.fault(24, 25)
@pytest.mark.parametrize("end", ENDS)
def test_the_engine_is_told_to_end_while_paused(session, ioc, end):
    pause_in(session, "contact", defer=False)
    getattr(session.RE, end)()
    assert is_safe(ioc)
    assert journal(session)[-1][1]["exit_status"] == ENDS[end]
    assert_no_harm(ioc)


@pytest.mark.fault(26)
def test_a_plan_raises_in_contact(session, ioc):
    m = session.seccm

    def plan():
        m.clamp.prepare(CurrentSample(potential_v=0.65))
        yield from hop_to(m, 1, 0)
        yield from bps.abs_set(m.clamp.holding_potential, 0.65, wait=True)
        raise ZeroDivisionError("in a plan of the user")

    with pytest.raises(ZeroDivisionError, match="of the user"):
        session.RE(plan())
    assert is_safe(ioc)


@pytest.mark.fault(26)
def test_callbacks_that_raise_do_not_end_a_scan(session, caplog):
    m = session.seccm

    def broken(name, doc):
        raise ZeroDivisionError("in a plot")

    session.RE.subscribe(broken)
    (uid,) = session.RE(
        hop_scan(m, CurrentSample(), -1, 1, 2, -1, 1, 2), {"event": [broken]}
    )
    whole = hop_map(session.folder.journal_file(uid))
    assert whole.topography.notnull().all()
    assert "in a plot" in caplog.text
    assert caplog.text.count("the scan continues without it") == 2, "told once each"


class Busy:
    """Plans that keep the loop of the engine busy, as `time.sleep` does."""

    def __init__(self, m):
        self.m, self.lease_s = m, 2.0
        m.lease_time.put(self.lease_s, wait=True)

    def before_a_scan(self):
        time.sleep(1.6 * self.lease_s)
        yield from hop_list(self.m, CurrentSample(), POINTS[:2])

    def in_contact(self):
        yield from hop_to(self.m, 0, 0, potential_v=0.65)
        time.sleep(1.6 * self.lease_s)
        yield from hop_to(self.m, 2, 0, potential_v=0.65)


@pytest.mark.fault(67)
def test_a_plan_that_computes_with_the_probe_withdrawn_goes_on(session, caplog):
    m = session.seccm
    session.RE(Busy(m).before_a_scan())
    assert len(events(session)) == 2
    assert not m.link.lost
    assert "busy for 2 s in test_ends_of_runs.py line" in caplog.text


@pytest.mark.fault(67)
def test_a_plan_that_hangs_in_contact_is_ended_by_the_ioc(session, ioc, caplog):
    m, seen = session.seccm, []
    busy = Busy(m)

    def watch(value, **_):
        seen.append((value, time.monotonic()))

    m.z.state.subscribe(watch, run=False)
    with pytest.raises(InstrumentLostError, match="has ended the lease"):
        session.RE(busy.in_contact())
    times = dict(reversed(seen))  # the first of each
    assert times["WITHDRAWN"] - times["CONTACT"] < busy.lease_s + 2.0
    assert is_safe(ioc)
    assert "no heartbeat is sent until it continues" in caplog.text
    m.rehome()
    session.RE(hop_list(m, CurrentSample(), POINTS[:2]))


@pytest.mark.slow
@pytest.mark.fault(30, 31)
def test_a_pause_that_is_longer_than_the_lease(session, ioc):
    m = session.seccm
    pause_in(session, "contact", defer=False)
    owner = read_pv(f"{ioc.prefix}IOC:Owner.VAL$")
    withdrawn = []
    m.z.state.subscribe(lambda value, **kwargs: withdrawn.append(value), run=False)
    until = time.monotonic() + 1.3 * m.lease_time.get()
    while time.monotonic() < until:
        assert is_safe(ioc)
        assert read_pv(f"{ioc.prefix}IOC:Owner.VAL$") == owner != ""
    session.RE.resume()
    assert withdrawn[0] in ("WITHDRAWING", "APPROACHING"), "no contact is taken over"
    found = events(session)
    assert [event["seccm_hop_index"] for event in found] == [0, 1, 2, 3]
    repeated = [bool(event["seccm_hop_repeated"]) for event in found]
    assert repeated == [False, True, False, False]
    assert_no_harm(ioc)
