import threading

import pytest

from seccm_ophyd.errors import ParameterError, RunNotFoundError
from seccm_ophyd.storage.catalogue.runs_mapping import RunsMapping, told_after
from seccm_ophyd.storage.journal.info import JournalInfo
from seccm_ophyd.storage.journal.lookup import choose


class Runs(RunsMapping):
    """Five runs, each read as its number."""

    where = "here"

    def __init__(self):
        self.read = []
        self.searched = []

    def _infos(self):
        return [
            JournalInfo(
                None,
                {"uid": f"u{n}-0", "scan_id": n, "time": 1e9, "plan_name": "count"},
                None,
            )
            for n in range(1, 6)
        ]

    def _find(self, run):
        return choose(self._infos()[::-1], run, self.where)

    def _read(self, info):
        self.read.append(info.scan_id)
        return info.scan_id * 10

    def _settled(self):
        return self

    def search(self, *queries, **equal):
        if queries and not isinstance(queries[0], dict):
            self.searched.append(queries[0])
            return self
        return super().search(*queries, **equal)


@pytest.fixture
def runs():
    return Runs()


def test_one_run_or_several_are_given_as_databroker_does(runs):
    assert runs[3] == runs["3"] == runs["u3"] == runs[-3] == 30
    assert runs.latest == 50
    assert runs[-2:] == [40, 50]
    assert runs[:-3] == [10, 20]
    assert runs[::-1][0] == 50
    assert runs[[1, -1]] == [10, 50]
    for part in (slice(1, 3), slice(None, 2), slice(-3, 4)):
        with pytest.raises(ValueError, match=r"count from the newest .*cat\[-5:\]"):
            runs[part]
    with pytest.raises(RunNotFoundError, match="no scan 9 among the 5 runs of here"):
        runs[9]


def test_it_is_a_mapping_from_uids_oldest_first(runs):
    uids = [f"u{n}-0" for n in range(1, 6)]
    assert list(runs) == list(runs.keys()) == uids
    assert len(runs) == len(runs.values()) == len(runs.items()) == 5
    assert runs.read == []  # nothing is read before it is asked for
    assert list(runs.values()) == [10, 20, 30, 40, 50]
    assert dict(runs.items())["u2-0"] == 20
    assert runs.get("u2") == 20
    assert runs.get(9) is None
    assert all(name in runs for name in ("u2-0", 5, -5))
    assert not any(name in runs for name in (9, 2.5, "zz"))


def test_views_are_cut_as_those_of_databroker(runs):
    values = runs.values()
    assert (values.first(), values.last(), values[-1]) == (10, 50, 50)
    assert values.head(2) == values[:2] == [10, 20]
    assert values.tail(2) == [40, 50]
    assert values.head(0) == values.tail(0) == values.head(-1) == []
    assert next(reversed(values)) == 50
    assert repr(values) == "<5 of the stored runs, oldest first>"


def test_dicts_and_keywords_search_for_equal_metadata(runs):
    found = runs.search({"sample": "x"}, plan_name="count")
    assert found is runs
    assert [(query.key, query.value) for query in runs.searched] == [
        ("sample", "x"),
        ("plan_name", "count"),
    ]


def test_what_is_no_query_and_no_name_says_what_to_type(runs):
    for query in ("count", 5, None):
        with pytest.raises(ParameterError, match="takes names and values"):
            RunsMapping.search(runs, query)
    with pytest.raises(RunNotFoundError, match=r"type cat.search\({...}\)"):
        runs[{"plan_name": "count"}]


def test_the_repr_says_where_how_many_and_which_is_the_newest(runs):
    assert repr(runs).startswith("<Runs of here: 5 runs, the newest scan 5 (count, 200")
    runs._infos = list
    assert repr(runs) == "<Runs of here: 0 runs>"


def test_a_long_wait_says_in_one_line_what_it_is_for(caplog):
    said = threading.Event()

    def waiting_for():
        said.set()
        return "the writer"

    with told_after(0.0, waiting_for):
        assert said.wait(10)
        for thread in threading.enumerate():  # it is asked before it is logged
            if isinstance(thread, threading.Timer):
                thread.join(10)
    with told_after(60.0, waiting_for):
        pass
    assert caplog.messages == ["waiting for the writer"]
