import threading

import pytest
from hop_documents import bits, hop_run

from seccm_ophyd.storage import Follower, Journal, documents
from seccm_ophyd.storage.journal.journal import encode
from seccm_ophyd.storage.journal.reader import (
    is_intact,
    iter_documents,
    read_journal,
)


def plain(found):
    return bits([list(document) for document in found])


@pytest.fixture
def emitted(folder):
    return list(hop_run(folder, 3))


@pytest.fixture
def path(folder, emitted):
    return folder.journal_file(emitted[0][1]["uid"])


def test_hands_out_each_document_once_as_it_becomes_complete(folder, emitted, path):
    follower = Follower(path)
    assert follower.read_new() == []  # there is no file yet
    assert follower.start is None
    journal = Journal(folder)
    complete = []
    for name, doc in emitted:
        assert not follower.stopped
        journal(name, doc)
        complete.append((name, doc))
        if name != "stream_datum":  # written with the event that it belongs to
            assert plain(follower.read_new()) == plain(complete)
            complete.clear()
    assert follower.stopped
    assert follower.read_new() == []
    assert follower.start["uid"] == path.stem
    assert follower.offset == path.stat().st_size


def test_a_cut_line_is_left_until_it_is_whole(folder, emitted, path):
    first, second = (encode(*document) for document in emitted[:2])
    follower = Follower(path)
    path.write_bytes(first + second[:10])
    assert plain(follower.read_new()) == plain(emitted[:1])
    assert follower.read_new() == []
    assert follower.offset == len(first)
    path.write_bytes(first + second)
    assert plain(follower.read_new()) == plain(emitted[1:2])
    assert follower.damaged == []


@pytest.mark.parametrize("bad", [b"{}", b"[1, 2]", b'["stop"]', b'["stop", {', b"\0\0"])
def test_a_line_that_is_no_document_is_named_and_passed_over(emitted, path, bad):
    lines = [encode(*document) for document in emitted]
    path.write_bytes(b"".join([*lines[:2], bad + b"\n", *lines[2:]]))
    follower = Follower(path)
    assert len(follower.read_new(2)) == 2
    assert follower.damaged == []
    assert plain(follower.read_new()) == plain(emitted[2:])
    (line,) = follower.damaged
    assert (line.number, line.offset) == (3, len(lines[0] + lines[1]))
    assert line.size == len(bad) + 1
    assert line.why
    content = read_journal(path)
    assert plain(content.documents) == plain(emitted)
    assert content.damaged == (line,)
    assert content.cut is None


def test_goes_on_from_the_offset_of_an_earlier_follower(folder, emitted, path):
    journal = Journal(folder)
    for name, doc in emitted:
        journal(name, doc)
    first = Follower(path)
    head = first.read_new(4)
    second = Follower(path, first.offset)
    assert second.start["uid"] == path.stem
    assert plain(head + second.read_new()) == plain(emitted)
    third = Follower(path, second.offset)
    assert third.stopped
    assert list(third.follow()) == []


def test_offset_stands_behind_the_document_in_hand(folder, emitted, path):
    journal = Journal(folder)
    for name, doc in emitted:
        journal(name, doc)
    follower = Follower(path)
    for document in follower.follow():
        if document[0] == "event":
            break
    rest = Follower(path, follower.offset).read_new()
    count = [name for name, _ in emitted].index("event") + 1
    assert plain(rest) == plain(emitted[count:])
    assert plain([document]) == plain(emitted[count - 1 : count])


def test_follows_a_run_from_before_its_start_to_its_stop(folder, emitted, path):
    found = []

    def follow():
        found.extend(Follower(path).follow(poll_s=0.001))

    thread = threading.Thread(target=follow)
    thread.start()
    journal = Journal(folder)
    for name, doc in emitted:
        journal(name, doc)
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert plain(found) == plain(emitted)


def test_until_ends_a_run_that_has_no_stop_and_loses_nothing(folder, emitted, path):
    journal = Journal(folder)
    first, second, _ = (k + 1 for k, (name, _) in enumerate(emitted) if name == "event")
    for name, doc in emitted[:first]:
        journal(name, doc)

    def until():
        if len(documents(path)) == first:
            for document in emitted[first:second]:
                journal(*document)  # written between the last look and the question
        return True

    follower = Follower(path)
    assert plain(follower.follow(until=until)) == plain(emitted[:second])
    assert not follower.stopped
    journal.close()


def test_a_journal_that_is_not_there_is_an_error_for_documents(folder):
    with pytest.raises(FileNotFoundError):
        documents(folder.journal_file("none"))


def test_documents_come_one_at_a_time_and_with_a_last_line_that_has_no_end(
    emitted, path
):
    lines = [encode(name, doc) for name, doc in emitted]
    path.write_bytes(b"".join(lines).rstrip(b"\n"))
    found = iter_documents(path)
    assert plain([next(found)]) == plain(emitted[:1])
    assert plain(found) == plain(emitted[1:])
    with pytest.raises(FileNotFoundError):
        iter_documents(path.with_name("none"))


def test_a_journal_is_intact_or_not(emitted, path):
    lines = [encode(name, doc) for name, doc in emitted]
    path.write_bytes(b"".join(lines))
    assert is_intact(path)
    lines[3] = lines[3].replace(b"1", b"2", 1)
    path.write_bytes(b"".join(lines))
    assert not is_intact(path)
    assert not is_intact(path.with_name("none"))
