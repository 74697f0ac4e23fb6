"""Subscribers are called while the loop of the engine turns."""

import asyncio
import threading
import warnings

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import pytest
from bluesky.utils import RunEngineInterrupted

from seccm_ophyd.errors import CallbackStalledError
from seccm_ophyd.plans import current_map
from seccm_ophyd.run_engine import calling
from seccm_ophyd.run_engine.engine import SessionEngine

GRID = (-1, 1, 2, -2, 2, 2)


class Slow:
    """A subscriber that takes long over one document, until it is let go."""

    def __init__(self, name, passes=0):
        self.name, self.passes = name, passes
        self.is_busy, self.may_go = threading.Event(), threading.Event()
        self.got = []

    def __call__(self, name, doc):
        if name == self.name:
            self.passes -= 1
            if self.passes < 0 and not self.is_busy.is_set():
                self.is_busy.set()
                assert self.may_go.wait(20)
        self.got.append((name, doc))

    def indices(self):
        return [d["data"]["seccm_hop_index"] for n, d in self.got if n == "event"]


@pytest.fixture
def engine(fake, monkeypatch):
    monkeypatch.setattr(calling, "WITHDRAW_S", 0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        made = SessionEngine({}, context_managers=[])
    made.keep_safe(fake.device)
    yield made
    made.end_loop()


@pytest.mark.fault(67)
def test_the_loop_turns_and_the_probe_is_withdrawn_while_a_callback_plots(
    engine, fake, monkeypatch, caplog
):
    slow, turns, lifted = Slow("event", 1), [], []
    monkeypatch.setattr(
        engine._calling, "withdraw", lambda: (lifted.append(1), slow.may_go.set())[0]
    )

    async def turn():
        while True:
            turns.append(slow.is_busy.is_set())
            await asyncio.sleep(0.005)

    asyncio.run_coroutine_threadsafe(turn(), engine.loop)
    engine.subscribe(slow)
    engine(current_map(fake.device, *GRID))
    assert turns.count(True) > 5
    assert lifted == [1]
    assert slow.indices() == [0, 1, 2, 3]
    assert slow.got[-1][1]["exit_status"] == "success"
    assert "a callback has been busy for 0.1" in caplog.text
    assert "in test_calling.py line" in caplog.text


@pytest.mark.fault(67)
def test_a_scan_goes_on_without_a_callback_that_hangs(
    engine, fake, monkeypatch, caplog
):
    monkeypatch.setattr(calling, "PATIENCE_S", 0.2)
    slow = Slow("event", 1)
    engine.subscribe(slow)
    engine(current_map(fake.device, *GRID))
    assert slow.indices() == [0], "it hangs still"
    assert "the scan continues, it gets its documents later" in caplog.text
    ended = threading.Event()
    engine.subscribe(lambda *_: ended.set(), "stop")
    slow.may_go.set()
    engine(current_map(fake.device, *GRID))
    assert ended.wait(5)
    assert slow.indices() == [0, 1, 2, 3] * 2, "all of them, in their order"


@pytest.mark.fault(67)
def test_a_plan_does_not_measure_in_a_contact_that_a_callback_has_ended(engine, fake):
    m, slow = fake.device, Slow("event")
    threading.Timer(0.5, slow.may_go.set).start()

    @bpp.run_decorator()
    def two_readings_in_contact():
        m.z.state.sim_put("CONTACT")
        for _ in range(2):
            yield from bps.trigger_and_read([m.xy])

    engine.subscribe(slow)
    with pytest.raises(CallbackStalledError, match="withdrawn from its contact"):
        engine(two_readings_in_contact())
    assert slow.got[-1][1]["num_events"] == {"primary": 1}


def test_a_pause_while_a_callback_is_busy_comes_after_it(engine, fake):
    slow = Slow("event", 1)

    def pause():
        assert slow.is_busy.wait(10)
        engine.request_pause()
        slow.may_go.set()

    pausing = threading.Thread(target=pause)
    pausing.start()
    engine.subscribe(slow)
    with pytest.raises(RunEngineInterrupted):
        engine(current_map(fake.device, *GRID))
    pausing.join()
    engine.resume()
    assert slow.indices() == [0, 1, 2, 3], "none twice, none lost"


def test_a_callback_may_ask_for_a_pause(engine, fake):
    def pause(name, doc):
        if name == "event" and doc["seq_num"] == 2:
            engine.request_pause()

    engine.subscribe(pause)
    with pytest.raises(RunEngineInterrupted):
        engine(current_map(fake.device, *GRID))
    engine.resume()


def test_a_callback_that_exits_ends_neither_scan_nor_thread(engine, fake, caplog):
    got = []

    def leave(name, doc):
        got.append(name)
        raise SystemExit

    engine.subscribe(leave)
    engine(current_map(fake.device, *GRID))
    assert got.count("event") == 4
    assert "a callback wants to end Python" in caplog.text
