"""Events are validated, but not each one like those before."""

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import event_model
import pytest
from bluesky.utils import Msg, RunEngineInterrupted
from event_model import DocumentNames
from ophyd import Signal

from seccm_ophyd.errors import StorageStalledError
from seccm_ophyd.run_engine.engine import SessionEngine


@pytest.fixture
def engine():
    made = SessionEngine({}, context_managers=[])
    yield made
    made.end_loop()


@pytest.fixture
def validated(monkeypatch):
    """Name the kinds of documents that are validated."""
    names = []
    for kind in (DocumentNames.event, DocumentNames.event_page):
        validator = event_model.schema_validators[kind]

        def validate(doc, kind=kind, validator=validator):
            names.append(kind.name)
            return type(validator).validate(validator, doc)

        wrapped = type("Validator", (), {"validate": staticmethod(validate)})()
        monkeypatch.setitem(event_model.schema_validators, kind, wrapped)
    return names


@bpp.run_decorator()
def _events(signal, values):
    for value in values:
        signal.put(value)
        yield from bps.trigger_and_read([signal])


def test_one_of_many_like_events_is_validated(engine, validated):
    found = []
    engine.subscribe(lambda name, doc: found.append((name, doc)))
    engine(_events(Signal(name="s", value=0.0), [0.5, 1.5, 2.5]))
    assert validated == ["event"]
    events = [doc for name, doc in found if name == "event"]
    assert [doc["seq_num"] for doc in events] == [1, 2, 3]
    assert [doc["data"]["s"] for doc in events] == [0.5, 1.5, 2.5]
    for name, doc in found:
        event_model.schema_validators[DocumentNames[name]].validate(doc)


def test_events_of_another_type_are_validated(engine, validated):
    engine(_events(Signal(name="s", value=0.0), [0.5, 1, 2, "three"]))
    assert validated == ["event"] * 3


def test_each_run_is_validated(engine, validated):
    signal = Signal(name="s", value=0.0)
    engine(_events(signal, [1.0]))
    engine(_events(signal, [1.0]))
    assert validated == ["event", "event"]


class _Flyer(Signal):
    """Collected pages as they are given."""

    def __init__(self, pages, **kwargs):
        super().__init__(**kwargs)
        self.pages = pages

    def collect_pages(self):
        for values, stamps in self.pages:
            yield {"data": {"s": values}, "timestamps": {"s": stamps}}

    def describe_collect(self):
        return {"s": {"source": "here", "dtype": "number", "shape": []}}


@bpp.run_decorator()
def _collected(flyer):
    yield from bps.declare_stream(flyer, name="primary", collect=True)
    yield from bps.collect(flyer, name="primary")


def test_one_of_many_like_pages_is_validated(engine, validated):
    pages = [([1.0, 2.0], [0.0, 0.0])] * 3
    engine(_collected(_Flyer(pages, name="s")))
    assert validated == ["event_page"]


def test_a_page_of_other_types_is_validated(engine, validated):
    pages = [([1.0, 2.0], [0.0, 0.0]), ([1.0, "two"], [0.0, 0.0])]
    engine(_collected(_Flyer(pages, name="s")))
    assert validated == ["event_page"] * 2


def test_columns_of_unequal_length_are_refused_each_time(engine):
    pages = [([1.0, 2.0], [0.0, 0.0]), ([1.0, 2.0], [0.0])]
    with pytest.raises(AssertionError, match="different length"):
        engine(_collected(_Flyer(pages, name="s")))


class _Left(_Flyer):
    """It has a page more when nobody collects any more."""

    def collect_asset_docs(self, index=None):
        return iter(())


def _never_collected(flyer, error):
    yield Msg("open_run")
    yield Msg("declare_stream", None, flyer, name="primary", collect=True)
    raise error


def test_what_a_flyer_still_has_is_collected_before_the_engine_closes_the_run(engine):
    found = []
    engine.subscribe(lambda name, doc: found.append((name, doc)))
    flyer = _Left([([1.5, 2.5], [1.0, 2.0])], name="flyer")
    with pytest.raises(ZeroDivisionError):
        engine(_never_collected(flyer, ZeroDivisionError()))
    assert [name for name, _ in found][-2:] == ["event_page", "stop"]
    assert found[-2][1]["data"]["s"] == [1.5, 2.5]


def test_a_flyer_that_cannot_be_collected_does_not_keep_the_run_open(engine, caplog):
    found = []
    engine.subscribe(lambda name, doc: found.append(name))
    flyer = _Left([(None, None)], name="flyer")
    with pytest.raises(ZeroDivisionError):
        engine(_never_collected(flyer, ZeroDivisionError()))
    assert found[-1] == "stop"
    assert "could not be collected" in caplog.text


def test_pages_after_a_pause_go_on_counting(engine):
    """What was collected before it is not collected again: two hops are no one hop."""

    class Line(_Flyer):
        def collect_pages(self):
            given, self.pages = self.pages[:1], self.pages[1:]
            for values, stamps in given:
                yield {"data": {"s": values}, "timestamps": {"s": stamps}}

    line = Line([([float(k), k + 0.5], [0.0, 0.0]) for k in range(4)], name="s")

    @bpp.run_decorator()
    def paused():
        yield from bps.declare_stream(line, name="primary", collect=True)
        yield from bps.checkpoint()
        yield from bps.collect(line, name="primary")
        yield from bps.collect(line, name="primary")
        if len(line.pages) == 2:
            yield from bps.pause()

    found = []
    engine.subscribe(lambda name, doc: found.append((name, doc)))
    with pytest.raises(RunEngineInterrupted):
        engine(paused())
    engine.resume()
    pages = [doc for name, doc in found if name == "event_page"]
    assert [page["seq_num"] for page in pages] == [[1, 2], [3, 4], [5, 6], [7, 8]]
    assert found[-1][1]["num_events"] == {"primary": 8}


class _Refusing:
    """A storage that does not take the events of some calls, counted from 1."""

    def __init__(self, *refused, error=None):
        self._refused, self._error = refused, error or OSError("no room")
        self.found, self.calls = [], 0

    async def store(self, name, doc):
        if name in ("event", "event_page"):
            self.calls += 1
            if self.calls in self._refused:
                raise self._error
        self.found.append((name, doc))
        return True

    async def ask(self, question):
        return question()

    def of(self, name):
        return [doc for kind, doc in self.found if kind == name]


class _Line(_Flyer):
    """Gives a page at a time, again if it was not taken."""

    @property
    def is_incomplete(self):
        return bool(self.pages)

    def collect_asset_docs(self, index=None):
        return iter(())

    def collect_pages(self):
        if self.pages:
            values, stamps = self.pages[0]
            yield {"data": {"s": values}, "timestamps": {"s": stamps}}
            self.pages.pop(0)


@bpp.run_decorator()
def _collected_thrice(line, error):
    yield from bps.declare_stream(line, name="primary", collect=True)
    for _ in range(2):
        yield from bps.collect(line, name="primary")
    with pytest.raises(error):
        yield from bps.collect(line, name="primary")
    while line.pages:
        yield from bps.collect(line, name="primary")


@pytest.mark.fault(32)
def test_a_page_that_was_not_stored_is_collected_again_under_its_numbers(engine):
    storage = _Refusing(3)
    engine.store_with(storage)
    line = _Line([([float(k), k + 0.5], [0.0, 0.0]) for k in range(4)], name="s")
    engine(_collected_thrice(line, OSError))
    assert [doc["seq_num"] for doc in storage.of("event_page")] == [
        [1, 2], [3, 4], [5, 6], [7, 8],
    ]  # fmt: skip
    values = [doc["data"]["s"] for doc in storage.of("event_page")]
    assert values == [[float(k), k + 0.5] for k in range(4)]
    assert storage.of("stop")[0]["num_events"] == {"primary": 8}


@pytest.mark.fault(32)
def test_all_parts_that_are_left_are_collected_before_the_engine_closes_the_run(engine):
    storage = _Refusing()
    engine.store_with(storage)
    line = _Line([([float(k)], [0.0]) for k in range(3)], name="s")
    with pytest.raises(ZeroDivisionError):
        engine(_never_collected(line, ZeroDivisionError()))
    assert [doc["data"]["s"] for doc in storage.of("event_page")] == [[0], [1], [2]]


@pytest.mark.fault(63)
def test_a_page_that_is_stored_later_is_not_collected_again(engine):
    storage = _Refusing(3, error=StorageStalledError("it does not answer"))
    engine.store_with(storage)
    line = _Line([([float(k)], [0.0]) for k in range(4)], name="s")
    engine(_collected_thrice(line, StorageStalledError))
    assert [doc["data"]["s"] for doc in storage.of("event_page")] == [[0], [1], [3]]
    assert storage.of("stop")[0]["num_events"] == {"primary": 4}


@pytest.mark.fault(32)
def test_an_event_that_could_not_be_stored_is_not_counted(engine):
    storage = _Refusing(3)
    engine.store_with(storage)
    with pytest.raises(OSError, match="no room"):
        engine(_events(Signal(name="s", value=0.0), [0.5, 1.5, 2.5]))
    assert storage.of("stop")[0]["num_events"] == {"primary": 2}
