"""The lease of a session: when it beats, and when it keeps from writing."""

import asyncio
import logging
import threading
import time

import pytest

from seccm_ophyd.devices import link, watchdog
from seccm_ophyd.errors import InstrumentLostError, SeccmError
from seccm_ophyd.run_engine import lease as module
from seccm_ophyd.run_engine.lease import Lease

OTHER = "somebody@elsewhere pid 1 abcd"


def _take(lease, monkeypatch):
    """Take it, with no beat but those of the test."""
    monkeypatch.setattr(
        asyncio, "run_coroutine_threadsafe", lambda coroutine, _loop: coroutine.close()
    )
    lease.take(None)


class Held:
    """A lease on a fake instrument, and what is written to it."""

    def __init__(self, fake, monkeypatch):
        self.m = m = fake.device
        m.lease_time.sim_put(5.0)
        self.beats, self.claims = [], []
        monkeypatch.setattr(m.heartbeat, "put", lambda v, **_: self.beats.append(v))
        monkeypatch.setattr(m.claim, "put", self._claim)
        self.lease = Lease(m)
        _take(self.lease, monkeypatch)
        self.stood_still_s = 0.0
        monkeypatch.setattr(m.link, "standstill_s", lambda: self.stood_still_s)
        monkeypatch.setattr(m.link, "forget_standstill", self._forget)
        monkeypatch.setattr(module, "SETTLE_S", -1.0)

    def _claim(self, name, **_):
        self.claims.append(name)
        self.told(name)

    def _forget(self):
        self.stood_still_s = 0.0

    def told(self, owner):
        self.m.owner.sim_put(owner)

    def beat(self):
        before = len(self.beats)
        self.lease._beat()
        return len(self.beats) > before

    def beats_of_a_busy_loop(self, busy_s, for_s=0.15):
        """Count those that are sent while the loop stands still."""
        before, lease = len(self.beats), self.lease
        lease._turned = time.monotonic() - busy_s
        lease._loop_thread = threading.get_ident()
        standing_in = threading.Thread(target=lease._stand_in, args=(0.01,))
        standing_in.start()
        standing_in.join(for_s)  # this thread stands still, as that of a loop
        lease._given_back.set()
        standing_in.join()
        lease._given_back.clear()
        return len(self.beats) - before


@pytest.fixture
def held(fake, monkeypatch):
    made = Held(fake, monkeypatch)
    yield made
    made.lease.give_back()


def test_it_beats_while_the_ioc_is_heard(held, monkeypatch, caplog):
    assert held.beat()
    monkeypatch.setattr(held.m.link, "is_silent", lambda longest_s=5.0: longest_s < 3)
    assert not held.beat()
    assert "is not heard" in caplog.text


@pytest.mark.fault(57)
def test_an_owner_that_hears_nothing_does_not_beat_but_makes_it_safe(held, monkeypatch):
    m = held.m
    monkeypatch.setattr(m.link, "is_silent", lambda longest_s=5.0: True)
    m.link.lose("has not answered for 5 s")
    written = []
    monkeypatch.setattr(m.safe.request, "put", lambda n, **_: written.append(n))
    status = m.make_safe()
    with pytest.raises(InstrumentLostError, match="has not answered"):
        status.wait(5)
    assert len(written) == 1, "the IOC may hear it"
    assert not held.beat()


@pytest.mark.fault(59)
def test_a_session_that_stood_still_writes_nothing_until_it_knows(held):
    m = held.m
    held.stood_still_s = 8.0
    with pytest.raises(InstrumentLostError, match="stood still for 8 s"):
        m.link.check_driving()  # as each setting does before it is written
    with pytest.raises(InstrumentLostError, match="stood still for 8 s"):
        m.z.approach.trigger().wait(5)
    with pytest.raises(InstrumentLostError, match="stood still for 8 s"):
        m.xy.x.move(1.0, wait=False)
    assert "stood still for 8 s" in m.link.lost
    assert held.beat(), "nobody has taken it meanwhile"
    assert held.stood_still_s == 0.0


@pytest.mark.fault(59)
def test_what_another_client_drives_is_left_to_it(held, monkeypatch, caplog):
    m = held.m
    held.stood_still_s = 8.0
    held.told(OTHER)
    assert not held.beat()
    written = []
    for push in (m.safe.request, m.z.halt, m.clamp.halt, m.xy.x.motor_stop):
        monkeypatch.setattr(push, "put", lambda n, **_: written.append(n))
    with pytest.raises(InstrumentLostError, match=f"is driven by {OTHER} now"):
        m.make_safe().wait(5)
    with caplog.at_level(logging.ERROR):
        m.stop()
    for part in (m.z, m.clamp, m.xy.x):
        part.stop()
    assert written == []
    assert "type seccm safe --prefix FAKE: in a shell" in caplog.text
    held.lease.give_back()
    assert held.claims == [held.lease.name], "the lease of the other is not given back"


@pytest.mark.fault(59)
def test_a_standstill_before_the_lease_was_taken_is_no_matter(fake, monkeypatch):
    """While a large library is loaded, no other thread of the process runs."""
    m = fake.device
    m.lease_time.sim_put(5.0)
    since = watchdog.now()
    monkeypatch.setattr(watchdog, "now", lambda: since)
    monkeypatch.setattr(link, "now", watchdog.now)
    m.link.forget_standstill()
    since += 8.0
    m.link.forgive(8.0)
    assert m.link.standstill_s() == 8.0
    monkeypatch.setattr(m.claim, "put", lambda name, **_: m.owner.sim_put(name))
    lease = Lease(m)
    _take(lease, monkeypatch)
    m.link.check_driving()
    m.link.forgive(8.0)  # the watchdog wakes up after all others
    since += 1.0
    m.link.check_driving()
    since += 8.0
    m.link.forgive(8.0)
    with pytest.raises(InstrumentLostError, match="stood still for"):
        m.link.check_driving()
    lease.give_back()


def test_the_lease_is_taken_again_when_it_has_ended(held):
    held.told("")
    assert not held.beat()
    assert held.claims == [held.lease.name] * 2
    assert held.beat()


@pytest.mark.fault(60)
def test_the_lease_of_a_client_that_has_just_lost_it_is_taken(fake, monkeypatch):
    """The monitor has told of the old owner only, the IOC already has the new one."""
    m = fake.device
    m.lease_time.sim_put(5.0)
    m.owner.sim_put(OTHER)
    lease = Lease(m)
    monkeypatch.setattr(m.claim, "put", lambda name, **_: None)
    monkeypatch.setattr(m.owner, "get", lambda **_: lease.name)
    timer = threading.Timer(0.1, m.owner.sim_put, [lease.name])
    timer.start()
    _take(lease, monkeypatch)
    assert lease.is_held
    timer.join()
    lease.give_back()


def test_a_lease_that_another_has_is_not_taken(fake, monkeypatch):
    m = fake.device
    m.owner.sim_put(OTHER)
    monkeypatch.setattr(m.claim, "put", lambda name, **_: None)
    with pytest.raises(SeccmError, match=f"is driven by {OTHER}"):
        Lease(m).take(None)


@pytest.mark.fault(64)
def test_a_session_beats_in_contact_while_it_waits_for_two_answers(held, monkeypatch):
    held.m.z.state.sim_put("CONTACT")
    assert held.beats_of_a_busy_loop(3.0) == 0, "answers come at once here"
    monkeypatch.setattr(type(held.m.link), "round_trip_s", 2.0)
    assert held.beats_of_a_busy_loop(3.0) > 3
    assert held.beats_of_a_busy_loop(5.0) == 0


def test_a_session_beats_while_its_plan_computes_and_the_probe_is_withdrawn(
    held, caplog
):
    held.m.z.state.sim_put("WITHDRAWN")
    assert held.beats_of_a_busy_loop(3.0) > 3
    (said,) = [r.message for r in caplog.records if "busy" in r.message]
    assert said.startswith("the engine has been busy for 3 s in test_lease.py line")
    assert "the lease is kept for at most 60 s" in said


@pytest.mark.parametrize("state", ["CONTACT", "APPROACHING", "WITHDRAWING", "ABOVE"])
def test_a_plan_that_hangs_with_the_probe_down_loses_the_lease(held, caplog, state):
    held.m.z.state.sim_put(state)
    assert held.beats_of_a_busy_loop(3.0) == 0
    assert "the IOC makes it SAFE 5 s after the last one" in caplog.text


def test_a_plan_that_hangs_for_long_loses_the_lease(held):
    held.m.z.state.sim_put("WITHDRAWN")
    assert held.beats_of_a_busy_loop(module.BUSY_S + 1) == 0


def test_a_line_that_hops_by_itself_is_not_left_to_a_plan_that_hangs(held, monkeypatch):
    held.m.z.state.sim_put("WITHDRAWN")
    monkeypatch.setattr(type(held.m.line.run), "is_pending", True)
    assert held.beats_of_a_busy_loop(3.0) == 0


def test_an_ioc_that_does_not_tell_where_the_probe_is(held, monkeypatch):
    def lost(**_):
        raise TimeoutError

    monkeypatch.setattr(held.m.z.state, "get", lost)
    assert held.beats_of_a_busy_loop(3.0) == 0


def test_nothing_stands_in_for_a_loop_that_turns(held):
    held.m.z.state.sim_put("WITHDRAWN")
    assert held.beats_of_a_busy_loop(-10.0) == 0


@pytest.mark.fault(57)
def test_the_lease_is_taken_again_by_a_connection_that_comes_back(held):
    """The lease had ended before: the new connection tells what the old one has."""
    m = held.m
    m._owner_changed(value="", timestamp=5.0)
    assert m.owner_told == ""
    m._owner_lost(connected=False)
    assert m.owner_told is None
    m._owner_changed(value="", timestamp=5.0)
    assert m.owner_told == ""
    assert not held.beat()
    assert held.beat()
