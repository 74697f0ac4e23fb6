import json
import os

import pytest
from event_model import compose_run

from seccm_ophyd.storage import Journal, SessionLock, journal_of, journals
from seccm_ophyd.storage.journal.index import acknowledge, unfinished
from seccm_ophyd.storage.journal.info import JournalInfo, age
from seccm_ophyd.storage.journal.journal import encode


def write(folder, number, uid, stop=True):
    run = compose_run(uid=uid, time=1000.0 + number, metadata={"scan_id": number})
    journal = Journal(folder)
    journal("start", run.start_doc)
    if stop:
        journal("stop", run.compose_stop())
    journal.close()
    return folder.journal_file(uid)


@pytest.fixture
def runs(folder):
    write(folder, 1, "aaaa1111-x")
    write(folder, 2, "aaaa2222-x")
    write(folder, 3, "12345678-x", stop=False)
    return folder


def test_lists_newest_first_with_the_ends_of_each(runs):
    (runs.journal / "cut.jsonl").write_bytes(b'["start", {"uid"')
    (runs.journal / "empty.jsonl").touch()
    found = journals(runs)
    assert [info.scan_id for info in found] == [3, 2, 1]
    assert [info.stop is None for info in found] == [True, False, False]
    assert found[1].stop["run_start"] == found[1].uid == "aaaa2222-x"


def test_the_stop_is_found_behind_lines_longer_than_a_block(folder):
    path = write(folder, 1, "long", stop=False)
    told = {"run_start": "long", "time": 1.0, "exit_status": "success"}
    stop = encode("stop", {**told, "reason": "x" * 40_000})
    with path.open("ab") as file:
        file.write(b'["event", {"data": "' + b"y" * 50_000 + b'"}]\n' + stop)
    assert len(JournalInfo.read(path).stop["reason"]) == 40_000
    with path.open("ab") as file:
        file.write(b'["event"')
    assert len(JournalInfo.read(path).stop["reason"]) == 40_000


@pytest.mark.parametrize(
    ("name", "scan_id"),
    [
        ("aaaa1111-x", 1),
        ("aaaa2", 2),
        ("12345", 3),
        (-1, 3),
        ("-2", 2),
        (1, 1),
        ("2", 2),
    ],
)
def test_runs_are_found_as_people_name_them(runs, name, scan_id):
    assert journal_of(runs, name).scan_id == scan_id


def test_of_several_runs_with_a_number_the_newest_is_meant(runs):
    run = compose_run(uid="later", time=2000.0, metadata={"scan_id": 1})
    Journal(runs)("start", run.start_doc)
    assert journal_of(runs, 1).uid == "later"


@pytest.mark.parametrize("name", [0, 7, -4, "zzz", "", "aaaa1111-xx"])
def test_no_such_run(runs, name):
    with pytest.raises(KeyError, match=r"among the 3 runs"):
        journal_of(runs, name)


def test_an_ambiguous_beginning_is_refused(runs):
    with pytest.raises(KeyError, match="2 runs begin with 'aaaa'"):
        journal_of(runs, "aaaa")


def test_unfinished_are_those_not_acknowledged_oldest_first(runs):
    acknowledge(runs, "aaaa1111-x")
    assert [info.scan_id for info in unfinished(runs)] == [2, 3]
    assert [info.scan_id for info in unfinished(runs, {"aaaa2222-x"})] == [3]


def test_a_run_without_a_stop_is_interrupted_once_its_session_is_gone(runs):
    done, left = journal_of(runs, 2), journal_of(runs, 3)
    assert left.interrupted
    assert not done.interrupted
    journal = Journal(runs)
    run = compose_run(uid="going", metadata={"scan_id": 4})
    with SessionLock(runs):  # a later session, and a run of its own
        journal("start", run.start_doc)
        os.utime(runs.journal_file("going"), (100, 100))  # clocks do not matter
        assert left.interrupted
        assert not journal_of(runs, 4).interrupted
        journal.close()
        assert journal_of(runs, 4).interrupted


@pytest.mark.parametrize(
    "start", [{}, {"uid": "odd"}, {"uid": "../odd", "time": 1.0}, {"uid": 3, "time": 1}]
)
def test_a_file_that_is_not_named_after_its_run_is_none(runs, start):
    odd = runs.journal / "odd.jsonl"
    odd.write_text(json.dumps(["start", start]) + "\n")
    assert len(journals(runs)) == len(unfinished(runs)) == 3
    with pytest.raises(KeyError, match="among the 3 runs"):
        journal_of(runs, "odd")


def start(folder, uid, **told):
    metadata = {key: told.pop(key) for key in list(told) if key != "time"}
    run = compose_run(uid=uid, metadata=metadata, **told)
    journal = Journal(folder)
    journal("start", run.start_doc)
    journal.close()


def test_the_newest_run_is_the_one_that_was_started_last(runs):
    start(runs, "other", time=1500.0, scan_id=4711)
    start(runs, "none", time=1600.0)
    start(runs, "newest", time=1700.0, scan_id=4)
    assert [info.uid for info in journals(runs)[:3]] == ["newest", "none", "other"]
    assert journal_of(runs, -1).uid == unfinished(runs)[-1].uid == "newest"


def test_runs_of_the_same_time_are_sorted_by_number_then_uid(folder):
    for uid, told in (("b", {}), ("c", {"scan_id": 1}), ("a", {})):
        start(folder, uid, time=1000.0, **told)
    assert [info.uid for info in journals(folder)] == ["c", "b", "a"]


def test_a_clock_set_back_does_not_change_the_order_of_a_session(runs):
    start(runs, "next", time=3.0, scan_id=4, order_time=1003.001)
    assert journal_of(runs, -1).uid == "next"
    assert unfinished(runs)[-1].uid == "next"


@pytest.mark.parametrize("odd", ["late", None, True, float("inf"), float("nan"), [1]])
def test_a_time_of_order_that_is_none_is_not_used(odd):
    doc = {"uid": "x", "time": 5.0, "order_time": odd, "scan_id": "seven"}
    assert age(doc) == (5.0, 0, "x")
