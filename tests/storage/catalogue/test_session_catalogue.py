import json

import pytest
from hop_documents import bits, events, hop_run
from stored_runs import assert_equal, emit, uid_of, wait_until

from seccm_ophyd.storage import (
    Journal,
    SessionCatalogue,
    SessionLock,
    ensure_writer,
    write_profile,
)
from seccm_ophyd.storage.catalogue.writer.backlog import CatalogueWriter
from seccm_ophyd.storage.locks import WriterLock, held

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


def test_importing_storage_is_light(run_python):
    script = (
        "import sys; import seccm_ophyd.storage.traces;"
        "print({'tiled', 'databroker', 'bluesky_tiled_plugins'} & set(sys.modules))"
    )
    assert run_python(script) == "set()\n"


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
