"""How fast a large stored map is read, in a new process as a reader would."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from .large_run import SAMPLES, make_large_run
from .timing import Result

__all__ = ["measure", "read"]

SIZE = 256

# the imports are not part of it: they cost the same for any reading; the last ones are
# what xarray and tiled import when they are first used
SCRIPT = f"""
import json, sys, time, warnings
warnings.simplefilter("ignore")
import databroker, bluesky_tiled_plugins, tiled.client, tiled.server.app
import adbc_driver_sqlite.dbapi, pint, pydantic.v1, starlette.testclient
from seccm_ophyd.analysis import RunTraces, hop_map, hop_traces, trace_map
from seccm_ophyd.storage import DataFolder, SessionCatalogue

def milliseconds(call):
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)

def open_and_map():
    global run
    run = SessionCatalogue(DataFolder(sys.argv[1]))[-1]
    hop_map(run)

took = {{"map": milliseconds(open_and_map)}}
traces = RunTraces.of(run)
samples = range(0, {SAMPLES}, {SAMPLES // 5})
took["frame"] = [milliseconds(lambda: trace_map(traces, "E", k)) for k in samples]
took["pixel"] = [milliseconds(lambda: hop_traces(traces, hops=[17 * k]))
                 for k in range(1, 6)]
print(json.dumps(took))
"""


def measure(repeats: int = 5) -> list[Result]:
    """Read a map of 256 x 256 hops with 200 samples each.

    Parameters
    ----------
    repeats
        New processes; the medians count.
    """
    with tempfile.TemporaryDirectory() as folder:
        make_large_run(Path(folder) / "data", SIZE)
        taken = [read(Path(folder) / "data") for _ in range(repeats)]
    map_s = median(one["map"] for one in taken) / 1e3
    frame, pixel = (
        median(value for one in taken for value in one[name])
        for name in ("frame", "pixel")
    )
    return [
        Result("map_read_s", map_s, at_most=2),
        Result("frame_read_ms", frame, at_most=300),
        Result("pixel_read_ms", pixel, at_most=10),
    ]


def read(folder: Path) -> dict:
    """Read the last run of a data folder in a new process; what takes how long (ms)."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)
