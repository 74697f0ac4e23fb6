"""Whether a withdrawal clears what the surface may rise from point to point."""

import numpy as np

from seccm_ophyd.errors import ParameterError

from .path import Points

__all__ = ["check_withdrawal", "longest_step"]

STEEPEST = 1.5  # um that a surface may rise on one um of a step: 56 degrees
HIGHEST_UM = 3.0  # that it may rise on any step; docs/explanations/hopping.md
_NEAR = 100_000  # hops before, among which the nearest is looked for


def longest_step(points: Points, least: float, known: Points = ()) -> float:
    """Give the longest way from what is known of the surface to a point (um).

    Known are the points before it, too: back at the beginning of the next line of a
    grid, the probe is next to the last line, however far it has travelled.

    Parameters
    ----------
    points
        The hops in their order.
    least
        Steps up to this length (um) are not distinguished.
    known
        Points of the surface that were landed on before.

    Returns
    -------
    float
        0 where no step is longer than `least`.
    """
    xy = np.array([(p.x, p.y) for p in (*known, *points)], float).reshape(-1, 2)
    steps = np.abs(np.diff(xy, axis=0)).max(axis=1, initial=0.0)
    steps[: max(len(known) - 1, 0)] = 0.0
    longest = 0.0
    for k in np.flatnonzero(steps > max(least, longest)) + 1:
        before = xy[max(0, k - _NEAR) : k]
        longest = max(longest, float(np.abs(before - xy[k]).max(axis=1).min()))
    return longest if longest > least else 0.0


def check_withdrawal(points: Points, withdraw_um: float, known: Points = ()) -> None:
    """Check that the probe is withdrawn by more than the surface may rise.

    Parameters
    ----------
    points, known
        As in `longest_step`.
    withdraw_um
        Withdrawal before each move (um).

    Raises
    ------
    ParameterError
        If it is less than 1.5 times the longest step, and less than 3 um.
    """
    if withdraw_um >= HIGHEST_UM:
        return
    step = longest_step(points, withdraw_um / STEEPEST * (1 + 1e-9), known)
    if step:
        least = min(STEEPEST * step, HIGHEST_UM)
        raise ParameterError(
            f"withdraw_um={withdraw_um:g} is too little for a step of {step:.4g} um: "
            f"give at least {least:.3g} um ({STEEPEST:g} um for each um of the step, "
            f"but no more than {HIGHEST_UM:g} um)"
        )
