"""A withdrawal that begins while the event of a hop is recorded."""

import pytest

from seccm_ophyd.devices.command import STOPPED, TRIPPED
from seccm_ophyd.errors import TrippedError
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
