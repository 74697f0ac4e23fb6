"""A run out of what is intact of its journal: what is missing is found or made up."""

import copy
import json

import pytest

from seccm_ophyd.storage.journal.coherence import LOST, Coherence, look_ahead
from seccm_ophyd.storage.journal.lines import COPY_OF, DAMAGE_NOTE
from tests.synthetic_runs import list_run

POINTS = [(0, 0), (1, 0), (2, 1)]


@pytest.fixture
def run():
    """Give the documents of a run, as they are read from its journal."""
    found = list_run(POINTS, traces="file://localhost/a.h5").documents
    return json.loads(json.dumps(found, allow_nan=True))


def taken(lines, *, uid="", everything=None):
    """Take lines one by one; give the documents and what was of no use."""
    everything = lines if everything is None else everything

    def events(descriptor):
        return [
            (name, doc)
            for name, doc in everything
            if name in ("event", "event_page") and doc.get("descriptor") == descriptor
        ]

    coherence = Coherence(uid, lambda: look_ahead(everything), events)
    documents, refused = [], []
    for name, doc in lines:
        found, why = coherence.take(name, doc)
        documents += found
        refused += [why] if why else []
    return documents, refused, coherence


def names(documents):
    return [name for name, _ in documents]


def without(run, *kinds):
    return [(name, doc) for name, doc in run if name not in kinds]


def test_of_a_journal_that_is_whole_nothing_changes(run):
    documents, refused, coherence = taken(run)
    assert documents == [tuple(line) for line in run]
    assert refused == []
    assert coherence.stopped


def test_without_its_start_a_run_has_one_that_is_made_up(run):
    documents, refused, _ = taken(without(run, "start"))
    assert refused == []
    name, start = documents[0]
    assert name == "start"
    assert start["uid"] == run[0][1]["uid"], "as the others give it"
    assert start["time"] == run[0][1]["time"], "of the earliest document"
    assert "is made up" in start[LOST]


def test_without_any_document_that_names_it_the_file_does(run):
    events = [line for line in run if line[0] == "event"]
    uid = run[0][1]["uid"]
    (_, start), *_ = taken(events, uid=uid)[0]
    assert start["uid"] == uid
    documents, refused, _ = taken(events[:1], uid="no uid")
    assert documents == []
    assert refused == ["no document gives the uid of the run"]


def test_a_start_further_down_is_taken_first(run):
    documents, refused, _ = taken([*run[1:-1], run[0], run[-1]])
    assert names(documents)[:2] == ["start", "descriptor"]
    assert LOST not in documents[0][1]
    assert refused == ["a second start document"]


def test_a_descriptor_that_is_lost_is_made_of_its_events(run):
    documents, refused, _ = taken(without(run, "descriptor", "stream_datum"))
    assert refused == []
    descriptor = next(doc for name, doc in documents if name == "descriptor")
    assert descriptor["name"] == "primary"
    assert descriptor[LOST]
    described = {
        key.removeprefix("seccm_"): about["dtype"]
        for key, about in descriptor["data_keys"].items()
    }
    assert described["hop_index"] == "integer"
    assert described["hop_outcome"] == "string"
    assert described["xy_x"] == "number"
    assert names(documents).index("descriptor") < names(documents).index("event")


@pytest.mark.parametrize(
    ("column", "about"),
    [
        ([True, False], {"dtype": "boolean", "shape": []}),
        ([1, 2.5], {"dtype": "number", "shape": []}),
        ([None, 2], {"dtype": "integer", "shape": []}),
        ([None, None], {"dtype": "string", "shape": []}),
        ([[[1.0, 2.0]], [[3.0, 4.0]]], {"dtype": "array", "shape": [1, 2]}),
        ([[], []], {"dtype": "array", "shape": [0]}),
    ],
)
def test_a_key_that_is_lost_is_described_by_its_values(run, column, about):
    events = [copy.deepcopy(doc) for name, doc in run if name == "event"][:2]
    for doc, value in zip(events, column, strict=True):
        doc["data"] = {"odd": value}
    lines = [run[0], *(("event", doc) for doc in events)]
    documents, _, _ = taken(lines)
    assert documents[1][1]["data_keys"]["odd"] == {"source": LOST, **about}


def test_pages_describe_a_descriptor_too(run):
    event = next(doc for name, doc in run if name == "event")
    page = {
        "descriptor": event["descriptor"],
        "data": {"a": [1, 2]},
        "timestamps": {"a": [1.0, 2.0]},
        "time": [5.0, 6.0],
        "seq_num": [1, 2],
        "uid": ["x", "y"],
    }
    documents, refused, _ = taken([run[0], ("event_page", page)])
    assert refused == []
    assert documents[1][1]["time"] == 5.0
    assert documents[1][1]["data_keys"]["a"]["dtype"] == "integer"


def test_streams_that_are_lost_have_names_that_no_other_has(run):
    lines = without(run, "descriptor", "stream_datum", "stream_resource", "stop")
    other = copy.deepcopy(next(doc for name, doc in run if name == "event"))
    other["descriptor"] = "another"
    documents, _, _ = taken([*lines, ("event", other)])
    made = [doc["name"] for name, doc in documents if name == "descriptor"]
    assert made == ["primary", "lost_1"]
    stop = copy.deepcopy(run[-1][1])
    stop["num_events"] = {"dark": 1, "primary": 3}
    documents, _, _ = taken([*lines, ("event", other), ("stop", stop)])
    made = [doc["name"] for name, doc in documents if name == "descriptor"]
    assert made == ["primary", "dark"]


def test_of_a_line_that_is_damaged_its_copy_is_taken(run):
    copies = [(f"{COPY_OF}{name}", doc) for name, doc in run[:2]]
    damaged = [run[0], *run[2:-1], *copies, run[-1]]
    documents, refused, _ = taken(damaged)
    assert refused == []
    assert names(documents).count("descriptor") == 1
    assert names(documents).index("descriptor") < names(documents).index("event")
    assert not [doc for _, doc in documents if LOST in doc]
    documents, refused, _ = taken([*run[:-1], *copies, run[-1]])
    assert (documents, refused) == ([tuple(line) for line in run], []), "not needed"


def test_what_was_set_aside_is_noted(run):
    note = {"lines": 3}
    documents, refused, coherence = taken([*run[:2], (DAMAGE_NOTE, note)])
    assert coherence.notes == [note]
    assert names(documents) == ["start", "descriptor"]
    assert refused == []
    assert not coherence.stopped


def test_what_belongs_to_nothing_is_of_no_use(run):
    datum = next(doc for name, doc in run if name == "stream_datum")
    _, refused, _ = taken([run[0], ("stream_datum", datum)])
    assert len(refused) == 1
    assert refused[0].startswith("what it belongs to is lost")


def test_what_belongs_to_another_run_is_of_no_use(run):
    other = json.loads(json.dumps(list_run(POINTS).documents))
    documents, refused, _ = taken([*run[:-1], *other[1:], run[-1]], everything=run)
    assert [doc["descriptor"] for name, doc in documents if name == "event"] == [
        run[1][1]["uid"]
    ] * 3
    assert any("it belongs to another run" in why for why in refused)
    both = [*run[:-1], *other]
    documents, refused, _ = taken(both)
    assert "a second start document" in refused
    assert all(doc.get("run_start") in (None, run[0][1]["uid"]) for _, doc in documents)


def test_a_second_descriptor_and_what_follows_the_end_are_of_no_use(run):
    _, refused, _ = taken([*run[:2], run[1], *run[2:], run[2]])
    assert refused == [
        "a second descriptor document of this uid",
        f"a {run[2][0]} document after the stop document",
    ]


@pytest.mark.parametrize(
    ("kind", "change", "why"),
    [
        ("start", {"time": "now"}, "time of the start document must be a number"),
        ("start", {"time": True}, "time of the start document must be a number"),
        ("event", {"time": float("nan")}, "time of the event document must be a num"),
        ("event", {"seq_num": "1"}, "seq_num of the event document must be a whole"),
        ("event", {"data": []}, "data of the event document must be a dict"),
        ("descriptor", {"name": None}, "name of the descriptor document must be text"),
        ("descriptor", {"data_keys": {"a": {}}}, "must have dtype and shape"),
        ("descriptor", {"data_keys": {"a": 1}}, "must have dtype and shape"),
        ("stream_datum", {"indices": {"start": 1}}, "must have start and stop"),
        ("stream_datum", {"seq_nums": {"start": 1, "stop": 1.5}}, "start and stop"),
        ("stop", {"num_events": {"primary": "3"}}, "must be whole numbers"),
        ("stop", {"num_events": 3}, "num_events of the stop document"),
    ],
)
def test_what_readers_would_miss_is_said(run, kind, change, why):
    lines = copy.deepcopy(run)
    next(doc for name, doc in lines if name == kind).update(change)
    _, refused, _ = taken(lines, everything=run)
    assert len(refused) == 1
    assert why in refused[0]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"data": {"a": [1]}}, "the columns of the event_page differ in length"),
        ({"data": {"a": 1}}, "the columns of the event_page differ in length"),
        ({"time": [1.0, "2"]}, "time of the event_page document must be numbers"),
        ({"time": 1.0}, "time of the event_page document must be a list"),
    ],
)
def test_a_page_has_as_many_values_in_each_column(run, change, why):
    page = {
        "descriptor": run[1][1]["uid"],
        "data": {"a": [1, 2]},
        "timestamps": {"a": [1.0, 2.0]},
        "time": [5.0, 6.0],
        "seq_num": [1, 2],
        "uid": ["x", "y"],
    }
    assert taken([*run[:2], ("event_page", page)])[1] == []
    assert taken([*run[:2], ("event_page", page | change)])[1] == [why]
