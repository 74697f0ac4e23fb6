"""Drift, tilt, hysteresis and creep: where the probe is over the sample."""

from math import log10

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.mechanics import (
    STAGES,
    Mechanics,
    Piezo,
    creep,
    play,
)
from seccm_ophyd.sim_devices.physics.samples import load_surface


@pytest.fixture(scope="module")
def sample(surface):
    """A hill of 1 um."""
    return load_surface(surface)


def test_a_play_follows_only_at_its_edges():
    path = [0.0, 1.0, 3.0, 2.5, 1.5, 0.0]
    out, found = 0.0, []
    for command in path:
        out = play(out, command, width=1.0)
        found.append(out)
    assert found == [0.0, 0.0, 2.0, 2.0, 2.0, 1.0]


def test_creep_grows_with_the_logarithm_of_time():
    assert creep(2e-6, 0.0) == 0.0
    assert creep(2e-6, 0.45) == pytest.approx(0.015 * 2e-6)  # one decade
    assert creep(-2e-6, 49.95) == pytest.approx(-3 * 0.015 * 2e-6)


def test_a_piezo_falls_short_lags_and_creeps():
    there = Piezo().moved(10e-6, t=1.0)
    expected = 0.7 * 10e-6 + 0.3 * 9.5e-6
    assert there.place(1.0) == pytest.approx(expected)
    late = there.place(61.0)
    assert late == pytest.approx(expected + 0.015 * 10e-6 * log10(1 + 60 / 0.05))
    back = there.moved(0.0, t=1.0)
    assert back.place(1.0) == pytest.approx(0.3 * 0.5e-6), "hysteresis"


def test_a_cycle_of_even_steps_closes_its_loop():
    """The creep of a line is that of its way back: nothing adds up over a scan."""
    axis, t, starts = Piezo(), 0.0, []
    for _ in range(5):
        for command in [*np.arange(0, 4e-6, 0.1e-6), *np.arange(4e-6, 0, -0.1e-6)]:
            axis, t = axis.moved(float(command), t), t + 0.3
        starts.append(axis.place(t))
    assert np.ptp(starts[1:]) < 1e-12


def test_an_ideal_stage_is_where_it_was_sent(sample):
    mechanics = STAGES["ideal"]()
    mechanics.axes = mechanics.moved(1, -2e-6, 5.0)
    assert mechanics.over_sample(1e4) == (0.0, -2e-6)
    height = sample.contact_height(1e-6, 1e-6)
    assert mechanics.surface(sample, 1e-6, 1e-6, 1e4) == height


def test_drift_moves_the_sample_below_the_probe():
    mechanics = Mechanics(drift=(1e-9, -2e-9, 3e-9))
    assert mechanics.over_sample(100.0) == pytest.approx((-1e-7, 2e-7))
    assert mechanics.rise(0.0, 0.0, 100.0) == pytest.approx(3e-7)
    mechanics.set_drift((0.0, 0.0, 0.0), 100.0)
    assert mechanics.over_sample(1e6) == pytest.approx((-1e-7, 2e-7)), "it stays"
    mechanics.jump((1e-6, 0.0, -1e-6))
    assert mechanics.over_sample(1e6) == pytest.approx((-1.1e-6, 2e-7))
    assert mechanics.rise(0.0, 0.0, 1e6) == pytest.approx(-7e-7)


def test_a_tilted_way_is_as_high_as_its_highest_place(sample):
    mechanics = Mechanics(tilt=(20e-3, 0.0))
    start, end = (-3.5e-6, 0.0), (3.5e-6, 0.0)
    x = np.linspace(start[0], end[0], 2001)
    highest = np.max(sample.contact_height(x, 0 * x) + 20e-3 * x)
    found = mechanics.highest(sample, start, end, 0.0)
    assert highest <= found + 1e-12
    assert found == pytest.approx(highest, abs=5e-9)
    assert mechanics.highest(sample, end, start, 0.0) == pytest.approx(found)
    for above, free in ((-1e-9, False), (1e-9, True), (10e-6, True)):
        assert mechanics.is_free(sample, start, end, 0.0, found + above) is free
