"""Hops of a line, fetched a page at a time from an IOC that may not answer."""

from types import SimpleNamespace

import numpy as np
import pytest
from ophyd.utils.errors import DisconnectedError

from seccm_ophyd.devices import line_fetching
from seccm_ophyd.devices.command import STOPPED
from seccm_ophyd.devices.line_fetching import WINDOW
from seccm_ophyd.errors import InstrumentLostError
from seccm_ophyd.techniques import CurrentSample
from tests.fake_lines import disconnected


def points(count):
    return [(k, k / 10, 0.0) for k in range(count)]


@pytest.fixture
def started(lines):
    """Give a function that starts a line of hops, of which some are made."""

    def start(count=120, made=0):
        line = lines.line
        lines.fake.device.clamp.prepare(CurrentSample()).wait(5)
        line.prepare(5).wait(5)
        lines.at_once = made
        line.set(points(count))
        return line._fetching

    return start


def test_before_the_first_line_nothing_has_been_made(lines):
    fetching = lines.line._fetching
    assert (fetching.made, fetching.waiting, fetching.is_left) == (0, 0, False)


def test_what_is_reported_waits_until_it_is_fetched(started, lines):
    fetching = started(made=30)
    assert (fetching.made, fetching.waiting, fetching.is_left) == (30, 30, True)
    part = fetching.fetch()
    assert (part.first, part.hops) == (0, 30)
    assert (fetching.fetched, fetching.waiting, fetching.is_left) == (30, 0, False)
    lines.make(5)
    assert fetching.fetch().first == 30
    assert fetching.before == 0


def test_the_end_of_a_line_reports_what_the_monitor_has_not(started, lines):
    fetching = started(made=3)
    lines.make(4)
    fetching.hear(3)  # an update that is late
    lines.end(STOPPED)
    fetching.hear(3)
    assert fetching.made == 7
    assert fetching.is_left


def test_a_page_has_no_more_hops_than_the_ioc_makes_unheard(started, lines):
    fetching = started(made=120)
    sizes = [fetching.fetch().hops for _ in range(3)]
    assert sizes[0] >= WINDOW
    assert sum(sizes) == 120
    assert sum(sizes[:2]) < 120


def test_a_slow_network_gives_what_has_come_in_a_while(started, lines, monkeypatch):
    fetching = started(made=120)
    now = iter(range(1000))
    clock = SimpleNamespace(monotonic=lambda: next(now))
    monkeypatch.setattr(line_fetching, "time", clock)
    assert fetching.fetch().hops == 1, "one is asked for where nothing is known"


def test_each_page_is_acknowledged_when_received_and_when_stored(started, lines):
    fetching = started(made=30)
    part = fetching.fetch()
    number = fetching.number
    assert lines.acknowledged == [(number, 30, 0)]
    assert lines.results.waiting == 30, "the IOC keeps what is not on the disk"
    fetching.store(part)
    assert lines.acknowledged[1:] == [(number, 30, 30)]
    assert lines.results.waiting == 0


def test_one_that_cannot_be_acknowledged_is_kept_longer(started, lines, caplog):
    caplog.set_level("INFO")
    fetching = started(made=3)
    part = fetching.fetch()

    def fail(value, **kwargs):
        raise TimeoutError("it does not answer")

    lines.line.acknowledge.sim_set_putter(fail)
    fetching.store(part)
    assert "was not acknowledged: it does not answer" in caplog.text
    assert lines.results.waiting == 3


def test_an_ioc_without_pages_and_acknowledgement_gives_all_that_fits(started, lines):
    for signal in (lines.line.acknowledge, lines.line.part_hops, lines.line.window):
        disconnected(signal)
    fetching = started(made=70)
    assert fetching.fetch().hops == 70
    assert lines.acknowledged == []


def test_a_part_of_before_is_asked_for_again_and_waited_for(
    started, lines, monkeypatch
):
    fetching = started(made=3)
    asked = []

    def put(value, *, wait=True, **kwargs):
        asked.append((value, wait))
        if wait:  # what was written before has only been passed on
            lines._hand_out(value)

    monkeypatch.setattr(lines.line.fetch, "put", put)
    lines.line.part.sim_put(np.array([1.0, 0.0, 0.0, 1.0, 0.0, 10.0]))
    part = fetching.fetch()
    assert asked[:2] == [(0, False), (0, True)]
    assert part.first == 0


@pytest.mark.parametrize(
    "error", [TimeoutError("late"), ConnectionError("cut"), DisconnectedError("gone")]
)
def test_an_ioc_that_hands_out_nothing_is_lost(started, lines, error):
    fetching = started(made=3)

    def fail(value, **kwargs):
        raise error

    lines.line.fetch.sim_set_putter(fail)
    assert fetching.answers
    with pytest.raises(InstrumentLostError, match="has not handed out its hops"):
        fetching.fetch()
    assert not fetching.answers, "it is not asked again"
    assert "handed out" in lines.fake.device.link.lost
    assert fetching.fetched == 0


def test_what_is_known_of_the_loss_is_not_said_differently(started, lines):
    fetching = started(made=3)
    known = InstrumentLostError("is driven by another")

    def fail(value, **kwargs):
        raise known

    lines.line.fetch.sim_set_putter(fail)
    with pytest.raises(InstrumentLostError) as error:
        fetching.fetch()
    assert error.value is known


def test_a_part_without_hops_would_be_asked_for_for_ever(started, lines):
    fetching = started(made=3)
    lines.results._hops.clear()
    with pytest.raises(InstrumentLostError, match="hands out no hop"):
        fetching.fetch()


def test_lines_of_a_run_add_up_and_a_new_run_begins_at_none(started, lines):
    fetching = started(made=3)
    lines.end(STOPPED)
    fetching.end_line()
    assert (fetching.before, fetching.number, fetching.made) == (3, 0, 0)
    fetching.begin_run()
    assert fetching.before == 0


def test_one_that_is_not_connected_cannot_be_asked(started, lines):
    fetching = started(made=3)
    disconnected(lines.fake.device.link.boot_id)
    assert not fetching.answers
