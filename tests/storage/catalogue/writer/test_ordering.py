import contextlib
import random
import sqlite3

import pytest
from event_model import compose_run

from seccm_ophyd.storage import (
    Journal,
    SessionCatalogue,
    close_catalogue,
    open_catalogue,
    recover,
)
from seccm_ophyd.storage.catalogue.writer.ingest import write_run
from seccm_ophyd.storage.catalogue.writer.ordering import order_catalogue


def documents_of(number, when, **metadata):
    """Make a run with a table of three rows that tell its number."""
    run = compose_run(time=when, metadata={"scan_id": number, **metadata})
    keys = {"a": {"dtype": "number", "shape": [], "source": "test"}}
    stream = run.compose_descriptor(name="primary", data_keys=keys)
    events = [
        stream.compose_event(data={"a": 10.0 * number + k}, timestamps={"a": when})
        for k in range(3)
    ]
    return [
        ("start", run.start_doc),
        ("descriptor", stream.descriptor_doc),
        *(("event", event) for event in events),
        ("stop", run.compose_stop()),
    ]


def numbers(client):
    return [run.metadata["start"]["scan_id"] for run in client.values()]


@pytest.fixture
def reopened(catalogued):
    """Open the catalogue again, as another process would."""
    with contextlib.ExitStack() as stack:

        def reopen():
            client = open_catalogue(catalogued)
            stack.callback(close_catalogue, client)
            return client

        yield reopen


def test_runs_written_late_are_put_in_their_place_with_all_they_hold(
    catalogued, client, reopened
):
    order = list(range(1, 8))
    random.Random(3).shuffle(order)
    for number in order:
        write_run(client, documents_of(number, 1e9 + number))
    assert numbers(client) == order
    assert order_catalogue(catalogued)
    assert not order_catalogue(catalogued)  # nothing is left to do
    found = reopened()
    assert numbers(found) == sorted(order)
    for number in order:
        values = found[number]["primary"].read()["a"].values.tolist()
        assert values == [10.0 * number + k for k in range(3)]
    with contextlib.closing(sqlite3.connect(catalogued.database)) as database:
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    # and the catalogue can be written and deleted from as before
    write_run(found, documents_of(9, 2e9))
    uid = found[4].metadata["start"]["uid"]
    found.delete_contents(uid, recursive=True, external_only=False)
    assert numbers(reopened()) == [1, 2, 3, 5, 6, 7, 9]


def test_a_clock_that_was_in_1970_makes_no_newest_run(catalogued, client, reopened):
    write_run(client, documents_of(1, 1.7e9))
    write_run(client, documents_of(2, 86400.0))  # the battery was empty
    order_catalogue(catalogued)
    assert numbers(reopened()) == [2, 1]


def test_runs_of_a_session_stay_in_its_order_where_the_clock_was_set_back(
    catalogued, client
):
    write_run(client, documents_of(1, 2e9, order_time=2e9))
    write_run(client, documents_of(2, 1e9, order_time=2e9 + 0.001))
    assert not order_catalogue(catalogued)
    assert numbers(client) == [1, 2]


def test_a_run_recovered_after_a_newer_one_is_not_the_newest(catalogued, reopened):
    def journal(documents):
        journal = Journal(catalogued)
        for name, doc in documents:
            journal(name, doc)
        journal.close()

    journal(documents_of(2, 2e9))
    recover(catalogued)
    journal(documents_of(1, 1e9)[:-1])
    recover(catalogued)
    client = reopened()
    assert numbers(client) == [1, 2]
    assert client[-1].metadata["start"]["scan_id"] == 2
    session = SessionCatalogue(catalogued)
    assert session[-1].metadata["start"]["scan_id"] == 2
    session.close()


def test_without_a_catalogue_there_is_nothing_to_order(folder):
    assert not order_catalogue(folder)
