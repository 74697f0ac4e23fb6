"""A line of hops: its points and turns, its end, what is left of it after a pause."""

import json
import math

import numpy as np
import pytest
from ophyd.utils import LimitError

from seccm_ophyd.devices.command import STOPPED, TRIPPED
from seccm_ophyd.devices.hop_line import PAGE
from seccm_ophyd.devices.line_record import LineRecord
from seccm_ophyd.errors import (
    NoContactError,
    ParameterError,
    StoppedError,
    TrippedError,
)
from seccm_ophyd.techniques import CurrentSample, Galvanostatic, ZeroCurrentPotential
from tests.fake_lines import disconnected

NAN = float("nan")
POINTS = [(k, 0.5 * k, -0.5 * k) for k in range(4)]


@pytest.fixture
def line(lines):
    """Give a line that is prepared for one technique, of a run that is open."""
    device = lines.fake.device
    device.clamp.prepare(CurrentSample()).wait(5)
    device.hop.note("start", {"uid": "a-run"})
    device.line.stage()
    device.line.prepare(5).wait(5)
    return device.line


def collected(line):
    """Collect as an engine does; give the events of all pages by key."""
    data = {}
    while line.is_incomplete:
        list(line.collect_asset_docs())
        for page in line.collect_pages():
            for key, values in page["data"].items():
                data.setdefault(key, []).extend(values)
    return data


def test_one_technique_needs_no_turn(line, lines):
    assert lines.stored == {0: ("VCLAMP", 0.65, 10)}
    assert (line.turns.get(), line.max_misses.get()) == (0, 5)


def test_each_of_several_techniques_is_stored_after_the_approach(lines):
    device = lines.fake.device
    device.clamp.prepare([ZeroCurrentPotential(), Galvanostatic(duration_s=0.1)])
    device.line.prepare(3).wait(5)
    assert list(lines.stored) == [0, 1, 2]
    assert [turn[0] for turn in lines.stored.values()] == ["VCLAMP", "I0", "ICLAMP"]
    assert [turn[2] for turn in lines.stored.values()] == [100, 100, 10]
    assert device.line.turns.get() == 2
    assert device.clamp.cutoffs.get().tolist() == [-0.4, 1.2]


@pytest.mark.parametrize(
    ("point", "error", "message"),
    [
        ((-1, 0, 0), ParameterError, "hop index"),
        ((0, 31, 0), LimitError, "31"),
        ((0, 0, NAN), LimitError, "nan"),
    ],
)
def test_points_that_cannot_be_are_refused_before_the_line(line, point, error, message):
    line.check_value(POINTS)
    with pytest.raises(error, match=message):
        line.check_value([*POINTS, point])


def test_a_line_hops_along_its_points(line, lines):
    line.set([(0, 1.0, 2.0, 3.0, NAN), (1, 1.5, 2.0, NAN, 2.5)]).wait(5)
    assert lines.started == [[(1.0, 2.0, 3.0, 100.0), (1.5, 2.0, 100.0, 2.5)]]
    assert line.window.get() == 50
    assert line.failure is None
    data = collected(line)
    assert data["seccm_hop_index"] == [0, 1]
    assert data["seccm_hop_repeated"] == [0, 0]
    assert data["seccm_xy_x_user_setpoint"] == [1.0, 1.5]
    assert data["seccm_z_contact_height"] == pytest.approx([1.12, 1.17])
    assert data["seccm_clamp_current"] == pytest.approx([101.0, 102.0])
    assert set(data) == {
        key for key in line.describe_collect() if "seccm_traces" not in key
    }


def test_a_line_lasts_as_long_as_its_hops_and_its_ways(line, lines, monkeypatch):
    lasts = []
    watch = line.link.watch
    monkeypatch.setattr(
        line.link, "watch", lambda s, t, **kw: lasts.append(t) or watch(s, t, **kw)
    )
    line.parent.xy.x.velocity.sim_put(10.0)
    for count, pitch in ((1, 1.0), (11, 1.0), (11, 2.0)):
        line.set([(k, pitch * k, 0.0) for k in range(count)]).wait(5)
    z, clamp = line.parent.z, line.parent.clamp
    hop = z.command_timeout_s("approach") + z.command_timeout_s("withdraw")
    wanted = clamp.measurements[0].technique.acquisition
    hop += wanted.settle_s + wanted.sampling_s + 0.02
    assert lasts[1] - lasts[0] == pytest.approx(10 * hop + 1.0)
    assert lasts[2] - lasts[1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("end", "error"), [(STOPPED, StoppedError), (TRIPPED, TrippedError)]
)
def test_how_a_line_ended_is_known_when_it_has_been_collected(line, lines, end, error):
    lines.at_once = 2
    ended = line.set(POINTS)
    assert not ended.done
    lines.end(end)
    ended.wait(5)  # without error: the plan has to collect
    assert isinstance(line.failure, error)
    assert collected(line)["seccm_hop_index"] == [0, 1]


def test_too_many_misses_end_a_line(line, lines):
    line.prepare(2).wait(5)
    lines.misses = {2, 3}
    line.set(POINTS).wait(5)
    assert isinstance(line.failure, NoContactError)
    assert collected(line)["seccm_hop_outcome"] == [
        "contact",
        "no_contact",
        "no_contact",
    ]


def test_after_a_pause_what_is_left_is_made(line, lines):
    lines.at_once = 1
    before = line.set(POINTS)
    collected(line)
    line.pause()
    before.wait(5)
    lines.end(STOPPED)
    lines.at_once = 4
    line.resume()
    line.set(POINTS).wait(5)
    assert [len(points) for points in lines.started] == [4, 3]
    data = collected(line)
    assert data["seccm_hop_index"] == [1, 2, 3]
    assert data["seccm_hop_repeated"] == [1, 0, 0], "it was begun before"
    assert line.done == 4


def test_hops_that_ended_just_before_the_pause_are_not_made_again(line, lines):
    lines.at_once = 3
    before = line.set(POINTS)
    line.pause()
    before.wait(5)
    lines.end(STOPPED)
    lines.at_once = 4
    line.set(POINTS).wait(5)
    assert lines.started[1] == [(1.5, -1.5, 100.0, 100.0)]
    assert collected(line)["seccm_hop_index"] == [0, 1, 2, 3]


def test_a_line_of_which_nothing_is_left_is_not_started_again(line, lines):
    line.set(POINTS).wait(5)
    assert line.set(POINTS).done
    assert len(lines.started) == 1
    assert line.set(POINTS[:2]).done
    assert len(lines.started) == 2, "others are a line of their own"


def test_a_page_is_due_after_some_hops_and_at_the_end(line, lines):
    lines.at_once = 0
    line.set([(k, 0.1 * k, 0.0) for k in range(PAGE + 5)])
    due = line.trigger()
    lines.make(PAGE - 1)
    assert not due.done
    lines.make(1)
    due.wait(5)
    assert len(collected(line)["seccm_hop_index"]) == PAGE
    due = line.trigger()
    assert not due.done
    lines.make(5)
    due.wait(5)
    assert line.trigger().done, "no more come of a line that has ended"


def test_a_line_that_runs_is_ended_by_making_safe(line, lines):
    line.stop()
    assert lines.fake.log == [], "nothing runs"
    lines.at_once = 1
    ended = line.set(POINTS)
    line.stop()
    ended.wait(5)
    assert lines.fake.log == ["safe"]
    assert isinstance(line.failure, StoppedError)


def test_stopped_before_a_pause_it_has_not_failed(line, lines):
    lines.at_once = 1
    ended = line.set(POINTS)
    line.stop(success=True)
    ended.wait(5)
    assert lines.fake.log == ["safe"]
    assert line.failure is None


def test_whether_its_end_is_still_to_be_heard_of(line, lines):
    assert not line.is_ending
    lines.at_once = 1
    line.set(POINTS)
    assert line.is_ending
    disconnected(line.link.boot_id)
    assert not line.is_ending, "and cannot be any more"
    line.link.boot_id._metadata["connected"] = True
    lines.end(STOPPED)
    assert not line.is_ending


def test_a_line_cannot_be_started_without_its_points(line):
    with pytest.raises(NotImplementedError, match=r"use set\(points\)"):
        line.run.trigger()


# -- the record of a line ----------------------------------------------------------


@pytest.fixture
def recorded(lines, tmp_path):
    """Give a line of a run whose traces are stored, and where its record is."""
    device = lines.fake.device
    device.clamp.prepare(CurrentSample()).wait(5)
    device.traces.folder.put(str(tmp_path))
    device.hop.note("start", {"uid": "a-run"})
    device.traces.stage()
    device.line.stage()
    device.line.prepare(5).wait(5)
    yield device.line, tmp_path / "a-run.lines"
    device.traces.unstage()


def test_what_makes_hops_of_the_ioc_into_events_is_written_down(recorded, lines):
    line, path = recorded
    lines.at_once = 2
    line.set([*POINTS[:3], (3, 1.5, 0.0)])
    (record,) = LineRecord.read_all(path)
    assert (record.run, record.prefix, record.boot) == ("a-run", "FAKE:", 7)
    assert (record.line, record.before) == (line.run.awaited, 0)
    assert record.points == [list(p) for p in [*POINTS[:3], (3, 1.5, 0.0)]]
    assert record.window == 50
    assert record.noise_pa == 0.28
    assert record.traces == line.parent.traces.path.name
    assert record.keys.index == "seccm_hop_index"


def test_the_rest_of_a_line_is_another_one(recorded, lines):
    line, path = recorded
    disconnected(line.window)
    lines.at_once = 2
    line.set(POINTS)
    line.pause()
    lines.end(STOPPED)
    line.set(POINTS)
    first, second = LineRecord.read_all(path)
    assert second.before == 2
    assert [point[0] for point in second.points] == [2, 3]
    assert (first.redone, second.redone) == ([], [2])
    assert second.window == 0, "this IOC does not wait"


def test_a_record_that_a_kill_has_cut_is_left_out(recorded, lines):
    line, path = recorded
    line.set(POINTS)
    whole = path.read_text()
    damaged = json.loads(whole) | {"keys": {"index": "seccm_hop_index"}}
    for text in (whole[:-20], json.dumps(damaged), "{}", "7"):
        path.write_text(f"{whole}{text}\n")
        assert len(list(LineRecord.read_all(path))) == 1


def test_the_record_goes_when_all_is_stored(recorded):
    line, path = recorded
    line.set(POINTS).wait(5)
    collected(line)
    assert path.exists()
    line.unstage()
    assert not path.exists()
    line.unstage()


def test_the_record_stays_where_hops_are_left(recorded, caplog):
    line, path = recorded
    line.set(POINTS).wait(5)
    line.unstage()
    assert path.exists()
    assert "4 completed hops of the run are not stored" in caplog.text
    assert "seccm recover fetches them" in caplog.text


def test_without_a_file_nothing_is_written_down(line, tmp_path):
    line.set(POINTS).wait(5)
    line.unstage()
    assert list(tmp_path.iterdir()) == []
    assert math.isfinite(np.sum(collected(line)["seccm_clamp_current"]))
