import numpy as np
import pytest
from curves import FAST_CV, bells_on_particles

from seccm_ophyd.analysis import hop_map, level, statistics
from tests.synthetic_runs import list_run, scan_run


def test_numbers_are_those_of_the_values():
    run = scan_run(20, 15, misses=(3, 40))
    found = statistics(run.documents, bins=30, percentiles=(10, 90))
    values = np.array([v for v in run.current.values() if np.isfinite(v)])
    current = found.sel(quantity="current")
    assert int(current["count"]) == 298
    assert float(current["mean"]) == pytest.approx(values.mean())
    assert float(current["sd"]) == pytest.approx(values.std(ddof=1))
    assert float(current["median"]) == pytest.approx(np.median(values))
    np.testing.assert_allclose(current["percentile"], np.percentile(values, [10, 90]))
    assert found["percent"].values.tolist() == [10, 90]
    assert int(current["histogram"].sum()) == 298
    edges = current["edges"].values
    assert (edges[0], edges[-1]) == (values.min(), values.max())
    inside = (values >= edges[4]) & (values < edges[5])
    assert int(current["histogram"][4]) == inside.sum()
    assert float(current["fraction_below"]) == pytest.approx(np.mean(values < 10))
    assert str(current["units"].values) == "pA"
    assert found["fraction_below"].attrs["limit"] == 10
    assert np.isnan(found["fraction_below"].sel(quantity="topography"))


def test_height_is_levelled_and_a_map_is_as_good_as_its_run():
    data = hop_map(scan_run(20, 15).documents)
    found = statistics(data)
    height = found.sel(quantity="height")
    assert float(height["mean"]) == pytest.approx(float(level(data.topography).mean()))
    assert str(height["units"].values) == "um"
    assert found["quantity"].values.tolist()[:3] == ["topography", "height", "current"]


def test_the_limit_can_be_chosen():
    run = scan_run(20, 15)
    shares = [
        float(
            statistics(run.documents, below_pa=limit).fraction_below.sel(
                quantity="current"
            )
        )
        for limit in (-100, 10, 50, 1000)
    ]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)


def test_an_overload_does_not_count():
    run = scan_run(6, 5)
    event = run.documents[2][1]["data"]
    event["seccm_hop_outcome"], event["seccm_clamp_current"] = "overload", 2e4
    current = statistics(run.documents).sel(quantity="current")
    assert int(current["count"]) == 29
    assert float(current["mean"]) < 200


@pytest.mark.parametrize("kwargs", [{"stop_after": 0}, {"misses": range(30)}])
def test_nothing_measured_gives_nan(kwargs):
    found = statistics(scan_run(6, 5, **kwargs).documents)
    assert int(found["count"].sel(quantity="current")) == 0
    assert int(found["histogram"].sel(quantity="current").sum()) == 0
    for name in ("mean", "sd", "median", "fraction_below"):
        assert np.isnan(found[name].sel(quantity="current"))


def test_a_run_that_goes_on_and_a_map_of_voltammograms(tmp_path):
    found = statistics(scan_run(6, 5, stop_after=8, misses=(2,)).documents)
    assert int(found["count"].sel(quantity="current")) == 7
    run = scan_run(
        4, 3, techniques=(FAST_CV,), measure=bells_on_particles, folder=tmp_path
    )
    found = statistics(run.documents)
    assert np.isfinite(found.fraction_below.sel(quantity="anodic_peak_current"))


def test_points_off_a_grid_have_no_map():
    with pytest.raises(ValueError, match="use hop_table"):
        statistics(list_run([(0, 0), (1, 1), (2, 5)]).documents)
