"""A run that was interrupted and finished is one map, found from its last part."""

import numpy as np
import pytest
import xarray as xr
from bluesky_tiled_plugins import TiledWriter
from curves import FAST_CV, bells_on_particles

from seccm_ophyd.analysis import (
    classify,
    describe_run,
    documents,
    find_targets,
    hop_map,
    hop_table,
    statistics,
    trace_map,
)
from seccm_ophyd.storage import DataFolder, close_catalogue, open_catalogue
from seccm_ophyd.views import HopMapView
from tests.synthetic_runs import scan_run

HOPS = ((0, 20), (20, 45), (45, 72))  # of three runs of one map of 9 x 8


def in_parts(folder, ends=HOPS, **kwargs):
    """The runs of a map that was interrupted twice, and their journals."""
    runs, before = [], None
    for number, (first, last) in enumerate(ends):
        md = {"resumes": before} if before else {}
        run = scan_run(9, 8, scan_id=number + 1, extra_md=md, **kwargs)
        docs = run.documents
        kept = [
            (name, doc)
            for name, doc in docs
            if name != "event" or first <= doc["data"]["seccm_hop_index"] < last
        ]
        if number < len(ends) - 1:
            kept[-1] = ("stop", {**kept[-1][1], "exit_status": "abort"})
        run.documents = kept
        before = docs[0][1]["uid"]
        runs.append(run)
    return runs, [run.write(folder / f"{uid_of(run)}.jsonl") for run in runs]


def uid_of(run):
    return run.documents[0][1]["uid"]


@pytest.fixture(scope="module")
def resumed(tmp_path_factory):
    return in_parts(tmp_path_factory.mktemp("journal"))


def test_the_map_of_the_last_part_is_whole(resumed):
    runs, paths = resumed
    whole = hop_map(paths[-1])
    assert np.isfinite(whole.current).all()
    assert whole.attrs["uid"] == uid_of(runs[0])
    assert whole.attrs["resumed_by"] == f"{uid_of(runs[1])}, {uid_of(runs[2])}"
    assert whole.attrs["hops"] == 72
    assert whole.attrs["exit_status"] == "success"
    xr.testing.assert_identical(whole, hop_map(*paths))
    xr.testing.assert_identical(whole, hop_map(*(run.documents for run in runs)))
    # of the middle one as far as that came; a table is of its own run
    assert int(np.isfinite(hop_map(paths[1]).current).sum()) == 45
    assert hop_table(paths[-1]).sizes["hop"] == 27


def test_what_is_made_of_maps_follows(resumed):
    _, paths = resumed
    whole = hop_map(*paths)
    xr.testing.assert_identical(classify(paths[-1]), classify(whole))
    assert find_targets(paths[-1], "brightest") == find_targets(whole, "brightest")
    count = statistics(paths[-1])["count"].sel(quantity="current")
    assert int(count) == 72


def test_the_same_in_a_catalogue(resumed, tmp_path):
    runs, paths = resumed
    folder = DataFolder(tmp_path).create()
    client = open_catalogue(folder, create=True)
    writer = TiledWriter(client, batch_size=100, max_array_size=0)
    for run in runs:
        for name, doc in run.documents:
            writer(name, doc)
    try:
        found = hop_map(client[uid_of(runs[-1])])
        xr.testing.assert_identical(found, hop_map(paths[-1]))
    finally:
        close_catalogue(client)


def test_what_is_not_found_is_said(resumed, tmp_path):
    runs, _ = resumed
    alone = runs[-1].write(tmp_path / f"{uid_of(runs[-1])}.jsonl")
    for given in (alone, runs[-1].documents, hop_table(alone)):
        with pytest.warns(UserWarning, match=r"resumes run .* not found beside it"):
            found = hop_map(given)
        assert found.attrs["resumes"] == uid_of(runs[1])
        assert int(np.isfinite(found.current).sum()) == 27


def test_runs_that_resume_each_other_in_a_circle_end(tmp_path):
    runs, _ = in_parts(tmp_path, ((0, 36), (36, 72)))
    first = runs[0].documents[0][1]
    first["resumes"] = uid_of(runs[1])
    paths = [run.write(tmp_path / f"{uid_of(run)}.jsonl") for run in runs]
    with pytest.warns(UserWarning, match="not found beside it"):
        hop_map(paths[-1])


def test_one_moment_of_the_traces_is_a_whole_map_too(tmp_path):
    """Traces of two runs, each with a file of its own."""
    first = scan_run(
        4, 3, stop_after=5, techniques=(FAST_CV,), measure=bells_on_particles,
        folder=tmp_path,
    )  # fmt: skip
    first.file.close()
    second = scan_run(
        4, 3, techniques=(FAST_CV,), measure=bells_on_particles, folder=tmp_path,
        extra_md={"resumes": uid_of(first)},
    )  # fmt: skip
    second.documents[:] = [
        (name, doc)
        for name, doc in second.documents
        if name != "event" or doc["data"]["seccm_hop_index"] > 4
    ]
    for run in (first, second):
        path = run.write(tmp_path / f"{uid_of(run)}.jsonl")
    assert np.isfinite(trace_map(path, "E", 3)).all()


def test_what_is_printed_names_the_run_that_is_resumed(resumed):
    runs, paths = resumed
    said = describe_run(paths[-1])
    assert f"resumes     run {uid_of(runs[1])[:8]}: its hops are in the map" in said
    assert "resumes" not in describe_run(paths[0])


def test_the_picture_of_the_last_part_is_whole(resumed):
    _, paths = resumed
    view = HopMapView.from_run(paths[-1])
    shown = view.panels["current"].image.get_array()
    assert not np.ma.getmaskarray(shown).any()
    assert "72 hops" in view.captions.facts.get_text()
    assert view.captions.status.get_text() == ""
    # fed with the documents of the last, and told where the others are
    fed = HopMapView(find_run=lambda uid: paths[0].with_name(f"{uid}.jsonl"))
    for name, doc in documents(paths[-1]):
        fed(name, doc)
    fed.draw()
    shown = fed.panels["current"].image.get_array()
    assert not np.ma.getmaskarray(shown).any()
