import numpy as np
import pytest
from curves import galvanostatic, zero_current
from hypothesis import given
from hypothesis import strategies as st

from seccm_ophyd.analysis import Material, classify, hop_map, otsu_threshold
from seccm_ophyd.techniques import Galvanostatic, ZeroCurrentPotential
from tests.synthetic_runs import list_run, on_particle, scan_run, surface

TECHNIQUES = {
    "potential": (ZeroCurrentPotential(), zero_current),
    "galvanostatic": (Galvanostatic(), galvanostatic),
}


def run_of(way, **kwargs):
    if way == "current":
        return scan_run(24, 20, **kwargs)
    technique, measure = TECHNIQUES[way]
    return scan_run(24, 20, techniques=(technique,), measure=measure, **kwargs)


def truth(found):
    y, x = np.meshgrid(found["y"], found["x"], indexing="ij")
    return np.where(on_particle(x, y), Material.LIFEPO4, Material.CARBON)


@pytest.mark.parametrize("way", ["current", "potential", "galvanostatic"])
def test_each_map_finds_the_particles(way):
    found = classify(run_of(way, misses=(7, 200)).documents)
    expected = truth(found)
    expected.flat[[7, 200]] = Material.UNKNOWN
    np.testing.assert_array_equal(found, expected)
    assert found.dims == ("y", "x")
    assert found.dtype == np.int8
    assert found.attrs["criterion"] == way
    assert found.attrs["flag_meanings"].split() == ["unknown", "LiFePO4", "carbon"]
    assert found.attrs["flag_values"].tolist() == [0, 1, 2]
    if way == "current":
        assert 4 < found.attrs["threshold"] < 15


@pytest.mark.parametrize("way", ["current", "potential", "galvanostatic"])
def test_a_map_that_goes_on_is_unknown_where_it_has_not_been(way):
    found = classify(run_of(way, stop_after=300).documents)
    expected = truth(found).ravel()
    expected[300:] = Material.UNKNOWN
    np.testing.assert_array_equal(found.values.ravel(), expected)
    none = classify(run_of(way, stop_after=0).documents)
    assert (none == Material.UNKNOWN).all()


@pytest.mark.parametrize("offset_pa", [-3.0, -2.0, 0.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_negative_currents_are_no_obstacle(offset_pa, sign):
    """A background below zero; and a map of intercalation."""

    def current(x, y):
        height, pa = surface(x, y)
        return height, sign * (pa + offset_pa)

    found = classify(run_of("current", current=current).documents)
    np.testing.assert_array_equal(found, truth(found))


@pytest.mark.parametrize("pa", [0.0, 2.0, 80.0])
def test_a_map_of_one_material_is_unknown(pa):
    run = run_of("current", current=lambda x, y: (40.0 + 0 * x, pa + 0 * x))
    found = classify(run.documents)
    assert (found == Material.UNKNOWN).all()
    assert "threshold" not in found.attrs


def test_a_steady_potential_outside_the_window_is_unknown():
    data = hop_map(run_of("potential").documents)
    charged = data.assign(zero_current_potential=data.zero_current_potential * 0 + 0.78)
    found = classify(charged)
    expected = truth(found)
    expected[expected == Material.LIFEPO4] = Material.UNKNOWN
    np.testing.assert_array_equal(found, expected)
    wide = classify(charged, window_v=(0.3, 0.8))
    np.testing.assert_array_equal(wide, truth(found))
    assert (classify(data, steady_v_s=1.0) != Material.CARBON).all()


def test_an_overload_is_unknown():
    run = run_of("current")
    run.documents[2][1]["data"]["seccm_hop_outcome"] = "overload"
    assert classify(run.documents).values[0, 0] == Material.UNKNOWN


def test_what_is_missing_is_named():
    run = run_of("current")
    with pytest.raises(ValueError, match="'colour' is unknown: potential, galvanos"):
        classify(run.documents, "colour")
    with pytest.raises(ValueError, match="zero_current_potential and potential_drift"):
        classify(run.documents, "potential")
    bare = hop_map(run.documents)[["topography", "outcome"]]
    with pytest.raises(ValueError, match="or current; this map has topography"):
        classify(bare)
    with pytest.raises(ValueError, match="use hop_table"):
        classify(list_run([(0, 0), (1, 1), (2, 5)]).documents)


@given(
    low=st.lists(st.floats(0, 1), min_size=2, max_size=40),
    high=st.lists(st.floats(9, 10), min_size=2, max_size=40),
)
def test_otsu_parts_what_is_apart(low, high):
    threshold = otsu_threshold([*low, *high, np.nan, np.inf])
    assert max(low) < threshold < min(high)


def test_otsu_is_the_least_variance_within_the_classes():
    values = np.random.default_rng(0).gamma(2, 1, 60)

    def within(t):
        parts = values[values <= t], values[values > t]
        return sum(len(p) * p.var() for p in parts)

    ordered = np.sort(values)
    best = min((ordered[1:] + ordered[:-1]) / 2, key=within)
    assert otsu_threshold(values) == pytest.approx(best)
    assert np.isnan(otsu_threshold([3, 3, 3]))
    assert np.isnan(otsu_threshold([np.nan]))
