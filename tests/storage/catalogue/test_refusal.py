from stored_runs import assert_equal, emit, uid_of

from seccm_ophyd.storage.catalogue.refusal import forget_run
from seccm_ophyd.storage.catalogue.writer.ingest import write_run


def test_forgetting_a_run_leaves_the_others_and_its_arrays(catalogued, client):
    runs = [emit(catalogued, 3, scan_id) for scan_id in (1, 2)]
    for emitted in runs:
        write_run(client, emitted)
    forget_run(client, uid_of(runs[0]))
    assert uid_of(runs[0]) not in client
    assert_equal(client[uid_of(runs[1])], runs[1])
    write_run(client, runs[0])
    assert_equal(client[uid_of(runs[0])], runs[0])
