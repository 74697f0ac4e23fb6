import numpy as np
import pytest

from seccm_ophyd.analysis import hop_map, hop_table
from seccm_ophyd.analysis.grid import find_grid
from seccm_ophyd.schema import HopOutcome
from tests.synthetic_runs import list_run, scan_run


def truth(values, shape):
    image = np.full(shape, np.nan)
    for index, value in values.items():
        image.flat[index] = value
    return image


@pytest.mark.parametrize("snake", [False, True])
@pytest.mark.parametrize("pages", [0, 4])
def test_scan_of_any_order_gives_the_values_bit_for_bit(snake, pages):
    run = scan_run(6, 5, snake=snake, misses=(8, 9), repeats=(0, 13), pages=pages)
    ds = hop_map(run.documents)
    assert ds.topography.dims == ds.current.dims == ds.outcome.dims == ("y", "x")
    np.testing.assert_array_equal(ds.topography, truth(run.height, (5, 6)))
    np.testing.assert_array_equal(ds.current, truth(run.current, (5, 6)))
    np.testing.assert_array_equal(ds.x, np.linspace(-10, 10, 6))
    np.testing.assert_array_equal(ds.y, np.linspace(-10, 10, 5))
    outcome = np.full((5, 6), HopOutcome.CONTACT)
    outcome.flat[[8, 9]] = HopOutcome.NO_CONTACT
    np.testing.assert_array_equal(ds.outcome, outcome)
    assert ds.sizes == {"y": 5, "x": 6}


def test_units_flags_and_attrs():
    run = scan_run()
    ds = hop_map(run.documents)
    units = {name: ds[name].attrs["units"] for name in ("x", "y", *ds.data_vars)}
    assert units == {
        "x": "um",
        "x_reached": "um",
        "y_reached": "um",
        "y": "um",
        "topography": "um",
        "current": "pA",
        "current_sd": "pA",
        "potential": "V",
        "contact_age": "s",
        "outcome": "1",
    }
    assert ds.outcome.dtype == np.int8
    flags = dict(
        zip(
            ds.outcome.attrs["flag_meanings"].split(),
            ds.outcome.attrs["flag_values"],
            strict=True,
        )
    )
    assert flags["unscanned"] == 0
    assert flags["no_contact"] == HopOutcome.NO_CONTACT
    start = run.documents[0][1]
    assert ds.attrs["uid"] == start["uid"]
    assert ds.attrs["plan_name"] == "hop_scan"
    assert ds.attrs["potential_v"] == 0.65
    assert ds.attrs["technique"] == "CurrentSample"
    assert ds.attrs["exit_status"] == "success"
    assert ds.attrs["hops"] == 30


def test_a_map_goes_through_netcdf(tmp_path):
    import xarray as xr

    ds = hop_map(scan_run(misses=(2,)).documents)
    ds.to_netcdf(tmp_path / "map.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "map.nc", engine="h5netcdf") as back:
        xr.testing.assert_equal(back, ds)
        assert back.attrs["uid"] == ds.attrs["uid"]


def test_interrupted_run_is_nan_where_not_scanned():
    run = scan_run(6, 5, snake=True, misses=(2,), stop_after=15)
    ds = hop_map(run.documents)
    np.testing.assert_array_equal(ds.topography, truth(run.height, (5, 6)))
    assert int((ds.outcome == HopOutcome.UNSCANNED).sum()) == 15
    # the third line had just begun; the second came back from the right
    assert ds.outcome.values[2].tolist() == [1, 1, 1, 0, 0, 0]
    assert ds.attrs["exit_status"] == "unfinished"


def test_descending_and_single_axes_keep_their_order():
    run = scan_run(4, 1, x=[3, 2, 1, 0], y=[5.0])
    ds = hop_map(run.documents)
    assert ds.x.values.tolist() == [3, 2, 1, 0]
    assert ds.y.values.tolist() == [5]
    np.testing.assert_array_equal(ds.topography, truth(run.height, (1, 4)))


def test_hop_list_on_a_grid_is_pivoted_whatever_its_order():
    nodes = [(x, y) for x in (-1.0, -0.5, 0.0, 0.5) for y in (2.0, 2.3, 2.6)]
    order = np.random.default_rng(3).permutation(len(nodes))
    points = [nodes[k] for k in order]
    run = list_run(points, misses=(4,))
    ds = hop_map(run.documents)
    np.testing.assert_allclose(ds.x, [-1, -0.5, 0, 0.5])
    np.testing.assert_allclose(ds.y, [2.0, 2.3, 2.6])
    for index, (x, y) in enumerate(points):
        pixel = ds.sel(x=x, y=y, method="nearest")
        np.testing.assert_array_equal(pixel.topography, run.height[index])
    assert int(ds.topography.isnull().sum()) == 1


def test_hop_list_off_a_grid_says_what_to_use():
    points = np.random.default_rng(0).uniform(-5, 5, (12, 2))
    run = list_run(points)
    with pytest.raises(ValueError, match=r"use hop_table"):
        hop_map(run.documents)
    assert hop_table(run.documents).sizes["hop"] == 12
    diagonal = list_run([(k, k) for k in range(5)])
    with pytest.raises(ValueError, match="do not fill a regular grid of 5 x 5"):
        hop_map(diagonal.documents)


def test_a_run_without_hops_is_named():
    run = scan_run()
    without = [(n, d) for n, d in run.documents if n in ("start", "stop")]
    with pytest.raises(ValueError, match=run.documents[0][1]["uid"]):
        hop_map(without)


def test_run_that_contradicts_its_grid_is_refused():
    run = scan_run(4, 4)
    run.documents[0][1]["hop_grid"]["x"]["num"] = 3
    with pytest.raises(ValueError, match="hop 15 lies outside a grid of 12 pixels"):
        hop_map(run.documents)


def test_other_device_names_and_outcomes_of_a_newer_version():
    run = scan_run(3, 3, device="my_tip")
    run.documents[2][1]["data"]["my_tip_hop_outcome"] = "from_the_future"
    ds = hop_map(run.documents)
    assert ds.outcome.values[0].tolist() == [HopOutcome.BAD, 1, 1]
    assert "current_sd" in ds


def test_catalogue_and_journal_give_the_same_map(stored_runs, catalogue, tmp_path):
    _, whole, cut, _, _ = stored_runs
    for run in (whole, cut):
        stored = hop_map(catalogue[run.documents[0][1]["uid"]])
        journal = hop_map(run.write(tmp_path / "run.jsonl"))
        assert stored.identical(journal[list(stored.data_vars)])


def test_find_grid_takes_the_jitter_of_motors_but_not_of_scatter():
    x, y = (a.ravel() for a in np.meshgrid(np.arange(5) * 0.1, np.arange(3) * 0.2))
    grid = find_grid(x + 3e-5 * (-1) ** np.arange(15), y)
    assert grid.shape == (3, 5)
    assert grid.pixels(x, y).tolist() == list(range(15))
    with pytest.raises(ValueError, match="equally spaced"):
        find_grid(x**1.5, y)
    with pytest.raises(ValueError, match="no positions"):
        find_grid([], [])


def with_detachment(run, heights):
    """The hops of a run, as if these heights (um) stood in their events."""
    table = hop_table(run.documents)
    told = table["seccm_z_contact_height"].copy(data=heights)
    return table.assign(seccm_z_detach_height=told)


def test_the_height_of_detachment_stands_where_the_meniscus_was():
    table = with_detachment(scan_run(3, 2), [9.0, 0.5, 0.6, np.nan, 0.7, 0.8])
    found = hop_map(table)["detach_height"]
    np.testing.assert_array_equal(found, [[0.5, 0.6, np.nan], [0.7, 0.8, np.nan]])
    assert found.attrs["units"] == "um"


def test_what_broke_in_an_interruption_is_not_that_of_the_hop_before():
    table = with_detachment(scan_run(3, 1), [9.0, 0.5, 0.6])
    redone = table["seccm_hop_repeated"].copy(data=[0, 1, 0])
    found = hop_map(table.assign(seccm_hop_repeated=redone))["detach_height"]
    np.testing.assert_array_equal(found, [[np.nan, 0.6, np.nan]])


def test_a_run_of_an_earlier_version_has_no_height_of_detachment():
    new = with_detachment(scan_run(3, 2), np.full(6, 0.6))
    assert "detach_height" not in hop_map(scan_run(3, 2).documents)
    old = hop_table(scan_run(3, 2).documents)
    new.attrs["start"] = {**new.attrs["start"], "resumes": old.attrs["start"]["uid"]}
    assert np.isfinite(hop_map(old, new)["detach_height"].values[:, :2]).all()
