"""Files of traces, damaged on purpose: right values or one clear error, at once."""

import shutil
import time

import h5py
import numpy as np
import pytest

from seccm_ophyd.errors import DamagedFileError
from seccm_ophyd.storage.traces import trace_reader
from seccm_ophyd.storage.traces.superblock import checksum, is_marked
from seccm_ophyd.storage.traces.trace_file import TraceFile
from seccm_ophyd.storage.traces.trace_reader import check_traces, read_rows

ROWS = 60
SHAPES = {"approach": (2, 1000), "cv": (3, 60)}
TRIES = 100  # of each kind of file


def values(name):
    return np.random.default_rng(len(name)).normal(size=(ROWS, *SHAPES[name]))


def write(path):
    file = TraceFile(path)
    file.add("approach", ("z", "i"), ("um", "pA"), 1000)
    file.add("cv", ("t", "E", "i"), ("s", "V", "pA"), 60)
    file.start()
    for row in range(ROWS):
        for name in SHAPES:
            file.write(row, name, values(name)[row])
    return file


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A file that was closed, one after a kill, and one of an earlier version."""
    folder = tmp_path_factory.mktemp("files")
    file = write(folder / "closed.h5")
    shutil.copy(file.path, folder / "killed.h5")  # as a kill leaves it
    file.close()
    with h5py.File(folder / "earlier.h5", "x", libver="latest") as file:
        for name, shape in SHAPES.items():
            dataset = file.create_dataset(
                name, data=values(name), chunks=(8, *shape), maxshape=(None, *shape)
            )
            dataset.attrs["units"] = ("um", "pA")
    return folder


@pytest.fixture
def _no_pause(monkeypatch):
    monkeypatch.setattr(trace_reader, "_PAUSE_S", 0.0)


def damaged(content, seed):
    """Bits flipped, sectors and pages zeroed, pieces overwritten, the end cut off."""
    rng = np.random.default_rng(seed)
    found, kind = bytearray(content), seed % 5
    # every second time where the indices are
    at = int(rng.integers(len(found) if seed % 2 else 8192))
    if kind == 0:
        found[at] ^= 1 << int(rng.integers(8))
    elif kind in (1, 2):
        size = (512, 4096)[kind - 1]
        at -= at % size
        found[at : at + size] = bytes(len(found[at : at + size]))
    elif kind == 3:
        found[at : at + 40] = rng.bytes(len(found[at : at + 40]))
    else:
        del found[int(rng.integers(len(found))) :]
    return bytes(found)


def read_or_error(path, name):
    try:
        return read_rows(path, name, np.arange(ROWS), run="run 0123abcd")
    except DamagedFileError as error:
        return str(error)


@pytest.mark.usefixtures("_no_pause")
@pytest.mark.fault(62)
@pytest.mark.parametrize("kind", ["closed", "killed"])
def test_damage_gives_right_values_or_one_error_in_bounded_time(files, tmp_path, kind):
    content = (files / f"{kind}.h5").read_bytes()
    path, refused = tmp_path / "damaged.h5", 0
    for seed in range(TRIES):
        path.write_bytes(damaged(content, seed))
        begun = time.monotonic()
        whole = True
        for name in SHAPES:
            found = read_or_error(path, name)
            if isinstance(found, str):
                assert str(path) in found
                assert "run 0123abcd" in found
                assert "type `seccm verify 0123abcd`" in found
                whole = False
            else:
                np.testing.assert_array_equal(found, values(name))
        try:
            check_traces(path)
        except DamagedFileError:
            refused += 1
        else:
            assert whole
        assert time.monotonic() - begun < 10
    assert refused > TRIES / 3


@pytest.mark.parametrize("kind", ["closed", "killed", "earlier"])
def test_whole_files_read_as_written(files, kind):
    path = files / f"{kind}.h5"
    assert is_marked(path) == (kind == "killed")
    for name in SHAPES:
        np.testing.assert_array_equal(
            read_rows(path, name, np.array([7, 3, 4])), values(name)[[7, 3, 4]]
        )
        np.testing.assert_array_equal(
            read_rows(path, name, np.arange(ROWS), (1, 5)), values(name)[:, 1, 5]
        )
    found = check_traces(path)
    assert found.rows == dict.fromkeys(SHAPES, ROWS)
    assert found.unchecked == (tuple(SHAPES) if kind == "earlier" else ())


@pytest.fixture
def closed(files, tmp_path):
    path = tmp_path / "file.h5"
    path.write_bytes((files / "closed.h5").read_bytes())
    return path


def place(path, name, row):
    """Where a chunk is in the file: its rows, its offset, its size."""
    with h5py.File(path, "r") as file:
        dataset = file[name]
        info = dataset.id.get_chunk_info_by_coord((row, 0, 0))
        return dataset.chunks[0], info.byte_offset, info.size


def overwrite(path, offset, content):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def test_rows_of_other_chunks_are_read(closed):
    count, offset, _ = place(closed, "approach", 8)
    overwrite(closed, offset + 100, b"\x55\x55")
    with pytest.raises(DamagedFileError, match=r"'approach', rows 8 to 15, is wrong"):
        read_rows(closed, "approach", np.arange(ROWS))
    others = np.r_[0:8, 16:ROWS]
    assert count == 8
    found = read_rows(closed, "approach", others)
    np.testing.assert_array_equal(found, values("approach")[others])


def test_a_chunk_of_zeros_is_damaged_though_its_checksum_is_right(closed):
    _, offset, size = place(closed, "approach", 16)
    overwrite(closed, offset, bytes(size))
    with h5py.File(closed) as file:
        assert not file["approach"][16:24].any()  # HDF5 finds nothing wrong
    for part in ((), (1, 5)):
        with pytest.raises(DamagedFileError, match="rows 16 to 23"):
            read_rows(closed, "approach", np.arange(ROWS), part)
    with pytest.raises(DamagedFileError, match="rows 16 to 23"):
        check_traces(closed)


def test_a_single_row_of_zeros_is_none(tmp_path):
    file = TraceFile(tmp_path / "a.h5")
    file.add("cv", ("t", "i"), ("s", "pA"), 10)
    file.start()
    file.write(0, "cv", np.zeros((2, 10)))
    file.close()
    assert not read_rows(file.path, "cv", np.array([0])).any()


def test_a_write_cut_by_a_kill_costs_no_row_that_was_there(closed):
    """The chunk of rows 56 to 59 as it was before row 59, then half of the new one."""
    _, offset, size = place(closed, "approach", 56)
    new = closed.read_bytes()[offset : offset + size]
    with h5py.File(closed, "r+") as file:
        file["approach"][59] = np.nan
    old = closed.read_bytes()[offset : offset + size]
    assert old != new
    cut = int(size * 3.4 / 8)
    overwrite(closed, offset, new[:cut] + old[cut:])
    found = read_rows(closed, "approach", np.arange(56, 59))
    np.testing.assert_array_equal(found, values("approach")[56:59])
    with pytest.raises(DamagedFileError, match="rows 56 to 59"):
        check_traces(closed)  # other programs cannot read them


def test_a_file_that_is_being_written_is_tried_again(files, tmp_path, monkeypatch):
    path = tmp_path / "file.h5"
    content = (files / "killed.h5").read_bytes()
    path.write_bytes(damaged(content, 2))  # a page of zeros among the first ones
    monkeypatch.setattr(trace_reader.time, "sleep", lambda _: path.write_bytes(content))
    found = read_rows(path, "cv", np.arange(ROWS))
    np.testing.assert_array_equal(found, values("cv"))


@pytest.mark.usefixtures("_no_pause")
@pytest.mark.parametrize("content", [b"", b"no file of HDF5" * 20])
def test_what_is_no_such_file_is_refused(tmp_path, content):
    path = tmp_path / "file.h5"
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match="its first bytes"):
        read_rows(path, "cv", np.arange(3))
    with pytest.raises(FileNotFoundError):
        read_rows(tmp_path / "none.h5", "cv", np.arange(3))


def test_a_file_of_another_program_is_read(tmp_path):
    path = tmp_path / "old.h5"
    with h5py.File(path, "x", libver="earliest") as file:
        file["cv"] = values("cv")
    np.testing.assert_array_equal(
        read_rows(path, "cv", np.array([5])), values("cv")[[5]]
    )


def test_checksum_is_that_of_hdf5(files):
    head = (files / "closed.h5").read_bytes()[:48]
    assert checksum(head[:44]) == int.from_bytes(head[44:], "little")


def test_every_dataset_has_a_checksum(files):
    with h5py.File(files / "closed.h5") as file:
        assert all(file[name].fletcher32 for name in SHAPES)
