"""Classic experiments on a `RedoxCell`: what textbooks have formulas and tables for.

The simulator does not run these: its contacts (`meniscus`) step the same `Ensemble`
through all that the amplifier applies. Tests and figures hold the solver with them
against Bard & Faulkner, Nicholson, Cottrell, Sand and Crank.
"""

from dataclasses import replace

import numpy as np

from .cell import RedoxCell
from .ensemble import Ensemble
from .solver.diffusion import modes
from .solver.time_steps import clamp_steps, graded_steps, values_at

__all__ = [
    "cyclic_voltammogram",
    "equilibrium_theta",
    "galvanostatic",
    "leaky_capacitor",
    "potential_step",
    "sphere_surface_depletion",
]

_MAX_STEPS = 1300  # internal time steps of a voltammogram


def equilibrium_theta(E: float, cell: RedoxCell) -> float:
    """Li fraction at rest at the potential `E` (V), within 1e-9 of 0 and 1."""
    low, high = 1e-9, 1 - 1e-9
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if cell.potential(middle) > E else (low, middle)
    return (low + high) / 2


def cyclic_voltammogram(t: np.ndarray, E: np.ndarray, cell: RedoxCell) -> np.ndarray:
    """Redox current while the potential follows `E`.

    Parameters
    ----------
    t, E
        Times (s), uniform, and potentials (V).
    cell
        The cell; its `theta0` is the state at ``t[0]``. A contact that rested at the
        start potential has ``theta0 = equilibrium_theta(E[0], cell)``.

    Returns
    -------
    numpy.ndarray
        Current (A) at each time, without that of the double layer.

    Raises
    ------
    ValueError
        If `t` is not uniform and increasing, or the shapes differ.

    Notes
    -----
    Nicholson & Shain, Anal. Chem. 36 (1964) 706; Nicholson, Anal. Chem. 37 (1965) 1351;
    Bard & Faulkner, 2nd ed., ch. 6.
    """
    t, E = _uniform(t), np.asarray(E, float)
    if E.shape != t.shape:
        raise ValueError(f"t has shape {t.shape}, E has shape {E.shape}")
    if cell.k0 == 0:
        return np.zeros_like(E)
    steps = min(len(t) - 1, _MAX_STEPS)
    nodes = np.linspace(t[0], t[-1], steps + 1)
    means, ends = Ensemble(cell).follow(nodes[1] - nodes[0], np.interp(nodes[1:], t, E))
    return values_at(t, nodes, means, means[0], ends[-1])


def potential_step(E: float, t: np.ndarray | float, cell: RedoxCell) -> np.ndarray:
    """Redox current after a step to a constant potential at t = 0.

    Parameters
    ----------
    E
        Potential (V), a number or an array of the shape of the cell's.
    t
        Times (s), increasing, > 0; a number for one time.
    cell
        The cell, or a line of cells.

    Returns
    -------
    numpy.ndarray
        Current (A), shape: that of the cell, then that of `t`.

    Raises
    ------
    ValueError
        If `t` is not increasing from above 0.

    Notes
    -----
    Cottrell's and the quasi-reversible transient: Bard & Faulkner, 2nd ed., 5.2, 5.5.
    """
    times = np.atleast_1d(np.asarray(t, float))
    if not (times[0] > 0 and np.all(np.diff(times) > 0)):
        raise ValueError("t must increase and begin after 0")
    constants = (value for value in vars(cell).values() if not isinstance(value, str))
    shape = np.broadcast(E, *constants).shape
    dt = graded_steps(times, float(np.min(np.square(cell.r) / cell.D)))
    asked = np.searchsorted(np.cumsum(dt), times * (1 - 1e-9))
    i = _follow_line(cell, dt, np.broadcast_to(np.asarray(E, float), shape))
    return i[..., asked].reshape(shape + np.shape(t))


def galvanostatic(
    I: np.ndarray | float,  # noqa: E741
    t: np.ndarray,
    cell: RedoxCell,
    C: float,
    E_start: float,
) -> np.ndarray:
    """Potential while a current is imposed: I = i_redox + C dE/dt.

    Parameters
    ----------
    I, t
        Current (A), a number or one for each time; times (s) from 0, uniform.
    cell
        The cell.
    C, E_start
        Capacitance (F), > 0, and potential at t = 0 (V).

    Returns
    -------
    numpy.ndarray
        Potential (V) at each time.

    Raises
    ------
    ValueError
        If `t` is not uniform and increasing, or `C` not positive.

    Notes
    -----
    Sand's equation: Bard & Faulkner, 2nd ed., 8.2. Once the crystals are empty, or
    full, the capacitance is left with the current: the potential runs away by I/C per
    second while `t` lasts, and it is for the caller to stop at a limit.
    """
    t = _uniform(t)
    if not C > 0:
        raise ValueError(f"the capacitance must be positive, not {C!r} F")
    current = np.broadcast_to(np.asarray(I, float), t.shape)
    means = (current[1:] + current[:-1]) / 2
    dt = (t[-1] - t[0]) / len(means)
    if cell.k0 == 0:
        return E_start + np.concatenate([[0.0], np.cumsum(means)]) * (dt / C)
    steps = [clamp_steps(k, k + 1, dt, fresh=True) for k in range(len(means))]
    count = [len(s) for s in steps]
    E, _ = Ensemble(cell).impose(
        np.concatenate(steps), np.repeat(means, count), E_start, C
    )
    return np.concatenate([[E_start], E[np.cumsum(count) - 1]])


def sphere_surface_depletion(tau: np.ndarray | float) -> np.ndarray:
    """Depletion of the surface of a sphere that loses a constant current.

    Parameters
    ----------
    tau
        Time in units of r^2/D, > 0.

    Returns
    -------
    numpy.ndarray
        ``(1 - theta_s)/(q/3)`` from the numerical modes; in closed form
        ``3 tau + 1/5 - 2 sum exp(-l^2 tau)/l^2`` with tan l = l (Crank, The
        Mathematics of Diffusion, 2nd ed., 6.3).
    """
    tau = np.asarray(tau, float)
    return 3 * modes("sphere").steps(tau).b_mean


def leaky_capacitor(
    I: np.ndarray | float,  # noqa: E741
    C: float,
    G: float,
    E_leak: float,
    E_start: float,
    t: np.ndarray | float,
) -> np.ndarray:
    """Potential of a capacitor with a leak that is charged by a constant current.

    ``I = C dE/dt + G (E - E_leak)``, hence ``E = E_inf + (E_start - E_inf)
    exp(-t G/C)`` with ``E_inf = E_leak + I/G``; a straight line for G = 0.

    Parameters
    ----------
    I
        Current (A).
    C
        Capacitance (F), > 0.
    G
        Leak conductance (S), >= 0.
    E_leak
        Potential towards which the leak pulls (V).
    E_start
        Potential at t = 0 (V).
    t
        Time (s).

    Returns
    -------
    numpy.ndarray
        Potential (V).

    Raises
    ------
    ValueError
        If C is not positive or G negative.
    """
    if not np.all(np.asarray(C) > 0) or not np.all(np.asarray(G) >= 0):
        raise ValueError(f"C must be positive and G not negative: {C!r} F, {G!r} S")
    decays = np.asarray(t, float) * G / C
    safe = np.where(decays > 0, decays, 1.0)
    slowed = np.where(decays > 0, -np.expm1(-safe) / safe, 1.0)
    return E_start + (I - G * (np.asarray(E_start) - E_leak)) * (t / C) * slowed


def _uniform(t: np.ndarray) -> np.ndarray:
    """Check that `t` is uniform and increasing."""
    t = np.asarray(t, float)
    if t.ndim != 1 or len(t) < 2:
        raise ValueError("t must be a one-dimensional array of two or more times")
    steps = np.diff(t)
    if not (steps[0] > 0 and np.allclose(steps, steps.mean(), rtol=1e-3)):
        raise ValueError("t must be uniform and increasing")
    return t


def _follow_line(cell: RedoxCell, dt: np.ndarray, E: np.ndarray) -> np.ndarray:
    """Hold each cell of a line at a separate potential (V).

    Returns the current (A) at the end of each step (s), shape: that of `E`, then (k,).
    """
    names = [name for name, value in vars(cell).items() if not isinstance(value, str)]
    columns = [np.broadcast_to(getattr(cell, name), E.shape).ravel() for name in names]
    ends = []
    for potential, *numbers in np.column_stack([E.ravel(), *columns]).tolist():
        one = replace(cell, **dict(zip(names, numbers, strict=True)))
        ends.append(_hold(one, dt, potential))
    return np.reshape(ends, (*E.shape, len(dt)))


def _hold(cell: RedoxCell, dt: np.ndarray, E: float) -> np.ndarray:
    """Hold a cell at a potential (V); gives the current (A) after each step."""
    if cell.k0 == 0:
        return np.zeros(len(dt))
    _, ends = Ensemble(cell).follow(dt, np.full(len(dt), E), sharp=True)
    return ends
