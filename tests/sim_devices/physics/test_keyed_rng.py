"""Chance that is found by its name."""

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.keyed_rng import keyed_rng


def test_each_key_has_its_own_chance_and_always_the_same():
    first = keyed_rng(1, "landing", 7).standard_normal(4)
    np.testing.assert_array_equal(first, keyed_rng(1, "landing", 7).standard_normal(4))
    for other in ((2, "landing", 7), (1, "acquisition", 7), (1, "landing", 8)):
        assert not np.any(first == keyed_rng(*other).standard_normal(4))
    drawn = np.array([keyed_rng(1, "landing", n).random(2) for n in range(4000)])
    assert drawn.mean() == pytest.approx(0.5, abs=0.02)
    assert np.corrcoef(drawn[:-1, 0], drawn[1:, 0])[0, 1] == pytest.approx(0, abs=0.06)
