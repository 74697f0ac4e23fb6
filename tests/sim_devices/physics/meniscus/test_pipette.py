"""The nanopipette: its resistance, how it breaks, where its meniscus comes off."""

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.meniscus.pipette import Pipette

PIPETTE = Pipette()
TYPICAL = 0.6e-6


def test_pipette_resistance_and_crash():
    """Shaft 1/(pi kappa a tan gamma) and access through the disc 1/(4 kappa a).

    Newman, J. Electrochem. Soc. 113 (1966) 501; Hall, J. Gen. Physiol. 66 (1975) 531.
    """
    kappa, a, gamma = 15.0, 50e-9, np.radians(6)
    expected = 1 / (np.pi * kappa * a * np.tan(gamma)) + 1 / (4 * kappa * a)
    assert PIPETTE.resistance == pytest.approx(expected)
    assert PIPETTE.resistance == pytest.approx(4.4e6, rel=0.01)
    broken = PIPETTE.crashed()
    assert broken.footprint == pytest.approx(2.5 * PIPETTE.footprint)
    assert broken.resistance < 0.5 * PIPETTE.resistance
    gaps = [PIPETTE.jump_gap(np.random.default_rng(k)) for k in range(200)]
    assert np.median(gaps) == pytest.approx(25e-9, rel=0.1)


def lengths(pipette, seed, n):
    rng = np.random.default_rng(seed)
    return np.array([pipette.detach_height(TYPICAL, rng) for _ in range(n)])


def test_the_height_scatters_from_hop_to_hop_as_the_seed_has_it():
    drawn = lengths(Pipette(), 3, 20_000)
    np.testing.assert_array_equal(drawn[:50], lengths(Pipette(), 3, 50))
    assert np.any(drawn[:50] != lengths(Pipette(), 4, 50))
    assert np.median(drawn) == pytest.approx(TYPICAL, rel=0.01)
    assert np.log(drawn).std() == pytest.approx(0.12, rel=0.02)
    assert drawn.min() > 0.61 * TYPICAL
    assert drawn.max() < 1.62 * TYPICAL
    wide = lengths(Pipette(radius=125e-9), 3, 50)
    np.testing.assert_allclose(wide, 2.5 * drawn[:50])
