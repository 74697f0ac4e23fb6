r"""The electrochemical cell under a landed meniscus: LiFePO4 crystallites in LiCl.

SI units; currents are anodic positive (lithium leaves); potentials versus the Ag/AgCl
quasi-reference electrode; 25 C. With theta the Li fraction of Li_theta FePO4,

.. math::

   \partial_t\theta = D\,\rho^{-2}\partial_\rho(\rho^2\partial_\rho\theta), \qquad
   -F c_{max} A D\,\partial_\rho\theta|_{\rho=r} = i

   i = 2 i_0 \sinh(f\eta/2), \quad i_0 = F k_0 c_{max} A \sqrt{\theta_s(1-\theta_s)},
   \quad \eta = E - i R_s - U(\theta_s)

(Newman & Thomas-Alyea, Electrochemical Systems, ch. 8 and 22; Doyle, Fuller & Newman,
J. Electrochem. Soc. 140 (1993) 1526). With a slab and the Nernst potential these are
the equations of Bard & Faulkner, Electrochemical Methods, ch. 5, 6 and 8.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .ensemble import Ensemble, follow_line
from .solver.diffusion import modes
from .solver.kinetics import NERNST, equilibrium
from .solver.time_steps import clamp_steps, graded_steps, values_at

__all__ = [
    "C_MAX",
    "RADIUS",
    "F",
    "RedoxCell",
    "cyclic_voltammogram",
    "equilibrium_theta",
    "galvanostatic",
    "potential_step",
    "sphere_surface_depletion",
]

F = 96485.33212
"""Faraday constant (C/mol)."""

C_MAX = 612 * 3600 / 1000 * 1e6 / F
"""Lithium in LiFePO4 (mol/m^3): 612 mAh/cm^3 (Takahashi 2014)."""

RADIUS = 75e-9
"""Radius of a crystallite (m): half of 100-200 nm (Takahashi 2014)."""

_MAX_STEPS = 1300  # internal time steps of a voltammogram


@dataclass(frozen=True, kw_only=True)
class RedoxCell:
    """Wetted crystallites that take part together, in series with a resistance.

    Every number may be an array of shape (n,) for a line of n hops; only
    `potential_step` takes such a cell.

    Parameters
    ----------
    ocp
        "lfp" or "nernst".
    E0
        Potential in the middle of the plateau, or formal potential (V).
    slope, A1, B1, B2
        Slope of the plateau and height (V) of its ends, steepness of the charged and
        of the discharged end.
    k0
        Rate constant (m/s); 0 switches the reaction off.
    D
        Diffusion coefficient of lithium (m^2/s).
    r, A
        Radius of the sphere, or thickness of the slab (m); wetted area (m^2).
    R_s
        Series resistance (ohm).
    theta0
        Initial Li fraction.
    shape
        "sphere" or "planar".
    """

    ocp: str = "lfp"
    E0: float = 0.376
    slope: float = 0.02
    A1: float = 0.5
    B1: float = 25.0
    B2: float = 150.0
    k0: float = 9e-9
    D: float = 4e-15
    r: float = RADIUS
    A: float = 5e-13
    R_s: float = 54.4e6
    theta0: float = 0.96
    shape: str = "sphere"

    def __post_init__(self) -> None:
        if self.ocp not in ("lfp", "nernst"):
            raise ValueError(f"ocp {self.ocp!r} is neither 'lfp' nor 'nernst'")
        if self.shape not in ("sphere", "planar"):
            raise ValueError(f"shape {self.shape!r} is neither 'sphere' nor 'planar'")
        for name in ("D", "r", "A"):
            if not np.all(np.asarray(getattr(self, name)) > 0):
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        for name in ("k0", "R_s"):
            if not np.all(np.asarray(getattr(self, name)) >= 0):
                raise ValueError(f"{name} must not be negative")
        if not np.all((np.asarray(self.theta0) > 0) & (np.asarray(self.theta0) < 1)):
            raise ValueError(f"theta0 must lie between 0 and 1, not {self.theta0}")

    @property
    def capacity(self) -> float:
        """Charge of all its lithium (C): F c_max A r, a third of it for spheres."""
        return F * C_MAX * self.A * self.r / (3 if self.shape == "sphere" else 1)

    @property
    def current_unit(self) -> float:
        """Q D / r^2 (A), the natural unit of current."""
        return self.capacity * self.D / self.r**2

    @property
    def exchange(self) -> float:
        """F k0 c_max A, the exchange current at full scale, in units of current."""
        return F * self.k0 * C_MAX * self.A / self.current_unit

    def ocp_parameters(self) -> tuple[float, ...]:
        """List the parameters of `kinetics.equilibrium`."""
        kind = NERNST if self.ocp == "nernst" else 0.0
        return kind, self.E0, self.slope, self.A1, self.B1, self.B2

    def potential(self, theta: Any) -> Any:
        """Give the equilibrium potential (V) of a Li fraction, or of an array."""
        return equilibrium.py_func(theta, self.ocp_parameters())[0]


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
    if shape:
        i = follow_line(cell, dt, np.broadcast_to(E, shape))[..., asked]
    elif cell.k0 == 0:
        i = np.zeros(len(times))
    else:
        _, ends = Ensemble(cell).follow(dt, np.full(len(dt), E), sharp=True)
        i = ends[asked]
    return i.reshape(shape + np.shape(t))


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


def _uniform(t: np.ndarray) -> np.ndarray:
    """Check that `t` is uniform and increasing."""
    t = np.asarray(t, float)
    if t.ndim != 1 or len(t) < 2:
        raise ValueError("t must be a one-dimensional array of two or more times")
    steps = np.diff(t)
    if not (steps[0] > 0 and np.allclose(steps, steps.mean(), rtol=1e-3)):
        raise ValueError("t must be uniform and increasing")
    return t


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
