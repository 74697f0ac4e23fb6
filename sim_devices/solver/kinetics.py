"""Equilibrium potential and Butler-Volmer kinetics of an intercalation electrode.

Currents are in units of Q D/r^2 (called q), potentials in V. The unknown of every time
step is one number, q; its equation is solved in potentials, not in currents, because
that form is nearly straight and Newton's method then needs one to three steps.
"""

from collections.abc import Callable
from math import asinh, exp, log, sqrt
from typing import Any

import numpy as np

__all__ = ["F_RT", "Ocp", "first_guess", "lfp_ocp", "nernst_ocp", "solve"]

F_RT = 96485.33212 / (8.314462618 * 298.15)
"""F/RT at 25 C (1/V)."""

Ocp = Callable[[Any], tuple[Any, Any]]
"""Equilibrium potential: theta -> (U, dU/dtheta) in V; also for arrays."""

_EPS = 1e-12  # theta keeps this distance from 0 and 1
_CLOSE = 1e-4  # V, from which one more Newton step lands within a few 1e-7 V
_TWO_RT_F = 2 / F_RT


def lfp_ocp(E0: Any, slope: Any, A1: Any, B1: Any, B2: Any, *, many: int = 0) -> Ocp:
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
        Length of theta, if it will be an array.

    Returns
    -------
    callable
        theta -> (U, dU/dtheta).
    """
    e: Callable[[Any], Any] = exp
    zero, shift, charge = E0 + slope / 2, B2, -B1
    if many:  # numpy multiplies arrays quicker than arrays and numbers
        e = np.exp
        zero, slope, A1, charge, B2, shift = np.repeat(
            [[zero], [slope], [A1], [charge], [B2], [shift]], many, axis=1
        )
    d_charged, d_discharged = A1 * charge, A1 * B2

    def potential(theta):
        charged = e(charge * theta)
        discharged = e(B2 * theta - shift)
        u = zero - slope * theta + A1 * (charged - discharged)
        return u, d_charged * charged - d_discharged * discharged - slope

    return potential


def nernst_ocp(E0: float, *, many: int = 0) -> Ocp:
    """Make the Nernst potential ``E0 + (RT/F) ln((1 - theta)/theta)`` of textbooks."""
    ln = np.log if many else log

    def potential(theta):
        u = E0 + ln((1 - theta) / theta) / F_RT
        return u, -1 / (F_RT * theta * (1 - theta))

    return potential


def first_guess(
    U: Any, theta: Any, E: Any, resistance: Any, exchange: Any, b: Any
) -> Any:
    """Guess q where nothing is known yet: kinetics, resistance and lithium in series.

    Parameters
    ----------
    U, theta
        Equilibrium potential (V) and Li fraction of the surface.
    E, resistance, exchange, b
        As in `solve`; all numbers or arrays of one shape.

    Returns
    -------
    float or numpy.ndarray
        A q between 0 and the solution, from where Newton's method does not overshoot.
    """
    eta = E - U
    x = np.minimum(np.maximum(np.abs(eta) * F_RT / 2, 1e-6), 300.0)
    kinetic = x / np.sinh(x) / (F_RT * exchange * np.sqrt(theta * (1 - theta)))
    limit = np.where(eta > 0, theta, 1 - theta) / b
    return eta / (resistance + kinetic + np.abs(eta) / limit)


def solve(
    ocp: Ocp,
    E: float,
    resistance: float,
    exchange: float,
    p: float,
    b: float,
    guess: float,
) -> float:
    """Find the q at the end of one time step.

    Solves ``E - R q - U(theta_s) = (2/f) asinh(q / (2 J sqrt(theta_s (1 - theta_s))))``
    for q, with theta_s = p - b q, resistance R and exchange current J: Butler-Volmer
    with transfer coefficient 1/2 (Newman & Thomas-Alyea, Electrochemical Systems,
    ch. 8 and 22). The left side minus the right falls with q, so the root stays
    bracketed.

    Parameters
    ----------
    ocp, E
        Equilibrium potential; potential (V) ahead of the resistance.
    resistance, exchange
        Resistance (V per unit of q); exchange current at full scale, in units of q.
    p, b, guess
        The surface is theta_s = p - b q; where to start.

    Returns
    -------
    float
        q; theta_s stays inside (0, 1) whatever E is.
    """
    low, high = (p - 1 + _EPS) / b, (p - _EPS) / b
    q = min(max(guess, low), high)
    half, nearest = 0.5 / exchange, 1e-14 / b
    while high - low > nearest:
        theta = p - b * q
        spread = theta * (1 - theta)
        y = half * q
        u, du = ocp(theta)
        residual = E - resistance * q - u - _TWO_RT_F * asinh(y / sqrt(spread))
        dy = half * (1 + b * q * (0.5 - theta) / spread) / sqrt(spread + y * y)
        new = q - residual / (b * du - resistance - _TWO_RT_F * dy)
        if -_CLOSE < residual < _CLOSE:
            return min(max(new, low), high)
        if residual > 0:
            low = q
        else:
            high = q
        q = new if low < new < high else (low + high) / 2
    return q
