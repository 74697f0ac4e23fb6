import numpy as np
import pytest
from hop_documents import validate

from seccm_ophyd.storage.traces.trace_file import TraceFile

READ = """
import sys, h5py
with h5py.File(sys.argv[1], "r", libver="latest", swmr=True) as file:
    data = file["approach"]
    units = [word.decode() for word in data.attrs["units"]]
    print(data.shape, data[-1, 0, 0], units)
"""


@pytest.fixture
def file(tmp_path):
    file = TraceFile(tmp_path / "a b.h5")
    file.add("approach", ("z", "i"), ("um", "pA"), 1000)
    file.add("cv", ("t", "E", "i"), ("s", "V", "pA"), 10)
    yield file
    file.close()


def read(file, name):
    import h5py

    file.close()
    with h5py.File(file.path, "r") as stored:
        return stored[name][:]


def test_rows_are_kept_overwritten_and_nan_where_never_written(file):
    rng = np.random.default_rng(0)
    first, again, third = rng.normal(size=(3, 3, 10))
    file.start()
    file.write(0, "cv", first)
    file.write(2, "cv", third)
    file.write(0, "cv", again)
    found = read(file, "cv")
    assert found.shape == (3, 3, 10)
    np.testing.assert_array_equal(found, [again, np.full((3, 10), np.nan), third])


def test_rows_that_were_not_written_are_nan(file):
    file.start()
    file.reach("cv", 5)
    assert read(file, "cv").shape[0] == 5
    assert np.isnan(read(file, "cv")).all()


def test_documents_and_description(file):
    file.start()
    resource = file.stream_resource("approach", "seccm_traces_approach")
    validate("stream_resource", {**resource, "run_start": "run"})
    assert resource["uri"] == f"file://localhost{file.path}"
    assert resource["parameters"]["dataset"] == "/approach"
    datum = file.stream_datum("approach", 3)
    assert datum["indices"] == {"start": 3, "stop": 4}
    # as the RunEngine wants them, which fills them in
    assert datum["seq_nums"] == {"start": 0, "stop": 0}
    assert datum["descriptor"] == ""
    about = file.describe("cv")
    assert about["shape"] == [3, 10]
    assert about["dtype_numpy"] == "<f8"
    assert about["dims"] == ["cv_channel", "cv_sample"]
    assert about["external"] == "STREAM:"
    assert about["units"] == "s, V, pA"


def test_others_read_while_it_is_written(file, run_python):
    file.start()
    file.write(0, "approach", np.full((2, 1000), 1.5))
    assert run_python(READ, file.path) == "(1, 2, 1000) 1.5 ['um', 'pA']\n"
    file.write(1, "approach", np.full((2, 1000), 2.5))
    assert run_python(READ, file.path) == "(2, 2, 1000) 2.5 ['um', 'pA']\n"


def test_close_is_idempotent_and_writing_after_it_is_refused(file):
    file.start()
    file.close()
    file.close()
    with pytest.raises(RuntimeError, match="not open"):
        file.write(0, "cv", np.zeros((3, 10)))


def test_close_without_start(tmp_path):
    TraceFile(tmp_path / "never.h5").close()
    assert not (tmp_path / "never.h5").exists()


def test_refuses(file, tmp_path):
    with pytest.raises(ValueError, match="there already"):
        file.add("cv", ("t",), ("s",), 10)
    with pytest.raises(ValueError, match="2 channels, 1 units"):
        file.add("new", ("t", "i"), ("s",), 10)
    with pytest.raises(ValueError, match="0 samples"):
        file.add("new", ("t",), ("s",), 0)
    file.start()
    with pytest.raises(RuntimeError, match="being written"):
        file.add("late", ("t",), ("s",), 10)
    with pytest.raises(ValueError, match=r"\(3, 10\), not \(3, 9\)"):
        file.write(0, "cv", np.zeros((3, 9)))
    with pytest.raises(KeyError):
        file.write(0, "none", np.zeros((3, 10)))
    with pytest.raises(OSError, match="exists"):
        TraceFile(file.path).start()
