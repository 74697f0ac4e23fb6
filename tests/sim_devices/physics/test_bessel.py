"""The low pass against the formulas of Bessel filters, each with its source."""

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.bessel import bessel_lowpass

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


def test_the_filter_acts_on_each_line_of_an_array():
    lines = np.random.default_rng(1).standard_normal((2, 3, 50)).cumsum(axis=-1)
    together = bessel_lowpass(lines, 2e-5, 1e3)
    assert together.shape == lines.shape
    np.testing.assert_array_equal(
        together[1, 2], bessel_lowpass(lines[1, 2], 2e-5, 1e3)
    )
