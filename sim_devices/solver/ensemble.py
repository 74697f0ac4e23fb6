"""Crystallites in time: state of charge and current under voltage or current clamp."""

from typing import TYPE_CHECKING

import numpy as np

from .diffusion import modes, one_step
from .kinetics import solve, solve_many

if TYPE_CHECKING:
    from ..cell import RedoxCell

__all__ = ["Ensemble", "follow_many"]


class Ensemble:
    """Wetted crystallites that act together, stepped through time.

    Parameters
    ----------
    cell
        Constants and initial state; k0 > 0.
    """

    def __init__(self, cell: "RedoxCell") -> None:
        self._ocp = cell.potential()
        self._shape = cell.shape
        self._modes = modes(cell.shape)
        self._clock = float(cell.D / cell.r**2)
        self._unit = float(cell.current_unit)
        self._capacity = float(cell.capacity)
        self._exchange = float(cell.exchange)
        self._R_s = float(cell.R_s)
        self._a = self._modes.uniform(float(cell.theta0))
        self._q = 0.0

    @property
    def theta(self) -> float:
        """Mean Li fraction."""
        return float(self._modes.mean @ self._a)

    @property
    def capacity(self) -> float:
        """Charge of all lithium (C) when full."""
        return self._capacity

    def copy(self) -> "Ensemble":
        """Make an independent copy in the same state."""
        twin = object.__new__(Ensemble)
        twin.__dict__.update(self.__dict__)
        twin._a = self._a.copy()
        return twin

    def join(self, growth: float, theta: float) -> None:
        """Wet `growth` times as many crystallites, the new ones at `theta`.

        Profiles mix by volume; capacity, area and current scale with `growth` >= 1.
        """
        self._a = (self._a + (growth - 1) * self._modes.uniform(theta)) / growth
        self._capacity *= growth
        self._unit *= growth
        self._q /= growth

    def follow(self, dt: float | np.ndarray, E: np.ndarray) -> np.ndarray:
        """Let the potential follow `E` and return the current.

        Parameters
        ----------
        dt
            Length of the steps (s), a number or one for each step.
        E
            Potential (V) at the end of each step.

        Returns
        -------
        numpy.ndarray
            Mean current (A) of each step: times dt it is the charge.
        """
        uniform = np.ndim(dt) == 0
        steps = self._modes.steps(np.multiply(dt, self._clock))
        resistance = self._R_s * self._unit
        b = steps.b.tolist()
        a, q, before = self._a, self._q, self._q
        out = np.empty(len(E))
        for k, potential in enumerate(E.tolist()):
            j = 0 if uniform else k
            guess = 2 * q - before if uniform else q
            before = q
            p = float(steps.surface[j].dot(a))
            q = solve(self._ocp, potential, resistance, self._exchange, p, b[j], guess)
            a = steps.decay[j] * a - q * steps.gain[j]
            out[k] = q
        self._a, self._q = a, q
        return out * self._unit

    def clamp(
        self,
        dt: float,
        E: float,
        current: float,
        C: float,
        G: float = 0.0,
        E_leak: float = 0.0,
    ) -> tuple[float, float]:
        """Impose a current on crystallites, capacitance and leak for one step.

        ``current = i_redox + G (E - E_leak) + C dE/dt``, implicit in time.

        Parameters
        ----------
        dt
            Length of the step (s).
        E
            Potential before the step (V).
        current
            What is imposed (A).
        C, G
            Capacitance (F) and leak conductance (S).
        E_leak
            Potential of the leak (V).

        Returns
        -------
        tuple
            Potential after the step (V), mean redox current of the step (A).
        """
        decay, gain, surface, b = one_step(self._shape, dt * self._clock)
        den = C + dt * G
        free = (
            C * E + dt * (current + G * E_leak)
        ) / den  # where E would go without redox
        drop = dt / den
        resistance = (self._R_s + drop) * self._unit
        p = float(surface.dot(self._a))
        q = solve(self._ocp, free, resistance, self._exchange, p, b, self._q)
        self._a = decay * self._a - q * gain
        self._q = q
        return free - drop * q * self._unit, q * self._unit


def follow_many(cell: "RedoxCell", dt: np.ndarray, E: np.ndarray) -> np.ndarray:
    """Hold a line of cells at constant potentials.

    Parameters
    ----------
    cell
        The cells: `k0`, `D`, `r`, `A`, `R_s`, `theta0` may be arrays.
    dt
        Length of the steps (s), fine at first.
    E
        Potential (V) of each cell, of the shape of the line.

    Returns
    -------
    numpy.ndarray
        Mean current (A) of each step, shape: that of the line, then that of `dt`.

    Raises
    ------
    ValueError
        If the cells differ in their equilibrium potential.
    """
    if any(np.ndim(v) for v in (cell.E0, cell.slope, cell.A1, cell.B1, cell.B2)):
        raise ValueError("E0, slope, A1, B1 and B2 must be numbers, the same for all")
    unit, exchange, theta, clock, resistance = (
        np.broadcast_to(v, E.shape).ravel().astype(float)
        for v in (
            *(cell.current_unit, cell.exchange, cell.theta0),
            *(cell.D / cell.r**2, cell.R_s * cell.current_unit),
        )
    )
    alive = exchange > 0
    exchange = np.where(alive, exchange, 1.0)
    ocp, crystal = cell.potential(many=True), modes(cell.shape)
    if np.ptp(clock) == 0:
        clock = clock[:1]  # one set of steps serves all
    a = crystal.uniform(theta)
    root = np.sqrt(np.concatenate([[0.0], np.cumsum(dt)]))
    x = (root[1:] + root[:-1]) / 2
    out = np.zeros((len(dt), len(unit)))
    for k, h in enumerate(dt):
        guess = out[k - 1] * (x[k - 1] / x[k])
        if k > 1:  # q sqrt(t) runs nearly straight over sqrt(t)
            bend = out[k - 1] * x[k - 1] - out[k - 2] * x[k - 2]
            guess += bend * ((x[k] - x[k - 1]) / (x[k - 1] - x[k - 2]) / x[k])
        s = crystal.steps(h * clock)
        p = (s.surface * a).sum(axis=-1)
        b = np.broadcast_to(s.b, p.shape)
        q = solve_many(ocp, E.ravel(), resistance, exchange, p, b, guess)
        out[k] = q = alive * q
        a *= s.decay
        a -= q[:, None] * s.gain
    return (out * unit).T.reshape((*E.shape, len(dt)))
