"""Which way is active: by the potential, or by how far the current reaches."""

import numpy as np
import pytest
import xarray as xr

from seccm_ophyd.analysis import (
    classify,
    correlate,
    find_targets,
    hop_map,
    statistics,
)
from seccm_ophyd.analysis.direction import direction, farther_side
from tests.synthetic_runs import scan_run

AXIS = np.linspace(-5, 5, 31)
X, Y = np.meshgrid(AXIS, AXIS)
PARTICLE = np.hypot(X - 2, Y + 1) < 0.8


def a_map(signal=40.0, offset=0.0, seed=0, **attrs):
    """One particle on a substrate, with the noise and the offset of an amplifier."""
    noise = 0.1 * np.random.default_rng(seed).standard_normal(X.shape)
    current = np.where(PARTICLE, signal, 0.0) + offset + noise
    good = np.ones(X.shape, np.int8)
    variables = {
        "topography": (("y", "x"), 0 * X, {"units": "um"}),
        "current": (("y", "x"), current, {"units": "pA"}),
        "outcome": (("y", "x"), good),
    }
    return xr.Dataset(variables, {"x": AXIS, "y": AXIS}, {"uid": "u", **attrs})


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize("offset", [-3.0, -0.5, 0.0, 0.5, 3.0])
def test_an_offset_of_the_amplifier_turns_nothing_around(way, offset):
    data = a_map(40.0 * way, offset)
    assert direction(data) == way
    ((x, y),) = find_targets(data, "brightest")
    assert np.hypot(x - 2, y + 1) < 0.8
    np.testing.assert_array_equal(classify(data) == 1, PARTICLE)
    found = statistics(data)
    below = float(found.fraction_below.sel(quantity="current"))
    assert below == pytest.approx(1 - PARTICLE.mean())
    assert int(found.direction.sel(quantity="current")) == way


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize("offset", [-60.0, 60.0])
def test_the_potential_decides_whatever_the_offset(way, offset):
    rest = 0.38
    data = a_map(
        40.0 * way, offset, potential_v=rest + 0.2 * way, rest_potential_v=rest
    )
    assert direction(data) == way
    ((x, y),) = find_targets(data, "brightest")
    assert np.hypot(x - 2, y + 1) < 0.8


def test_offsets_do_not_spoil_the_correlation_of_two_directions():
    first, second = a_map(40.0, -1.0, seed=1), a_map(-40.0, 0.7, seed=2)
    found = correlate(first, second)
    assert float(found.pearson) < -0.99
    assert float(found.overlap_a) == float(found.overlap_b) == 1.0


def test_other_quantities_have_a_direction_of_their_own():
    data = a_map(40.0, potential_v=0.65, rest_potential_v=0.38)
    data["cathodic_peak_current"] = (-data.current).assign_attrs(units="pA")
    assert direction(data, "cathodic_peak_current") == -1
    found = statistics(data).fraction_below
    same = found.sel(quantity=["current", "cathodic_peak_current"]).values
    assert same[0] == same[1]


@pytest.mark.parametrize(
    ("values", "side"),
    [([], 1), ([np.nan], 1), ([0.0, 0.0], 1), ([-40, -38, -39], -1), ([-1, 39.0], 1)],
)
def test_the_farther_side_of_few_values(values, side):
    assert farther_side(values) == side


def test_a_single_spike_does_not_turn_a_map():
    data = a_map(40.0)
    data.current[0, 0] = -1e4
    assert direction(data) == 1


def test_a_map_carries_the_rest_potential_of_its_run():
    told = scan_run(extra_md={"rest_potential_v": 0.3})
    assert hop_map(told.documents).attrs["rest_potential_v"] == 0.3
    # runs of earlier versions have that of the configuration
    sample = {"name": "LiFePO4", "rest_potential_v": 0.41}
    before = scan_run(extra_md={"sample": sample})
    assert hop_map(before.documents).attrs["rest_potential_v"] == 0.41
    neither = scan_run()
    assert "rest_potential_v" not in hop_map(neither.documents).attrs
