"""The amplifier against the formulas of its parts, each with its source."""

from math import sqrt

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.electronics import (
    current_noise,
    digitise,
    noise_rms,
    potential_noise,
)


def test_thermal_noise_of_the_feedback_resistor_stays_below_the_noise_floor():
    """Johnson, Phys. Rev. 32 (1928) 97; Nyquist, ibid. 110: sqrt(4 k T/R)."""
    thermal = sqrt(4 * 1.380649e-23 * 298.15 / 500e6)
    assert thermal == pytest.approx(5.8e-15, rel=0.02)
    floor = noise_rms(1e5) / sqrt(1.05 * 1e5)  # 1.05: noise bandwidth of the filter
    assert thermal < floor < 1.5 * thermal


@pytest.mark.parametrize(("fc", "rms"), [(1e3, 0.28e-12), (1e4, 0.83e-12)])
@pytest.mark.parametrize("dt", [5e-6, 5e-5, 6e-5, 1e-2])
def test_noise_has_its_rms_whatever_the_sampling(fc, rms, dt):
    rng = np.random.default_rng(1)
    records = [current_noise(10, dt, fc, rng) for _ in range(800)]
    assert np.sqrt(np.mean(np.square(records))) == pytest.approx(rms, rel=0.1)
    assert noise_rms(fc) == pytest.approx(rms, rel=0.05)


def test_noise_is_that_of_its_seed():
    one, two = (current_noise(9, 1e-5, 1e3, np.random.default_rng(4)) for _ in "ab")
    np.testing.assert_array_equal(one, two)


def test_mains_hum_on_sites_of_high_impedance():
    rng = np.random.default_rng(0)
    on_carbon = potential_noise(20000, 1e-4, 0.0, rng).std()
    on_particle = potential_noise(20000, 1e-4, 5e-13, rng).std()
    assert on_carbon == pytest.approx(np.hypot(0.4e-3, 4e-3 / np.sqrt(2)), rel=0.05)
    assert on_particle == pytest.approx(0.4e-3, rel=0.05)


def test_digitiser_rounds_clips_and_tells():
    i, overload = digitise(np.array([0.04, -0.26, 5.0]), 2.0, 0.1)
    np.testing.assert_allclose(i, [0.0, -0.3, 2.0])
    assert overload
    assert not digitise(np.array([1.0]), 2.0, 0.1)[1]
