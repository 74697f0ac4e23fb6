"""Where in a trace the meniscus broke."""

import numpy as np
import pytest

from seccm_ophyd.techniques import (
    CurrentSample,
    CyclicVoltammetry,
    Galvanostatic,
    ZeroCurrentPotential,
    contact_loss,
)

NOISE_PA = 0.3
HELD = CurrentSample(samples=2000, sample_rate_hz=20e3).acquisition
SWEPT = CyclicVoltammetry().acquisition


def trace(potential, current):
    potential, current = np.broadcast_arrays(
        np.asarray(potential, float), np.asarray(current, float)
    )
    time = np.arange(potential.size) / HELD.sample_rate_hz
    return np.array([time, potential, current])


def current(samples=2000, *, broken_at=None, size=100.0):
    """Give a current with noise that falls to none where the contact breaks."""
    found = size + np.random.default_rng(1).normal(0, NOISE_PA, samples)
    if broken_at is not None:
        found[broken_at:] -= size
    return found


def test_a_fall_to_nothing_is_where_it_broke():
    found = contact_loss(trace(0.5, current(broken_at=1200)), HELD, NOISE_PA)
    assert 1140 < found <= 1200, "as fast as the filter"


@pytest.mark.parametrize("zero", [0.0, -40.0])
def test_nothing_is_what_the_amplifier_shows_without_contact(zero):
    measured = trace(0.5, current(broken_at=1200) + zero)
    found = contact_loss(measured, HELD, NOISE_PA, zero)
    assert found is not None
    other = contact_loss(measured, HELD, NOISE_PA, zero - 20.0)
    assert other is None


@pytest.mark.parametrize(
    ("potential", "measured"),
    [
        (0.5, current()),
        (0.5, 0.01 * current()),  # never any that is clear
        (0.5, np.zeros(2000)),
        (0.5, np.linspace(100, 0, 2000)),  # it fades
        (0.5, current(broken_at=1995)),  # no time to see whether it comes back
        (0.5, current(broken_at=30)),  # nor what was before
    ],
    ids=["kept", "small", "none", "fading", "at the end", "at the start"],
)
def test_what_shows_no_loss(potential, measured):
    assert contact_loss(trace(potential, measured), HELD, NOISE_PA) is None


def test_a_current_that_comes_back_was_no_loss():
    back = current(broken_at=1200)
    back[1900:] += 100.0
    assert contact_loss(trace(0.5, back), HELD, NOISE_PA) is None


def test_a_fall_with_a_jump_of_the_potential_is_an_answer_to_it():
    jump = np.where(np.arange(2000) < 1195, 0.5, 0.0)
    measured = current(broken_at=1200)
    assert contact_loss(trace(jump, measured), HELD, NOISE_PA) is None
    later = np.where(np.arange(2000) < 1500, 0.5, 0.0)
    assert contact_loss(trace(later, measured), HELD, NOISE_PA) is not None


@pytest.mark.parametrize("noise", [0.0, float("nan"), -1.0])
def test_without_a_noise_to_compare_with_nothing_is_found(noise):
    assert contact_loss(trace(0.5, current(broken_at=1200)), HELD, noise) is None


# -- current clamp ---------------------------------------------------------------------

CHARGE = Galvanostatic(duration_s=2.0).acquisition


def test_a_potential_that_runs_is_that_of_an_open_pipette():
    potential = np.full(200, 0.5)
    potential[120:] = 0.5 + 0.8 * np.arange(80)
    found = contact_loss(trace(potential, 5.0), CHARGE, NOISE_PA)
    assert found == pytest.approx(121, abs=1)


def test_a_potential_that_no_electrolyte_stands_is_that_of_an_open_pipette():
    potential = np.linspace(0.0, 3.0, 200)  # slowly
    found = contact_loss(trace(potential, 5.0), CHARGE, NOISE_PA)
    reached = max(2.0, 0.9 * CHARGE.compliance_v)
    if reached > 3.0:
        assert found is None
        potential = np.linspace(0.0, 1.1 * reached, 2000)
        found = contact_loss(trace(potential, 5.0), CHARGE, NOISE_PA)
    assert abs(potential[found]) >= reached
    assert abs(potential[found - 1]) < reached


@pytest.mark.parametrize("potential", [np.linspace(0.4, 1.0, 200), [0.5]])
def test_a_potential_of_a_contact_is_kept(potential):
    assert contact_loss(trace(potential, 5.0), CHARGE, NOISE_PA) is None


def test_without_an_imposed_current_nothing_runs():
    wanted = ZeroCurrentPotential().acquisition
    potential = np.linspace(0.0, 5.0, 100)
    assert contact_loss(trace(potential, 0.0), wanted, NOISE_PA) is None
    still = Galvanostatic(current_pa=5.0, duration_s=0.1).acquisition
    assert contact_loss(trace([0.5], 5.0), still, NOISE_PA) is None
