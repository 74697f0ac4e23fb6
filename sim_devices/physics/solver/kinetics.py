"""Equilibrium potential and Butler-Volmer kinetics of an intercalation electrode.

Currents are in units of Q D/r^2 (called q), potentials in V. The unknown of every time
step is one number, q; its equation is solved in potentials, not in currents, because
that form is nearly straight and Newton's method then needs one to three steps.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..compiled import compiled

__all__ = [
    "F_RT",
    "NERNST",
    "equilibrium",
    "first_guess",
    "solve",
]

F_RT = 96485.33212 / (8.314462618 * 298.15)
"""F/RT at 25 C (1/V)."""

NERNST = 1.0
"""First element of the parameters of an equilibrium potential that is Nernst's."""

_EPS = 1e-12  # theta keeps this distance from 0 and 1
_CLOSE = 1e-4  # V, from which one more Newton step lands within a few 1e-7 V
_TWO_RT_F = 2 / F_RT


@compiled()
def equilibrium(theta: Any, ocp: Sequence[float] | np.ndarray) -> tuple[Any, Any]:
    """Give the equilibrium potential of a Li fraction.

    Parameters
    ----------
    theta
        Li fraction; in Python also an array.
    ocp
        ``(kind, E0, slope, A1, B1, B2)``. Kind `NERNST`: the Nernst potential ``E0 +
        (RT/F) ln((1 - theta)/theta)`` of textbooks. Else that of LiFePO4, a flat
        plateau with exponential ends, ``E0 - slope (theta - 1/2) + A1 [exp(-B1 theta)
        - exp(-B2 (1 - theta))]``, after Afshar, Morris & Khajepour, arXiv:1709.03970
        (2017).

    Returns
    -------
    tuple
        U and dU/dtheta (V).
    """
    kind, E0, slope, A1, B1, B2 = ocp[0], ocp[1], ocp[2], ocp[3], ocp[4], ocp[5]
    if kind == NERNST:
        u = E0 + np.log((1 - theta) / theta) / F_RT
        return u, -1 / (F_RT * theta * (1 - theta))
    charged, discharged = A1 * np.exp(-B1 * theta), A1 * np.exp(B2 * (theta - 1))
    u = E0 - slope * (theta - 0.5) + charged - discharged
    return u, -B1 * charged - B2 * discharged - slope


@compiled()
def first_guess(
    U: float, theta: float, E: float, resistance: float, exchange: float, b: float
) -> float:
    """Guess q where nothing is known yet: kinetics, resistance and lithium in series.

    Parameters
    ----------
    U, theta
        Equilibrium potential (V) and Li fraction of the surface.
    E, resistance, exchange, b
        As in `solve`.

    Returns
    -------
    float
        A q between 0 and the solution, from where Newton's method does not overshoot.
    """
    eta = E - U
    x = min(max(abs(eta) * F_RT / 2, 1e-6), 300.0)
    kinetic = x / np.sinh(x) / (F_RT * exchange * np.sqrt(theta * (1 - theta)))
    limit = (theta if eta > 0 else 1 - theta) / b
    return eta / (resistance + kinetic + abs(eta) / limit)


@compiled()
def solve(
    ocp: Sequence[float] | np.ndarray,
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
        q; theta_s stays inside (0, 1) for any E.
    """
    low, high = (p - 1 + _EPS) / b, (p - _EPS) / b
    q = min(max(guess, low), high)
    half, nearest = 0.5 / exchange, 1e-14 / b
    while high - low > nearest:
        theta = p - b * q
        spread = theta * (1 - theta)
        y = half * q
        u, du = equilibrium(theta, ocp)
        residual = E - resistance * q - u - _TWO_RT_F * np.arcsinh(y / np.sqrt(spread))
        dy = half * (1 + b * q * (0.5 - theta) / spread) / np.sqrt(spread + y * y)
        new = q - residual / (b * du - resistance - _TWO_RT_F * dy)
        if -_CLOSE < residual < _CLOSE:
            return min(max(new, low), high)
        if residual > 0:
            low = q
        else:
            high = q
        q = new if low < new < high else (low + high) / 2
    return q
