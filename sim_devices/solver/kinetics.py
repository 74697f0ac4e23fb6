"""Equilibrium potential and Butler-Volmer kinetics of an intercalation electrode.

Currents are in units of Q D/r^2 (called q), potentials in V. The unknown of every time
step is one number, q; its equation is solved in potentials, not in currents, because
that form is nearly straight and Newton's method then needs two to four steps.
"""

from collections.abc import Callable
from math import asinh, exp, log, sqrt
from typing import Any

import numpy as np

__all__ = ["F_RT", "Ocp", "lfp_ocp", "nernst_ocp", "solve", "solve_many"]

F_RT = 96485.33212 / (8.314462618 * 298.15)
"""F/RT at 25 C (1/V)."""

Ocp = Callable[[Any], tuple[Any, Any]]
"""Equilibrium potential: theta -> (U, dU/dtheta) in V; also for arrays."""

_EPS = 1e-12  # theta keeps this distance from 0 and 1
_TOLERANCE = 3e-7  # V, one crystallite ensemble
_TOLERANCE_MANY = 2e-6  # V, a whole line


def lfp_ocp(
    E0: float, slope: float, A1: float, B1: float, B2: float, *, many: bool = False
) -> Ocp:
    """Make the potential of LiFePO4: a flat plateau with exponential ends.

    ``U = E0 - slope (theta - 1/2) + A1 [exp(-B1 theta) - exp(-B2 (1 - theta))]``,
    after Afshar, Morris & Khajepour, arXiv:1709.03970 (2017).

    Parameters
    ----------
    E0, slope, A1
        V.
    B1, B2
        Steepness of the charged and of the discharged end.
    many
        Whether theta will be an array.

    Returns
    -------
    callable
        theta -> (U, dU/dtheta).
    """
    e = np.exp if many else exp

    def potential(theta):
        charged = A1 * e(-B1 * theta)
        discharged = A1 * e(-B2 * (1 - theta))
        u = E0 - slope * (theta - 0.5) + charged - discharged
        return u, -slope - B1 * charged - B2 * discharged

    return potential


def nernst_ocp(E0: float, *, many: bool = False) -> Ocp:
    """Make the Nernst potential ``E0 + (RT/F) ln((1 - theta)/theta)`` of textbooks."""
    ln = np.log if many else log

    def potential(theta):
        u = E0 + ln((1 - theta) / theta) / F_RT
        return u, -1 / (F_RT * theta * (1 - theta))

    return potential


def solve(
    ocp: Ocp,
    E: float,
    resistance: float,
    exchange: float,
    p: float,
    b: float,
    guess: float,
) -> float:
    """Find the q of one time step.

    Solves ``E - R q - U(theta_s) = (2/f) asinh(q / (2 J sqrt(theta_s (1 - theta_s))))``
    for q, with theta_s = p - b q, resistance R and exchange current J: Butler-Volmer
    with transfer coefficient 1/2 (Newman & Thomas-Alyea, Electrochemical Systems,
    ch. 8 and 22). The left side minus the right falls with q, so the root stays
    bracketed.

    Parameters
    ----------
    ocp
        Equilibrium potential.
    E
        Potential (V) ahead of the resistance.
    resistance
        Resistance (V per unit of q).
    exchange
        Exchange current at full scale, in units of q.
    p, b
        The surface: theta_s = p - b q.
    guess
        Where to start.

    Returns
    -------
    float
        q; theta_s stays inside (0, 1) whatever E is.
    """
    low, high = (p - 1 + _EPS) / b, (p - _EPS) / b
    q = min(max(guess, low), high)
    for _ in range(80):
        theta = p - b * q
        spread = theta * (1 - theta)
        root = sqrt(spread)
        u, du = ocp(theta)
        z = q / (2 * exchange * root)
        residual = E - resistance * q - u - 2 / F_RT * asinh(z)
        if abs(residual) < _TOLERANCE:
            break
        if residual > 0:
            low = q
        else:
            high = q
        dz = (1 + q * b * (1 - 2 * theta) / (2 * spread)) / (2 * exchange * root)
        q -= residual / (b * du - resistance - 2 / F_RT * dz / sqrt(1 + z * z))
        if not low < q < high:
            q = (low + high) / 2
    return q


def solve_many(
    ocp: Ocp,
    E: np.ndarray,
    resistance: np.ndarray,
    exchange: np.ndarray,
    p: np.ndarray,
    b: np.ndarray,
    guess: np.ndarray,
) -> np.ndarray:
    """Find the q of one time step for many crystallites; see `solve`.

    All arrays have the same shape (n,). Those that have converged are left alone, so
    that a few difficult ones neither cost much nor stay wrong.
    """
    low = (p - 1 + _EPS) / b
    high = (p - _EPS) / b
    q = np.minimum(np.maximum(guess, low), high)
    answer, where = q.copy(), np.arange(len(q))
    for _ in range(80):
        theta = p - b * q
        spread = theta * (1 - theta)
        kinetic = 0.5 / (exchange * np.sqrt(spread))
        u, du = ocp(theta)
        z = q * kinetic
        residual = E - resistance * q - u - 2 / F_RT * np.arcsinh(z)
        wrong = np.abs(residual) >= _TOLERANCE_MANY
        left = int(np.count_nonzero(wrong))
        if left < len(q) / 2:  # carry on with the others
            answer[where] = q
            if left == 0:
                break
            E, resistance, exchange = E[wrong], resistance[wrong], exchange[wrong]
            p, b, low, high = p[wrong], b[wrong], low[wrong], high[wrong]
            q, where, residual, du = q[wrong], where[wrong], residual[wrong], du[wrong]
            theta, spread, kinetic = theta[wrong], spread[wrong], kinetic[wrong]
            z = z[wrong]
        rising = residual > 0
        low = np.where(rising, q, low)
        high = np.where(rising, high, q)
        dz = (1 + q * b * (0.5 - theta) / spread) * kinetic
        new = q - residual / (b * du - resistance - 2 / F_RT * dz / np.sqrt(1 + z * z))
        q = np.where((new > low) & (new < high), new, (low + high) / 2)
    answer[where] = q
    return answer
