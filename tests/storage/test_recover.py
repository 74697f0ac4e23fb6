import os
import signal

import pytest
from hop_documents import bits, events, hop_run, validate

from seccm_ophyd.storage import (
    Journal,
    LockedError,
    SessionLock,
    close_catalogue,
    documents,
    journal_of,
    open_catalogue,
    recover,
)
from seccm_ophyd.storage.locks import WriterLock
from seccm_ophyd.storage.recover import end_journal


def test_a_killed_scan_is_recovered_with_every_completed_hop(catalogued, emitter):
    process = emitter(50)
    uid = process.stdout.readline().strip()
    while process.stdout.readline() != "37\n":
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    path = catalogued.journal_file(uid)
    with path.open("ab") as file:
        file.write(b'["event", {"descr')  # as a kill in the middle of a line leaves it
    before = documents(path)
    hops = len(events(before))
    assert hops >= 37

    (result,) = recover(catalogued)

    assert (result.uid, result.interrupted, result.error) == (uid, True, None)
    assert result.num_events == {"primary": hops}
    after = documents(path)
    assert bits(after[:-1]) == bits(before)
    name, stop = after[-1]
    assert name == "stop"
    validate("stop", stop)
    assert stop["exit_status"] == "abort"
    assert stop["reason"].startswith("interrupted: ")
    assert stop["interrupted"] is True
    assert stop["num_events"] == {"primary": hops}
    assert journal_of(catalogued, uid).stop == stop
    client = open_catalogue(catalogued)
    found = [(name, dict(doc)) for name, doc in client[uid].documents_of_catalogue()]
    assert events(found) == events(before)
    assert dict(found)["stop"] == stop
    assert client[uid]["primary"].read().sizes["time"] == hops
    close_catalogue(client)
    assert recover(catalogued) == []


def test_runs_that_the_writer_had_not_come_to_are_put_in(catalogued):
    emitted = list(hop_run(catalogued, 3))
    journal = Journal(catalogued)
    for name, doc in emitted:
        journal(name, doc)
    (result,) = recover(catalogued)
    assert not result.interrupted
    assert result.num_events == {"primary": 3}
    client = open_catalogue(catalogued)
    assert client[result.uid].stop == emitted[-1][1]
    close_catalogue(client)


def test_one_bad_journal_does_not_keep_back_the_others(catalogued):
    runs = [list(hop_run(catalogued, 2, scan_id)) for scan_id in (1, 2)]
    journal = Journal(catalogued)
    for run in runs:
        for name, doc in run:
            journal(name, doc)
    bad = catalogued.journal_file(runs[0][0][1]["uid"])
    content = bad.read_bytes().replace(b'["event"', b'"event"', 1)
    bad.write_bytes(content)
    first, second = recover(catalogued)
    assert first.error is second.error is None
    assert first.num_events == {"primary": 1}
    assert str(first.damage).startswith("line 7 is damaged")
    assert (bad.parent / first.damage.aside).read_bytes() == content
    assert not second.damage


def test_refused_while_a_session_is_open(catalogued):
    with (
        SessionLock(catalogued),
        pytest.raises(LockedError, match="session of the data folder is held by"),
    ):
        recover(catalogued)


def test_refused_while_a_writer_is_at_work(catalogued):
    with (
        WriterLock(catalogued),
        pytest.raises(LockedError, match="writing of the catalogue is held by"),
    ):
        recover(catalogued, wait_s=0.1)


def test_an_empty_folder_needs_nothing(catalogued):
    (catalogued.journal / "cut.jsonl").write_bytes(b'["start", {"ui')
    assert recover(catalogued) == []


def test_cut_at_any_byte_behind_its_start_a_journal_can_be_ended(
    folder, tmp_path, monkeypatch
):
    journal = Journal(folder)
    emitted = list(hop_run(folder, 1))
    for name, doc in emitted[:-1]:
        journal(name, doc)
    monkeypatch.setattr(os, "fsync", lambda fd: None)  # thousands of times: no need
    journal.close()
    whole = folder.journal_file(emitted[0][1]["uid"]).read_bytes()
    lines = whole.splitlines()
    cut = tmp_path / "cut.jsonl"
    for size in range(whole.index(b"\n") + 1, len(whole) + 1):
        cut.write_bytes(whole[:size])
        end_journal(cut)
        complete = sum(line in lines for line in whole[:size].splitlines())
        *found, (name, stop) = documents(cut)
        assert len(found) == complete
        assert name == "stop"
        validate(name, stop)
        assert stop["run_start"] == emitted[0][1]["uid"]
        assert stop["num_events"].get("primary", 0) == len(events(found))
