"""Nothing that a user can set makes the cell give nonsense.

Over the whole range of parameters: no nan, no current beyond what the lithium allows,
charge that balances, and a line of hops that agrees with each hop alone.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seccm_ophyd.sim_devices.cell import (
    RedoxCell,
    cyclic_voltammogram,
    equilibrium_theta,
    galvanostatic,
    potential_step,
)
from seccm_ophyd.sim_devices.solver.ensemble import Ensemble

thorough = settings(
    derandomize=True,
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow],
)


def decades(low, high):
    """Numbers spread evenly over the decades from `low` to `high`."""
    return st.floats(np.log10(low), np.log10(high)).map(lambda x: float(10**x))


thetas = st.floats(1e-4, 1 - 1e-4)
potentials = st.floats(-2.0, 2.0)
durations = decades(10e-6, 3600.0)
cells = st.builds(
    RedoxCell,
    ocp=st.sampled_from(["lfp", "nernst"]),
    shape=st.sampled_from(["sphere", "planar"]),
    k0=st.one_of(st.just(0.0), decades(1e-14, 1e-4)),
    D=decades(1e-18, 1e-12),
    r=decades(20e-9, 5e-6),
    A=decades(1e-15, 1e-9),
    R_s=st.one_of(st.just(0.0), decades(1.0, 1e12)),
    theta0=thetas,
)


def passed(i, t):
    """Charge passed up to each time."""
    return np.concatenate([[0.0], np.cumsum((i[1:] + i[:-1]) / 2 * np.diff(t))])


def assert_lithium_lasts(charge, cell, slack=1e-3):
    theta = cell.theta0 - charge / cell.capacity
    assert theta.min() >= -slack
    assert theta.max() <= 1 + slack


@thorough
@given(cell=cells, E=potentials, duration=durations)
def test_potential_step(cell, E, duration):
    t = np.geomspace(1e-8, 1, 500) * duration
    i = potential_step(E, t, cell)
    assert np.all(np.isfinite(i))
    charge = passed(i, t)
    assert_lithium_lasts(charge, cell)
    rest = equilibrium_theta(E, cell)
    assert np.all(i * (cell.theta0 - rest) >= -1e-9 * np.abs(i).max())
    assert abs(charge[-1]) <= 1.001 * abs(cell.theta0 - rest) * cell.capacity


@thorough
@given(cell=cells, E=potentials, duration=durations)
def test_charge_of_a_step_is_the_lithium_that_left(cell, E, duration):
    t = np.geomspace(1e-8, 1, 500) * duration
    if cell.k0 > 0:
        ensemble = Ensemble(cell)
        ensemble.follow(np.diff(t, prepend=0.0), np.full(len(t), E), sharp=True)
        left = (cell.theta0 - ensemble.theta) * cell.capacity
        charge = passed(potential_step(E, t, cell), t)[-1]
        assert charge == pytest.approx(left, rel=1e-3)


@thorough
@given(
    cell=cells,
    corners=st.tuples(potentials, potentials, potentials),
    rate=decades(0.01, 1000.0),
    n=st.integers(50, 2000),
    rested=st.booleans(),
)
def test_voltammogram(cell, corners, rate, n, rested):
    if rested:
        theta = equilibrium_theta(corners[0], cell)
        cell = replace(cell, theta0=min(max(theta, 1e-4), 1 - 1e-4))
    times = np.concatenate([[0], np.cumsum(np.abs(np.diff(corners)) + 0.01)]) / rate
    t = np.linspace(0, times[-1], n)
    E = np.interp(t, times, corners)
    i = cyclic_voltammogram(t, E, cell)
    assert np.all(np.isfinite(i))
    charge = passed(i, t)
    assert_lithium_lasts(charge, cell)


@thorough
@given(
    cell=cells,
    current=st.floats(-20e-9, 20e-9),
    C=decades(0.05e-12, 1e-6),
    E=potentials,
    duration=durations,
    n=st.integers(2, 200),
)
def test_galvanostatic(cell, current, C, E, duration, n):
    t = np.linspace(0, duration, n)
    E = galvanostatic(current, t, cell, C, E)
    assert np.all(np.isfinite(E))
    assert E.shape == t.shape
    redox = current * t - C * (E - E[0])
    scale = abs(current) * duration + C * np.abs(E - E[0]).max()
    theta = cell.theta0 - redox / cell.capacity
    slack = 1e-3 + 1e-9 * scale / cell.capacity
    assert theta.min() >= -slack
    assert theta.max() <= 1 + slack


@thorough
@given(data=st.data(), cell=cells, duration=durations)
def test_a_line_agrees_with_each_hop_alone(data, cell, duration):
    n = 6
    many = {
        "k0": st.one_of(st.just(0.0), decades(1e-14, 1e-4)),
        "A": decades(1e-15, 1e-9),
        "R_s": decades(1.0, 1e12),
        "theta0": thetas,
    }
    drawn = {
        name: np.array(data.draw(st.lists(each, min_size=n, max_size=n)))
        for name, each in many.items()
    }
    E = np.array(data.draw(st.lists(potentials, min_size=n, max_size=n)))
    line = potential_step(E, duration, replace(cell, **drawn))
    alone = [
        potential_step(
            float(E[k]),
            duration,
            replace(cell, **{name: float(v[k]) for name, v in drawn.items()}),
        )
        for k in range(n)
    ]
    np.testing.assert_allclose(line, alone, rtol=1e-3, atol=1e-22)
