"""The whole microscope: who drives it, who has made it SAFE, what it does meanwhile."""

import numpy as np
import pytest
from bluesky.utils import NoReplayAllowed
from ophyd.sim import FakeEpicsSignal

from seccm_ophyd.devices import microscope as module
from seccm_ophyd.devices.command import NO_CONTACT
from seccm_ophyd.errors import InstrumentLostError, NoContactError, SeccmError
from seccm_ophyd.techniques import CurrentSample
from tests.fake_lines import disconnected


@pytest.fixture
def m(fake):
    return fake.device


def owned(m, name, at):
    """Have the IOC report who drives, once in a moment."""
    m.owner.sim_put(name, timestamp=float(at))


def driven(m, name="me"):
    m.driver = name
    owned(m, name, 1)


def test_who_loses_the_lease_loses_the_instrument(m):
    driven(m)
    assert (m.owner_told, m.link.lost) == ("me", "")
    owned(m, "another", 2)
    assert m.link.lost == "is driven by another"


def test_a_lease_that_has_ended_is_said_so(m):
    driven(m)
    owned(m, "", 2)
    assert m.link.lost == "has ended the lease"


def test_an_update_that_comes_twice_is_not_news(m):
    m.driver = "me"
    owned(m, "", 1)
    m.link.accept()
    owned(m, "me", 2)
    owned(m, "", 1)  # late, for the second time
    assert m.owner_told == "me"
    assert m.link.lost == ""


def test_who_does_not_drive_may_see_others_do(m):
    owned(m, "another", 1)
    assert m.link.lost == ""


def test_by_a_new_connection_the_owner_is_reported_anew(m):
    driven(m)
    m._owner_lost(connected=False)
    assert m.owner_told is None
    m._owner_lost(connected=True)
    owned(m, "me", 1)
    assert m.owner_told == "me"


def test_made_safe_by_another_client_it_is_lost(m):
    result = m.safe.result
    result.sim_put(np.array([0.0, 0.0, 0.0]))
    m.make_safe().wait(5)
    result.sim_put(np.array([0.0, 0.0, 0.0]))
    assert m.link.lost == "", "its own, and none since it booted"
    foreign = np.array([1.0, 1.0, 50.0])
    result.sim_put(foreign)
    assert m.link.lost == "was made SAFE by another client"
    m.link.accept()
    result.sim_put(foreign)
    assert m.link.lost == "", "the same is no other"


def test_what_was_made_safe_before_this_session_is_past(m):
    m.safe.result.sim_put(np.array([1.0, 1.0, 50.0]))
    assert m.link.lost == ""


@pytest.mark.parametrize(
    ("state", "rests"), [("WITHDRAWN", True), ("CONTACT", False), ("MOVING", False)]
)
def test_at_rest_it_is_withdrawn(m, state, rests):
    m.z.state.sim_put(state)
    assert m.is_at_rest(1.0) is rests


@pytest.mark.parametrize(
    ("state", "ends", "withdrawals"),
    [
        ("WITHDRAWN", False, 0),
        ("WITHDRAWING", False, 0),
        ("CONTACT", True, 1),
        ("NO_CONTACT", False, 1),
    ],
)
def test_for_what_takes_long_the_probe_is_withdrawn(fake, m, state, ends, withdrawals):
    m.z.state.sim_put(state)
    assert m.withdraw_meanwhile() is ends
    assert fake.log.count("withdraw") == withdrawals


def test_a_line_of_hops_withdraws_by_itself(fake, m, lines):
    m.clamp.prepare(CurrentSample()).wait(5)
    m.line.prepare(5).wait(5)
    lines.at_once = 0
    m.line.set([(0, 0.0, 0.0), (1, 1.0, 0.0)])
    assert m.withdraw_meanwhile() is None
    assert not m.is_at_rest(1.0)
    assert "withdraw" not in fake.log
    lines.make(2)
    assert m.is_at_rest(1.0)


def test_one_that_another_drives_is_left_to_it(fake, m, caplog):
    driven(m)
    owned(m, "another", 2)
    m.link.not_driving = lambda ask: "is driven by another"
    m.stop()
    assert fake.log == []
    assert "seccm is driven by another, not by me, and is left to it" in caplog.text
    assert "seccm safe --prefix FAKE:" in caplog.text


def test_it_is_not_staged_after_a_loss_or_by_who_does_not_drive(m):
    driven(m)
    m.link.lose("has restarted")
    with pytest.raises(InstrumentLostError, match=r"has restarted.*seccm.rehome\(\)"):
        m.stage()
    m.link.accept()
    m.owner.sim_put("", timestamp=2.0)
    m.link.accept()
    with pytest.raises(SeccmError, match="is driven by no client, not by me"):
        m.stage()


def test_rehome_refuses_what_another_drives(fake, m):
    driven(m)
    owned(m, "another", 2)
    with pytest.raises(SeccmError, match="is driven by another, not by me"):
        m.rehome(timeout_s=0.1)
    assert fake.log == []
    owned(m, "me", 3)
    m.rehome()
    assert fake.log == ["safe"]
    assert m.link.lost == ""


def test_rehome_believes_only_a_withdrawn_probe(m):
    m.z.state.sim_put("CONTACT")
    with pytest.raises(InstrumentLostError, match="is CONTACT after MakeSafe"):
        m.rehome()


def test_it_is_waited_for_who_drives(m):
    assert not m.is_driven_by("me", 0.05), "no client yet"
    owned(m, "another", 1)
    assert not m.is_driven_by("me", 5.0)
    owned(m, "me", 2)
    assert m.is_driven_by("me", 5.0)


def test_after_a_pause_a_hop_that_is_recorded_is_not_made_again(fake, m):
    m.pause()
    m.hop._recorded = True
    with pytest.raises(NoReplayAllowed):
        m.pause()
    assert fake.log == ["safe", "safe"]


def test_pvs_that_not_every_ioc_has_are_not_waited_for_long(m, monkeypatch):
    class Optional(FakeEpicsSignal):
        """An `OptionalSetting` of the fake."""

    m.line.window.__class__ = Optional
    monkeypatch.setattr(module, "OptionalSetting", Optional)
    monkeypatch.setattr(module, "OPTIONAL_TIMEOUT_S", 0.1)
    disconnected(m.line.window)
    m.connect(timeout_s=0.1)
    assert m.connected, "it has all that it has to have"
    disconnected(m.z.state)
    assert not m.connected


def test_a_landing_that_missed_is_not_measured(fake, m):
    fake.misses = {1}
    status = m.z.trigger()
    with pytest.raises(NoContactError, match="approach"):
        status.wait(5)
    with pytest.raises(NoContactError, match="acquire"):
        m.clamp.trigger().wait(5)
    assert m.clamp.acquire.outcome == NO_CONTACT
    assert m.clamp.traces() == {}
