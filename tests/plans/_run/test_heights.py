"""How high to lift the probe, from the heights measured so far."""

import numpy as np
import pytest

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.plans._run.heights import Adaptive, Surroundings
from seccm_ophyd.sim_devices.physics.samples import make_sample

X = np.linspace(-5, 5, 64)


def flat(y, z=2.0):
    return np.full(len(X), float(y)), np.full(len(X), z)


def test_nothing_is_known_before_the_first_line():
    heights = Surroundings(Adaptive()).heights(X, np.zeros(64), (-5, 0))
    assert np.isnan(heights.travel).all()
    assert np.isnan(heights.slow).all()


def test_it_travels_a_margin_above_the_line_before():
    surroundings = Surroundings(Adaptive(margin_um=1.2, slow_um=0.2))
    surroundings.learn(X, *flat(0))
    heights = surroundings.heights(X, np.full(64, 0.16), (-5, 0))
    np.testing.assert_allclose(heights.travel, 3.2)
    np.testing.assert_allclose(heights.slow, 2.2)


def test_a_mound_is_seen_from_some_pixels_away():
    y, z = flat(0)
    z[30] = 3.5
    surroundings = Surroundings(Adaptive())
    surroundings.learn(X, y, z)
    heights = surroundings.heights(X, np.full(64, 0.16), (-5, 0))
    raised = np.flatnonzero(heights.slow > 3)
    assert raised.tolist() == [28, 29, 30, 31, 32]
    assert (heights.travel[28:34] == 4.5).all()
    assert heights.travel[20] == 3.0


def test_the_way_back_is_as_high_as_the_highest_of_the_line():
    y, z = flat(0)
    z[30] = 3.5
    surroundings = Surroundings(Adaptive())
    surroundings.learn(X, y, z)
    heights = surroundings.heights(X, np.full(64, 0.16), (5, 0))
    assert heights.travel[0] == 4.5
    assert heights.travel[1] == 3.0


def test_long_moves_need_more_than_the_margin():
    x = np.linspace(-10, 10, 21)
    surroundings = Surroundings(Adaptive(margin_um=1.0))
    surroundings.learn(x, np.zeros(21), np.full(21, 2.0))
    heights = surroundings.heights(x, np.ones(21), (-10, 0))
    np.testing.assert_allclose(heights.travel, 2.0 + 4.0)


def test_a_miss_in_the_neighbourhood_makes_unsure():
    y, z = flat(0)
    z[30] = np.nan
    surroundings = Surroundings(Adaptive())
    surroundings.learn(X, y, z)
    heights = surroundings.heights(X, np.full(64, 0.16), (-5, 0))
    assert np.isnan(heights.slow[28:33]).all()
    assert np.isfinite(heights.slow[:28]).all()


def test_only_the_last_lines_count():
    surroundings = Surroundings(Adaptive(), lines=2)
    surroundings.learn(X, *flat(0, z=9.0))
    surroundings.learn(X, *flat(0.16))
    surroundings.learn(X, *flat(0.32))
    heights = surroundings.heights(X, np.full(64, 0.48), (-5, 0.32))
    np.testing.assert_allclose(heights.travel, 3.0)


@pytest.mark.parametrize("seed", range(5))
def test_on_a_composite_half_a_margin_is_always_left(seed):
    sample = make_sample("composite", seed=seed)
    surroundings = Surroundings(Adaptive())
    start = X[0], X[0]
    for y in X:
        ys = np.full(len(X), y)
        heights = surroundings.heights(X, ys, start)
        z = 1e6 * sample.contact_height(1e-6 * X, 1e-6 * ys)
        if y > X[0]:
            assert np.isfinite(heights.travel).all()
            ways = zip(np.r_[start[0], X[:-1]], X, heights.travel, strict=True)
            for before, after, travel in ways:
                way = 1e-6 * np.array([before, y, after, y])
                assert travel - 1e6 * sample.highest_on_path(*way) > 0.5
        surroundings.learn(X, ys, z)
        start = X[-1], y


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("margin_um", 0.0, "0.1 and 100 um"),
        ("margin_um", np.nan, "0.1 and 100 um"),
        ("slow_um", -1.0, "0.02 and 100 um"),
        ("fast_rate_um_s", 300.0, "0.01 and 200 um/s"),
    ],
)
def test_a_margin_that_cannot_be_is_refused(field, value, told):
    with pytest.raises(ParameterError, match=f"{field}=.* {told}"):
        Adaptive(**{field: value})
