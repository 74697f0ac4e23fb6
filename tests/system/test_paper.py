"""``seccm paper``: figures are measured, stored, drawn and compared."""

import json

import numpy as np
import pytest
import xarray as xr

from seccm_ophyd.analysis import peaks
from seccm_ophyd.cli import main
from seccm_ophyd.paper import FIGURES, Row, format_table
from seccm_ophyd.paper.points import _between_extremes

pytestmark = pytest.mark.system


@pytest.mark.slow
def test_figures_of_single_points(tmp_path, module_profiles, capsys):
    wanted = ("1b", "2c", "S2")
    options = [option for name in wanted for option in ("--figure", name)]
    out = tmp_path / "paper"
    assert main(["paper", *options, "--seed", "4", "--out", str(out)]) == 0
    rows = json.loads((out / "paper.json").read_text())
    keys = {"figure", "quantity", "unit", "paper", "obtained", "low", "high", "ok"}
    assert all(set(row) == keys for row in rows)
    assert {row["figure"] for row in rows} == set(wanted)
    assert all(row["ok"] for row in rows)
    for name in wanted:
        assert (out / f"figure_{name}.png").stat().st_size > 10_000
    capacity = next(row for row in rows if row["quantity"] == "capacity")
    assert 14 <= capacity["obtained"] <= 16
    (out / "figure_2c.png").unlink()
    assert main(["paper", "--figure", "2c", "--stored", "--out", str(out)]) == 0
    assert (out / "figure_2c.png").stat().st_size > 10_000
    again = json.loads((out / "paper.json").read_text())
    assert again == [row for row in rows if row["figure"] == "2c"]
    said = capsys.readouterr().out
    assert f"{len(rows)} of {len(rows)} quantities agree with the paper" in said


def test_every_figure_and_note_of_the_paper_is_there():
    assert set(FIGURES) == set("1b 1c 2a 2b 2c 3a 3b 4 5 S2 S3 S4 M1".split())


def test_a_figure_that_is_not_in_the_paper_is_refused(tmp_path, capsys):
    assert main(["paper", "--figure", "9z", "--out", str(tmp_path)]) == 1
    assert "figure 9z is not among 1b, 1c, 2a" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_figure_that_was_not_measured_cannot_be_drawn(tmp_path, capsys):
    assert main(["paper", "--figure", "5", "--stored", "--out", str(tmp_path)]) == 1
    assert "holds no run of figure 5" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("low", "high", "obtained", "band", "ok"),
    [
        (1.0, 2.0, 1.5, "1 to 2", True),
        (1.0, 2.0, 2.5, "1 to 2", False),
        (1.0, 2.0, float("nan"), "1 to 2", False),
        (5.0, float("inf"), 6.0, "> 5", True),
        (float("-inf"), 5.0, 6.0, "< 5", False),
    ],
)
def test_a_row_tells_whether_it_agrees(low, high, obtained, band, ok):
    row = Row("2a", "contrast", "", "strong", obtained, low, high)
    assert (row.band, row.ok) == (band, ok)
    assert json.loads(json.dumps(row.to_dict()))["ok"] is ok
    assert ("OUTSIDE" in format_table([row])) is not ok


def test_peaks_at_the_vertices_count_by_their_extremes():
    up = np.linspace(-0.2, 0.8, 501)
    rising, falling = np.exp(4 * up), -np.exp(4 * (0.6 - up[::-1]))
    curves = xr.Dataset(
        {
            "E": (("curve", "sample"), [np.r_[up, up[::-1]]]),
            "i": (("curve", "sample"), [np.r_[rising, falling]]),
        }
    )
    assert np.isnan(peaks(curves).peak_separation)
    assert float(_between_extremes(curves)[0]) == pytest.approx(1.0, abs=0.01)
