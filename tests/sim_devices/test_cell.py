"""The cell held against textbook statements; references: docstrings of cell.py."""

from dataclasses import replace
from math import erfc

import numpy as np
import pytest

from seccm_ophyd.sim_devices.cell import (
    C_MAX,
    F,
    RedoxCell,
    cyclic_voltammogram,
    equilibrium_theta,
    galvanostatic,
    potential_step,
    sphere_surface_depletion,
)
from seccm_ophyd.sim_devices.solver.kinetics import F_RT

f = F_RT
A, D = 1e-12, 4e-15


def slab(duration, **changes):
    """A slab so thick that diffusion never sees its back."""
    constants = {
        "ocp": "nernst",
        "shape": "planar",
        "E0": 0.0,
        "D": D,
        "r": 6 * np.sqrt(D * duration),
        "A": A,
        "R_s": 0.0,
        "k0": 1.0,
        "theta0": 1 - 1e-7,
    }
    return RedoxCell(**{**constants, **changes})


def peaks(rate, start, vertex, **changes):
    """Peak potentials and currents (Epa, ipa, Epc, ipc) of a voltammogram."""
    duration = 2 * (vertex - start) / rate
    t = np.linspace(0, duration, 6001)
    E = vertex - np.abs(rate * t - (vertex - start))
    i = cyclic_voltammogram(t, E, slab(duration, **changes))
    found = []
    for half, sign in ((slice(0, 3001), 1), (slice(3000, None), -1)):
        e, c = E[half], sign * i[half]
        k = int(c[5:-5].argmax()) + 5
        p = np.polyfit(e[k - 4 : k + 5] - e[k], c[k - 4 : k + 5], 2)
        found += [e[k] - p[1] / 2 / p[0], np.polyval(p, -p[1] / 2 / p[0])]
    return found


@pytest.mark.parametrize("rate", [0.02, 0.1, 5.0])
def test_reversible_peak_is_that_of_randles_and_sevcik(rate):
    anodic, ipa, _, _ = peaks(rate, -0.3, 0.4)
    assert ipa == pytest.approx(
        0.4463 * F * A * C_MAX * np.sqrt(f * rate * D), rel=0.01
    )
    assert anodic == pytest.approx(28.5e-3, abs=1e-3)


@pytest.mark.parametrize(
    ("psi", "separation"),
    [(20, 61), (7, 63), (5, 65), (3, 68), (2, 72), (1, 84), (0.5, 105), (0.25, 141)],
)
def test_peak_separation_follows_nicholson(psi, separation):
    rate = 0.1
    k0 = psi * np.sqrt(np.pi * D * f * rate)
    anodic, _, cathodic, _ = peaks(rate, -0.3, 0.2, k0=k0)
    assert 1e3 * (anodic - cathodic) == pytest.approx(separation, abs=2)


def test_irreversible_peak():
    rate, k0 = 0.1, 1e-4 * np.sqrt(D * f * 0.1)
    anodic, ipa, _, _ = peaks(rate, 0.0, 0.9, k0=k0)
    af = 0.5 * f
    expected = (0.780 + np.log(np.sqrt(D) / k0) + 0.5 * np.log(af * rate)) / af
    assert anodic == pytest.approx(expected, abs=2e-3)
    assert ipa == pytest.approx(
        0.4958 * F * A * C_MAX * np.sqrt(af * rate * D), rel=0.01
    )


def test_cottrell():
    t = np.geomspace(1e-3, 1, 20)
    i = potential_step(0.6, t, slab(1.0, k0=1e-2, theta0=1 - 1e-9))
    np.testing.assert_allclose(i, F * A * C_MAX * np.sqrt(D / np.pi / t), rtol=0.01)


@pytest.mark.parametrize(("k0", "E"), [(1e-7, 0.05), (1e-6, 0.0), (1e-8, 0.1)])
def test_quasi_reversible_step(k0, E):
    t = np.geomspace(1e-3, 1, 20)
    kf, kb = k0 * np.exp(f * E / 2), k0 * np.exp(-f * E / 2)
    lam = (kf + kb) * np.sqrt(t / D)
    shape = [np.exp(v * v) * erfc(v) if v < 20 else 1 / v / np.sqrt(np.pi) for v in lam]
    i = potential_step(E, t, slab(1.0, k0=k0, theta0=1 - 1e-9))
    np.testing.assert_allclose(i, F * A * C_MAX * kf * np.array(shape), rtol=0.01)


def test_sand():
    tau = 0.5
    current = F * A * C_MAX * np.sqrt(np.pi * D / tau) / 2
    t = np.linspace(0, 0.7, 1000)
    E = galvanostatic(current, t, slab(0.7, k0=1e-3, theta0=1 - 1e-6), 1e-15, -0.3)
    assert t[np.argmax(E > 1.0)] == pytest.approx(tau, rel=0.01)
    assert np.interp(tau / 4, t, E) == pytest.approx(0, abs=1e-3)  # E(tau/4) = E1/2


def test_sphere_at_constant_flux():
    roots = np.arange(1, 2000) * np.pi
    order = np.arange(1, 2000)
    for _ in range(60):  # tan x = x
        roots = order * np.pi + np.arctan(roots)
    tau = np.array([1e-4, 1e-3, 1e-2, 0.1, 1.0])
    series = (np.exp(-(roots**2) * tau[:, None]) / roots**2).sum(axis=1)
    expected = 3 * tau + 0.2 - 2 * series
    np.testing.assert_allclose(sphere_surface_depletion(tau), expected, rtol=5e-3)


def test_sphere_emptied_at_its_surface():
    cell = RedoxCell(ocp="nernst", E0=0.0, k0=1.0, theta0=1 - 1e-9, R_s=0.0)
    tau = np.array([0.01, 0.03, 0.1, 0.3])
    n = np.arange(1, 200)
    expected = 6 * np.exp(-(n**2) * np.pi**2 * tau[:, None]).sum(axis=1)
    i = potential_step(1.0, tau * cell.r**2 / cell.D, cell)
    np.testing.assert_allclose(i / cell.current_unit, expected, rtol=0.01)


@pytest.mark.parametrize("C", [1e-13, 1e-12, 1e-11])
def test_relaxation_at_zero_current(C):
    cell = RedoxCell(theta0=0.5, R_s=0.0, D=1e-9, r=1e-3)
    i0, rest = F * cell.k0 * C_MAX * cell.A * 0.5, cell.E0
    t = np.linspace(0, 0.3, 2000)
    E = galvanostatic(0.0, t, cell, C, rest + 0.25)
    expected = 4 / f * np.arctanh(np.tanh(f * 0.25 / 4) * np.exp(-f * i0 * t / C))
    np.testing.assert_allclose(E - rest, expected, atol=4e-3)


def test_without_reaction_a_current_charges_the_capacitor():
    t = np.linspace(0, 1, 11)
    E = galvanostatic(5e-12, t, RedoxCell(k0=0.0), 4e-12, 0.2)
    np.testing.assert_allclose(E, 0.2 + 5e-12 * t / 4e-12)


@pytest.mark.parametrize(
    ("rate", "ipa", "separation"),
    [(0.1, 34e-12, 0.218), (1.0, 159e-12, 0.40), (10.0, 540e-12, 0.55)],
)
def test_voltammogram_of_lithium_iron_phosphate(rate, ipa, separation):
    corners = np.array([0.0, 0.8, -0.2, 0.0])
    times = np.concatenate([[0], np.cumsum(np.abs(np.diff(corners)))]) / rate
    t = np.linspace(0, times[-1], 5000)
    E = np.interp(t, times, corners)
    i = cyclic_voltammogram(t, E, RedoxCell(theta0=equilibrium_theta(0.0, RedoxCell())))
    assert i.max() == pytest.approx(ipa, rel=0.03)
    assert E[i.argmax()] - E[i.argmin()] == pytest.approx(separation, abs=0.02)
    if rate == 0.1:
        assert E[i.argmax()] == pytest.approx(0.49, abs=0.01)
        assert E[i.argmin()] == pytest.approx(0.27, abs=0.01)


def test_charge_is_conserved():
    cell = RedoxCell(theta0=0.6)
    t = np.linspace(0, 40, 8001)
    E = 0.376 + 0.4 * np.sin(2 * np.pi * t / 40)
    i = cyclic_voltammogram(t, E, cell)
    passed = np.concatenate([[0], np.cumsum((i[1:] + i[:-1]) / 2 * np.diff(t))])
    theta = cell.theta0 - passed / cell.capacity
    assert theta.min() > -1e-3
    assert theta.max() < 1 + 1e-3


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


def test_no_lithium_in_the_electrolyte_no_current():
    cell = RedoxCell(k0=0.0)
    t = np.linspace(0, 1, 50)
    assert not cyclic_voltammogram(t, t, cell).any()
    assert not potential_step(0.65, [1e-3, 1.0], cell).any()


@pytest.mark.parametrize(
    "change",
    [{"ocp": "tafel"}, {"shape": "cube"}, {"A": 0.0}, {"k0": -1.0}, {"theta0": 1.5}],
)
def test_impossible_cells_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        RedoxCell(**change)


def test_times_that_do_not_increase_are_refused():
    with pytest.raises(ValueError, match="increase"):
        potential_step(0.5, [0.0, 1.0], RedoxCell())
    with pytest.raises(ValueError, match="uniform"):
        cyclic_voltammogram(np.array([0, 1, 3.0]), np.zeros(3), RedoxCell())
