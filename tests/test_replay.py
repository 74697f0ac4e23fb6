import math
import weakref
from itertools import pairwise

import pytest
from bluesky.callbacks import LiveTable
from bluesky.callbacks.best_effort import BestEffortCallback

from seccm_ophyd import replay as module
from seccm_ophyd.analysis import hop_map
from seccm_ophyd.errors import ParameterError
from seccm_ophyd.replay import replay
from seccm_ophyd.views import HopMapView
from tests.synthetic_runs import HOP_S, scan_run


class Clock:
    """Time that passes only when somebody sleeps, or says so."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds


def collect(run, **kwargs):
    found = []
    replay(run, lambda name, doc: found.append((name, doc)), **kwargs)
    return found


def test_journal_gives_the_original_documents(tmp_path):
    run = scan_run(misses=(), pages=4)
    path = run.write(tmp_path / "run.jsonl")
    assert repr(collect(path)) == repr(collect(run.documents))
    assert [name for name, _ in collect(path)] == [name for name, _ in run.documents]


def test_at_once_never_sleeps():
    def refuse(seconds):
        raise AssertionError("slept")

    assert len(collect(scan_run().documents, sleep=refuse)) == 33
    assert len(collect(scan_run().documents, speed=math.inf, sleep=refuse)) == 33


@pytest.mark.parametrize("speed", [1, 4, 0.5])
def test_documents_come_when_their_time_stamps_say(monkeypatch, speed):
    clock = Clock(monkeypatch)
    run = scan_run(4, 3)
    at = []
    replay(
        run.documents,
        lambda name, doc: at.append((name, clock.now - 1000)),
        speed,
        sleep=clock.sleep,
    )
    events = [t for name, t in at if name == "event"]
    assert events == pytest.approx([(1 + k * HOP_S) / speed for k in range(12)])
    assert at[0] == ("start", 0)
    assert at[-1] == ("stop", pytest.approx((1 + 11 * HOP_S + 0.1) / speed))


def test_a_slow_callback_does_not_add_up(monkeypatch):
    clock = Clock(monkeypatch)
    at = []

    def slow(name, doc):
        at.append(clock.now - 1000)
        clock.now += 0.1 if len(at) != 5 else 1.0

    replay(scan_run(4, 3).documents, slow, 1, sleep=clock.sleep)
    assert at[-1] == pytest.approx(1 + 11 * HOP_S + 0.1, abs=1e-6)
    assert at == sorted(at)


def test_pages_come_at_their_last_hop(monkeypatch):
    clock = Clock(monkeypatch)
    at = []
    replay(
        scan_run(4, 3, pages=4).documents,
        lambda name, doc: at.append((name, clock.now - 1000)),
        1,
        sleep=clock.sleep,
    )
    pages = [t for name, t in at if name == "event_page"]
    assert pages == pytest.approx([1 + k * HOP_S for k in (3, 7, 11)])


def test_real_sleep_keeps_the_pace(monkeypatch):
    began = module.time.monotonic()
    collect(scan_run(2, 2).documents, speed=10)
    assert module.time.monotonic() - began >= 0.185


def shifted(run, changes):
    """Add seconds to the time stamps from the numbers of documents on."""
    for first, seconds in changes:
        for _, doc in run.documents[first:]:
            doc["time"] += seconds
    return run.documents


@pytest.mark.parametrize(
    "changes",
    [
        [(7, 86400.0)],  # forward by a day
        [(7, -86400.0)],
        [(5, -3600.0), (9, 7200.0)],
        [(1, -50.0)],  # all events before the start
    ],
)
def test_a_clock_that_is_set_does_not_change_the_pace(monkeypatch, changes):
    clock = Clock(monkeypatch)
    at = []
    replay(
        shifted(scan_run(4, 3), changes),
        lambda name, doc: at.append(clock.now - 1000),
        10,
        sleep=clock.sleep,
    )
    whole = (1 + 11 * HOP_S + 0.1) / 10
    assert at == sorted(at)
    assert at[-1] == pytest.approx(whole, abs=0.12)
    assert max(b - a for a, b in pairwise(at)) < 0.2


def test_events_of_two_streams_a_little_out_of_order_take_no_longer(monkeypatch):
    clock = Clock(monkeypatch)
    documents = [("start", {"time": 0.0})]
    documents += [("event", {"time": t}) for k in range(1, 21) for t in (k, k - 0.4)]
    replay(documents, lambda name, doc: None, 1, sleep=clock.sleep)
    assert clock.now - 1000 == pytest.approx(20)


def test_long_measurements_are_no_leap_of_the_clock(monkeypatch):
    clock = Clock(monkeypatch)
    start = {"time": 0.0, "estimate": {"hops": 2, "duration_s": 4000.0}}
    times = (1.0, 1800.0, 1801.0, 3700.0, 3701.0)
    documents = [("start", start), *(("event", {"time": t}) for t in times)]
    replay(documents, lambda name, doc: None, 100, sleep=clock.sleep)
    assert clock.now - 1000 == pytest.approx(37.01)


def test_equal_and_missing_times_take_no_time(monkeypatch):
    clock = Clock(monkeypatch)
    odd = ({}, {"time": "noon"}, {"time": []}, {"time": math.nan}, {"time": None})
    documents = [("start", {"time": 5.0})] + [("event", {"time": 5.0})] * 3
    documents += [("event", doc) for doc in odd]
    assert collect(documents, speed=1, sleep=clock.sleep) == documents
    assert clock.now == 1000


@pytest.mark.parametrize("speed", [0, -1, math.nan, "fast", True, [1]])
def test_speed_must_be_a_number_above_zero(speed):
    with pytest.raises(ParameterError, match=r"speed=.* must be a number above 0"):
        collect(scan_run().documents, speed=speed)


@pytest.mark.parametrize("pages", [0, 3])
def test_best_effort_callback(capsys, pages):
    bec = BestEffortCallback()
    bec.disable_plots()
    run = scan_run(3, 2, pages=pages)
    replay(run.documents, bec)
    out = capsys.readouterr().out
    assert "Transient Scan ID: 7" in out
    assert run.documents[0][1]["uid"] in out
    assert len([line for line in out.splitlines() if line.startswith("|  ")]) >= 6


def test_live_table(capsys):
    run = scan_run(3, 2)
    table = LiveTable(["seccm_clamp_current", "seccm_z_contact_height"])
    replay(run.documents, table)
    out = capsys.readouterr().out
    assert "seccm_clamp_current" in out
    for height in run.height.values():
        assert f"{height:.3f}" in out or f"{height:.2f}" in out


def test_interrupted_run_is_replayed_as_far_as_it_goes(tmp_path):
    run = scan_run(stop_after=11)
    path = run.write(tmp_path / "run.jsonl")
    names = [name for name, _ in collect(path)]
    assert names == ["start", "descriptor", *["event"] * 11]


def test_replay_draws_the_same_picture_as_the_stored_run():
    run = scan_run(5, 5, snake=True, misses=(3,))
    view = HopMapView()
    replay(run.documents, view)
    view.draw()
    image = view.panels["current"].image.get_array().filled(math.nan)
    assert hop_map(run.documents).current.equals(
        hop_map(run.documents).current.copy(data=image)
    )


def test_a_run_in_its_own_time_is_not_held_in_memory(monkeypatch):
    """Its documents are read twice, the first time for their times."""
    documents, kept = list(scan_run(2, 2).documents), []

    class Run(list):
        def __iter__(self):
            for name, doc in super().__iter__():
                one = Doc(doc)
                kept.append(weakref.ref(one))
                yield name, one
                del one

    class Doc(dict):
        pass

    alive = []

    def count(name, doc):
        alive.append(sum(ref() is not None for ref in kept))

    replay(Run(documents), count, speed=1e9, sleep=lambda _: None)
    assert len(alive) == len(documents)
    assert max(alive) <= 4


def test_a_run_that_can_be_read_once_is_replayed_in_its_own_time():
    documents, got = list(scan_run(2, 2).documents), []
    replay(iter(documents), lambda *d: got.append(d), 1e9, sleep=lambda _: None)
    assert got == documents
