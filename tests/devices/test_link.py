"""The link to an IOC: what loses it, what is allowed then, how long answers take."""

import time
from types import SimpleNamespace

import pytest
from ophyd import DeviceStatus

from seccm_ophyd.devices import link as module
from seccm_ophyd.devices.link import SILENCE_S, Linked
from seccm_ophyd.errors import CommandTimeoutError, InstrumentLostError
from tests.fake_lines import disconnected


@pytest.fixture
def link(fake):
    return fake.device.link


def pending(link, timeout_s=60.0, **kwargs):
    return link.watch(DeviceStatus(link), timeout_s, **kwargs)


def at(monkeypatch, now):
    """Set the time of the link, and not that of the threads beside it."""
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=now))


def answer_after(link, monkeypatch, *seconds):
    """Have the next questions be answered after some seconds; errors are raised."""
    clock, answers = [100.0], list(seconds)

    def get(use_monitor=True, **kwargs):
        took = answers.pop(0)
        if isinstance(took, Exception):
            raise took
        clock[0] += took
        return 7

    monkeypatch.setattr(link.boot_id, "get", get)
    at(monkeypatch, lambda: clock[0])


def test_a_slow_network_has_longer_time_outs(link, monkeypatch):
    assert (link.round_trip_s, link.allowance_s) == (0.0, 0.0)
    answer_after(link, monkeypatch, 0.5, 0.2, 0.3)
    for _ in range(3):
        link.measure()
    assert link.round_trip_s == pytest.approx(0.2)
    assert link.allowance_s == pytest.approx(4 * 0.5)


def test_only_the_last_round_trips_count(link, monkeypatch):
    answer_after(link, monkeypatch, 1.0, *[0.1] * module.MEASURED)
    for _ in range(1 + module.MEASURED):
        link.measure()
    assert link.allowance_s == pytest.approx(0.4)


@pytest.mark.parametrize(
    "answer", [TimeoutError("late"), ConnectionError("cut"), SILENCE_S + 1.0]
)
def test_without_an_answer_the_time_outs_stay(link, monkeypatch, answer):
    answer_after(link, monkeypatch, 0.3, answer)
    link.measure()
    link.measure()
    assert link.allowance_s == pytest.approx(1.2)


def test_one_that_is_not_connected_is_not_measured(link, monkeypatch):
    answer_after(link, monkeypatch)
    disconnected(link.boot_id)
    link.measure()
    assert link.allowance_s == 0.0


def test_it_is_measured_by_one_thread_at_a_time(link, monkeypatch):
    jobs = []

    class Thread:
        def __init__(self, target, daemon):
            jobs.append(target)

        def start(self):
            pass

    layer = type("Layer", (), {"thread_class": Thread})
    monkeypatch.setattr(module, "get_cl", lambda: layer)
    link.keep_measuring()
    link.keep_measuring()
    assert len(jobs) == 1
    jobs[0]()
    link.keep_measuring()
    assert len(jobs) == 2


def test_time_outs_are_wider_by_the_allowance(link, monkeypatch):
    answer_after(link, monkeypatch, 0.5)
    link.measure()
    monkeypatch.undo()
    status = pending(link, timeout_s=-1.0)
    link.end_late()
    assert not status.done
    late = pending(link, timeout_s=-3.0)
    link.end_late()
    with pytest.raises(CommandTimeoutError, match=r"has not ended within -1\.0 s"):
        late.wait(5)


def test_what_has_ended_is_not_made_to_fail(link):
    status = pending(link)
    status.set_finished()
    pending(link, timeout_s=-1.0)
    link.lose("is gone")
    status.wait(5)


@pytest.mark.parametrize("even_if_lost", [False, True])
def test_after_a_loss_nothing_begins_until_it_is_accepted(link, even_if_lost):
    link.lose("has restarted")
    assert link.lost == "has restarted"
    link.lose("is silent")
    assert link.lost == "has restarted", "the first reason counts"
    status = pending(link, even_if_lost=even_if_lost)
    assert status.done is not even_if_lost
    with pytest.raises(InstrumentLostError, match="FAKE: has restarted: tip state"):
        link.check()
    link.accept()
    link.check()
    assert not pending(link).done


def test_nothing_begins_without_a_connection(link):
    disconnected(link.boot_id)
    assert link.trouble(even_if_lost=True) == "is not connected"
    with pytest.raises(InstrumentLostError, match="is not connected"):
        pending(link).wait(5)


def test_what_makes_safe_is_not_begun_where_nothing_is_answered(link):
    error = link.lose_answers("does not answer")
    assert isinstance(error, InstrumentLostError)
    assert not link.answers
    assert link.barred(even_if_lost=True) == "", "it may be heard, though"
    assert link.trouble(even_if_lost=True) == "does not answer"
    link.ask_again()
    assert link.trouble(even_if_lost=True) == ""
    assert link.trouble() == "does not answer"


def test_a_command_that_is_late_after_a_loss_means_that_it_does_not_hear(link):
    link.lose("has restarted")
    status = pending(link, timeout_s=-1.0, even_if_lost=True)
    link.end_late()
    with pytest.raises(InstrumentLostError, match="has restarted"):
        status.wait(5)
    assert not link.answers


def test_who_does_not_drive_any_more_begins_nothing(link):
    link.check_driving()
    link.not_driving = lambda ask: "is driven by another"
    with pytest.raises(InstrumentLostError, match="is driven by another"):
        link.check_driving()
    assert link.lost == "is driven by another"


def test_the_first_reason_is_kept_of_who_does_not_drive(link):
    link.not_driving = lambda ask: "is driven by another" if ask else ""
    assert link.barred() == ""
    assert link.barred(even_if_lost=True) == "is driven by another"
    assert link.lost == "is driven by another"


def test_a_clock_that_is_not_heard_of_is_silent(link, monkeypatch):
    assert not link.is_silent(), "it has not begun"
    link.clock.sim_put(1.0)
    assert not link.is_silent()
    heard = time.monotonic()
    at(monkeypatch, lambda: heard + SILENCE_S + 1.0)
    assert link.is_silent()
    assert not link.is_silent(60.0)
    assert not link.answers
    link.forgive(9.0)
    assert not link.is_silent(), "this process has not listened"


@pytest.mark.parametrize("value", [None, 0, 7])
def test_the_same_boot_number_is_no_restart(link, value):
    link._boot_changed(value)
    assert link.lost == ""


def test_an_ioc_is_taken_as_it_is_found(link):
    link.boot_id.sim_put(8)
    assert link.lost == "has restarted"
    link.begin()
    assert link.lost == ""
    link.boot_id.sim_put(8)
    assert link.lost == ""


def test_a_connection_that_was_never_there_is_not_lost(fake):
    link = type(fake.device.link)("NEW:", name="new")
    link._connection_changed(connected=False)
    assert link.lost == ""
    link._connection_changed(connected=True)
    assert link.lost == ""
    link.destroy()


def test_a_last_error_that_cannot_be_read_is_said_to_be_so(link, monkeypatch):
    assert link.last_error() == "the fake says no"

    def get(**kwargs):
        raise TimeoutError("late")

    monkeypatch.setattr(link.error_message, "get", get)
    assert link.last_error() == "(its ErrorMessage cannot be read: late)"


def test_a_part_without_an_instrument_has_a_link_of_its_own():
    part = Linked("ALONE:", name="part")
    link = part.link
    assert (link.prefix, link.name) == ("ALONE:", "part_link")
    assert part.link is link
    link.destroy()
