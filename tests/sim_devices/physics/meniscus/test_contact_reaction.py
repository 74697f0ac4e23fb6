"""What a contact adds to its cell, hold, onset, charge, against the cell alone."""

from dataclasses import replace

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.cell import RedoxCell
from seccm_ophyd.sim_devices.physics.meniscus.background import Background
from seccm_ophyd.sim_devices.physics.meniscus.contact import Contact
from seccm_ophyd.sim_devices.physics.meniscus.pipette import Pipette
from seccm_ophyd.sim_devices.physics.samples import make_sample
from seccm_ophyd.sim_devices.physics.textbook import potential_step

PIPETTE = Pipette()


@pytest.fixture(scope="module")
def site():
    sample = make_sample("film", seed=1, size=2e-6, memory=False)
    here = sample.site(0.0, 0.0)
    return replace(here, k_scale=1.0, theta=0.96, leak=0.0, particle_volume=0.0)


def land(site, area):
    """A contact without background, and the bare cell under it."""
    contact = Contact(replace(site, area=area), PIPETTE, np.random.default_rng(0))
    contact._background = Background(0.0, 0.0, True)
    resistance = PIPETTE.series_resistance
    return contact, RedoxCell(A=area, R_s=resistance, theta0=site.theta)


@pytest.mark.parametrize("area", [1e-13, 5e-13, 1e-12])
def test_current_after_a_hold_is_that_of_the_step(site, area):
    contact, cell = land(site, area)
    contact.hold(0.65, 20e-3)
    i = contact.potentiostatic(np.full(10, 0.65), 5e-6)
    after = 20e-3 + np.arange(1, 11) * 5e-6
    t = np.concatenate([np.geomspace(1e-8, 20e-3, 500), after])
    np.testing.assert_allclose(i, potential_step(0.65, t, cell)[-10:], rtol=2e-3)


@pytest.mark.parametrize("area", [1e-13, 5e-13])
def test_onset_is_the_step_seen_through_a_spreading_footprint(site, area):
    contact, cell = land(site, area)
    t = np.arange(1, 401) * 50e-6
    expected = potential_step(0.65, t, cell) * -np.expm1(-t / 0.4e-3)
    np.testing.assert_allclose(contact.onset(0.65, 50e-6, 400), expected, rtol=0.01)


@pytest.mark.parametrize("E", [0.3, 0.5, 0.65, 0.9])
def test_current_takes_as_much_lithium_as_it_carries(site, E):
    contact, cell = land(site, 5e-13)
    contact.hold(E, 20e-3)
    before = contact.theta
    i = contact.potentiostatic(np.full(4000, E), 5e-5)
    taken = (before - contact.theta) * cell.capacity
    assert i.sum() * 5e-5 == pytest.approx(taken, rel=1e-3)


def test_charge_of_the_reaction_is_the_lithium_taken_whatever_is_done(site):
    contact, cell = land(site, 5e-13)
    contact.hold(0.5, 20e-3)
    contact.potentiostatic(np.linspace(0.5, 0.2, 300), 1e-3)
    contact.galvanostatic(np.full(50, 2e-12), 1e-3)
    contact.potentiostatic(np.repeat([0.6, 0.3], 100), 1e-4)
    taken = (site.theta - contact.theta) * cell.capacity
    assert contact._redox_charge == pytest.approx(taken, rel=1e-6)
