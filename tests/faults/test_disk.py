"""A disk that is full, or becomes full."""

import json
import shutil
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest
from bluesky.utils import FailedStatus

from seccm_ophyd.analysis import hop_map, hop_table, hop_traces, list_runs
from seccm_ophyd.errors import DiskSpaceError, FolderGoneError
from seccm_ophyd.plans import charge_and_remap, hop_scan, local_charge
from seccm_ophyd.storage.data_folder import DataFolder
from seccm_ophyd.storage.journal.reader import documents
from seccm_ophyd.techniques import CurrentSample
from tests.faults.safety import is_safe
from tests.plans.calls import BY_NAME, moved
from tests.system.conftest import run_python

pytestmark = pytest.mark.system


def grid(microscope, points=6):
    return hop_scan(microscope, CurrentSample(), -1, 1, points, -1, 1, points)


def events(journal):
    return [doc for name, doc in documents(journal) if name == "event"]


@pytest.fixture
def disk(monkeypatch, tmp_path):
    """A disk with 1 GB free, which no other program fills or empties."""

    def usage(folder):
        assert folder == str(tmp_path)
        return SimpleNamespace(free=1e9)

    monkeypatch.setattr(shutil, "disk_usage", usage)


@pytest.mark.fault(32)
@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_too_little_space_is_refused_before_anything_moves(
    RE, docs, fake, tmp_path, name, disk
):
    fake.device.traces.folder.put(str(tmp_path))
    fake.device.traces.reserve.put(1e9 - 1000.0)
    with pytest.raises(DiskSpaceError, match=r"stores about .* MB.* MB free.*reserve"):
        RE(BY_NAME[name](fake.device))
    assert docs == []
    assert moved(fake) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault(32)
def test_a_folder_that_is_gone_is_named_before_anything_moves(RE, docs, fake, tmp_path):
    fake.device.traces.folder.put(str(tmp_path / "gone"))
    with pytest.raises(FolderGoneError, match="gone is not there, it may have been"):
        RE(BY_NAME["current_map"](fake.device))
    assert docs == []
    assert moved(fake) == []


@pytest.mark.fault(32)
def test_the_runs_of_one_plan_need_space_together(RE, docs, fake, tmp_path, disk):
    traces = fake.device.traces
    traces.folder.put(str(tmp_path))
    big = {"x_num": 100, "y_num": 100}  # 230 MB each
    traces.reserve.put(1e9 - 350e6)
    with pytest.raises(DiskSpaceError):
        RE(charge_and_remap(fake.device, (0, 0), -1, 1, y_start=-1, y_stop=1, **big))
    assert docs == []


@pytest.mark.slow
@pytest.mark.fault(32)
def test_the_reserve_is_reached_during_a_scan(session, ioc):
    m = session.seccm

    def fill(name, doc):
        if doc["seq_num"] == 4:  # the same as free space that goes
            m.traces.reserve.put(m.traces.free_space.get() + 1e12)

    session.RE.subscribe(fill, "event")
    with pytest.raises(DiskSpaceError, match=r"MB are left in .*less than the reserve"):
        session.RE(grid(m))
    assert is_safe(ioc)
    assert int(np.isfinite(hop_map(session.catalog[-1]).topography).sum()) == 4
    assert "reserve" in session.catalog[-1].metadata["stop"]["reason"]
    m.traces.reserve.put(0.0)
    session.RE(grid(m, 2))  # space was made: the next run works


@pytest.mark.fault(32)
def test_the_reserve_is_reached_during_a_long_charge(session, ioc):
    m = session.seccm
    parts = []

    def fill(**kwargs):
        parts.append(m.clamp.progress.samples.get())
        if len(parts) == 3:
            m.traces.reserve.put(m.traces.free_space.get() + 1e12)

    m.clamp.progress.subscribe(fill)
    slow = {"current_pa": 2.0, "e_upper_v": 1.9, "soak_s": 0.0}
    plan = local_charge(m, (0, 0), duration_s=2000.0, interval_s=0.1, **slow)
    with pytest.raises((DiskSpaceError, FailedStatus), match="reserve"):
        session.RE(plan)
    assert is_safe(ioc)
    assert len(parts) < 100


FILL = """
import resource, sys
from seccm_ophyd.session import open_session
from seccm_ophyd.plans import hop_scan
from seccm_ophyd.techniques import CurrentSample
prefix, data, limit, file = sys.argv[1:]
with open_session(prefix=prefix, data_dir=data, catalogue="full") as s:
    if file == "jsonl":
        s.seccm.traces.folder.put("")  # these files would reach the limit first
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
    try:
        s.RE(hop_scan(s.seccm, CurrentSample(), -1, 1, 9, -1, 1, 9))
    except OSError as error:
        print("SAID", " ".join(str(error).split()))
    else:
        raise SystemExit("the run went on")
    print("STATE", s.seccm.z.state.get(), s.seccm.clamp.holding_potential.get())
"""


@pytest.mark.slow
@pytest.mark.fault(32)
@pytest.mark.parametrize(
    ("limit", "file"), [(60_000, "jsonl"), (800_000, ".h5")], ids=["journal", "traces"]
)
def test_a_file_may_not_grow(ioc, tmp_path, limit, file):
    """RLIMIT_FSIZE: the file system says no to one file, in the middle of a scan."""
    said = run_python(FILL, ioc.prefix, tmp_path, limit, file)
    assert file in said.split("SAID")[1]
    assert "STATE WITHDRAWN 0.0" in said
    assert is_safe(ioc)
    assert_readable(tmp_path, at_least=3, traces=file == ".h5")


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system of 24 MB, where one may."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.slow
@pytest.mark.fault(32)
def test_the_disk_is_full_in_the_middle_of_a_scan(ioc, small_disk):
    said = run_python(ENOSPC, ioc.prefix, small_disk)
    assert "No space left on device" in said or "errno = 28" in said
    assert str(small_disk) in said.split("SAID")[1]
    assert "STATE WITHDRAWN 0.0" in said
    assert is_safe(ioc)
    (small_disk / "ballast").unlink()
    assert_readable(small_disk, at_least=5)


ENOSPC = """
import os, sys
from seccm_ophyd.session import open_session
from seccm_ophyd.plans import hop_scan
from seccm_ophyd.techniques import CurrentSample
from seccm_ophyd.config import Config
prefix, data = sys.argv[1:]
config = Config(prefix=prefix, data_dir=data, catalogue="full", reserve_mb=0.0)
with open_session(config=config) as s:
    def fill(name, doc):
        if doc["seq_num"] == 6:
            with open(data + "/ballast", "wb", 0) as ballast:
                try:
                    while ballast.write(bytes(4096)) == 4096:
                        pass
                except OSError:
                    pass
    s.RE.subscribe(fill, "event")
    try:
        s.RE(hop_scan(s.seccm, CurrentSample(), -1, 1, 9, -1, 1, 9))
    except OSError as error:
        print("SAID", " ".join(str(error).split()))
    else:
        raise SystemExit("the run went on")
    print("STATE", s.seccm.z.state.get(), s.seccm.clamp.holding_potential.get())
"""


def assert_readable(folder, at_least, traces=True):
    """All hops of the one journal are whole, and so are their curves."""
    folder = DataFolder(folder)
    (journal,) = folder.journal.glob("*.jsonl")
    for line in journal.read_bytes().splitlines():
        json.loads(line)
    found = events(journal)
    assert at_least <= len(found) < 81
    assert [doc["data"]["seccm_hop_index"] for doc in found] == list(range(len(found)))
    assert hop_table(journal).sizes["hop"] == len(found)
    assert int(np.isfinite(hop_map(journal).topography).sum()) == len(found)
    if traces:
        sampled = hop_traces(journal)
        assert sampled.sizes["hop"] == len(found)
        assert np.isfinite(sampled["i"]).all()
    assert journal.stem[:8] in list_runs(folder.journal)
