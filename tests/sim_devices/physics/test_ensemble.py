"""Crystallites in time: copies, growth, and the charge that is the lithium."""

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.cell import RedoxCell
from seccm_ophyd.sim_devices.physics.ensemble import Ensemble
from seccm_ophyd.sim_devices.physics.solver.time_steps import graded_steps

CELL = RedoxCell()
STEPS = graded_steps(np.array([20e-3]), CELL.r**2 / CELL.D)


def held(ensemble, E=0.65):
    return ensemble.follow(STEPS, np.full(len(STEPS), E), sharp=True)


def test_the_charge_is_the_lithium_that_left():
    ensemble = Ensemble(CELL)
    means, ends = held(ensemble)
    assert means @ STEPS == pytest.approx((0.96 - ensemble.theta) * CELL.capacity)
    assert ensemble.current == ends[-1]


def test_a_copy_is_independent():
    ensemble = Ensemble(CELL)
    twin = ensemble.copy()
    held(twin)
    assert ensemble.theta == pytest.approx(0.96)
    assert twin.theta < ensemble.theta
    np.testing.assert_array_equal(held(ensemble)[1], held(Ensemble(CELL))[1])


def test_twice_the_crystallites_pass_twice_the_current():
    alone, joined = Ensemble(RedoxCell(R_s=0.0)), Ensemble(RedoxCell(R_s=0.0))
    joined.join(2.0, 0.96)
    np.testing.assert_allclose(held(joined)[1], 2 * held(alone)[1], rtol=1e-9)


def test_crystallites_that_join_bring_their_lithium():
    ensemble = Ensemble(CELL)
    ensemble.join(3.0, 0.36)
    assert ensemble.theta == pytest.approx((0.96 + 2 * 0.36) / 3)


def test_an_imposed_current_is_reaction_and_capacitor():
    ensemble, C, imposed = Ensemble(CELL), 5e-12, 20e-12
    dt = np.full(40, 1e-4)
    E, i = ensemble.impose(dt, np.full(40, imposed), 0.38, C)
    charge = C * (E[-1] - 0.38) + i @ dt
    assert charge == pytest.approx(imposed * dt.sum(), rel=1e-9)
