"""A scan whose session was killed is finished by the next one."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from seccm_ophyd.analysis import hop_map
from seccm_ophyd.plans import hop_scan, resume_scan
from seccm_ophyd.session import open_session
from seccm_ophyd.storage import DataFolder, journals, recover
from seccm_ophyd.storage.journal.reader import documents
from seccm_ophyd.storage.locks import held
from seccm_ophyd.techniques import CurrentSample
from tests.faults.safety import wait_until_safe
from tests.iocs import wait_for

pytestmark = pytest.mark.system

GRID = (-2, 2, 8, -2, 2, 8)
SCAN = """
import sys
from seccm_ophyd.session import open_session
from seccm_ophyd.plans import hop_scan
from seccm_ophyd.techniques import CurrentSample
with open_session(prefix=sys.argv[1], data_dir=sys.argv[2], catalogue="killed") as s:
    s.RE.subscribe(lambda name, doc: print(name, flush=True), "event")
    s.RE(hop_scan(s.seccm, CurrentSample(), -2, 2, 8, -2, 2, 8, snake=True))
"""


def indices(journal):
    return [
        doc["data"]["seccm_hop_index"]
        for name, doc in documents(journal)
        if name == "event"
    ]


@pytest.mark.slow
@pytest.mark.fault(28, 45)
@pytest.mark.parametrize("recovered", [False, True])
def test_a_killed_scan_is_finished_by_the_next_session(ioc, tmp_path, recovered):
    folder = DataFolder(tmp_path / "data")
    process = subprocess.Popen(
        [sys.executable, "-c", SCAN, ioc.prefix, str(folder.root)],
        stdout=subprocess.PIPE,
        text=True,
    )
    for _ in range(20):
        assert process.stdout.readline().strip() == "event"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    wait_until_safe(ioc)
    (old,) = journals(folder)
    done = indices(old.path)
    assert 20 <= len(done) < 64
    if recovered:
        wait_for(lambda: not held(folder.writer_lock), 60)
        assert [result.interrupted for result in recover(folder)] == [True]
    with open_session(prefix=ioc.prefix, data_dir=folder.root) as session:
        session.seccm.acknowledge.put(1)
        (uid,) = session.RE(resume_scan(session.seccm, -1))
        new = folder.journal_file(uid)
        whole = hop_map(old.path, new)
        plan = hop_scan(session.seccm, CurrentSample(), *GRID, snake=True)
        (uid,) = session.RE(plan)
        assert hop_map(session.catalog[uid]).sizes == whole.sizes
    order = [y * 8 + (x if y % 2 == 0 else 7 - x) for y in range(8) for x in range(8)]
    assert done + indices(new) == order  # each hop once, in the order of the scan
    assert np.isfinite(whole.topography).all()
    assert (whole.outcome == 1).all()
    assert documents(new)[0][1]["resumes"] == old.uid
