"""Interrupted scans: Ctrl-C and resume, SIGKILL and recover, a reader meanwhile."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from bluesky.utils import RunEngineInterrupted

from seccm_ophyd.analysis import hop_map
from seccm_ophyd.plans import hop_scan
from seccm_ophyd.storage.data_folder import DataFolder
from seccm_ophyd.storage.journal.reader import documents
from seccm_ophyd.storage.recover import recover
from seccm_ophyd.techniques import CurrentSample

from .conftest import read_pv, run_python

pytestmark = pytest.mark.system

SCAN = """
import sys
from seccm_ophyd.session import open_session
from seccm_ophyd.plans import hop_scan
from seccm_ophyd.techniques import CurrentSample
# a catalogue name of its own: the session of the other tests is open, too
with open_session(
    simulator=True, seed=3, time_scale=0, data_dir=sys.argv[1], catalogue="killed"
) as s:
    s.RE.subscribe(lambda name, doc: print(name, flush=True), "event")
    s.RE(hop_scan(s.seccm, CurrentSample(), -5, 5, 100, -5, 5, 100))
"""


def events(collected):
    return [doc["data"] for name, doc in collected if name == "event"]


@pytest.mark.parametrize("defer", [True, False])
def test_paused_and_resumed_xy_never_moves_in_contact(session, collected, defer):
    """Ctrl-C once (deferred) and twice (at once), at many moments of the hops."""
    engine, m = session.RE, session.seccm
    rng = np.random.default_rng(5)
    stop_at = iter(sorted(rng.choice(np.arange(2, 40), 8, replace=False)))
    due = [next(stop_at)]
    delays = iter(rng.uniform(0.0, 0.03, 100))

    def interrupt(name, doc):
        if name == "event" and doc["seq_num"] >= due[0]:
            due[0] = next(stop_at, 10**9)
            threading.Timer(
                next(delays), lambda: engine.request_pause(defer=defer)
            ).start()

    token = engine.subscribe(interrupt)
    pauses = 0
    plan = hop_scan(m, CurrentSample(), -2, 2, 8, -2, 2, 6, snake=True)
    run = lambda: engine(plan)  # noqa: E731
    while True:
        try:
            run()
            break
        except RunEngineInterrupted:
            pauses += 1
            assert m.z.state.get() == "WITHDRAWN"
            assert m.clamp.holding_potential.get(use_monitor=False) == 0.0
            run = engine.resume
    engine.unsubscribe(token)
    assert pauses >= 5
    found = events(collected)
    assert sorted(e["seccm_hop_index"] for e in found) == list(range(48))
    assert {e["seccm_hop_outcome"] for e in found} == {"contact"}
    assert read_pv(f"{m.prefix}Sim:LateralTouches") == 0
    assert read_pv(f"{m.prefix}Sim:UnguardedContacts") == 0
    assert read_pv(f"{m.prefix}IOC:Tripped") in (0, "no")
    repeated = sum(e["seccm_hop_repeated"] for e in found)
    assert collected[-1][1]["hop_counts"]["repeated"] == repeated
    if defer:
        assert repeated == 0


@pytest.mark.slow
def test_a_second_process_reads_a_running_scan_and_sigkill_loses_no_hop(
    tmp_path, module_profiles
):
    process = subprocess.Popen(
        [sys.executable, "-c", SCAN, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TILED_PROFILES": str(module_profiles)},
    )
    seen = 0
    try:
        for line in process.stdout:
            seen += line.strip() == "event"
            if seen == 50:
                break
        reader = """
import time, databroker
deadline = time.monotonic() + 100
catalog = said = None
while True:
    try:
        if catalog is None:
            catalog = databroker.catalog["killed"]
        run = catalog[-1]
        table = run.primary.read(["seccm_z_contact_height"])
        if len(table["time"]) >= 50:
            break
        said = table
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        said = repr(error)
    assert time.monotonic() < deadline, said
    time.sleep(0.5)
print(len(table["time"]), run.metadata.get("stop"))
"""
        count, stop = run_python(reader, profiles=module_profiles).split(maxsplit=1)
        assert int(count) >= 50
        assert stop.strip() == "None"
        for line in process.stdout:
            seen += line.strip() == "event"
            if seen >= int(count) + 5:
                break
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        seen += process.stdout.read().count("event")
        process.stdout.close()
    folder = DataFolder(tmp_path)
    (journal,) = folder.journal.glob("*.jsonl")
    stored = [doc for name, doc in documents(journal) if name == "event"]
    assert len(stored) >= seen
    assert [doc["data"]["seccm_hop_index"] for doc in stored] == list(
        range(len(stored))
    )
    results = []
    deadline = time.monotonic() + 60
    while not results and time.monotonic() < deadline:
        results = recover(folder)
    assert [(r.uid, r.interrupted, r.error) for r in results] == [
        (journal.stem, True, None)
    ]
    code = """
import sys, json, databroker
run = databroker.catalog["killed"][sys.argv[1]]
print(json.dumps([run.metadata["stop"], run.primary.read(
    ["seccm_z_contact_height"])["seccm_z_contact_height"].values.tolist()]))
"""
    stop, heights = json.loads(
        run_python(code, journal.stem, profiles=module_profiles).splitlines()[-1]
    )
    assert stop["exit_status"] == "abort"
    assert stop["interrupted"] is True
    assert heights == [doc["data"]["seccm_z_contact_height"] for doc in stored]
    assert int(np.isfinite(hop_map(journal).topography).sum()) == len(stored)
