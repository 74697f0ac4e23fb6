import numpy as np
import pytest
import xarray as xr

from seccm_ophyd.analysis import hop_map, level, robust_limits
from seccm_ophyd.analysis.levelling import METHODS, fit_plane
from tests.synthetic_runs import scan_run


def tilted(particles=True, noise=0.01, seed=0, cover=4.0):
    """A tilted base with mounds on it, and the tilt alone."""
    axis = np.linspace(-10, 10, 41)
    x, y = np.meshgrid(axis, axis)
    tilt = 30 + 0.05 * x - 0.03 * y
    z = tilt + np.random.default_rng(seed).normal(0, noise, x.shape)
    if particles:
        for cx, cy in ((-6, -5), (4, 6), (7, 2)):
            d2 = (x - cx) ** 2 + (y - cy) ** 2
            z += np.sqrt(np.clip(cover**2 - d2, 0, None))
    data = xr.DataArray(z, {"y": axis, "x": axis}, ("y", "x"), attrs={"units": "um"})
    return data, tilt


@pytest.mark.parametrize("cover", [2.0, 4.0, 5.0])
@pytest.mark.parametrize("seed", range(3))
def test_plane_is_that_of_the_base_not_of_the_particles(seed, cover):
    data, tilt = tilted(seed=seed, cover=cover)
    found = (data - level(data)).values
    assert np.abs(found - tilt).max() < 0.01  # particles are up to 5 um high


def test_missing_pixels_and_spikes_do_not_move_the_plane():
    data, tilt = tilted()
    data[3, 4:9] = np.nan
    data[20:, :] = np.nan
    data[10, 10], data[5, 30] = 1e3, -1e3
    levelled = level(data)
    assert np.array_equal(levelled.isnull(), data.isnull())
    assert np.nanmax(np.abs((data - levelled).values - tilt)[:20]) < 0.01


def test_levelled_map_keeps_units_and_coordinates():
    data, _ = tilted()
    for method in METHODS:
        levelled = level(data, method)
        assert levelled.attrs == {"units": "um", "levelled": method}
        assert levelled.dims == ("y", "x")
        np.testing.assert_array_equal(levelled.x, data.x)


SLOPE = np.array([0.05, -0.03])  # um/um
FILMS = {
    "film edge": lambda x, y: np.where(x < 0, 0.6, 0.0),
    "film edge askew": lambda x, y: np.where(x + 0.7 * y < -2, 2.0, 0.0),
    "soft film edge": lambda x, y: 0.6 * np.clip(0.5 - x / 2, 0, 1),
    "narrow strip": lambda x, y: np.where(x < -8, 5.0, 0.0),
    "trench": lambda x, y: np.where(abs(x - 3) < 2, -3.0, 0.0),
    "trench in a corner": lambda x, y: np.where((x > 2) & (y > 2), -3.0, 0.0),
    "pit": lambda x, y: -np.sqrt(np.clip(16 - (x - 6) ** 2 - (y - 6) ** 2, 0, None)),
    "terraces": lambda x, y: 0.3 * np.floor(x / 4),
    "particles on one side": lambda x, y: np.where(
        x > 0,
        np.sqrt(np.clip(1 - (x % 2.5 - 1.2) ** 2 - (y % 2.5 - 1.2) ** 2, 0, 9)),
        0,
    ),
}


def surface_of(film, nx=41, ny=33, noise=0.005, size=20.0, seed=0):
    """A film on a tilted sample, and the film alone."""
    x, y = np.linspace(-size / 2, size / 2, nx), np.linspace(-size / 2, size / 2, ny)
    grid = np.meshgrid(x, y)
    flat = FILMS[film](*grid)
    rng = np.random.default_rng(seed)
    z = flat + SLOPE[0] * grid[0] + SLOPE[1] * grid[1] + rng.normal(0, noise, (ny, nx))
    return xr.DataArray(z, {"y": y, "x": x}, ("y", "x")), flat


def tilt_left(levelled, flat):
    """How much (um) a levelled map rises from end to end that should be flat."""
    rest = levelled.values - flat
    good = np.isfinite(rest)
    y, x = np.meshgrid(levelled.y, levelled.x, indexing="ij")
    columns = np.stack([np.ones(good.sum()), x[good], y[good]], axis=1)
    slope = np.linalg.lstsq(columns, rest[good], rcond=None)[0][1:]
    return np.abs(slope * [np.ptp(x), np.ptp(y)]).max()


@pytest.mark.parametrize("film", FILMS)
@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_what_lies_higher_or_lower_does_not_tilt_the_rest(film, missing):
    data, flat = surface_of(film)
    gone = np.random.default_rng(1).random(data.shape) < missing
    assert tilt_left(level(data.where(~gone)), flat) < 0.03
    # the other way up, and turned by a quarter
    assert tilt_left(level(-data), -flat) < 0.03
    turned = xr.DataArray(
        data.values.T, {"y": data.x.values, "x": data.y.values}, ("y", "x")
    )
    assert tilt_left(level(turned), flat.T) < 0.03


def test_least_squares_is_offered_and_tilts_at_an_edge():
    data, flat = surface_of("film edge")
    assert tilt_left(level(data, "plane"), flat) > 0.5
    plane, _ = surface_of("film edge", noise=0)
    plane = plane - flat
    np.testing.assert_allclose(level(plane, "plane"), 0, atol=1e-9)


def test_a_step_in_the_noise_is_seen_in_means_of_blocks():
    data, flat = surface_of("film edge", 65, 65, noise=0.03)
    assert tilt_left(level(data - 0.9 * flat), 0.1 * flat) < 0.03


def test_an_uneven_grid_and_a_large_one():
    x = np.sort(np.r_[np.linspace(-10, -2, 9), np.linspace(-1.5, 10, 40)])
    data, flat = surface_of("film edge", 201, 150)
    assert tilt_left(level(data), flat) < 0.01
    uneven = data.interp(x=x, method="nearest")
    rest = xr.DataArray(flat, data.coords).interp(x=x, method="nearest").values
    uneven = uneven + SLOPE[0] * (uneven.x - data.x.sel(x=x, method="nearest").values)
    assert tilt_left(level(uneven), rest) < 0.03


def test_a_tilt_added_to_any_surface_is_taken_out_again():
    # rough everywhere: whatever is taken for level, a tilt must not change it
    rng = np.random.default_rng(3)
    data, _ = surface_of("pit", 25, 20)
    rough = data + np.cumsum(rng.normal(0, 0.2, data.shape), axis=1)
    tilted_more = rough + 0.2 * rough.x - 0.1 * rough.y + 7
    np.testing.assert_allclose(level(tilted_more), level(rough), atol=1e-6)


@pytest.mark.parametrize("along", ["x", "y"])
def test_a_line_over_an_edge(along):
    data, flat = surface_of("film edge", 41, 41)
    line = (
        data[20:21]
        if along == "x"
        else xr.DataArray(
            data[20:21].values.T, {"y": data.x.values, "x": [0.0]}, ("y", "x")
        )
    )
    step = level(line).values.ravel() - flat[20]
    assert np.ptp(step[:18]) < 0.04
    assert np.ptp(step[23:]) < 0.04
    assert abs(step[:18].mean() - step[23:].mean()) < 0.03


def test_zero_is_the_lowest_wide_part():
    data, flat = surface_of("film edge")
    assert float(level(data).where(flat == 0).median()) == pytest.approx(0, abs=0.01)
    data, flat = surface_of("narrow strip")
    few = level(-data)  # the strip is the lowest, and narrow
    assert float(few.where(flat == 0).median()) == pytest.approx(0, abs=0.01)


def test_rows_takes_out_what_drifts_from_line_to_line():
    data, _ = surface_of("trench", noise=0)
    rng = np.random.default_rng(0)
    drift = xr.DataArray(np.cumsum(rng.normal(0, 0.3, 33)), dims="y")
    drifted = (data + drift).where(~((data.y > 3) & (data.y < 4)))
    levelled = level(drifted, "rows")
    spread = levelled.max("y") - levelled.min("y")
    np.testing.assert_allclose(spread, 0, atol=1e-9)
    profile = levelled.median("y")
    assert float(profile.max() - profile.min()) == pytest.approx(3.0, abs=1e-6)


def test_a_run_its_map_and_its_topography_are_levelled_alike():
    run = scan_run(9, 8)
    wanted = level(hop_map(run.documents).topography)
    for given in (run.documents, hop_map(run.documents)):
        xr.testing.assert_identical(level(given), wanted)


def test_what_has_no_heights_is_refused_in_one_sentence():
    curve = xr.DataArray(np.zeros(4), dims="sample")
    with pytest.raises(
        TypeError, match=r"^level takes heights .* a DataArray along sa"
    ):
        level(curve)


def test_none_is_a_copy_and_unknown_is_refused():
    data, _ = tilted()
    copy = level(data, "none")
    copy[0, 0] = 7
    assert data[0, 0] != 7
    with pytest.raises(
        ValueError, match="'cubic' is unknown: facet, plane, rows, none"
    ):
        level(data, "cubic")


def rise_of(data):
    """How far levelling tilts a surface (um) from edge to edge, along x and y."""
    plane = (data - level(data)).values
    return np.ptp(plane[0]), np.ptp(plane[:, 0])


ROWS, COLUMNS = np.indices((41, 41))
LEVEL_ON_THE_WHOLE = {
    "lines of a scan forth and back": 0.1 * (ROWS % 2),
    "pixels that alternate": 0.05 * ((ROWS + COLUMNS) % 2),
    "a bow": 0.2 * (COLUMNS / 20 - 1) ** 2,
}


@pytest.mark.parametrize("name", LEVEL_ON_THE_WHOLE)
def test_what_has_no_tilt_on_the_whole_gets_none(name):
    axis = np.linspace(0, 10, 41)
    heights = LEVEL_ON_THE_WHOLE[name] + np.random.default_rng(0).normal(
        0, 0.002, (41, 41)
    )
    data = xr.DataArray(heights, {"y": axis, "x": axis}, ("y", "x"))
    assert max(rise_of(data)) < 0.05


def test_noise_along_one_direction_tilts_by_no_more_than_itself():
    axis = np.linspace(0, 10, 41)
    lines, single = [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        z = rng.normal(0, 0.02, (41, 1)) + rng.normal(0, 0.002, (41, 41))
        drifting = xr.DataArray(z, {"y": axis, "x": axis}, ("y", "x"))
        lines.append(max(rise_of(drifting)))
        z = rng.normal(0, 0.002, (1, 200))
        line = xr.DataArray(z, {"y": [0.0], "x": 0.5 * np.arange(200)}, ("y", "x"))
        single.append(rise_of(line)[0])
    assert np.median(lines) < 0.03
    assert max(single) < 0.015


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2)])
def test_few_points_give_finite_heights(shape):
    y, x = np.indices(shape, float)
    flat = 3 + x + y - fit_plane(x, y, 3 + x + y)
    np.testing.assert_allclose(flat, 0, atol=1e-9)


def test_nothing_but_nan_stays_nan():
    data, _ = tilted()
    assert level(data * np.nan).isnull().all()


def test_robust_limits():
    values = np.r_[np.linspace(0, 100, 101), 1e9, np.nan, np.inf, -np.inf]
    low, high = robust_limits(values, 2, 98)
    assert 0 < low < 5
    assert 95 < high < 101
    assert robust_limits([np.nan]) == (0.0, 1.0)
    for constant in (0.0, 5.0, -5.0, 1e-9):
        low, high = robust_limits([constant] * 4)
        assert low < constant < high
