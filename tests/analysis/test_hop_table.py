import json

import numpy as np
import pytest

from seccm_ophyd.analysis import documents, hop_table, start_and_stop
from seccm_ophyd.storage.journal.follower import Follower
from tests.synthetic_runs import SCALARS, list_run, scan_run


def column(run, key):
    return [doc["data"][key] for name, doc in run.documents if name == "event"]


def assert_same(table, run):
    """All scalars of all events, bit for bit, with their units."""
    assert dict(table.sizes) == {"hop": len(column(run, "seccm_hop_index"))}
    assert set(table) == {f"seccm_{key}" for key in SCALARS}
    for key, (dtype, units) in SCALARS.items():
        found, said = table[f"seccm_{key}"], column(run, f"seccm_{key}")
        assert found.attrs["units"] == units
        if dtype == "number":
            expected = np.array(said, float)
            assert found.values.tobytes() == expected.tobytes()
        else:
            assert found.values.tolist() == said
    times = [doc["time"] for name, doc in run.documents if name == "event"]
    assert table["time"].values.tolist() == times
    assert table.attrs["start"] == json.loads(json.dumps(run.documents[0][1]))


def test_documents_in_any_wrapping(tmp_path):
    run = scan_run(misses=(8, 9), repeats=(7,))
    path = run.write(tmp_path / "run.jsonl")
    used = Follower(path)
    used.read_new(5)
    for kind in (run.documents, iter(run.documents), path, str(path), used):
        table = hop_table(kind)
        assert_same(table, run)
        assert table.attrs["stop"]["exit_status"] == "success"
    assert used.read_new(1) == [run.documents[5]]  # left where it was


def test_event_pages_equal_events():
    single, paged = scan_run(), scan_run(pages=7)
    assert {name for name, _ in paged.documents} >= {"event_page"}
    assert_same(
        hop_table(paged.documents).assign_attrs(start=single.documents[0][1]), single
    )


def test_external_arrays_are_left_out():
    run = scan_run(traces="file://localhost/nowhere/a.h5")
    assert_same(hop_table(run.documents), run)


def test_journal_cut_in_the_last_line(tmp_path):
    run = scan_run(stop_after=9)
    path = run.write(tmp_path / "run.jsonl")
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    table = hop_table(path)
    assert table.sizes["hop"] == 8
    assert table.attrs["stop"] is None
    assert start_and_stop(path) == (run.documents[0][1], None)


def test_start_and_stop_of_documents_and_journal(tmp_path):
    run = scan_run()
    path = run.write(tmp_path / "run.jsonl")
    ends = (run.documents[0][1], run.documents[-1][1])
    assert start_and_stop(run.documents) == ends
    assert start_and_stop(path) == ends


def test_other_streams_are_not_hops():
    run, other = scan_run(2, 2), list_run([(0, 0)])
    monitor = [(n, dict(d)) for n, d in other.documents if n in ("descriptor", "event")]
    monitor[0][1]["name"] = "baseline"
    assert hop_table(run.documents[:-1] + monitor).sizes["hop"] == 4


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(TypeError, match="no run"):
        hop_table(3)
    with pytest.raises(FileNotFoundError):
        hop_table(tmp_path / "missing.jsonl")
    (tmp_path / "text.jsonl").write_text("hello\n")
    with pytest.raises(ValueError, match=r"text\.jsonl"):
        hop_table(tmp_path / "text.jsonl")
    with pytest.raises(ValueError, match="no start document"):
        hop_table([])
    with pytest.raises(ValueError, match="no start document"):
        start_and_stop([])


def test_a_run_of_the_catalogue(stored_runs, catalogue):
    _, whole, cut, _, _ = stored_runs
    for run, status in ((whole, "success"), (cut, None)):
        table = hop_table(catalogue[run.documents[0][1]["uid"]])
        assert_same(table, run)
        assert (table.attrs["stop"] or {}).get("exit_status") == status


def test_a_header_of_databroker_v1(stored_runs, broker):
    _, whole, cut, _, _ = stored_runs
    for run in (whole, cut):
        header = broker[run.documents[0][1]["uid"]]
        assert type(header).__name__ == "Header"
        assert_same(hop_table(header), run)
        assert (start_and_stop(header)[1] is None) == (run is cut)


def test_documents_of_the_catalogue_are_plain_and_end_well(
    stored_runs, catalogue, broker
):
    _, whole, cut, _, _ = stored_runs
    for run in (whole, cut):
        uid = run.documents[0][1]["uid"]
        for source in (catalogue, broker):
            found = list(documents(source[uid]))
            assert json.loads(json.dumps(found[0][1])) == json.loads(
                json.dumps(run.documents[0][1])
            )
            assert all(type(doc) is dict for _, doc in found)
            assert ("stop" in dict(found)) == (run is whole)
            heights = [
                d["data"]["seccm_z_contact_height"] for n, d in found if n == "event"
            ]
            expected = column(run, "seccm_z_contact_height")
            np.testing.assert_array_equal(heights, expected)


def test_the_journal_reader_agrees_with_the_follower(tmp_path):
    path = scan_run(misses=(1,)).write(tmp_path / "run.jsonl")
    assert json.dumps(list(documents(path))) == json.dumps(
        [list(d) for d in Follower(path).read_new()]
    )
    path.write_text("[1]\n")
    assert list(documents(path)) == Follower(path).read_new() == []


def test_a_run_that_has_just_begun_in_the_catalogue(stored_runs, catalogue):
    begun = stored_runs[3]
    table = hop_table(catalogue[begun.documents[0][1]["uid"]])
    assert table.sizes["hop"] == 0
    assert table["seccm_z_contact_height"].attrs["units"] == "um"
    assert table.attrs["stop"] is None
