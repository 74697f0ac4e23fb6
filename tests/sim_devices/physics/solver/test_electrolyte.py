"""The electrolyte breaks down tenfold faster each 0.12 V."""

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.solver.electrolyte import (
    electrolyte,
    electrolyte_slope,
)


def test_it_is_oxidised_above_and_reduced_below():
    assert electrolyte(1.10) == pytest.approx(20e-15)
    assert electrolyte(1.34) == pytest.approx(100 * 20e-15)
    assert electrolyte(-0.60) == pytest.approx(-20e-15)
    assert abs(electrolyte(0.3)) < 1e-20


def test_arrays_are_their_elements():
    E = np.linspace(-1, 1.5, 7)
    np.testing.assert_array_equal(electrolyte(E), [electrolyte(e) for e in E])


@pytest.mark.parametrize("E", [-0.8, 0.5, 1.2])
def test_the_slope_is_the_derivative_and_is_bounded(E):
    h = 1e-5
    slope = (electrolyte(E + h) - electrolyte(E - h)) / (2 * h)
    assert electrolyte_slope(E) == pytest.approx(slope, rel=1e-4)
    assert np.isfinite(electrolyte(50.0))
