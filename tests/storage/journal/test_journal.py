import errno
import json
import os

import numpy as np
import pytest
from event_model import compose_run
from hop_documents import bits, hop_run

from seccm_ophyd.errors import FolderGoneError
from seccm_ophyd.storage import Journal, SessionCatalogue, documents
from seccm_ophyd.storage.traces.trace_file import TraceFile


def test_documents_come_back_as_they_were_emitted(folder):
    emitted = list(hop_run(folder, 5))
    journal = Journal(folder)
    for name, doc in emitted:
        journal(name, doc)
    found = documents(folder.journal_file(emitted[0][1]["uid"]))
    assert bits(found) == bits([[name, doc] for name, doc in emitted])


def test_numpy_becomes_plain_numbers_bit_for_bit(folder):
    start = compose_run().start_doc
    values = {
        "f8": np.float64(1 / 3),
        "f4": np.float32(0.1),
        "i8": np.int64(2**60 + 1),
        "bool": np.bool_(True),
        "array": np.array([[0.1, np.nan], [-0.0, np.inf]]),
    }
    Journal(folder)("start", {**start, **values})
    ((_, found),) = documents(folder.journal_file(start["uid"]))
    assert bits(found["f8"]) == bits(1 / 3)
    assert bits(found["f4"]) == bits(float(np.float32(0.1)))
    assert found["i8"] == 2**60 + 1
    assert found["bool"] is True
    assert bits(found["array"]) == bits([[0.1, np.nan], [-0.0, np.inf]])


def test_each_document_is_synced_before_the_call_returns(folder, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_size))
    journal = Journal(folder)
    run = compose_run()
    journal("start", run.start_doc)
    path = folder.journal_file(run.start_doc["uid"])
    assert len(synced) == 2  # the folder with the new name, then the line
    assert synced[-1] == path.stat().st_size > 0
    journal("stop", run.compose_stop())
    assert synced[-1] == path.stat().st_size


def test_interleaved_runs_go_to_their_own_files(folder):
    runs = [list(hop_run(folder, 3, scan_id=n)) for n in (1, 2)]
    journal = Journal(folder)
    for pair in zip(*runs, strict=True):
        for name, doc in pair:
            journal(name, doc)
    for run in runs:
        found = documents(folder.journal_file(run[0][1]["uid"]))
        assert bits(found) == bits([[name, doc] for name, doc in run])


def test_files_are_closed_at_the_stop(folder):
    before = len(os.listdir("/proc/self/fd"))
    journal = Journal(folder)
    run = compose_run()
    journal("start", run.start_doc)
    assert len(os.listdir("/proc/self/fd")) == before + 1
    stop = run.compose_stop()
    journal("stop", stop)
    assert len(os.listdir("/proc/self/fd")) == before
    with pytest.raises(KeyError):
        journal("stop", stop)


def test_a_run_is_never_written_twice(folder):
    start = compose_run().start_doc
    journal = Journal(folder)
    journal("start", start)
    with pytest.raises(FileExistsError):
        Journal(folder)("start", start)
    journal.close()


def test_a_folder_that_was_moved_meanwhile_is_named(folder, tmp_path):
    journal, catalogue = Journal(folder), SessionCatalogue(folder)
    folder.root.rename(tmp_path / "elsewhere")
    for use in (
        lambda: journal("start", compose_run().start_doc),
        lambda: TraceFile(folder.traces / "new.h5").start(),
        lambda: catalogue[-1],
        lambda: repr(catalogue),
    ):
        with pytest.raises(FolderGoneError, match="is not there, it may have been"):
            use()
    assert not folder.root.exists()


def test_what_json_cannot_tell_is_refused_and_leaves_no_trace(folder):
    run = compose_run()
    journal = Journal(folder)
    journal("start", run.start_doc)
    path = folder.journal_file(run.start_doc["uid"])
    before = path.read_bytes()
    with pytest.raises(TypeError, match="object"):
        journal("stop", {**run.compose_stop(), "reason": object()})
    assert path.read_bytes() == before
    journal.close()


def test_a_full_disk_ends_the_run_and_leaves_whole_lines(folder, monkeypatch):
    run = compose_run()
    journal = Journal(folder)
    journal("start", run.start_doc)
    write = os.write

    def half(fd, data):
        if len(data) < 40:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data[: len(data) // 2])

    stop = run.compose_stop()
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space left"):
            journal("stop", stop)
    journal("stop", stop)  # room again: nothing half stands before it
    found = documents(folder.journal_file(run.start_doc["uid"]))
    assert [name for name, _ in found] == ["start", "stop"]


@pytest.mark.fault(32)
def test_what_tells_of_rows_is_written_with_its_event_or_not_at_all(
    folder, monkeypatch
):
    emitted = list(hop_run(folder, 2))
    journal = Journal(folder)
    path = folder.journal_file(emitted[0][1]["uid"])
    kinds = [name for name, _ in emitted]
    first = kinds.index("event") - kinds[: kinds.index("event")][::-1].index(
        "stream_resource"
    )
    for name, doc in emitted[:first]:
        journal(name, doc)
    before = documents(path)

    def refuse(fd, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    hop = emitted[first : kinds.index("event") + 1]
    assert [name for name, _ in hop][-2:] == ["stream_datum", "event"]
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        for name, doc in hop[:-1]:
            journal(name, doc)
        with pytest.raises(OSError, match="No space left"):
            journal(*hop[-1])
    assert documents(path) == before
    for name, doc in emitted[first:]:  # it is collected again
        journal(name, doc)
    assert bits(documents(path)) == bits([list(d) for d in emitted])


def test_rows_without_events_do_not_wait_for_the_end_of_the_run(folder):
    emitted = list(hop_run(folder, 3))
    journal = Journal(folder)
    given = [(name, doc) for name, doc in emitted if name not in ("event", "stop")]
    for name, doc in given:
        journal(name, doc)
    path = folder.journal_file(emitted[0][1]["uid"])
    told = [doc for name, doc in documents(path) if name == "stream_datum"]
    assert len(told) >= 4  # of 6, for two arrays
    journal(*emitted[-1])
    assert bits(documents(path)) == bits([list(d) for d in [*given, emitted[-1]]])


def test_cut_at_any_byte_the_complete_documents_are_readable(folder, tmp_path):
    emitted = list(hop_run(folder, 1))
    journal = Journal(folder)
    for name, doc in emitted:
        journal(name, doc)
    whole = folder.journal_file(emitted[0][1]["uid"]).read_bytes()
    lines = [line for line in whole.splitlines() if b'["copy of ' not in line]
    assert len(lines) == len(emitted)
    assert json.loads(whole.splitlines()[0])[0] == "start"
    cut = tmp_path / "cut.jsonl"
    for size in range(len(whole) + 1):
        cut.write_bytes(whole[:size])
        complete = sum(line in whole[:size].splitlines() for line in lines)
        assert bits(documents(cut)) == bits([list(d) for d in emitted[:complete]])
