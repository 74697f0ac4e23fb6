"""How far the electrolyte creeps into a particle, and how long that may be ignored."""

from math import inf

import pytest

from seccm_ophyd.sim_devices.physics.meniscus.wicking import Wicking

WICKING = Wicking(footprint=1e-20, particle=1e-17)


def test_half_of_the_particle_is_wet_after_90_s_and_all_in_the_end():
    assert WICKING.growth(0.5) == 1.0
    half = 1 + (1000 - 1) / 2
    assert WICKING.growth(90.0) == pytest.approx(half)
    assert WICKING.reached(half) == pytest.approx(0.5)
    assert WICKING.growth(3600.0) == pytest.approx(1000, rel=1e-6)


def test_what_is_steady_changes_little_meanwhile():
    for age in (0.0, 1.0, 5.0, 60.0):
        later = WICKING.growth(age + WICKING.steady_for(age))
        assert later / WICKING.growth(age) < 1.2


def test_without_a_particle_nothing_grows():
    bare = Wicking(footprint=0.0, particle=0.0)
    assert bare.growth(1e4) == 1.0
    assert bare.reached(1.0) == 0.0
    assert bare.steady_for(10.0) == inf
