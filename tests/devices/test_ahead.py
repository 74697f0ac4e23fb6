"""Commands that are handed over before their turn."""

import math

import pytest

from seccm_ophyd.devices.command import STOPPED, TRIPPED
from seccm_ophyd.errors import CommandRefusedError, NoContactError, TrippedError
from seccm_ophyd.plans import hop_list
from seccm_ophyd.techniques import CurrentSample


def left(fake):
    """Land and leave; how often it was withdrawn is what the log tells."""
    z = fake.device.z
    z.trigger().wait(5)
    assert z.leave.trigger().done
    return z


def withdrawals(fake):
    return fake.log.count("withdraw")


def test_the_next_withdrawal_waits_for_the_one_that_goes_on(fake):
    z = left(fake)
    z.withdraw.trigger().wait(5)
    assert withdrawals(fake) == 1
    assert fake.state == "WITHDRAWN"
    z.withdraw.trigger().wait(5)
    assert withdrawals(fake) == 2, "it counts once"


def test_it_is_not_done_before_the_probe_is_up(fake):
    fake.silent = {"withdraw"}
    z = left(fake)
    status = z.withdraw.trigger()
    assert not status.done
    z.withdraw.abandon()
    status.wait(5)


@pytest.mark.parametrize("start", ["approach", "move", "acquire"])
def test_whatever_is_started_in_between_asks_for_another(fake, start):
    z = left(fake)
    {
        "approach": z.approach.trigger,
        "move": lambda: z.axis.set(10.0),
        "acquire": fake.device.clamp.trigger,
    }[start]().wait(5)
    z.withdraw.trigger().wait(5)
    assert withdrawals(fake) == 2


@pytest.mark.parametrize("outcome", [STOPPED, TRIPPED])
def test_one_that_failed_is_done_again(fake, outcome):
    fake.outcomes["withdraw"] = outcome
    z = left(fake)
    fake.outcomes.clear()
    z.withdraw.trigger().wait(5)
    assert withdrawals(fake) == 2


def test_after_a_pause_it_is_done_again(fake):
    z = left(fake)
    z.pause()
    z.withdraw.trigger().wait(5)
    assert withdrawals(fake) == 2


def test_a_trip_on_the_way_up_loses_no_event(RE, docs, fake):
    def trip(msg):
        if msg.obj is fake.device.z.leave:
            fake.outcomes["withdraw"] = TRIPPED

    RE.msg_hook = trip
    with pytest.raises(TrippedError):
        RE(hop_list(fake.device, CurrentSample(), [(0, 0), (1, 0)]))
    (event,) = [doc for name, doc in docs if name == "event"]
    assert event["data"]["seccm_hop_outcome"] == "contact"


def test_the_engine_keeps_nothing_of_it(RE, fake):
    kept = []

    def look(msg):
        if msg.command == "checkpoint":
            kept.append(sum(map(len, RE._status_objs.values())))

    RE.msg_hook = look
    RE(hop_list(fake.device, CurrentSample(), [(k, 0) for k in range(6)]))
    assert len(kept) == 6
    assert kept[1] == kept[-1]


def steps(fake):
    return [entry for entry in fake.log if entry in ("approach", "acquire")]


def test_a_hop_that_was_handed_over_is_waited_for_and_not_made_again(fake):
    m = fake.device
    assert m.arm_hop.trigger().done
    m.z.approach.trigger().wait(5)
    m.clamp.acquire.trigger().wait(5)
    assert steps(fake) == ["approach", "acquire"]
    assert m.z.contact_height.get() == fake.height(0, 0)
    assert math.isfinite(m.clamp.read()["seccm_clamp_contact_age"]["value"])
    m.clamp.acquire.trigger().wait(5)
    assert steps(fake) == ["approach", "acquire", "acquire"], "it counts once"


def test_an_approach_alone_leaves_the_amplifier_as_it_is(fake):
    m = fake.device
    m.arm_approach.trigger()
    m.z.approach.trigger().wait(5)
    assert steps(fake) == ["approach"]


def test_it_is_not_done_before_the_contact(fake):
    fake.silent = {"approach"}
    m = fake.device
    m.arm_hop.trigger()
    pending = [m.z.approach.trigger(), m.clamp.acquire.trigger()]
    assert not any(status.done for status in pending)
    m.pause()
    for status in pending:
        status.wait(5)
    assert steps(fake) == ["approach"]


def test_without_contact_it_has_failed_and_nothing_is_measured(fake):
    fake.misses = {1}
    m = fake.device
    m.arm_hop.trigger()
    with pytest.raises(NoContactError):
        m.z.approach.trigger().wait(5)
    assert steps(fake) == ["approach"], "one that has failed is not made again"
    assert math.isnan(m.clamp.read()["seccm_clamp_contact_age"]["value"])
    assert not m.clamp.traces()


def test_after_anything_else_it_is_asked_for_again(fake):
    m = fake.device
    m.arm_hop.trigger()
    m.xy.x.set(1.0).wait(5)
    m.z.approach.trigger().wait(5)
    assert steps(fake) == ["approach", "acquire", "approach"]


def test_a_knob_that_was_turned_is_noticed_before_anything_is_handed_over(fake):
    m = fake.device
    m.clamp.prepare(CurrentSample())
    m.clamp.gain.sim_put(50.0)
    with pytest.raises(CommandRefusedError, match="gain"):
        m.arm_hop.trigger()
    assert not steps(fake)


def test_a_hop_may_take_as_long_as_all_that_goes_before_it(fake, monkeypatch):
    m, watched = fake.device, []
    monkeypatch.setattr(m.link, "watch", lambda status, s, **_: watched.append(s))
    m.arm_hop.trigger()
    z, clamp = m.z.command_timeout_s("approach"), m.clamp.command_timeout_s("acquire")
    move = max(m.xy.x.longest_s, m.xy.y.longest_s)
    assert watched == pytest.approx([move + z, move + z + clamp])
