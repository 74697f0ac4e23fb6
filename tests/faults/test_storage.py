"""The storage stalls, or the data folder goes, while an instrument is driven."""

import os
import shutil
import threading
import time

import numpy as np
import pytest

from seccm_ophyd.analysis import hop_map
from seccm_ophyd.errors import FolderGoneError
from seccm_ophyd.plans import hop_fly, hop_scan
from seccm_ophyd.storage.journal.reader import documents
from seccm_ophyd.techniques import CurrentSample
from tests.faults.safety import is_safe
from tests.iocs import wait_for

pytestmark = pytest.mark.system

LEASE_S, STALL_S = 2.0, 4.0


def grid(plan, microscope, points=6):
    return plan(microscope, CurrentSample(), -1, 1, points, -1, 1, points)


@pytest.mark.fault(63)
@pytest.mark.parametrize("plan", [hop_scan, hop_fly])
def test_storage_stalls_for_longer_than_the_lease(
    session, ioc, monkeypatch, caplog, plan
):
    m = session.seccm
    m.lease_time.put(LEASE_S, wait=True)
    fsync, stalls, seen = os.fsync, iter([False, False, True]), []

    def stall(fd):
        if threading.current_thread().name == "storage" and next(stalls, False):
            time.sleep(STALL_S)
            seen.append(m.z.state.get(use_monitor=False))
        fsync(fd)

    session.RE.subscribe(lambda *_: monkeypatch.setattr(os, "fsync", stall), "start")
    (uid,) = session.RE(grid(plan, m))
    assert not m.link.lost
    journal = session.folder.journal_file(uid)
    assert list(documents(journal))[-1][1]["exit_status"] == "success"
    assert bool(hop_map(journal).topography.notnull().all())
    assert "waiting" in caplog.text
    assert f"storage answers again after {STALL_S:.0f}" in caplog.text
    if plan is hop_scan:
        assert "waiting with the probe withdrawn; up to 60 s" in caplog.text
        assert seen == ["WITHDRAWN"]


GONE = {
    "moved": lambda folder, at: folder.root.rename(at),
    "deleted": lambda folder, at: shutil.rmtree(folder.root),
    "traces deleted": lambda folder, at: shutil.rmtree(folder.traces),
    "journal replaced": lambda folder, at: _replace(folder.journal),
    "traces replaced": lambda folder, at: _replace(folder.traces),
}


def _replace(folder):
    """Put copies of the files in place of the files."""
    for file in folder.iterdir():
        copy = file.with_suffix(".copy")
        shutil.copy2(file, copy)
        copy.replace(file)


@pytest.mark.fault(66)
@pytest.mark.parametrize("plan", [hop_scan, hop_fly])
@pytest.mark.parametrize("how", GONE)
def test_the_data_folder_goes_during_a_scan(session, ioc, tmp_path, plan, how):
    m, folder, moved = session.seccm, session.folder, tmp_path / "moved"
    gone, after = [], []

    def go(name, doc):
        if name.startswith("event"):
            if gone:
                after.append(doc)
            else:
                gone.append(time.monotonic())
                GONE[how](folder, moved)

    session.RE.subscribe(go)
    with pytest.raises(FolderGoneError, match=r"moved or|was replaced"):
        session.RE(grid(plan, m, 30 if plan is hop_fly else 6))
    assert time.monotonic() - gone[0] < 5.0
    assert not after, "nothing is given out that is not stored"
    wait_for(lambda: is_safe(ioc))
    if how == "moved":
        (file,) = (moved / "journal").glob("*.jsonl")
        stop = list(documents(file))[-1][1]
        assert stop["exit_status"] == "fail"
        assert "moved or" in stop["reason"]
        made = hop_map(file).topography
        assert int(np.isfinite(made).sum()) == stop["hops"]["stored"] > 0
