import numpy as np
import pytest
import xarray as xr
from curves import FAST_CV, bells_on_particles, zero_current
from scipy.stats import pearsonr, spearmanr

from seccm_ophyd.analysis import correlate, hop_map
from seccm_ophyd.techniques import ZeroCurrentPotential
from tests.synthetic_runs import scan_run, surface

SIZE = (24, 20)


def intercalation(x, y):
    height, pa = surface(x, y)
    return height, -0.5 * pa


def test_the_same_grid_is_compared_without_loss():
    a = scan_run(*SIZE, misses=(3,), seed=1)
    b = scan_run(*SIZE, misses=(9,), seed=2, snake=True)
    found = correlate(a.documents, b.documents)
    shared = sorted(set(range(480)) - {3, 9})
    x = np.array([a.current[k] for k in shared])
    y = np.array([b.current[k] for k in shared])
    assert int(found.pixels) == 478
    assert float(found.pearson) == pytest.approx(pearsonr(x, y).statistic)
    assert float(found.spearman) == pytest.approx(spearmanr(x, y).statistic)
    logs = np.log10(x), np.log10(y)
    assert float(found.log_pearson) == pytest.approx(pearsonr(*logs).statistic)
    assert int(found.log_pixels) == 478
    np.testing.assert_array_equal(np.sort(found.a.values[found.a.notnull()]), sorted(x))
    assert float(found.overlap_a) == float(found.overlap_b) == 1.0


def test_intercalation_goes_with_deintercalation():
    a = scan_run(*SIZE, seed=1)
    b = scan_run(*SIZE, seed=2, current=intercalation)
    found = correlate(a.documents, b.documents)
    assert float(found.pearson) < -0.99
    assert float(found.log_pearson) > 0.9
    assert float(found.overlap_a) > 0.95


def test_a_potential_map_shows_the_same_particles():
    a = scan_run(*SIZE, seed=1)
    b = scan_run(
        *SIZE,
        techniques=(ZeroCurrentPotential(duration_s=0.05),),
        measure=zero_current,
    )
    found = correlate(a.documents, b.documents)
    assert found.b.name == "b"
    assert float(found.pearson) < -0.8
    assert float(found.overlap_a) == float(found.overlap_b) == 1.0
    named = correlate(a.documents, b.documents, quantity_b="potential_drift")
    assert float(named.pearson) < -0.8


def test_another_grid_is_interpolated_where_it_overlaps():
    def plane(x, y):
        return 40.0, 100 + 3 * x - 2 * y

    wide = scan_run(21, 21, size=20.0, current=plane)
    fine = scan_run(13, 13, size=6.0, current=plane)
    found = correlate(fine.documents, wide.documents)
    assert int(found.pixels) == 169
    assert float(np.abs(found.a - found.b).max()) < 4  # twice 0.5 pA of noise
    assert float(found.pearson) > 0.99
    back = correlate(wide.documents, fine.documents)
    assert int(back.pixels) == 49  # 7 x 7 pixels of 1 um lie within 6 um
    downwards = scan_run(21, 21, y=np.linspace(10, -10, 21), size=20.0, current=plane)
    turned = correlate(fine.documents, downwards.documents)
    assert float(turned.pearson) > 0.99


def test_a_map_with_holes_that_goes_on():
    a = scan_run(*SIZE, seed=1, stop_after=200)
    b = scan_run(*SIZE, seed=2, misses=range(0, 480, 7))
    found = correlate(a.documents, b.documents)
    assert int(found.pixels) == 200 - len(range(0, 200, 7))
    assert float(found.pearson) > 0.99
    # a hole takes with it the pixels that are interpolated across it
    coarse = scan_run(12, 10, seed=2, misses=(0,), stop_after=100)
    found = correlate(b.documents, coarse.documents)
    assert 200 < int(found.pixels) < 400
    assert float(found.spearman) > 0.3


def test_overlap_is_the_share_of_each_map():
    def both(x, y):
        return 40.0, 2.0 + 90.0 * (abs(x) > 5)

    def right(x, y):
        return 40.0, 2.0 + 90.0 * (x > 5)

    a, b = (scan_run(20, 8, current=current) for current in (both, right))
    found = correlate(a.documents, b.documents)
    assert (float(found.overlap_a), float(found.overlap_b)) == (0.5, 1.0)


def test_maps_that_do_not_overlap_are_refused():
    a = scan_run(5, 5, size=4.0)
    b = scan_run(5, 5, x=np.arange(50, 55), y=np.arange(5))
    with pytest.raises(
        ValueError, match=r"do not overlap: 0 pixels.* x 50 to 54 um, y 0"
    ):
        correlate(a.documents, b.documents)
    nothing = scan_run(5, 5, size=4.0, stop_after=2)
    with pytest.raises(ValueError, match="do not overlap: 2 pixels"):
        correlate(a.documents, nothing.documents)
    line = scan_run(5, 1, y=[0.0])
    with pytest.raises(ValueError, match="single line"):
        correlate(a.documents, line.documents)
    assert int(correlate(line.documents, scan_run(*SIZE).documents).pixels) == 5


def test_quantities_are_chosen_by_name_and_missing_ones_named(tmp_path):
    a = scan_run(*SIZE)
    found = correlate(a.documents, a.documents, quantity_b="topography")
    assert found.b.attrs["units"] == "um"
    with pytest.raises(ValueError, match="map a has no 'colour'; it has topography"):
        correlate(a.documents, a.documents, quantity_a="colour")
    sweeps = scan_run(
        4, 3, techniques=(FAST_CV,), measure=bells_on_particles, folder=tmp_path
    )
    with pytest.raises(ValueError, match="map b has no current or zero_current_pot"):
        correlate(a.documents, sweeps.documents)
    peak = {"quantity_a": "anodic_peak_current", "quantity_b": "topography"}
    found = correlate(sweeps.documents, sweeps.documents, **peak)
    assert np.isnan(found.overlap_a)  # nothing tells the materials of such a map


def test_a_constant_map_has_no_correlation():
    a = hop_map(scan_run(*SIZE).documents)
    flat = a.assign(current=xr.zeros_like(a.current))
    found = correlate(a, flat)
    assert np.isnan(found.pearson)
    assert np.isnan(found.log_pearson)
    assert int(found.log_pixels) == 0
