import numpy as np
import pytest

from seccm_ophyd.sim_devices.electronics import (
    bessel_lowpass,
    current_noise,
    digitise,
    leaky_capacitor,
    noise_rms,
    potential_noise,
)


def test_bessel_step_response():
    fc, dt = 1e3, 2e-6
    step = np.repeat([0.0, 1.0], 5000)
    y = bessel_lowpass(step, dt, fc)[5000:]
    t = np.arange(5000) * dt
    rise = np.interp(0.9, y[:400], t[:400]) - np.interp(0.1, y[:400], t[:400])
    assert rise == pytest.approx(0.35 / fc, rel=0.03)  # of any good low pass
    assert y.max() - 1 == pytest.approx(0.0084, abs=0.002)  # 4-pole Bessel overshoot
    assert y[-1] == pytest.approx(1, abs=1e-3)


def test_bessel_attenuates_by_3_db_at_the_cutoff():
    fc, dt = 1e3, 1e-5
    t = np.arange(40000) * dt
    y = bessel_lowpass(np.sin(2 * np.pi * fc * t), dt, fc)[10000:30000]
    assert y.std() * np.sqrt(2) == pytest.approx(10 ** (-3 / 20), rel=2e-3)


def test_filter_leaves_a_constant_and_comes_in_any_shape():
    x = np.full((3, 7), 2.5)
    np.testing.assert_allclose(bessel_lowpass(x, 1e-5, 1e3), x)


def test_filter_refuses_nonsense():
    with pytest.raises(ValueError, match="positive"):
        bessel_lowpass(np.zeros(4), 0.0, 1e3)


@pytest.mark.parametrize(("fc", "rms"), [(1e3, 0.28e-12), (1e4, 0.83e-12)])
@pytest.mark.parametrize("dt", [5e-6, 5e-5, 1e-2])
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


def test_capacitor_with_and_without_leak():
    t = np.linspace(0, 3, 7)
    np.testing.assert_allclose(
        leaky_capacitor(5e-12, 4e-12, 0.0, 0.3, 0.2, t), 0.2 + 5e-12 * t / 4e-12
    )
    C, G, final = 4e-12, 1 / 300e9, 0.3 + 5e-12 * 300e9
    np.testing.assert_allclose(
        leaky_capacitor(5e-12, C, G, 0.3, 0.2, t),
        final + (0.2 - final) * np.exp(-t * G / C),
    )
    with pytest.raises(ValueError, match="positive"):
        leaky_capacitor(1e-12, 0.0, 0.0, 0.0, 0.0, 1.0)
