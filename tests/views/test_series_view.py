import math

import bluesky.plans as bp
import pytest
from matplotlib.image import imread
from ophyd import Component, Device, Signal
from ophyd.sim import SynAxis

from seccm_ophyd import cli
from seccm_ophyd.analysis import describe_run, export_csv, list_runs
from seccm_ophyd.storage import DataFolder, Journal
from seccm_ophyd.views import HopMapView, SeriesView


class Detector(Device):
    """Something with a hint, a number beside it, a text and an array."""

    current = Component(Signal, value=1.5, kind="hinted")
    gain = Component(Signal, value=3)
    state = Component(Signal, value="ready")
    image = Component(Signal, value=[[1, 2], [3, 4]])


class Plain(Device):
    a = Component(Signal, value=2.0)
    b = Component(Signal, value=7)


@pytest.fixture
def folder(RE, tmp_path):
    folder = DataFolder(tmp_path / "data").create()
    RE.subscribe(Journal(folder))
    return folder


def test_hinted_numbers_are_drawn_over_time(RE, docs):
    RE(bp.count([Detector(name="det")], num=3))
    view = SeriesView.from_run(docs)
    assert view.columns == {"det_current": [1.5] * 3}
    assert view.x == sorted(view.x)
    assert view.x[0] == 0
    (axes,) = view.figure.axes
    assert axes.get_ylabel() == "det_current"
    assert "time" in axes.get_xlabel()


def test_a_scan_is_drawn_over_its_motor(RE, docs):
    RE(bp.scan([Plain(name="p")], SynAxis(name="motor"), -1, 1, 5))
    view = SeriesView.from_run(docs)
    assert view.x == pytest.approx([-1, -0.5, 0, 0.5, 1])
    assert list(view.columns) == ["p_a", "p_b"]  # all numbers: nothing is hinted at
    assert view.figure.axes[-1].get_xlabel() == "motor"


def test_live_it_draws_run_after_run(RE, docs):
    view = SeriesView()
    RE.subscribe(view)
    RE(bp.count([Detector(name="det")], num=3))
    RE(bp.count([Plain(name="p")], num=2))
    view.draw()
    assert view.columns == {"p_a": [2.0] * 2, "p_b": [7.0] * 2}
    assert len(view.figure.axes) == 2


def test_missing_numbers_are_gaps(RE, docs):
    RE(bp.count([Detector(name="det")], num=2))
    events = [doc for name, doc in docs if name == "event"]
    events[0]["data"]["det_current"] = None
    values = SeriesView.from_run(docs).columns["det_current"]
    assert math.isnan(values[0])
    assert values[1] == 1.5


def test_a_view_of_maps_leaves_other_runs_alone(RE, caplog):
    view = HopMapView()
    RE.subscribe(view)
    RE(bp.count([Detector(name="det")], num=2))
    view.draw()
    assert view.panels == {}
    assert caplog.records == []


@pytest.mark.parametrize("detectors", [[Detector(name="det")], []])
def test_a_plain_run_is_listed_shown_replayed_and_exported(
    RE, folder, tmp_path, monkeypatch, capsys, detectors
):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    (uid,) = RE(bp.count(detectors, num=3), md_of_mine="x")
    data = ["--data", str(folder.root)]
    made = 3 if detectors else 0
    assert cli.main(["runs", *data]) == 0
    assert f"{made}/3" in capsys.readouterr().out
    for command in ("show", "replay"):
        picture = tmp_path / f"{command}.png"
        assert cli.main([command, "-1", *data, "--save", str(picture)]) == 0
        assert imread(picture).std() > 0.01
    assert f"events      {made} of 3" in capsys.readouterr().out
    table = tmp_path / "a.csv"
    assert cli.main(["export", uid[:8], *data, "--csv", str(table)]) == 0
    rows = [line for line in table.read_text().splitlines() if line[0] != "#"]
    assert len(rows) == 1 + made


def test_runs_of_other_programs_are_told_whatever_they_keep(RE, docs, tmp_path):
    RE(bp.count([Plain(name="p")], num=1))
    docs[0][1].update(scan_id={"a": 1}, plan_name=["x"], shape=7, num_points="many")
    docs[0][1]["hints"] = {}
    line = list_runs([docs]).splitlines()[1]
    assert "{'a': 1}" in line
    assert "1/many" in line
    assert "['x']" in describe_run(docs)
    assert export_csv(docs, tmp_path / "a.csv").exists()
    SeriesView.from_run(docs).save(tmp_path / "a.png")
