"""Runs that are written into a journal, and what the catalogue gives of them."""

import shutil
import time

import numpy as np
from hop_documents import SAMPLES, bits, events, hop_run, hop_trace, validate

from seccm_ophyd.storage import DataFolder, Journal, recover


def emit(folder, hops, scan_id=1):
    """Write the journal of a run; give what was emitted."""
    emitted = list(hop_run(folder, hops, scan_id))
    journal = Journal(folder)
    for name, doc in emitted:
        journal(name, doc)
    return emitted


def two_runs(place, empty_catalogue, hops):
    """Make a data folder of two runs that are in the catalogue."""
    folder = DataFolder(place).create()
    shutil.copytree(empty_catalogue, folder.catalogue, dirs_exist_ok=True)
    for scan in (1, 2):
        emit(folder, hops, scan)
    assert [run.error for run in recover(folder)] == [None, None]
    return folder


def uid_of(emitted):
    return emitted[0][1]["uid"]


def stored(run):
    return [(name, dict(doc)) for name, doc in run.documents_of_catalogue()]


def assert_equal(run, emitted):
    """What is read is what was emitted, bit for bit."""
    found = stored(run)
    for name, doc in found:
        validate(name, doc)
    assert events(found) == events(emitted)
    for name in ("start", "stop"):
        assert bits(dict(found)[name]) == bits(dict(emitted)[name])
    described = dict(found)["descriptor"]["data_keys"]
    for key, about in dict(emitted)["descriptor"]["data_keys"].items():
        kept = {name: described[key].get(name) for name in about}
        assert kept == about
    hops = len(events(emitted))
    data = run["primary"].read()
    for name in SAMPLES:
        traces = data[f"seccm_traces_{name}"]
        assert traces.dims == ("time", f"{name}_channel", f"{name}_sample")
        expected = [
            hop_trace(hop, name)
            if hop % 3 or name == "approach"
            else np.full((2, SAMPLES[name]), np.nan)
            for hop in range(hops)
        ]
        np.testing.assert_array_equal(traces.values, expected)


def wait_until(true, timeout_s=40.0):
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.2)  # asking costs the others, on few cores
