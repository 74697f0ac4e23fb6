"""Bare substrate is patchy, by its seed."""

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.electrode.substrate import Substrate


def substrate(material, seed=1):
    return Substrate(material, (40e-6, 20e-6), np.random.default_rng(seed))


@pytest.mark.parametrize(("material", "typical"), [("AB", 4e-12), ("Pt", 0.05e-12)])
def test_capacitance_and_leak_scatter_around_their_typical_values(material, typical):
    bare = substrate(material)
    x, y = np.random.default_rng(0).uniform(-10e-6, 10e-6, (2, 400))
    capacitance, leak = np.array([bare.circuit(*p) for p in zip(x, y, strict=True)]).T
    assert capacitance.mean() == pytest.approx(typical, rel=0.05)
    assert np.median(leak) == pytest.approx(1 / 300e9, rel=0.15)
    assert capacitance.min() >= 0.5 * typical


def test_a_patch_is_one_and_the_seed_decides():
    assert substrate("AB").circuit(0.0, 0.0) == substrate("AB").circuit(30e-9, 0.0)
    assert substrate("AB").circuit(0.0, 0.0) != substrate("AB", 2).circuit(0.0, 0.0)
