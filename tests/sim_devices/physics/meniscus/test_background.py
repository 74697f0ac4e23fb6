"""Leak, breakdown and the charging of a fresh surface."""

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.meniscus.background import E_LEAK, Background

BACKGROUND = Background(leak=1 / 300e9, charging=2e-12, conducts=True)


def test_charging_is_quoted_20_ms_after_a_contact_at_650_mv():
    leak = (0.65 - E_LEAK) / 300e9
    assert BACKGROUND.current(0.65, 20e-3, 0.65) == pytest.approx(2e-12 + leak)
    assert BACKGROUND.current(E_LEAK, 1.0, E_LEAK) == pytest.approx(0, abs=1e-20)


def test_the_charge_is_the_integral_of_the_current():
    ages = np.geomspace(1e-3, 1.0, 200_001)
    currents = BACKGROUND.current(0.65, ages, 0.65)
    charge = BACKGROUND.charge(0.65, 1e-3, 1.0, 0.65)
    assert charge == pytest.approx(np.trapezoid(currents, ages), rel=1e-6)


def test_a_blocked_pipette_passes_none():
    blocked = Background(1 / 300e9, 2e-12, conducts=False)
    assert not np.any(blocked.current(0.65, np.array([0.1, 1.0]), 0.65))
    assert blocked.charge(0.65, 0.0, 1.0, 0.65) == 0
