import time

import pytest
from event_model import compose_run

from seccm_ophyd.storage import Journal, RunCounter, journal_of, journals


@pytest.fixture
def clock(monkeypatch):
    now = [2e9]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def run(folder, counter, **metadata):
    """Store a run as an engine does that has this counter."""
    md = {}
    md["scan_id"] = counter(md)
    doc = compose_run(metadata={**md, **metadata}).start_doc
    journal = Journal(folder)
    journal("start", doc)
    journal.close()
    return doc["uid"]


def test_numbers_rise_over_sessions(folder):
    first, second = RunCounter(folder), RunCounter(folder)
    assert [first({}), first({}), second({}), second({})] == [1, 2, 3, 4]


@pytest.mark.parametrize("later", [86400.0, 1.0, 0.0, -1e-4, -3600.0, -1.9e9])
def test_a_run_is_newer_than_those_before_whatever_the_clock_says(folder, clock, later):
    uids = [run(folder, RunCounter(folder))]
    clock[0] += later
    counter = RunCounter(folder)
    uids += [run(folder, counter), run(folder, counter, scan_id=4711)]
    clock[0] += 1.0
    uids.append(run(folder, counter))
    assert [info.uid for info in journals(folder)] == uids[::-1]
    assert journal_of(folder, -1).scan_id == 4
    assert journal_of(folder, 4711).uid == uids[2]


def test_where_no_clock_was_set_the_order_is_that_of_the_time(folder, clock):
    md = {}
    RunCounter(folder)(md)
    assert md["order_time"] == clock[0]
