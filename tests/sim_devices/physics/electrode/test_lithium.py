"""Charge that is taken is missing: from a footprint, and from a whole particle."""

from dataclasses import replace

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.cell import C_MAX, F
from seccm_ophyd.sim_devices.physics.samples import make_sample


@pytest.fixture
def sample():
    return make_sample("composite", seed=2, size=20e-6, particle_radius=2e-6)


def test_no_charge_changes_nothing(sample):
    site, before = sample.site(0.0, 0.0), sample.grains.theta.copy()
    sample.remember(site, 0.0)
    np.testing.assert_array_equal(sample.grains.theta, before)


def test_a_particle_as_a_whole_loses_the_charge_that_was_taken(sample):
    site = sample.site(0.0, 0.0)
    before = sample.particle_theta(site.particle)
    charge = 0.2 * F * C_MAX * site.particle_volume
    sample.remember(site, charge, reached=0.5)
    assert sample.particle_theta(site.particle) == pytest.approx(before - 0.2, abs=1e-3)


def test_no_crystallite_is_emptied_or_overfilled(sample):
    site = sample.site(0.0, 0.0)
    for charge in (1e-9, -1e-9):
        sample.remember(site, charge)
        wet = sample.grains.theta[site.grains]
        assert np.all((wet >= 1e-4) & (wet <= 1 - 1e-4))


def test_bare_substrate_remembers_nothing(sample):
    site = replace(sample.site(0.0, 0.0), area=0.0)
    before = sample.grains.theta.copy()
    sample.remember(site, 1e-12)
    np.testing.assert_array_equal(sample.grains.theta, before)
