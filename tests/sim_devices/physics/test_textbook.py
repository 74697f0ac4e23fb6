"""The cell held against textbook statements, each with its source.

Bard & Faulkner: Electrochemical Methods, 2nd ed. (2001). Crank: The Mathematics of
Diffusion, 2nd ed. (1975).
"""

from math import erfc

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.cell import C_MAX, F, RedoxCell
from seccm_ophyd.sim_devices.physics.solver.kinetics import F_RT
from seccm_ophyd.sim_devices.physics.textbook import (
    cyclic_voltammogram,
    equilibrium_theta,
    galvanostatic,
    leaky_capacitor,
    potential_step,
    sphere_surface_depletion,
)

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
    """ip = 0.4463 F A c sqrt(f v D), Ep = E1/2 + 28.5 mV.

    Randles, Trans. Faraday Soc. 44 (1948) 327; Sevcik, Collect. Czech. Chem. Commun. 13
    (1948) 349; Nicholson & Shain, Anal. Chem. 36 (1964) 706; Bard & Faulkner 6.2.
    """
    anodic, ipa, _, _ = peaks(rate, -0.3, 0.4)
    assert ipa == pytest.approx(
        0.4463 * F * A * C_MAX * np.sqrt(f * rate * D), rel=0.01
    )
    assert anodic == pytest.approx(28.5e-3, abs=1e-3)


NICHOLSON = {
    **{20: 61, 7: 63, 6: 64, 5: 65, 4: 66, 3: 68, 2: 72, 1: 84},
    **{0.75: 92, 0.5: 105, 0.35: 121, 0.25: 141, 0.1: 212},
}  # psi: peak separation (mV)


@pytest.mark.parametrize(("psi", "separation"), NICHOLSON.items())
def test_peak_separation_follows_nicholson(psi, separation):
    """Peak separations for psi = k0/sqrt(pi D f v), alpha = 1/2.

    Nicholson, Anal. Chem. 37 (1965) 1351; Bard & Faulkner, table 6.5.2. The table holds
    for a sweep that turns 141 mV beyond E1/2, that is 112.5 mV beyond the reversible
    peak; with 800 mV it would be 2.5 mV less for psi = 20 and 7 mV more for psi = 0.1.
    """
    rate = 0.1
    k0 = psi * np.sqrt(np.pi * D * f * rate)
    anodic, _, cathodic, _ = peaks(rate, -0.3, 0.141, k0=k0)
    assert 1e3 * (anodic - cathodic) == pytest.approx(separation, abs=2)


def test_reversibility_depends_on_rate_and_constant_through_psi_alone():
    """Matsuda & Ayabe, Z. Elektrochem. 59 (1955) 494; Bard & Faulkner 6.4."""
    k0 = np.sqrt(np.pi * D * f * 0.1)  # psi = 1 at 0.1 V/s
    separation = []
    for rate, factor in ((0.1, 1.0), (0.4, 2.0), (0.4, 1.0)):
        anodic, _, cathodic, _ = peaks(rate, -0.3, 0.141, k0=k0 * factor)
        separation.append(anodic - cathodic)
    assert separation[0] == pytest.approx(separation[1], abs=1e-4)
    assert separation[2] == pytest.approx(0.105, abs=2e-3)  # psi = 1/2


def test_irreversible_peak():
    """ip = 0.4958 F A c sqrt(a f v D), Ep = E0 + [0.780 + ln(sqrt(D a f v)/k0)]/(a f).

    Nicholson & Shain, Anal. Chem. 36 (1964) 706; Bard & Faulkner 6.3.
    """
    rate, k0 = 0.1, 1e-4 * np.sqrt(D * f * 0.1)
    anodic, ipa, _, _ = peaks(rate, 0.0, 0.9, k0=k0)
    af = 0.5 * f
    expected = (0.780 + np.log(np.sqrt(D) / k0) + 0.5 * np.log(af * rate)) / af
    assert anodic == pytest.approx(expected, abs=2e-3)
    assert ipa == pytest.approx(
        0.4958 * F * A * C_MAX * np.sqrt(af * rate * D), rel=0.01
    )


def test_cottrell():
    """Bard & Faulkner 5.2: i = F A c sqrt(D/(pi t))."""
    t = np.geomspace(1e-3, 1, 20)
    i = potential_step(0.6, t, slab(1.0, k0=1e-2, theta0=1 - 1e-9))
    np.testing.assert_allclose(i, F * A * C_MAX * np.sqrt(D / np.pi / t), rtol=0.01)


@pytest.mark.parametrize(("k0", "E"), [(1e-7, 0.05), (1e-6, 0.0), (1e-8, 0.1)])
def test_quasi_reversible_step(k0, E):
    """Bard & Faulkner 5.5: i = F A c kf exp(l^2) erfc(l), l = (kf + kb) sqrt(t/D)."""
    t = np.geomspace(1e-3, 1, 20)
    kf, kb = k0 * np.exp(f * E / 2), k0 * np.exp(-f * E / 2)
    lam = (kf + kb) * np.sqrt(t / D)
    shape = [np.exp(v * v) * erfc(v) if v < 20 else 1 / v / np.sqrt(np.pi) for v in lam]
    i = potential_step(E, t, slab(1.0, k0=k0, theta0=1 - 1e-9))
    np.testing.assert_allclose(i, F * A * C_MAX * kf * np.array(shape), rtol=0.01)


def test_sand():
    """Bard & Faulkner 8.2: sqrt(tau) = F A c sqrt(pi D)/(2 I), and E(tau/4) = E1/2."""
    tau = 0.5
    current = F * A * C_MAX * np.sqrt(np.pi * D / tau) / 2
    t = np.linspace(0, 0.7, 1000)
    E = galvanostatic(current, t, slab(0.7, k0=1e-3, theta0=1 - 1e-6), 1e-15, -0.3)
    assert t[np.argmax(E > 1.0)] == pytest.approx(tau, rel=0.01)
    assert np.interp(tau / 4, t, E) == pytest.approx(0, abs=1e-3)  # E(tau/4) = E1/2


def test_sphere_at_constant_flux():
    """Crank 6.3, constant flux: 3 tau + 1/5 - 2 sum exp(-l^2 tau)/l^2, tan l = l."""
    roots = np.arange(1, 2000) * np.pi
    order = np.arange(1, 2000)
    for _ in range(60):  # tan x = x
        roots = order * np.pi + np.arctan(roots)
    tau = np.array([1e-4, 1e-3, 1e-2, 0.1, 1.0])
    series = (np.exp(-(roots**2) * tau[:, None]) / roots**2).sum(axis=1)
    expected = 3 * tau + 0.2 - 2 * series
    np.testing.assert_allclose(sphere_surface_depletion(tau), expected, rtol=3e-4)


@pytest.mark.parametrize("tau", [1e-12, 1e-10, 1e-8])
def test_any_surface_is_flat_at_first(tau):
    """Crank 3.3: under constant flux a flat surface falls by 2 sqrt(tau/pi)."""
    expected = 2 * np.sqrt(tau / np.pi)
    assert sphere_surface_depletion(tau) == pytest.approx(expected, rel=5e-4)


def test_sphere_emptied_at_its_surface():
    """Crank 6.3, constant surface: -d<theta>/dtau = 6 sum exp(-n^2 pi^2 tau)."""
    cell = RedoxCell(ocp="nernst", E0=0.0, k0=1.0, theta0=1 - 1e-9, R_s=0.0)
    tau = np.array([0.01, 0.03, 0.1, 0.3])
    n = np.arange(1, 200)
    expected = 6 * np.exp(-(n**2) * np.pi**2 * tau[:, None]).sum(axis=1)
    i = potential_step(1.0, tau * cell.r**2 / cell.D, cell)
    np.testing.assert_allclose(i / cell.current_unit, expected, rtol=0.01)


@pytest.mark.parametrize("C", [1e-13, 1e-12, 1e-11])
def test_relaxation_at_zero_current(C):
    """C dE/dt = -2 i0 sinh(f eta/2), hence tanh(f eta/4) falls with exp(-f i0 t/C).

    Bard & Faulkner 8.7 (coulostatic relaxation) at large overpotential, by direct
    integration.
    """
    cell = RedoxCell(theta0=0.5, R_s=0.0, D=1e-9, r=1e-3)
    i0, rest = F * cell.k0 * C_MAX * cell.A * 0.5, cell.E0
    t = np.linspace(0, 0.3, 2000)
    E = galvanostatic(0.0, t, cell, C, rest + 0.25)
    expected = 4 / f * np.arctanh(np.tanh(f * 0.25 / 4) * np.exp(-f * i0 * t / C))
    np.testing.assert_allclose(E - rest, expected, atol=1e-3)


def test_without_reaction_a_current_charges_the_capacitor():
    t = np.linspace(0, 1, 11)
    E = galvanostatic(5e-12, t, RedoxCell(k0=0.0), 4e-12, 0.2)
    np.testing.assert_allclose(E, 0.2 + 5e-12 * t / 4e-12)


@pytest.mark.parametrize(("current", "theta0"), [(5e-11, 0.02), (-5e-11, 0.98)])
def test_an_exhausted_crystal_leaves_the_current_to_the_capacitor(current, theta0):
    cell = RedoxCell(theta0=theta0)
    t = np.linspace(0, 0.2, 201)
    E = galvanostatic(current, t, cell, 1e-12, 0.376)
    slope = np.diff(E[-20:]) / np.diff(t[-20:])
    np.testing.assert_allclose(slope, current / 1e-12, rtol=0.03)
    left = cell.capacity * (theta0 if current > 0 else theta0 - 1)
    redox = current * t[-1] - 1e-12 * (E[-1] - E[0])
    assert redox == pytest.approx(left, rel=1e-3)


@pytest.mark.parametrize(("current", "C"), [(5e-12, 5e-12), (-1e-11, 1e-12)])
def test_galvanostatic_potential_does_not_depend_on_the_sampling(current, C):
    cell = RedoxCell(theta0=0.7)
    coarse, fine = (
        galvanostatic(current, np.linspace(0, 0.6, n), cell, C, 0.5) for n in (61, 1201)
    )
    np.testing.assert_allclose(coarse, fine[::20], atol=1e-3)


def test_butler_volmer():
    """At first i = 2 i0 sinh(f eta/2), i0 = F k0 c A sqrt(theta (1 - theta)).

    Newman & Thomas-Alyea, Electrochemical Systems, ch. 8 and 22; Doyle, Fuller &
    Newman, J. Electrochem. Soc. 140 (1993) 1526.
    """
    cell = RedoxCell(theta0=0.7, R_s=0.0, k0=1e-12)
    eta = np.array([-0.1, -0.01, 0.01, 0.1])
    i0 = F * cell.k0 * C_MAX * cell.A * np.sqrt(0.7 * 0.3)
    rest = 0.376 - 0.02 * 0.2 + 0.5 * (np.exp(-25 * 0.7) - np.exp(-150 * 0.3))
    i = potential_step(rest + eta, 1e-6, cell)
    np.testing.assert_allclose(i, 2 * i0 * np.sinh(f * eta / 2), rtol=1e-3)


def test_series_resistance_bounds_the_current():
    """Bard & Faulkner 1.3.4: without other limits i = (E - U)/R_s."""
    cell = RedoxCell(ocp="nernst", E0=0.0, k0=1e-2, theta0=0.5, R_s=1e9, A=1e-9)
    i = potential_step(np.array([-0.5, 0.5]), 1e-3, cell)
    np.testing.assert_allclose(i, np.array([-0.5, 0.5]) / 1e9, rtol=1e-3)


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


def test_no_lithium_in_the_electrolyte_no_current():
    cell = RedoxCell(k0=0.0)
    t = np.linspace(0, 1, 50)
    assert not cyclic_voltammogram(t, t, cell).any()
    assert not potential_step(0.65, [1e-3, 1.0], cell).any()


def test_times_that_do_not_increase_are_refused():
    with pytest.raises(ValueError, match="increase"):
        potential_step(0.5, [0.0, 1.0], RedoxCell())
    with pytest.raises(ValueError, match="uniform"):
        cyclic_voltammogram(np.array([0, 1, 3.0]), np.zeros(3), RedoxCell())


def test_capacitor_with_and_without_leak():
    """E = E0 + I t/C; E = Ei + (E0 - Ei) exp(-t G/C), Ei = E_leak + I/G.

    Bard & Faulkner, Electrochemical Methods, 2nd ed., 1.2.4.
    """
    t = np.linspace(0, 3, 7)
    np.testing.assert_allclose(
        leaky_capacitor(5e-12, 4e-12, 0.0, 0.3, 0.2, t), 0.2 + 5e-12 * t / 4e-12
    )
    C, G, final = 4e-12, 1 / 300e9, 0.3 + 5e-12 * 300e9
    np.testing.assert_allclose(
        leaky_capacitor(5e-12, C, G, 0.3, 0.2, t),
        final + (0.2 - final) * np.exp(-t * G / C),
    )
    with pytest.raises(ValueError, match="positive"):
        leaky_capacitor(1e-12, 0.0, 0.0, 0.0, 0.0, 1.0)


def test_a_line_is_its_cells_one_by_one():
    rng = np.random.default_rng(3)
    theta0, A = rng.uniform(0.5, 0.99, 9), RedoxCell.A * rng.uniform(0.1, 2, 9)
    k0 = RedoxCell.k0 * rng.uniform(0, 2, 9)
    k0[4] = 0.0
    t = np.array([5e-3, 20e-3, 0.3])
    together = potential_step(0.65, t, RedoxCell(theta0=theta0, A=A, k0=k0))
    alone = [
        potential_step(0.65, t, RedoxCell(theta0=theta0[n], A=A[n], k0=k0[n]))
        for n in range(9)
    ]
    np.testing.assert_allclose(together, alone, rtol=1e-9)
    assert not together[4].any()
