"""Every function takes a run of any kind or its own data, and says so otherwise."""

import numpy as np
import pytest
import xarray as xr
from curves import FAST_CV, bells_on_particles

from seccm_ophyd.analysis import (
    RunTraces,
    classify,
    correlate,
    documents,
    find_targets,
    hop_map,
    hop_table,
    list_runs,
    start_and_stop,
    statistics,
)
from seccm_ophyd.storage.journal.follower import Follower
from tests.synthetic_runs import scan_run

TAKE_MAPS = {
    "classify": classify,
    "statistics": statistics,
    "find_targets": lambda run: find_targets(run, "brightest"),
    "correlate": lambda run: correlate(run, run),
}


@pytest.fixture(scope="module")
def run():
    return scan_run(9, 8)


@pytest.fixture(scope="module")
def kinds(run, tmp_path_factory):
    """One run in every wrapping."""
    path = run.write(tmp_path_factory.mktemp("journal") / "run.jsonl")
    return {
        "documents": run.documents,
        "path": path,
        "text": str(path),
        "follower": Follower(path),
        "table": hop_table(run.documents),
        "map": hop_map(run.documents),
    }


@pytest.mark.parametrize("name", TAKE_MAPS)
def test_functions_of_maps_take_every_kind_of_run_and_the_map(name, kinds):
    found = {kind: TAKE_MAPS[name](run) for kind, run in kinds.items()}
    for kind, value in found.items():
        if isinstance(value, list):
            assert value == found["documents"], kind
        else:
            xr.testing.assert_identical(value, found["documents"])


@pytest.mark.parametrize("name", TAKE_MAPS)
@pytest.mark.parametrize("wrong", [5, None, {"a": 1}, np.zeros((3, 3)), [1.0, 2.0]])
def test_what_is_neither_is_refused_in_one_sentence(name, wrong):
    with pytest.raises(
        TypeError, match=f"^{name} takes a map with its outcome .hop_map., or a run"
    ) as e:
        TAKE_MAPS[name](wrong)
    assert type(wrong).__name__ in str(e.value)
    assert "\n" not in str(e.value)


def test_a_dataset_of_something_else_is_named_by_what_it_holds():
    curves = xr.Dataset({"E": ("sample", [0.1]), "i": ("sample", [1.0])})
    with pytest.raises(TypeError, match="a Dataset of E, i along sample"):
        classify(curves)
    with pytest.raises(TypeError, match="a DataArray along y, x"):
        classify(xr.DataArray(np.zeros((2, 2)), dims=("y", "x")))


def test_a_number_or_a_uid_alone_is_pointed_to_the_catalogue():
    with pytest.raises(TypeError, match=r"cat\[-1\] is one"):
        hop_table(-1)
    with pytest.raises(FileNotFoundError, match=r"cat\['abc123'\]"):
        hop_table("abc123")


def test_run_traces_stand_for_their_run(tmp_path):
    run = scan_run(
        3, 2, techniques=(FAST_CV,), measure=bells_on_particles, folder=tmp_path
    )
    for given in (run.documents, run.write(tmp_path / "run.jsonl")):
        traces = RunTraces.of(given)
        assert hop_table(traces) is traces.table
        assert start_and_stop(traces) == start_and_stop(run.documents)
        assert len(list(documents(traces))) == len(run.documents)
        xr.testing.assert_identical(hop_map(traces), hop_map(run.documents))


def test_a_path_that_is_no_journal_is_refused_in_one_sentence(tmp_path):
    missing, folder = tmp_path / "gone.jsonl", tmp_path
    for wrong, what in ((missing, "is not there"), (folder, "is a folder")):
        for function in (hop_table, start_and_stop, hop_map, RunTraces.of):
            for given in (wrong, str(wrong)):
                with pytest.raises(
                    FileNotFoundError, match=f"{wrong}' {what}: .*path of a journal"
                ):
                    function(given)


def test_an_iterator_of_something_else_is_refused_in_one_sentence():
    for function in (hop_table, start_and_stop, lambda run: list(documents(run))):
        with pytest.raises(TypeError, match=r"^the int 0 is no .name, document. pair"):
            function(iter(range(3)))


def test_a_run_without_a_start_is_not_written_out(run):
    with pytest.raises(ValueError, match="no start document") as error:
        start_and_stop(run.documents[1:])
    assert len(str(error.value)) < 200


def test_a_map_without_outcomes_is_no_map(run):
    data = hop_map(run.documents).drop_vars("outcome")
    for name, function in TAKE_MAPS.items():
        with pytest.raises(TypeError, match=f"^{name} takes a map"):
            function(data)


@pytest.mark.parametrize("wrong", [5, None, {}, b"abc", xr.Dataset(), np.zeros(3)])
def test_a_list_of_runs_says_what_it_takes(wrong):
    with pytest.raises(TypeError, match=r"^list_runs takes the folder of the journals"):
        list_runs(wrong)


def test_the_documents_of_one_run_are_no_list_of_runs(kinds):
    for one in (kinds["documents"], kinds["text"]):
        with pytest.raises(TypeError, match=r"^list_runs takes the folder"):
            list_runs(one)
