import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from stored_runs import assert_equal, emit, uid_of, wait_until

from seccm_ophyd.storage.catalogue.writer.backlog import CatalogueWriter, _OpenRun
from seccm_ophyd.storage.catalogue.writer.ingest import RunIngest
from seccm_ophyd.storage.journal.index import unfinished


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
    monkeypatch.setattr("seccm_ophyd.storage.catalogue.writer.backlog.time", clock)
    run = _OpenRun(info, client)
    while len(flushed) < 3:
        now[0] += 0.1
        run.advance()
    assert flushed[0] == pytest.approx(1.0, abs=0.21)
    assert np.diff(flushed) == pytest.approx(took_s + pause_s, abs=0.21)


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
    monkeypatch.setattr("seccm_ophyd.storage.catalogue.writer.backlog._PAUSE_S", 0.0)
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


def test_a_writer_ends_when_its_folder_is_gone(catalogued, client, emitter):
    emitter(5)
    writer = CatalogueWriter(catalogued, client)
    wait_until(writer.step)  # it has the run, which has no end
    shutil.rmtree(catalogued.journal)
    writer.run()
