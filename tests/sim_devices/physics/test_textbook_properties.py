"""Nothing that a user can set makes the cell give nonsense.

Over the whole range of parameters: no nan, no current beyond what the lithium allows,
charge that balances, and a line of hops that agrees with each hop alone.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from seccm_ophyd.sim_devices.physics.cell import RedoxCell
from seccm_ophyd.sim_devices.physics.ensemble import Ensemble
from seccm_ophyd.sim_devices.physics.solver.time_steps import graded_steps
from seccm_ophyd.sim_devices.physics.textbook import (
    cyclic_voltammogram,
    equilibrium_theta,
    galvanostatic,
    potential_step,
)

thorough = settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
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


def unknown(i, t):
    """Charge that trapezia may miss where lithium runs out between two samples."""
    return np.max(np.abs(np.diff(i)) * np.diff(t)) / 2


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
    charge, missed = passed(i, t), unknown(i, t) / cell.capacity
    assert_lithium_lasts(charge, cell, slack=1e-3 + missed)
    missing = cell.theta0 - equilibrium_theta(E, cell)
    assert np.all(i * missing >= -1e-9 * np.abs(i).max())  # never the wrong way
    assert abs(charge[-1]) <= (missed + 1.001 * abs(missing)) * cell.capacity + 1e-30


@thorough
@given(cell=cells, E=potentials, duration=durations)
def test_charge_of_a_step_is_the_lithium_that_left(cell, E, duration):
    assume(cell.k0 > 0)
    t = np.geomspace(1e-8, 1, 500) * duration
    i = potential_step(E, t, cell)
    dt = graded_steps(t, cell.r**2 / cell.D)
    ensemble = Ensemble(cell)
    means, _ = ensemble.follow(dt, np.full(len(dt), E), sharp=True)
    left = (cell.theta0 - ensemble.theta) * cell.capacity
    assert means @ dt == pytest.approx(left, rel=1e-6, abs=1e-12 * cell.capacity)
    until_first = means @ np.where(np.cumsum(dt) < t[0] * (1 + 1e-9), dt, 0.0)
    difference = until_first + passed(i, t)[-1] - left
    assert abs(difference) <= 1e-3 * abs(left) + unknown(i, t) + 1e-12 * cell.capacity


@thorough
@given(
    cell=cells,
    corners=st.tuples(potentials, potentials, potentials),
    rate=decades(0.01, 1000.0),
    n=st.integers(50, 1300),
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
    assume(cell.k0 > 0)
    ensemble = Ensemble(cell)
    ensemble.follow(t[1] - t[0], E[1:])
    left = (cell.theta0 - ensemble.theta) * cell.capacity
    moved = np.abs(np.diff(charge)).sum()
    last = np.abs(np.diff(charge))[-1]  # the trapezium of a step that just ended
    assert abs(charge[-1] - left) <= 1e-3 * moved + last + 1e-12 * cell.capacity


@thorough
@given(
    cell=cells,
    current=st.floats(-20e-9, 20e-9),
    C=decades(0.05e-12, 1e-6),
    E_start=potentials,
    duration=durations,
    n=st.integers(2, 200),
)
def test_galvanostatic(cell, current, C, E_start, duration, n):
    t = np.linspace(0, duration, n)
    E = galvanostatic(current, t, cell, C, E_start)
    assert np.all(np.isfinite(E))
    assert E.shape == t.shape
    redox = current * t - C * (E - E_start)
    rounding = 1e-12 * (abs(current) * duration + C * np.abs(E).max())
    assert_lithium_lasts(redox, cell, slack=1e-3 + rounding / cell.capacity)


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
    least = 1e-6 * cell.capacity / cell.A * drawn["A"].min() / duration
    np.testing.assert_allclose(line, alone, rtol=2e-3, atol=least)


def test_a_line_of_cells_agrees_with_each_of_them():
    rng = np.random.default_rng(3)
    line = RedoxCell(
        k0=9e-9 * np.exp(0.35 * rng.standard_normal(40)),
        A=5e-13 * rng.uniform(0.01, 3, 40),
        theta0=rng.uniform(0.01, 0.99, 40),
    )
    i = potential_step(0.65, [5e-3, 20e-3], line)
    one = [
        potential_step(0.65, [5e-3, 20e-3], replace(line, k0=k, A=a, theta0=th))
        for k, a, th in zip(line.k0, line.A, line.theta0, strict=True)
    ]
    assert i.shape == (40, 2)
    np.testing.assert_allclose(i, one, rtol=1e-3)


def test_no_parameters_give_outliers():
    rng = np.random.default_rng(5)
    n = 100
    line = RedoxCell(
        k0=10 ** rng.uniform(-13, -3, n),
        D=10 ** rng.uniform(-18, -12, n),
        A=10 ** rng.uniform(-16, -11, n),
        R_s=10 ** rng.uniform(0, 12, n),
        theta0=rng.uniform(1e-6, 1 - 1e-6, n),
    )
    E = rng.uniform(-2, 2, n)
    t = np.geomspace(1e-4, 10, 15)
    i = potential_step(E, t, line)
    assert np.all(np.isfinite(i))
    charge = np.trapezoid(i, t, axis=-1)
    assert np.all(charge <= line.capacity * line.theta0 * 1.2)
    assert np.all(charge >= -line.capacity * (1 - line.theta0) * 1.2)
