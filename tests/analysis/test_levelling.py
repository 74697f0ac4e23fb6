import numpy as np
import pytest
import xarray as xr

from seccm_ophyd.analysis import level, robust_limits
from seccm_ophyd.analysis.levelling import fit_plane


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
    for method in ("plane", "rows", "none"):
        levelled = level(data, method)
        assert levelled.attrs == {"units": "um"}
        assert levelled.dims == ("y", "x")
        np.testing.assert_array_equal(levelled.x, data.x)


def test_rows_takes_the_median_of_each():
    data, _ = tilted(particles=False)
    drift = xr.DataArray(np.linspace(0, 5, 41), dims="y")
    np.testing.assert_allclose(
        level(data + drift, "rows").median("x"), np.zeros(41), atol=1e-12
    )


def test_none_is_a_copy_and_unknown_is_refused():
    data, _ = tilted()
    copy = level(data, "none")
    copy[0, 0] = 7
    assert data[0, 0] != 7
    with pytest.raises(ValueError, match="'cubic' is unknown: plane, rows, none"):
        level(data, "cubic")


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
