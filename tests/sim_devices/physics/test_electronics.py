"""The amplifier against the formulas of its parts, each with its source."""

from math import sqrt

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.bessel import bessel_lowpass
from seccm_ophyd.sim_devices.physics.electronics import (
    current_noise,
    digitise,
    leaky_capacitor,
    noise_rms,
    potential_noise,
)

# reverse Bessel polynomial of 4th order, whose -3 dB point lies at 2.1139 rad/s:
# Thomson, Proc. IEE 96 III (1949) 487; Zverev, Handbook of Filter Synthesis (1967)
BESSEL = np.roots([1, 10, 45, 105, 105]) / 2.113917675


def bessel_response(nu, fc):
    """Complex response at the frequency `nu` (Hz)."""
    return np.prod([-p / (1j * nu / fc - p) for p in BESSEL])


def test_bessel_step_response_is_the_analytic_one():
    """Heaviside's expansion: 1 + sum over the poles p of residue exp(p t)/p."""
    fc, dt = 1e3, 1e-6
    y = bessel_lowpass(np.repeat([0.0, 1.0], 5000), dt, fc)[5000:]
    t = (np.arange(5000) + 0.5) * dt  # the step lies between two samples
    expected = np.ones(5000, complex)
    for p in BESSEL:
        others = BESSEL[BESSEL != p]
        expected += np.exp(2e3 * np.pi * p * t) * np.prod(others / (others - p)) * -1
    np.testing.assert_allclose(y[:4000], expected.real[:4000], atol=2e-3)


@pytest.mark.parametrize("ratio", [0.1, 0.5, 1.0, 2.0])
def test_bessel_gain_and_phase_are_the_analytic_ones(ratio):
    fc, dt = 1e3, 1e-6
    t = np.arange(60000) * dt
    wave = np.exp(2j * np.pi * ratio * fc * t)
    y = bessel_lowpass(wave.real, dt, fc) + 1j * bessel_lowpass(wave.imag, dt, fc)
    response = (y / wave)[20000:40000]
    np.testing.assert_allclose(response, bessel_response(ratio * fc, fc), atol=2e-3)


def test_thermal_noise_of_the_feedback_resistor_stays_below_the_noise_floor():
    """Johnson, Phys. Rev. 32 (1928) 97; Nyquist, ibid. 110: sqrt(4 k T/R)."""
    thermal = sqrt(4 * 1.380649e-23 * 298.15 / 500e6)
    assert thermal == pytest.approx(5.8e-15, rel=0.02)
    floor = noise_rms(1e5) / sqrt(1.05 * 1e5)  # 1.05: noise bandwidth of the filter
    assert thermal < floor < 1.5 * thermal


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


def test_capacitor_with_and_without_leak():
    """E = E0 + I t/C; E = Ei + (E0 - Ei) exp(-t G/C), Ei = E_leak + I/G.

    Bard & Faulkner, Electrochemical Methods, 2nd ed., 1.2.4.
    """
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
