"""The clock of the computer jumps; configuration files are not as they should be."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from seccm_ophyd.analysis import hop_map, list_runs
from seccm_ophyd.config import load_config
from seccm_ophyd.errors import ConfigError
from seccm_ophyd.session import open_session
from seccm_ophyd.storage import DataFolder, journals
from seccm_ophyd.storage.journal.reader import documents
from tests.faults.safety import is_safe
from tests.iocs import RunningIOC

# Read by every Python that starts: the wall clock of IOC, session and writer jumps by
# an hour, there and back, several times a second; that of the session once it is
# connected, as ophyd waits for connections by the wall clock.
JUMPING = """
import sys, time
time.jumping = "-c" not in sys.orig_argv
_time, _time_ns, _monotonic = time.time, time.time_ns, time.monotonic
def _jump():
    return 3600 * (-1, 0, 1)[int(_monotonic() * 7) % 3] * time.jumping
time.time = lambda: _time() + _jump()
time.time_ns = lambda: _time_ns() + 10**9 * _jump()
"""
SCANS = """
import sys, time
from seccm_ophyd.session import open_session
from seccm_ophyd.plans import hop_scan
from seccm_ophyd.techniques import CurrentSample
stamps = []
with open_session(prefix=sys.argv[1], data_dir=sys.argv[2], catalogue="clock") as s:
    time.jumping = True
    lease = float(s.seccm.lease_time.get())
    s.RE.subscribe(lambda name, doc: stamps.append(doc["time"]), "event")
    begun = time.monotonic()
    while time.monotonic() - begun < 2 * lease:  # longer than the lease
        s.RE(hop_scan(s.seccm, CurrentSample(), -1, 1, 5, -1, 1, 5))
    assert s.seccm.owner.get(), "the lease was lost"
    runs = [s.catalog[uid].start["scan_id"] for uid in s.catalog]
    assert runs == sorted(runs), runs
print("JUMPS", max(b - a for a, b in zip(stamps, stamps[1:])))
"""


@pytest.fixture
def jumping_clock(tmp_path, monkeypatch):
    """Let the wall clock jump in every Python that is started."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(JUMPING)
    before = os.environ.get("PYTHONPATH")
    path = f"{folder}{os.pathsep}{before}" if before else str(folder)
    monkeypatch.setenv("PYTHONPATH", path)


@pytest.mark.slow
@pytest.mark.system
@pytest.mark.fault(47)
def test_the_clock_jumps_by_an_hour_during_scans(jumping_clock, tmp_path):
    ioc = RunningIOC()
    data = tmp_path / "data"
    try:
        done = subprocess.run(
            [sys.executable, "-c", SCANS, ioc.prefix, str(data)],
            capture_output=True, text=True, timeout=150, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert is_safe(ioc)
    finally:
        ioc.close()
    assert float(done.stdout.split("JUMPS")[1]) > 1800  # it did jump
    folder = DataFolder(data)
    found = journals(folder)
    numbers = [info.scan_id for info in found]
    assert numbers == sorted(numbers, reverse=True)
    listed = [line.split()[0] for line in list_runs(folder.journal).splitlines()[1:]]
    assert listed == [str(number) for number in numbers[:20]]
    for info in found:
        assert info.stop["exit_status"] == "success"
        assert not info.interrupted
        events = [doc for name, doc in documents(info.path) if name == "event"]
        assert [doc["seq_num"] for doc in events] == list(range(1, 26))
        assert {doc["data"]["seccm_hop_outcome"] for doc in events} == {"contact"}
        assert np.isfinite(hop_map(info.path).topography).all()
        names = [json.loads(line)[0] for line in info.path.read_text().splitlines()]
        assert (names[0], names[-1]) == ("start", "stop")


@pytest.mark.fault(50)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'prefix = "A:"\ncatalogue = seccm\n', "line 2"),
        (b'prefix = "A:"\n\n\n[probe\n', "line 4"),
        (b'prefix = "A:"\nprefix = "B:"\n', "line 2"),
        (b'data_dir = "x"\n[probe]\nradius_nm = "big"\n', r":3: .*radius_nm"),
        (b'[sample]\n\nrest_potential_v = nan\n', r":3: .*_v=nan V must be between"),
        (b'catalogue = "x"\nreserve_mb = inf\n', r":2: .*_mb=inf MB must be"),
        (b'# mine\n[simulator]\nsed = 3\n', r":3: .*sed is unknown"),
        (b'\xff\xfe\x00p', "not UTF-8"),
        (bytes(1000), "line 1"),
    ],
)  # fmt: skip
def test_a_corrupt_configuration_is_refused_with_file_and_line(
    tmp_path, content, message
):
    file = tmp_path / "seccm.toml"
    file.write_bytes(content)
    for read in (load_config, lambda path: open_session(config=path)):
        with pytest.raises(ConfigError, match=rf"seccm\.toml.*{message}"):
            read(file)
    assert [path.name for path in tmp_path.iterdir()] == ["seccm.toml"]


@pytest.mark.fault(50)
@pytest.mark.parametrize("kind", ["missing", "a folder"])
def test_a_configuration_that_cannot_be_read_is_refused(tmp_path, kind):
    file = tmp_path / "mine.toml"
    if kind == "a folder":
        file.mkdir()
    with pytest.raises(ConfigError, match=r"mine\.toml"):
        open_session(config=file)
