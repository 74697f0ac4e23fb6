"""What is written down of the lines of a run, as long as it is needed."""

import os

import pytest

from seccm_ophyd.devices.line_events import LineEvents
from seccm_ophyd.devices.line_record import LineRecord, LinesOfRun

KEYS = LineEvents(*"abcdefgh", {"z": 1}, "clamp")


def line(number):
    return LineRecord(
        run="run", prefix="LAB:", addresses="", boot=1, line=number, before=0,
        window=50, points=[[0.0, 1.0, 2.0]], redone=[], noise_pa=0.1, traces="t.h5",
        keys=KEYS,
    )  # fmt: skip


@pytest.fixture
def lines(tmp_path):
    return LinesOfRun(tmp_path / "run.lines")


def test_lines_are_kept_while_hops_are_left(lines, caplog):
    lines.add(line(1))
    lines.add(line(2))
    lines.end(3)
    assert list(LineRecord.read_all(lines.path)) == [line(1), line(2)]
    assert "3 completed hops of the run are not stored" in caplog.text
    lines.end(0)
    assert not lines.path.exists()


def test_a_line_that_the_disk_refuses_is_written_later(lines, monkeypatch):
    def refuse(fd):
        raise OSError("no room")

    lines.add(line(1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="no room"):
            lines.add(line(2))
    assert list(LineRecord.read_all(lines.path)) == [line(1)]
    lines.end(3)
    assert list(LineRecord.read_all(lines.path)) == [line(1), line(2)]
