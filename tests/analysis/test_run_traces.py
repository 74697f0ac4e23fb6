import h5py
import numpy as np
import pytest
from curves import FAST_CV, bells_on_particles, galvanostatic, zero_current

from seccm_ophyd.analysis import (
    RunTraces,
    approach_traces,
    hop_traces,
    trace_map,
    voltammograms,
)
from seccm_ophyd.storage.journal.follower import Follower
from seccm_ophyd.techniques import (
    CyclicVoltammetry,
    Galvanostatic,
    LinearSweepVoltammetry,
    ZeroCurrentPotential,
)
from tests.synthetic_runs import list_run, scan_run

HOLD = ZeroCurrentPotential(duration_s=0.02)
CHARGE = Galvanostatic(duration_s=0.1)


def measure(technique, x, y, rng):
    of = zero_current if technique is HOLD else galvanostatic
    return of(technique, x, y, rng)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("traces of runs")


@pytest.fixture(scope="module")
def run(folder):
    return scan_run(
        4, 3, techniques=(HOLD, CHARGE), measure=measure, folder=folder, misses=(5,)
    )


def read_back(run, axis):
    events = [doc for name, doc in run.documents if name == "event"]
    return [event["data"][f"seccm_xy_{axis}"] for event in events]


def test_traces_are_those_written_with_units_and_places(run, folder):
    found = hop_traces(run.documents)
    assert found.sizes == {"hop": 12, "sample": 20}
    assert found.attrs["label"] == "zero_current_potential"
    assert {n: found[n].attrs["units"] for n in found} == {
        "t": "s",
        "E": "V",
        "i": "pA",
    }
    truth = np.array(run.traces["zero_current_potential"])
    for k, name in enumerate("tEi"):
        np.testing.assert_array_equal(found[name], truth[:, k])
    assert found["hop_index"].values.tolist() == list(range(12))
    # as read back, which is not quite as planned
    np.testing.assert_array_equal(found["x"], read_back(run, "x"))
    np.testing.assert_allclose(found["x"][:4], np.linspace(-10, 10, 4), atol=0.01)
    assert found["y"].attrs["units"] == "um"
    assert found["outcome"].values[4:6].tolist() == ["contact", "no_contact"]
    assert found["E"][5].isnull().all()
    assert not found["E"][4].isnull().any()


def test_journal_follower_and_documents_give_the_same(run, tmp_path):
    path = run.write(tmp_path / "run.jsonl")
    first = hop_traces(run.documents, "galvanostatic")
    for kind in (path, str(path), Follower(path), iter(run.documents)):
        assert hop_traces(kind, "galvanostatic").identical(first)


def test_only_the_hops_asked_for_in_their_order(run, monkeypatch):
    rows = []
    read = h5py.Dataset.__getitem__

    def reading(self, key, *args, **kwargs):
        rows.append(key)
        return read(self, key, *args, **kwargs)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", reading)
    found = hop_traces(run.documents, hops=[7, 2, 3])
    assert found["hop_index"].values.tolist() == [7, 2, 3]
    assert [key[0] for key in rows] == [slice(7, 8), slice(2, 4)]
    everything = hop_traces(run.documents)
    np.testing.assert_array_equal(found["E"], everything["E"][[7, 2, 3]])
    assert hop_traces(run.documents, hops=[]).sizes["hop"] == 0


def test_what_is_not_there_is_named(run, folder):
    with pytest.raises(ValueError, match="has no hop 40, 41"):
        hop_traces(run.documents, hops=[1, 40, 41])
    known = "has no trace 'cv'; it has approach, zero_current_potential, galvanostatic"
    with pytest.raises(ValueError, match=known):
        hop_traces(run.documents, "cv")
    bare = scan_run(2, 2)
    with pytest.raises(ValueError, match=r"\(hop_scan\) has no traces"):
        hop_traces(bare.documents)
    lost = scan_run(2, 2, techniques=(HOLD,), measure=measure, folder=folder)
    lost.file.path.rename(folder / "moved.txt")
    with pytest.raises(FileNotFoundError, match=lost.file.path.name):
        hop_traces(lost.documents)


def test_a_repeated_hop_has_its_traces_one_behind_the_other(folder):
    run = scan_run(
        3, 1, techniques=(HOLD,), measure=measure, folder=folder, repeats=(1,)
    )
    found = hop_traces(run.documents)
    assert found["hop_index"].values.tolist() == [0, 1, 1, 2]
    assert hop_traces(run.documents, hops=[1]).sizes["hop"] == 2
    assert float(abs(found["E"][1] - found["E"][2]).max()) > 0


@pytest.mark.parametrize("pages", [0, 3])
def test_a_run_that_goes_on_is_read_while_its_file_is_written(folder, pages):
    run = scan_run(
        4,
        3,
        techniques=(HOLD,),
        measure=measure,
        folder=folder,
        stop_after=7,
        pages=pages,
    )
    try:
        found = hop_traces(run.documents)
        assert found.sizes["hop"] == 7
        assert found["E"].notnull().all()
        # before its first row, the file has none
        begun = [d for d in run.documents if d[0] in ("start", "descriptor")]
        assert hop_traces(begun).sizes == {"hop": 0, "sample": 20}
    finally:
        run.file.close()


def test_rows_that_never_came_to_the_file_are_nan(folder):
    run = scan_run(3, 2, techniques=(HOLD,), measure=measure, folder=folder)
    with h5py.File(run.file.path, "r+") as file:
        file["zero_current_potential"].resize(4, axis=0)
    found = hop_traces(run.documents)
    finite = found["E"].notnull().all("sample").values.tolist()
    assert finite == [True] * 4 + [False] * 2


def test_documents_that_announce_many_rows_at_once(run):
    """As a catalogue gives them: one stream_datum for all rows."""
    datums = [d for n, d in run.documents if n == "stream_datum"]
    whole = {"start": 0, "stop": 12}, {"start": 1, "stop": 13}
    merged = {
        d["stream_resource"]: d | {"indices": whole[0], "seq_nums": whole[1]}
        for d in datums
    }
    documents = [d for d in run.documents if d[0] != "stream_datum"]
    documents[4:4] = [("stream_datum", d) for d in merged.values()]
    assert hop_traces(documents).identical(hop_traces(run.documents))


def test_approach_curves_tell_the_distance_from_the_contact(run):
    found = approach_traces(run.documents, hops=[4, 5])
    assert {n: found[n].attrs["units"] for n in found} == {
        "z": "um",
        "i": "pA",
        "distance": "um",
    }
    np.testing.assert_allclose(
        found["distance"][0, -10:], 0.02 * np.arange(10)[::-1], atol=1e-9
    )
    assert found["i"][0, -1] == 2.1
    assert found["z"][0, :40].isnull().all()
    assert found["distance"][1].isnull().all()  # a miss has a descent but no contact
    assert found["z"][1, -10:].notnull().all()


def test_sweeps_of_one_contact_follow_one_another(folder):
    series = (
        FAST_CV,
        CyclicVoltammetry(step_v=2e-3, scan_rate_v_s=1.0, e_vertex2_v=0.0),
        LinearSweepVoltammetry(step_v=2e-3, scan_rate_v_s=10.0),
    )
    points = [(0.0, 0.0), (-3.0, 2.0), (5.0, 5.0)]
    run = list_run(
        points,
        techniques=series,
        measure=bells_on_particles,
        folder=folder,
        misses=(1,),
    )
    found = voltammograms(run.documents)
    assert found.sizes == {"curve": 9, "sample": 1000}
    labels = ["cyclic_voltammetry", "cyclic_voltammetry_2", "linear_sweep"] * 3
    assert found["label"].values.tolist() == labels
    assert found["scan_rate"].values.tolist() == [0.1, 1.0, 10.0] * 3
    assert found["scan_rate"].attrs["units"] == "V/s"
    assert found["hop_index"].values.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    np.testing.assert_array_equal(found["y"][::3], read_back(run, "y"))
    lengths = found["E"].notnull().sum("sample").values.tolist()
    assert lengths == [1000, 800, 400, 0, 0, 0, 1000, 800, 400]
    np.testing.assert_array_equal(
        found["i"][7, :800], run.traces["cyclic_voltammetry_2"][2][2]
    )
    assert voltammograms(run.documents, hops=[2]).sizes["curve"] == 3


def test_a_run_without_sweeps_says_what_it_has(run):
    with pytest.raises(ValueError, match="ZeroCurrentPotential, Galvanostatic"):
        voltammograms(run.documents)


def test_traces_of_the_catalogue_are_those_of_the_journal(traced_run, catalogue):
    stored = catalogue[traced_run.documents[0][1]["uid"]]
    for read in (hop_traces, approach_traces, voltammograms):
        assert read(stored).identical(read(traced_run.documents))
    some = hop_traces(stored, hops=[3, 1])
    assert some.identical(hop_traces(traced_run.documents, hops=[3, 1]))


def test_traces_of_a_header_of_databroker_v1(traced_run, broker):
    header = broker[traced_run.documents[0][1]["uid"]]
    assert hop_traces(header).identical(hop_traces(traced_run.documents))


def test_traces_that_were_found_once_are_read_from_again(run):
    found = RunTraces.of(iter(run.documents))
    assert hop_traces(found, hops=[2]).identical(hop_traces(run.documents, hops=[2]))
    assert trace_map(found, "i", 0).identical(trace_map(run.documents, "i", 0))


def test_one_moment_of_all_hops_is_read_alone(run, monkeypatch):
    curves = hop_traces(run.documents, "galvanostatic")
    keys = []
    read = h5py.Dataset.__getitem__

    def reading(self, key, *args, **kwargs):
        keys.append(key)
        return read(self, key, *args, **kwargs)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", reading)
    found = trace_map(run.documents, "E", 3, label="galvanostatic")
    assert {key[1:] for key in keys} == {(1, 3)}
    ny, nx = found.shape
    expected = np.full(ny * nx, np.nan)
    expected[curves["hop_index"]] = curves["E"][:, 3]
    np.testing.assert_array_equal(found.values.ravel(), expected)
    assert found.attrs["units"] == "V"
    assert found["x"].attrs["units"] == "um"


@pytest.mark.parametrize(
    ("channel", "sample", "message"),
    [("U", 0, "no channel 'U'; it has t, E, i"), ("E", 10**6, "between 0 and ")],
)
def test_a_moment_that_was_not_sampled_is_refused(run, channel, sample, message):
    with pytest.raises(ValueError, match=message):
        trace_map(run.documents, channel, sample)
