import numpy as np
import pytest
from event_model import compose_run
from hop_documents import events, hop_run, hop_trace
from jsonschema import ValidationError
from stored_runs import assert_equal, emit, stored, uid_of

from seccm_ophyd.storage import documents
from seccm_ophyd.storage.catalogue.writer.ingest import BATCH, RunIngest, write_run


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
