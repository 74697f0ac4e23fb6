"""Hops of a line, as an engine collects and stores them; each kept until stored."""

import h5py
import numpy as np
import pytest

from seccm_ophyd.techniques import CurrentSample

POINTS = [(k, 0.5 * k, 0.0) for k in range(5)]


@pytest.fixture
def line(lines, tmp_path):
    """Give a line of a run whose traces are stored, with two of its hops made."""
    device = lines.fake.device
    device.clamp.prepare(CurrentSample()).wait(5)
    device.traces.folder.put(str(tmp_path))
    device.traces.stage()
    device.line.stage()
    device.line.prepare(5).wait(5)
    lines.at_once = 2
    device.line.set(POINTS)
    yield device.line
    device.traces.unstage()


def announced(line):
    return [(name, doc) for name, doc in line.collect_asset_docs()]


def test_rows_are_announced_before_their_events(line, tmp_path):
    first = announced(line)
    assert [name for name, _ in first] == ["stream_resource"] * 2 + ["stream_datum"] * 2
    for _, datum in first[2:]:
        assert datum["indices"] == {"start": 0, "stop": 2}
    (page,) = line.collect_pages()
    assert page["data"]["seccm_hop_index"] == [0, 1]
    with h5py.File(next(tmp_path.glob("*.h5")), "r") as file:
        approach, trace = file["approach"][:], file["current_sample"][:]
    assert approach[:, 0, 0].tolist() == [1.0, 2.0]
    np.testing.assert_allclose(trace[:, 2, 0], [101.0, 102.0])


def test_later_rows_follow_on(line, lines):
    announced(line)
    list(line.collect_pages())
    lines.make(3)
    later = announced(line)
    assert [name for name, _ in later] == ["stream_datum"] * 2
    assert {doc["indices"]["start"] for _, doc in later} == {2}
    assert {doc["indices"]["stop"] for _, doc in later} == {5}


def test_nothing_is_announced_when_nothing_has_been_made(line):
    announced(line)
    list(line.collect_pages())
    assert announced(line) == []
    assert list(line.collect_pages()) == []


def test_what_could_not_be_stored_is_given_again(line, lines):
    announced(line)
    pages = line.collect_pages()
    (first,) = [next(pages)]
    pages.close()  # as an engine does whose storage has failed
    assert line.is_incomplete
    assert lines.results.waiting == 2, "the IOC keeps them"
    assert line.take_given() == []
    again = announced(line)
    assert {doc["indices"]["stop"] for _, doc in again} == {2}
    (second,) = line.collect_pages()
    assert second == first
    assert lines.results.waiting == 0
    assert not line.is_incomplete


def test_pages_are_given_to_the_plan_once(line, lines):
    announced(line)
    (page,) = line.collect_pages()
    lines.make(1)
    announced(line)
    (later,) = line.collect_pages()
    assert line.take_given() == [page, later]
    assert line.take_given() == []


def test_hops_that_cannot_be_fetched_are_not_incomplete(line):
    assert line.is_incomplete
    line.link.lose_answers("does not answer")
    assert not line.is_incomplete
    assert announced(line) == []


def test_how_many_were_made_in_the_run(line, lines):
    assert line.done == 2
    lines.make(3)
    assert line.done == 5
    line.unstage()
    line.stage()
    assert line.done == 0
    assert not line.is_incomplete, "a new run has nothing of the one before"


def test_it_hints_what_the_microscope_does(line):
    assert line.hints == line.parent.hints
    assert line.hints["fields"] == ["seccm_z_contact_height", "seccm_clamp_current"]
