import json
import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from bluesky_tiled_plugins.clients.bluesky_run import BlueskyRunV3
from event_model import compose_run
from hop_documents import SAMPLES, bits, events, hop_run, hop_trace, validate
from jsonschema import ValidationError

from seccm_ophyd.storage import (
    Journal,
    SessionCatalogue,
    SessionLock,
    close_catalogue,
    documents,
    ensure_writer,
    open_catalogue,
    remove_profile,
    start_writer,
    write_profile,
)
from seccm_ophyd.storage.backlog import CatalogueWriter, _OpenRun
from seccm_ophyd.storage.index import unfinished
from seccm_ophyd.storage.ingest import BATCH, RunIngest, write_run
from seccm_ophyd.storage.layout import DataFolder
from seccm_ophyd.storage.locks import WriterLock, held
from seccm_ophyd.storage.refusal import forget_run

READ_LIVE = """
import json, sys
import databroker
run = databroker.catalog["seccm"][sys.argv[1]]
assert run.metadata.get("stop") is None
print(json.dumps(run["primary"].read(["seccm_clamp_potential"]).sizes["time"]))
"""
READ_STORED = """
import json, sys
import databroker
assert databroker.catalog["seccm"][-1].metadata["start"]["uid"] == sys.argv[1]
from databroker import Broker
header = Broker.named("seccm")[sys.argv[1]]
print(json.dumps([header.start["scan_id"], header.stop["exit_status"],
                  list(header.table()["seccm_z_contact_height"])]))
"""


def emit(folder, hops, scan_id=1):
    """Write the journal of a run; give what was emitted."""
    emitted = list(hop_run(folder, hops, scan_id))
    journal = Journal(folder)
    for name, doc in emitted:
        journal(name, doc)
    return emitted


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


# -- one process -----------------------------------------------------------------------


@pytest.mark.parametrize("hops", [1, BATCH + 30])
def test_a_run_reads_back_as_it_was_emitted(catalogued, client, hops):
    emitted = emit(catalogued, hops)
    write_run(client, documents(catalogued.journal_file(uid_of(emitted))))
    assert_equal(client[uid_of(emitted)], emitted)


def test_arrays_are_read_lazily_from_the_file(catalogued, client):
    emitted = emit(catalogued, 4)
    write_run(client, emitted)
    array = client[uid_of(emitted)]["primary/seccm_traces_approach"]
    assert array.shape == (4, 2, 1000)
    np.testing.assert_array_equal(array[2, 1, 5:8], hop_trace(2, "approach")[1, 5:8])


def test_old_style_clients_do_not_change_those_opened_later(catalogued):
    emitted = emit(catalogued, 2)
    spoilt = open_catalogue(catalogued)
    write_run(spoilt, emitted)
    uid = uid_of(emitted)
    # what `Broker.named` does; it writes into a table that tiled shares
    assert type(spoilt.v2[uid]).__name__.startswith("BlueskyRunV2")
    close_catalogue(spoilt)
    later = open_catalogue(catalogued)
    assert isinstance(later[uid], BlueskyRunV3)
    close_catalogue(later)


@pytest.mark.slow
def test_an_empty_database_left_by_an_early_reader_is_no_catalogue(tmp_path):
    folder = DataFolder(tmp_path).create()
    folder.database.touch()
    assert not folder.has_catalogue
    remove_profile("mine")  # there is none: nothing to do
    assert start_writer(folder, "mine").wait(timeout=60) == 0
    assert folder.has_catalogue
    profiles = Path(os.environ["TILED_PROFILES"])
    assert (profiles / "mine.yml").exists()
    remove_profile("mine")
    assert not (profiles / "mine.yml").exists()
    close_catalogue(open_catalogue(folder))


def test_many_missed_hops_before_the_first_contact(client):
    """NaN is NULL in SQLite: the type of the column comes from what follows."""
    run = compose_run()
    keys = {"seccm_clamp_current": {"source": "SIM", "dtype": "number", "shape": []}}
    primary = run.compose_descriptor(name="primary", data_keys=keys)
    currents = [float("nan")] * 1000 + [1 / n for n in range(1, 101)]
    emitted = [("start", run.start_doc), ("descriptor", primary.descriptor_doc)]
    for value in currents:
        data = {"seccm_clamp_current": value}
        event = primary.compose_event(
            data=data, timestamps=dict.fromkeys(data, 1.5), validate=False
        )
        emitted.append(("event", event))
    write_run(client, [*emitted, ("stop", run.compose_stop())])
    assert events(stored(client[uid_of(emitted)])) == events(emitted)


def test_a_flush_makes_a_running_run_readable(catalogued, client):
    emitted = list(hop_run(catalogued, 6))
    ingest = RunIngest(client)
    # up to the rows of the last hop's arrays: its event has not been emitted
    for name, doc in emitted[:-2]:
        ingest(name, doc)
    ingest.flush()
    ingest.flush()
    run = client[uid_of(emitted)]
    assert run["primary"].read().sizes["time"] == 5
    assert run.metadata.get("stop") is None
    for name, doc in emitted[-2:]:
        ingest(name, doc)
    ingest.flush()
    assert_equal(client[uid_of(emitted)], emitted)


def test_the_first_event_of_a_stream_is_validated(catalogued, client):
    emitted = list(hop_run(catalogued, 2))
    ingest = RunIngest(client)
    first = next(n for n, (name, _) in enumerate(emitted) if name == "event")
    for name, doc in emitted[:first]:
        ingest(name, doc)
    with pytest.raises(ValidationError, match="is not of type"):
        ingest("event", {**emitted[first][1], "time": "noon"})


@pytest.mark.parametrize(("took_s", "pause_s"), [(0.01, 1.0), (0.2, 4.0), (2.0, 10.0)])
def test_the_slower_a_catalogue_the_rarer_a_running_run_is_flushed(
    catalogued, client, monkeypatch, took_s, pause_s
):
    emitted = emit(catalogued, 3)
    path = catalogued.journal_file(uid_of(emitted))
    path.write_bytes(path.read_bytes()[:-20])  # it goes on
    info = next(iter(unfinished(catalogued, set())))
    now, flushed = [0.0], []

    def flush(_ingest):
        flushed.append(now[0])
        now[0] += took_s

    monkeypatch.setattr(RunIngest, "__call__", lambda *_: None)
    monkeypatch.setattr(RunIngest, "flush", flush)
    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr("seccm_ophyd.storage.backlog.time", clock)
    run = _OpenRun(info, client)
    while len(flushed) < 3:
        now[0] += 0.1
        run.advance()
    assert flushed[0] == pytest.approx(1.0, abs=0.21)
    assert np.diff(flushed) == pytest.approx(took_s + pause_s, abs=0.21)


def test_forgetting_a_run_leaves_the_others_and_its_arrays(catalogued, client):
    runs = [emit(catalogued, 3, scan_id) for scan_id in (1, 2)]
    for emitted in runs:
        write_run(client, emitted)
    forget_run(client, uid_of(runs[0]))
    assert uid_of(runs[0]) not in client
    assert_equal(client[uid_of(runs[1])], runs[1])
    write_run(client, runs[0])
    assert_equal(client[uid_of(runs[0])], runs[0])


def test_the_writer_replaces_what_an_earlier_one_left_unfinished(catalogued, client):
    emitted = emit(catalogued, 5)
    ingest = RunIngest(client)
    for name, doc in emitted[:10]:
        ingest(name, doc)
    ingest.flush()
    writer = CatalogueWriter(catalogued, client)
    writer.run()
    assert_equal(client[uid_of(emitted)], emitted)
    assert catalogued.acknowledgement(uid_of(emitted)).exists()
    assert not writer.step()  # and is left alone from now on


def test_the_writer_leaves_what_it_cannot_write_and_goes_on(
    catalogued, client, caplog, monkeypatch
):
    monkeypatch.setattr("seccm_ophyd.storage.backlog._PAUSE_S", 0.0)
    malformed, wrong, interrupted, good = (
        emit(catalogued, 2, scan_id) for scan_id in (1, 2, 3, 4)
    )
    path = catalogued.journal_file(uid_of(malformed))
    path.write_bytes(path.read_bytes().replace(b'["descriptor",', b'["descriptor"]', 1))
    path = catalogued.journal_file(uid_of(wrong))
    path.write_bytes(path.read_bytes().replace(b'"seq_num"', b'"no_seq"'))
    path = catalogued.journal_file(uid_of(interrupted))
    path.write_bytes(path.read_bytes()[:-20])
    CatalogueWriter(catalogued, client).run()
    assert [p.name for p in catalogued.acknowledged.iterdir()] == [uid_of(good)]
    assert_equal(client[uid_of(good)], good)
    left = [r.getMessage() for r in caplog.records if "is left to" in r.getMessage()]
    assert any(uid_of(malformed) in text and "line 2 is" in text for text in left)
    assert any(uid_of(wrong) in text and "cannot be written" in text for text in left)
    assert any(uid_of(interrupted) in text and "no stop" in text for text in left)


def test_the_session_gives_runs_by_all_their_names(catalogued, client):
    runs = [emit(catalogued, 2, scan_id) for scan_id in (1, 2)]
    CatalogueWriter(catalogued, client).run()
    catalogue = SessionCatalogue(catalogued)
    uids = [uid_of(run) for run in runs]
    assert list(catalogue) == uids
    assert len(catalogue) == 2
    for name, number in [(uids[0], 0), (uids[1][:10], 1), (-2, 0), (2, 1)]:
        assert catalogue[name].start["uid"] == uids[number]
    assert catalogue.latest.start["uid"] == uids[1]
    with pytest.raises(KeyError, match="no scan 9"):
        catalogue[9]
    assert repr(catalogue).startswith(f"<SessionCatalogue of {catalogued.root}: 2 runs")
    (found,) = catalogue.search(scan_id=1).values()
    assert found.start["uid"] == uids[0]
    assert [run.start["uid"] for run in catalogue.values()] == uids
    catalogue.name = "mine"
    with pytest.raises(KeyError, match=r'runs of .* .databroker.catalog."mine".'):
        catalogue["zzz"]
    catalogue.close()
    catalogue.close()


def test_a_run_that_the_writer_does_not_come_to_is_read_from_its_journal(
    catalogued, caplog
):
    emitted = emit(catalogued, 2)
    catalogue = SessionCatalogue(catalogued, timeout_s=0.2)
    with WriterLock(catalogued):  # nobody will write
        run = catalogue[-1]
    assert bits(list(run.documents())) == bits(emitted)
    (said,) = [r.getMessage() for r in caplog.records if r.name.endswith("catalogue")]
    assert "no end in 0.2 s" in said
    assert "`seccm recover`" in said


def test_an_interrupted_run_is_not_waited_for(catalogued, caplog):
    emitted = emit(catalogued, 2)
    path = catalogued.journal_file(uid_of(emitted))
    path.write_bytes(path.read_bytes()[:-20])
    catalogue = SessionCatalogue(catalogued, timeout_s=600)
    run = catalogue[-1]
    assert bits(list(run.documents())) == bits(emitted[:-1])
    assert "it was interrupted" in caplog.text
    assert "`seccm recover`" in caplog.text
    catalogue.close()


def test_no_catalogue_yet(folder):
    with pytest.raises(FileNotFoundError, match="no catalogue in"):
        open_catalogue(folder)


def test_importing_storage_is_light(run_python):
    script = (
        "import sys; import seccm_ophyd.storage.traces;"
        "print({'tiled', 'databroker', 'bluesky_tiled_plugins'} & set(sys.modules))"
    )
    assert run_python(script) == "set()\n"


# -- several processes -----------------------------------------------------------------


@pytest.mark.slow
def test_a_session_a_killed_writer_and_other_readers(catalogued, run_python):
    """A scan goes on; another process reads it; the writer dies; nothing is lost."""
    write_profile(catalogued)
    emitted = list(hop_run(catalogued, 40))
    uid, half = uid_of(emitted), 65  # 20 hops: 2 + 2 + 20 * 3 documents, and an array's
    journal = Journal(catalogued)
    session = SessionLock(catalogued)
    session.acquire()
    catalogue = SessionCatalogue(catalogued)
    for name, doc in emitted[:half]:
        journal(name, doc)
    writer = ensure_writer(catalogued)
    wait_until(lambda: held(catalogued.writer_lock))
    assert ensure_writer(catalogued) is None
    assert catalogue[-1].start["uid"] == uid  # a run that goes on, as far as written
    wait_until(lambda: "primary" in catalogue[uid])
    wait_until(lambda: "internal" in catalogue[uid]["primary"].base)
    assert json.loads(run_python(READ_LIVE, uid)) == 20

    writer.kill()
    writer.wait()
    for name, doc in emitted[half:]:
        journal(name, doc)
    run = catalogue[uid]  # asked at once: starts another writer, and waits for it
    assert catalogued.acknowledgement(uid).exists()
    assert_equal(run, emitted)
    assert "partly in the catalogue" in catalogued.writer_log.read_text()
    replacement = catalogue._writer
    catalogue.close()
    session.release()
    scan_id, status, heights = json.loads(run_python(READ_STORED, uid))
    assert (scan_id, status) == (1, "success")
    emitted_heights = [
        data["seccm_z_contact_height"] for _, _, data, _ in events(emitted)
    ]
    assert bits(heights) == emitted_heights
    assert replacement.wait(timeout=30) == 0  # ends when nothing is left to do
    assert not held(catalogued.writer_lock)


def test_a_writer_ends_when_its_folder_is_gone(catalogued, client, emitter):
    emitter(5)
    writer = CatalogueWriter(catalogued, client)
    wait_until(writer.step)  # it has the run, which has no end
    shutil.rmtree(catalogued.journal)
    writer.run()


def test_of_two_writers_one_leaves_quietly(catalogued):
    with WriterLock(catalogued):
        assert start_writer(catalogued).wait(timeout=30) == 0
    log = catalogued.writer_log.read_text()
    assert "the writing of the catalogue is held by process" in log
    assert "Traceback" not in log
