"""The control loop that lowers the probe, without an IOC."""

import time

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.approach import _AHEAD, Descent, End


def descent(**changes):
    """A descent of 4 um to a surface at 0 whose contact gives a step of 10 pA."""
    settings = {
        "z_start": 4e-6,
        "z_end": -20e-6,
        "rate": 20e-6,
        "z_touch": 25e-9,
        "z_crash": -100e-9,
        "threshold": 2e-12,
        "above_baseline": False,
        "debounce": 3,
        "offset": 0.0,
        "noise_rms": 0.0,
        "noise": lambda block, n: np.zeros(n),
        "onset": lambda n: np.full(n, 10e-12),
        "digitise": lambda i: i,
    }
    return Descent(**{**settings, **changes})


def test_the_loop_overshoots_by_its_debounce():
    found = descent()
    assert found.end is End.CONTACT
    # touched at 25 nm; three samples of 1 nm each, of which the first is at touch
    assert found.z(found.duration) == pytest.approx(23e-9, abs=1.01e-9)
    assert found.contact_age == pytest.approx(2 / 20e3)
    later = descent(debounce=10)
    assert later.sample - found.sample == 7


@pytest.mark.parametrize("above_baseline", [False, True])
def test_a_current_of_either_sign_stops_the_descent(above_baseline):
    usual = descent(above_baseline=above_baseline)
    assert usual.end is End.CONTACT
    for threshold, current in ((-2e-12, 10e-12), (2e-12, -10e-12), (-2e-12, -10e-12)):
        found = descent(
            threshold=threshold,
            onset=lambda n, current=current: np.full(n, current),
            above_baseline=above_baseline,
        )
        assert found.end is End.CONTACT
        assert found.sample == usual.sample


def test_a_current_below_the_threshold_stops_nothing():
    assert descent(threshold=11e-12).end is End.CRASH
    assert descent(threshold=-11e-12).end is End.CRASH


@pytest.mark.parametrize("travel", [1e-6, 2.7e-6, 3.1e-6])
def test_a_descent_without_contact_takes_all_its_samples(travel):
    found = descent(z_start=50e-6, z_end=50e-6 - travel, rate=100e-6)
    assert found.sample == pytest.approx(travel / 100e-6 * 20e3)


def test_a_threshold_above_the_baseline_forgives_an_offset():
    assert descent(offset=5e-12).sample == 2, "beyond from the start"
    forgiving = descent(offset=5e-12, above_baseline=True)
    assert forgiving.end is End.CONTACT
    assert forgiving.sample == descent().sample


def test_noise_that_reaches_the_threshold_stops_the_descent():
    begins = 3975 - _AHEAD  # block 0, which is the one around touch

    def spike(block, n):
        noise = np.zeros(n)
        if block == 0:
            noise[998 - begins : 1003 - begins] = 3e-12  # five samples
        return noise

    assert descent(noise=spike, noise_rms=1e-12).sample == 1000
    patient = descent(noise=spike, noise_rms=1e-12, debounce=6)
    assert patient.end is End.CONTACT
    assert patient.z(patient.duration) < 25e-9


@pytest.mark.parametrize("reading", [np.nan, np.inf, -np.inf])
def test_a_current_that_is_no_number_stops_the_descent(reading):
    def dead(block, n):
        return np.full(n, reading)

    with np.errstate(invalid="ignore"):
        found = descent(noise=dead, noise_rms=1e-12)
    assert found.sample == 2
    assert found.end is End.CONTACT


def test_a_run_across_two_blocks_counts():
    def spike(block, n):
        noise = np.zeros(n)
        if block == -1:
            noise[-2:] = 3e-12
        elif block == 0:
            noise[:1] = 3e-12
        return noise

    begins = 7975 - _AHEAD  # block 0
    assert descent(z_start=8e-6, noise=spike, noise_rms=1e-12).sample == begins


def test_a_probe_that_a_burst_stopped_above_the_surface_does_not_touch_it():
    found = descent(burst=0.9, watched=400)
    assert found.end is End.CONTACT
    assert not found.is_closed
    assert np.all(found.held(400)[100:] == 0)
    landed = descent(watched=400)
    assert landed.is_closed
    assert np.all(landed.held(400) == 10e-12)


def test_the_end_of_the_travel_comes_before_a_surface_too_deep():
    found = descent(z_end=1e-6)
    assert found.end is End.NO_CONTACT
    assert found.z(found.duration) == pytest.approx(1e-6, abs=1e-9)


def test_a_slow_descent_from_far_is_computed_at_once():
    start = time.process_time()
    found = descent(z_start=100e-6, z_end=-20e-6, rate=1e-8)  # three hours
    assert found.end is End.CONTACT
    assert time.process_time() - start < 1.0
