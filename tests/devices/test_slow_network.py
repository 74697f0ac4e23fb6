"""Devices on a network whose round trip is long: one wait for several settings."""

import threading
import time

import pytest

from seccm_ophyd.devices.in_flight import SLOW_S, in_background, in_flight
from seccm_ophyd.errors import CommandRefusedError
from seccm_ophyd.plans import hop_list
from seccm_ophyd.techniques import Galvanostatic, ZeroCurrentPotential

pytestmark = pytest.mark.fault(64)

ROUND_TRIP_S = 0.05
TWO = [ZeroCurrentPotential(), Galvanostatic(duration_s=0.1)]


class Link:
    """What `in_flight` asks of a link."""

    def __init__(self, round_trip_s):
        self.round_trip_s, self.answers = round_trip_s, 0

    def went_on(self):
        self.answers += 1


@pytest.fixture
def slow(fake):
    """Make the amplifier of the fake answer late."""
    m = fake.device
    m.link._round_trips.append(ROUND_TRIP_S)
    m.link._round_trips.popleft()
    assert m.link.round_trip_s == ROUND_TRIP_S
    waits = []
    for walk in m.clamp.walk_signals():
        if hasattr(walk.item, "check_value") and hasattr(walk.item, "enum_strs"):
            late(walk.item, waits)
    return fake, waits


def late(signal, waits):
    put, get = signal.put, signal.get

    def late_put(value, **kwargs):
        waits.append(signal.attr_name)
        time.sleep(ROUND_TRIP_S)
        put(value)

    def late_get(use_monitor=True, **kwargs):
        if not use_monitor:
            time.sleep(ROUND_TRIP_S)
        return get(**kwargs)

    signal.put, signal.get = late_put, late_get


def test_what_is_in_flight_waits_once_and_tells_that_it_goes_on():
    link, begun = Link(SLOW_S), time.monotonic()
    jobs = [lambda k=k: (time.sleep(0.1), k)[1] for k in range(8)]
    assert in_flight(jobs, link) == list(range(8))
    assert time.monotonic() - begun < 0.6
    assert link.answers == 1


def test_the_error_of_one_comes_when_all_have_ended():
    ended, link = [], Link(SLOW_S)

    def fail():
        raise ValueError("this one")

    with pytest.raises(ValueError, match="this one"):
        in_flight([fail, lambda: (time.sleep(0.1), ended.append(1))], link)
    assert ended == [1], "nothing is written afterwards"
    assert link.answers == 0, "without answers no heartbeat"


def test_a_fast_network_needs_no_thread():
    names, link = [], Link(0.0)
    work = lambda: names.append(threading.current_thread().name)  # noqa: E731
    in_flight([work, work], link)
    assert set(names) == {threading.current_thread().name}
    assert link.answers == 0


def test_a_check_in_the_background_fails_its_status(fake):
    def fail():
        raise CommandRefusedError("it is not there")

    with pytest.raises(CommandRefusedError, match="it is not there"):
        in_background(fake.device, fail).wait(5)
    in_background(fake.device, lambda: None).wait(5)


def test_settings_are_put_at_once_and_those_of_the_cell_last(slow):
    fake, waits = slow
    clamp = fake.device.clamp
    clamp.prepare(TWO).wait(5)
    answers = []
    fake.device.link.went_on = lambda: answers.append(1)
    waits.clear()
    begun = time.monotonic()
    clamp.set(0).wait(5)
    assert time.monotonic() - begun < 10 * ROUND_TRIP_S, "seven, and no more"
    assert waits[-1] == "mode"
    assert clamp.mode.get() == "I0"
    assert len(answers) >= len({"settings", "current", "mode"}), "a beat after each"


def test_a_setting_that_is_not_taken_is_told_before_the_cell_is_touched(slow):
    fake, _ = slow
    clamp = fake.device.clamp
    clamp.prepare(TWO).wait(5)
    clamp.samples.sim_set_putter(lambda value: None)
    with pytest.raises(CommandRefusedError, match="samples is 100, not 10: the fake"):
        clamp.set(1).wait(5)
    assert clamp.mode.get() == "VCLAMP"


def test_a_scan_with_several_techniques(RE, slow):
    fake, _ = slow
    RE(hop_list(fake.device, TWO, [(0, 0), (1, 1)]))
    assert [line for line in fake.log if str(line).startswith("to ")][:2] == [
        "to I0", "to ICLAMP",
    ]  # fmt: skip


def test_heights_are_verified_where_nobody_waits_for_them(slow):
    fake, _ = slow
    z = fake.device.z
    late(z.travel_height, [])
    z.set((5.0, 4.0)).wait(5)
    assert (z.travel_height.get(), z.slow_height.get()) == (5.0, 4.0)
    z.slow_height.sim_set_putter(lambda value: None)
    with pytest.raises(CommandRefusedError, match=r"4\.0, not 3\.0: the fake"):
        z.set((5.0, 3.0)).wait(5)


def test_time_outs_are_widened_by_some_round_trips(fake):
    link = fake.device.link
    before = link.allowance_s
    link._round_trips.append(2.0)
    assert (before, link.allowance_s) == (0.0, 8.0)
    assert link.round_trip_s == 0.0, "one that is long is a computer that is busy"
