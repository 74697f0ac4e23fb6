"""What a journal holds comes back equal from the catalogue, or is read from it."""

import json
import math

import numpy as np
import pytest
from event_model import compose_run
from hop_documents import bits, hop_run
from ophyd import Signal

from seccm_ophyd.analysis import documents, hop_table, start_and_stop
from seccm_ophyd.storage import Journal, SessionCatalogue, open_catalogue, recover
from seccm_ophyd.storage.catalogue.compare_values import values_differ
from seccm_ophyd.storage.catalogue.tiled_client import close_catalogue
from seccm_ophyd.storage.catalogue.writer.backlog import CatalogueWriter
from seccm_ophyd.storage.catalogue.writer.ingest import write_run
from seccm_ophyd.storage.journal.reader import read_journal

NAN, INF = math.nan, math.inf
COLUMNS = {
    "turns_float": [25, 25.7, 26.4],
    "late_float": [20] * 1010 + [20.5],
    "late_number": [NAN] * 1100 + [25.5],
    "late_integer": [NAN] * 1100 + [25],
    "infinite": [INF, -INF, NAN, 1.5],
    "missing": [1.0, None, 2.0],
    "text_instead": [1.5, "n/a"],
    "bool_and_none": [True, None],
    "bools": [True, False],
    "large": [2**53 + 1, 5],
    "large_and_float": [2**60 + 1, 0.5],
    "beyond_64_bit": [2**64, 1],
    "texts": ["a", "longer than the first", "", "µm €"],
    "control_signs": ["a\0b", "c"],
    "ragged": [[1.0], [1.0, 2.0], []],
    "empty_first": [[], [0.0, 1.0]],
    "integers_then_floats": [[1, 2], [0.5, 2]],
    "large_in_arrays": [[2**60 + 1], [3]],
    "tables": [[[1, 2]], [[3, 4]]],
    "ragged_tables": [[[1], [2, 3]], [[1]]],
    "texts_in_arrays": [["a"], ["longer"]],
    "bools_in_arrays": [[True], [False]],
    "becomes_array": [1.0, [1.0, 2.0]],
    "dicts": [{"a": 1}, {"a": NAN}],
    "far_beyond": [10**400, 1],
    "unsigned_in_arrays": [[2**64 - 1, 0], [1, 2]],
    "cubes": [[[[1, 2], [3, 4]]] * 2, [[[5, 6], [7, 8]]] * 2],
    "_private": [1.5, 2.5],
    "ts_x": [7, 8],
    "T (K)": [1.5, 2.5],
    "2theta": [1.5, 2.5],
    "time": [5.5, 6.5],
    "a" * 70: [1, 2],
}


def run_of(key, values, **md):
    """Compose a run of one key, described as ophyd does by its first value."""
    run = compose_run(metadata={"scan_id": 1, **md})
    try:
        about = Signal(name=key, value=values[0]).describe()[key]
    except ValueError:  # of None, or of a dict
        about = {"source": "SIM", "dtype": "number", "shape": []}
    stream = run.compose_descriptor(
        name="primary", data_keys={key: about}, validate=False
    )
    yield "start", run.start_doc
    yield "descriptor", stream.descriptor_doc
    for number, value in enumerate(values):
        times = {key: 1000.5 + number}
        event = stream.compose_event(
            data={key: value}, timestamps=times, time=1001.5 + number, validate=False
        )
        yield "event", event
    yield "stop", run.compose_stop()


def measured(run):
    return [
        (doc["seq_num"], doc["time"], numbers(doc["data"]), doc["timestamps"])
        for name, doc in documents(run)
        if name == "event"
    ]


def numbers(value):
    """Make 25 and 25.0 equal, and NaN equal to itself."""
    if isinstance(value, dict):
        return {key: numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [numbers(item) for item in value]
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def journal_of(folder, emitted):
    journal = Journal(folder)
    emitted = list(emitted)
    for name, doc in emitted:
        journal(name, doc)
    return folder.journal_file(emitted[0][1]["uid"])


def test_columns_of_any_kind_come_back_equal(catalogued):
    journals = {
        key: journal_of(catalogued, run_of(key, values))
        for key, values in COLUMNS.items()
    }
    assert [each.error for each in recover(catalogued)] == [None] * len(COLUMNS)
    catalogue = SessionCatalogue(catalogued)
    for key, journal in journals.items():
        run = catalogue[journal.stem]
        for each in (run, run.v2):
            assert measured(each) == measured(journal), key
            found, expected = hop_table(each), hop_table(journal)
            for name in expected:
                kept = numbers(found[name].values.tolist())
                assert kept == numbers(expected[name].values.tolist()), key
        read = run.primary.read()
        assert len(read["time"]) == len(COLUMNS[key])
        assert len(set(read.get(key, read).dims)) == len(read.get(key, read).dims), key
    shown = catalogue[journals["empty_first"].stem].primary.read()["empty_first"]
    np.testing.assert_array_equal(shown, [[NAN, NAN], [0.0, 1.0]])
    catalogue.close()


def test_documents_come_in_order_where_the_clock_was_set(catalogued):
    """The events are older than their descriptor."""
    path = journal_of(catalogued, run_of("x", [1.0, 2.0]))
    (result,) = recover(catalogued)
    assert result.error is None
    catalogue = SessionCatalogue(catalogued)
    names = [name for name, _ in catalogue[path.stem].documents_of_catalogue()]
    assert names == ["start", "descriptor", "event", "event", "stop"]
    catalogue.close()
    assert values_differ(catalogued, path.stem, read_journal(path).documents) == ""


def test_a_column_that_changes_while_the_run_goes_on(catalogued, client):
    """The writer begins anew: what it has written cannot take the new value."""
    emitted = list(run_of("T", [20] * 5 + [20.5, None, [1.0]]))
    journal = Journal(catalogued)
    writer = CatalogueWriter(catalogued, client)
    for number, (name, doc) in enumerate(emitted[:-1]):
        journal(name, doc)
        while writer.step():
            pass
        for run in writer._runs.values():
            run.flush()
        if number == 7:  # the first value that is not whole
            read = client[emitted[0][1]["uid"]].primary.read()["T"].values
            np.testing.assert_array_equal(read, [20, 20, 20, 20, 20, 20.5])
    uid = emitted[0][1]["uid"]
    assert measured(client[uid]) == measured(emitted[:-1])  # of the journal, by now
    journal("stop", emitted[-1][1])
    while writer.step():
        pass
    assert catalogued.acknowledgement(uid).exists()
    assert measured(client[uid]) == measured(emitted)


MD = {
    "prepared_ns": 1796005557225203941,
    "barcode": 40123456789012345678,
    "limit": INF,
    "offset": [1.0, NAN, {"deep": -INF}],
    "avogadro": 6.022e23,
    "odd": "half a sign \ud800",
    "as_recorded": "a name of the catalogue's own",
}


def with_metadata():
    run = compose_run(metadata={"scan_id": 1, **MD})
    yield "start", run.start_doc
    config = {
        "amplifier": {
            "data": {"limit": INF, "serial": 2**70},
            "timestamps": {"limit": 1.5, "serial": 1.5},
            "data_keys": {
                "limit": {"source": "SIM", "dtype": "number", "shape": []},
                "serial": {"source": "SIM", "dtype": "integer", "shape": []},
            },
        }
    }
    key = {"source": "SIM", "dtype": "number", "shape": [], "upper_ctrl_limit": INF}
    stream = run.compose_descriptor(
        name="primary", data_keys={"x": key}, configuration=config
    )
    yield "descriptor", stream.descriptor_doc
    yield "event", stream.compose_event(data={"x": 1.5}, timestamps={"x": 1.5})
    yield "stop", {**run.compose_stop(), "statistics": {"worst": NAN, "n": 2**64}}


def test_documents_come_one_by_one_from_an_intact_journal(catalogued, monkeypatch):
    path = journal_of(catalogued, run_of("x", [1.0, 2.0, 3.0]))
    recover(catalogued)
    run = SessionCatalogue(catalogued)[path.stem]
    with monkeypatch.context() as patch:
        patch.setattr(type(run), "documents_of_catalogue", None)
        assert bits(list(run.documents())) == bits(list(documents(path)))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], lines[3][:-9] + b"\n", *lines[4:]]))
    for _ in range(2):
        events = [doc["data"]["x"] for name, doc in run.documents() if name == "event"]
        assert events == [1.0, 2.0, 3.0]
        path.unlink(missing_ok=True)


def test_metadata_and_configuration_come_back_equal(catalogued):
    path = journal_of(catalogued, with_metadata())
    (result,) = recover(catalogued)
    assert result.error is None
    catalogue = SessionCatalogue(catalogued)
    run = catalogue[path.stem]
    recorded = [(n, d) for n, d in documents(path) if n != "event"]
    for each in (run, run.v2):
        assert bits(start_and_stop(each)) == bits(start_and_stop(path))
        stored = [(n, d) for n, d in documents(each) if n != "event"]
        assert bits(stored) == bits(recorded)
    assert bits(
        [(n, dict(d)) for n, d in run.documents_of_catalogue() if n != "event"]
    ) == bits(recorded)
    assert {key: run.metadata["start"][key] for key in MD if key != "offset"} == {
        key: value for key, value in MD.items() if key != "offset"
    }
    configured = run["primary"].metadata["configuration"]["amplifier"]["data"]
    assert dict(configured) == {"limit": INF, "serial": 2**70}
    catalogue.close()


def test_others_see_text_where_the_catalogue_has_no_such_number(catalogued, client):
    write_run(client, list(with_metadata()))
    raw = next(iter(client.values())).item["attributes"]["metadata"]["start"]
    assert raw["limit"] == "inf"
    assert raw["barcode"] == "40123456789012345678"
    assert raw["avogadro"] == "6.022e+23"
    assert json.loads(raw["as_recorded"])["barcode"] == MD["barcode"]


def test_a_run_that_cannot_even_be_noted_keeps_no_other_back(catalogued):
    deep = 1
    for _ in range(300):
        deep = [deep]
    paths = [
        journal_of(catalogued, run_of("x", [1.5], **md)) for md in ({"odd": deep}, {})
    ]
    first, second = recover(catalogued)
    assert "Recursion limit" in first.error
    assert second.error is None
    catalogue = SessionCatalogue(catalogued)
    assert [measured(catalogue[p.stem]) for p in paths] == list(map(measured, paths))
    catalogue.close()


def test_a_run_that_the_catalogue_cannot_take_is_readable(catalogued, monkeypatch):
    path = journal_of(catalogued, hop_run(catalogued, 4))
    error = ValueError("no room for it\nat all")

    def fail(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(
            "seccm_ophyd.storage.catalogue.writer.ingest._FlushableRunWriter.event",
            fail,
        )
        (result,) = recover(catalogued)
    assert result.error == "ValueError: no room for it"
    catalogue = SessionCatalogue(catalogued, timeout_s=600)
    run = catalogue[-1]  # at once
    assert bits(list(run.documents())) == bits(list(documents(path)))
    assert list(run) == run.keys() == ["primary"]
    assert run.start["uid"] == path.stem
    assert run.stop["exit_status"] == "success"
    read = run.primary.read()
    heights = hop_table(run)["seccm_z_contact_height"].values
    np.testing.assert_array_equal(read["seccm_z_contact_height"], heights)
    key = "seccm_clamp_potential"
    np.testing.assert_array_equal(run["primary"][key][:2], [0.65, 0.65])
    assert run.primary.read([key]).sizes == {"time": 4}
    with pytest.raises(KeyError, match="no stream 'other'"):
        run["other"]
    with pytest.raises(AttributeError):
        _ = run.other
    client = open_catalogue(
        catalogued
    )  # of databroker: its start, stop, and the reason
    stored = client[path.stem]
    assert stored.metadata["notes"] == [
        "only in the journal: ValueError: no room for it"
    ]
    np.testing.assert_array_equal(
        hop_table(stored.v2)["seccm_z_contact_height"].values, heights
    )
    close_catalogue(client)
    (again,) = recover(catalogued)  # as it would after an update
    assert again.error is None
    assert type(catalogue[-1]).__name__ == "StoredRun"
    catalogue.close()
