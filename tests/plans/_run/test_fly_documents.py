"""What a fly scan gives: the documents of the same hops made step by step."""

import itertools
import logging
import threading

import numpy as np
import pytest
from bluesky.utils import RunEngineInterrupted
from event_model import DocumentNames, schema_validators

from seccm_ophyd.devices.command import STOPPED, TRIPPED
from seccm_ophyd.errors import (
    OverloadError,
    StoppedError,
    TooManyMissesError,
    TrippedError,
)
from seccm_ophyd.plans import hop_fly, hop_scan
from seccm_ophyd.run_engine.engine import SessionEngine
from seccm_ophyd.techniques import CurrentSample, Galvanostatic
from tests.plans.calls import documents

GRID = (-1, 1, 3, 0, 0.4, 3)
BOTH = [CurrentSample(), Galvanostatic(duration_s=0.1)]


@pytest.fixture
def engine():
    made = SessionEngine({}, context_managers=[])
    yield made
    assert made.state == "idle"
    made.end_loop()


@pytest.fixture
def docs(engine):
    found = []
    engine.subscribe(lambda name, doc: found.append((name, doc)))
    return found


def fly(fake, technique=None, **options):
    return hop_fly(fake.device, technique or CurrentSample(), *GRID, **options)


def table(docs):
    """Give the columns of the events, from whichever kind of document they came."""
    columns = {}
    for name, doc in docs:
        for key, value in doc["data"].items() if name.startswith("event") else ():
            values = value if name == "event_page" else [value]
            columns.setdefault(key, []).extend(values)
    return columns


def indices(docs):
    return table(docs)["seccm_hop_index"]


@pytest.mark.parametrize("technique", [CurrentSample(), BOTH], ids=["one", "two"])
def test_keys_and_places_are_those_of_a_stepped_scan(engine, docs, lines, technique):
    device, found = lines.fake.device, []
    for plan in (hop_fly, hop_scan):
        docs.clear()
        engine(plan(device, technique, *GRID, snake=True))
        for name, doc in docs:
            schema_validators[DocumentNames[name]].validate(doc)
        (descriptor,) = documents(docs, "descriptor")
        keys = descriptor["data_keys"]
        for key in keys.values():
            del key["object_name"]  # who gives it
        found.append((keys, table(docs)))
        assert documents(docs, "stop")[0]["num_events"] == {"primary": 9}
    (flown_keys, flown), (keys, stepped) = found
    assert flown_keys == keys
    assert set(flown) == set(stepped)
    for key in stepped:
        if any(part in key for part in ("_hop_", "_xy_", "_contact_height")):
            np.testing.assert_array_equal(flown[key], stepped[key], err_msg=key)
    assert lines.fake.log[-1] == "safe"


def test_the_first_hop_comes_alone_and_finds_the_surface(engine, docs, lines):
    limits = []
    lines.line.run.request.subscribe(
        lambda **kw: limits.append(lines.fake.device.z.travel_limit.get()), run=False
    )
    engine(fly(lines.fake, travel_limit_um=15.0))
    assert [len(line) for line in lines.started] == [1, 8]
    assert limits == [100.0, 15.0]


def test_an_adaptive_one_knows_the_surface_from_its_second_line_on(engine, lines):
    engine(fly(lines.fake, adaptive=True))
    first, *others = [np.array(line) for line in lines.started]
    assert [len(first), *map(len, others)] == [1, 2, 3, 3]
    assert (others[0][:, 2:] == 100.0).all()
    for line in others[1:]:
        x, _, travel, slow = line.T
        assert (travel < 10.0).all()
        assert (travel > lines.fake.height(x, 0.0) + 0.99).all()
        assert (slow < travel).all()


def test_after_an_overload_the_line_goes_on(engine, docs, lines, caplog):
    caplog.set_level(logging.WARNING)
    lines.overloads = {3, 5}
    engine(fly(lines.fake))
    outcomes = table(docs)["seccm_hop_outcome"]
    assert [k for k, o in enumerate(outcomes, 1) if o == "overload"] == [3, 5]
    assert outcomes.count("contact") == 7
    said = [r.getMessage() for r in caplog.records if "plans" in r.name]
    assert len(said) == 1, "the first is reported"
    assert said[0].startswith("current_sample at x=1 um, y=0 um: ")


def test_an_overload_ends_one_that_is_to_stop(engine, docs, lines):
    lines.overloads, lines.at_once = {3}, 2
    engine.msg_hook = _carry_on(lines, "collect", 1)
    with pytest.raises(OverloadError, match="left its range at x=1 um, y=0 um"):
        engine(fly(lines.fake, overload="stop"))
    assert indices(docs)[:3] == [0, 1, 2]
    assert indices(docs) == list(range(lines.results.done + 1)), "all that was made"
    assert lines.fake.log[-1] == "safe"


def _carry_on(lines, command, hops):
    """Have the IOC make hops whenever the engine makes a message of that kind."""

    def hook(msg):
        if msg.command == command and lines.results is not None:
            lines.make(hops)

    return hook


def test_misses_end_it_and_are_recorded(engine, docs, lines):
    lines.misses = {2, 3, 4}
    with pytest.raises(TooManyMissesError, match="3 no_contact"):
        engine(fly(lines.fake, max_misses=3))
    assert table(docs)["seccm_hop_outcome"] == ["contact", *["no_contact"] * 3]
    assert documents(docs, "stop")[0]["exit_status"] == "fail"


def test_a_trip_ends_it_with_all_that_has_been_made(engine, docs, lines):
    lines.at_once = 3

    def trip(msg):
        if msg.command == "collect" and len(lines.started) == 2 and lines._left:
            lines.end(TRIPPED)

    engine.msg_hook = trip
    with pytest.raises(TrippedError):
        engine(fly(lines.fake))
    assert indices(docs) == [0, 1, 2, 3]


def _pause_in_the_second_line(engine, lines):
    """Ask for a pause when the engine waits for hops of it."""
    asked = threading.Event()

    def hook(msg):
        is_second = len(lines.started) == 2 and lines._left
        if msg.command == "wait" and is_second and not asked.is_set():
            asked.set()
            threading.Thread(target=engine.request_pause).start()  # it waits for this

    engine.msg_hook = hook


def test_after_a_pause_each_hop_has_come_once(engine, docs, lines):
    lines.at_once = 3
    _pause_in_the_second_line(engine, lines)
    with pytest.raises(RunEngineInterrupted):
        engine(fly(lines.fake))
    assert lines.fake.log[-1] == "safe"
    assert not lines._left, "making it safe has ended the line"
    lines.at_once = 100
    engine.resume()
    assert indices(docs) == list(range(9))
    assert table(docs)["seccm_hop_repeated"] == [0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert [len(line) for line in lines.started] == [1, 8, 5]
    assert documents(docs, "stop")[0]["num_events"] == {"primary": 9}


def test_an_abort_keeps_what_has_been_made(engine, docs, lines):
    lines.at_once = 3
    _pause_in_the_second_line(engine, lines)
    with pytest.raises(RunEngineInterrupted):
        engine(fly(lines.fake))
    engine.abort()
    assert indices(docs) == [0, 1, 2, 3]
    assert documents(docs, "stop")[0]["exit_status"] == "abort"


def test_a_line_that_somebody_else_has_ended_fails_the_scan(engine, docs, lines):
    lines.at_once = 2

    def halt(msg):
        if msg.command == "collect" and len(lines.started) == 2 and lines._left:
            lines.end(STOPPED)

    engine.msg_hook = halt
    with pytest.raises(StoppedError):
        engine(fly(lines.fake))
    assert indices(docs) == [0, 1, 2]


def test_traces_stand_in_the_rows_of_their_events(engine, docs, lines, tmp_path):
    lines.fake.device.traces.folder.put(str(tmp_path))
    engine(fly(lines.fake, BOTH))
    data = documents(docs, "stream_datum")
    assert len(documents(docs, "stream_resource")) == 3
    for resource in documents(docs, "stream_resource"):
        rows = [d["indices"] for d in data if d["stream_resource"] == resource["uid"]]
        spans = [(row["start"], row["stop"]) for row in rows]
        assert spans[0][0] == 0
        assert spans[-1][1] == 9
        assert all(a[1] == b[0] for a, b in itertools.pairwise(spans))
