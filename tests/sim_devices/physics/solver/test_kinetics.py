"""Equilibrium and kinetics: derivatives, and the root that is found."""

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.cell import RedoxCell
from seccm_ophyd.sim_devices.physics.solver.kinetics import F_RT, equilibrium, solve

LFP = RedoxCell().ocp_parameters()
NERNST = RedoxCell(ocp="nernst", E0=0.2).ocp_parameters()


@pytest.mark.parametrize("ocp", [LFP, NERNST])
@pytest.mark.parametrize("theta", [0.01, 0.3, 0.96])
def test_the_slope_is_the_derivative(ocp, theta):
    h = 1e-6
    (above, _), (below, _) = (equilibrium(theta + s, ocp) for s in (h, -h))
    _, slope = equilibrium(theta, ocp)
    assert slope == pytest.approx((above - below) / (2 * h), rel=1e-6)
    assert slope < 0


def test_nernst_gains_59_mv_for_each_decade():
    u, _ = equilibrium(1 / 11, NERNST)
    assert u - 0.2 == pytest.approx(np.log(10) / F_RT)
    assert np.log(10) / F_RT == pytest.approx(0.05916, abs=1e-5)


@pytest.mark.parametrize("E", [-2.0, 0.1, 0.376, 0.65, 2.0])
@pytest.mark.parametrize("guess", [-1e3, 0.0, 1e3])
def test_the_root_solves_its_equation_wherever_it_starts(E, guess):
    resistance, exchange, p, b = 1e-3, 5.0, 0.6, 0.02
    q = solve(LFP, E, resistance, exchange, p, b, guess)
    surface = p - b * q
    assert 0 < surface < 1
    u, _ = equilibrium(surface, LFP)
    driven = (
        2 / F_RT * np.arcsinh(q / (2 * exchange * np.sqrt(surface * (1 - surface))))
    )
    at_an_end = min(surface, 1 - surface) < 1e-9
    assert at_an_end or abs(E - resistance * q - u - driven) < 1e-6
