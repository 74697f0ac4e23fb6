"""The watchdog of all instruments: silence, late commands, and its own sleep."""

import pytest

from seccm_ophyd.devices import watchdog as module
from seccm_ophyd.devices.watchdog import _ASLEEP_S, _LOOK_S, _Watchdog


class Link:
    """Notes what a watchdog does with it."""

    def __init__(self, *, silent=False):
        self.silent, self.calls = silent, []
        self.clock = self

    def is_silent(self):
        return self.silent

    def lose(self, what):
        self.calls.append(f"lost: {what}")

    def end_late(self):
        self.calls.append("end late")

    def forgive(self, late_s):
        self.calls.append(("forgive", late_s))

    def destroy(self):
        self.calls.append("destroy")


@pytest.fixture
def watchdog(monkeypatch):
    """Give a watchdog whose time and thread are those of the test."""

    class Thread:
        started = 0

        def __init__(self, **kwargs):
            assert kwargs["daemon"], "it ends with Python"

        def start(self):
            Thread.started += 1

    time = [100.0]
    name = "now" if hasattr(module, "now") else "_now"
    monkeypatch.setattr(module, name, lambda: time[0])
    monkeypatch.setattr(module.threading, "Thread", Thread)
    monkeypatch.setattr(module.threading, "_register_atexit", lambda end: None)
    made = _Watchdog()
    made.threads = Thread

    def later(seconds):
        time[0] += seconds
        made._look()

    made.later = later
    return made


def test_one_thread_looks_after_all_links(watchdog):
    assert watchdog.late_s() == 0.0, "none runs"
    links = [Link(), Link()]
    for link in links:
        watchdog.add(link)
    assert watchdog.threads.started == 1
    watchdog.later(_LOOK_S)
    assert [link.calls for link in links] == [["end late"]] * 2


def test_an_ioc_that_is_silent_is_lost(watchdog):
    link, other = Link(silent=True), Link()
    watchdog.add(link)
    watchdog.add(other)
    watchdog.later(_LOOK_S)
    assert link.calls == ["lost: has not answered for 4 s", "end late"]
    assert other.calls == ["end late"]


def test_a_silence_that_this_process_has_slept_through_is_forgiven(watchdog):
    link = Link(silent=True)
    watchdog.add(link)
    watchdog.later(_ASLEEP_S + 9.0)
    assert link.calls == [("forgive", pytest.approx(_ASLEEP_S + 9.0))]
    watchdog.later(_LOOK_S)
    assert link.calls[1].startswith("lost"), "of that look it has not slept"


def test_a_link_that_is_gone_is_not_looked_after(watchdog):
    link = Link()
    calls = link.calls
    watchdog.add(link)
    link.clock = None
    del link
    watchdog.later(_LOOK_S)
    assert calls == []


def test_at_the_end_no_clock_is_listened_to(watchdog):
    links = [Link(), Link()]
    for link in links:
        watchdog.add(link)
    watchdog._end()
    assert [link.calls for link in links] == [["destroy"]] * 2
