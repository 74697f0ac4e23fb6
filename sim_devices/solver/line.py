"""A line of hops: many ensembles at constant potentials, advanced together.

Time runs alike for all of them, so that diffusion is one matrix for the whole line:
the surface at the end of step k is theta_0 - b_k q_k - sum_{j<k} W_kj q_j. What remains
is to solve for q, by Newton's method for all hops at once. The few for which that
fails, or whose current collapses within a step, are left to be computed one by one.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .diffusion import block
from .ensemble import Ensemble
from .kinetics import F_RT, first_guess
from .time_steps import end_weights

if TYPE_CHECKING:
    from ..cell import RedoxCell

__all__ = ["follow_line"]

_EPS = 1e-12  # theta keeps this distance from 0 and 1
# how close the last but one Newton step has to come, where the current is asked and on
# the way there: in parts of the least overpotential in the line, and at most
_CLOSE, _CLOSE_MOST = 4e-3, 1e-3  # V
_NEAR, _NEAR_MOST = 7e-2, 2e-2  # V; costs 3e-4 of the current asked in the end
_CLOSE_LEAST = 1e-6  # V, when some hop is at rest
_SMALL = 0.02  # of theta_s, the largest such step
_TRIES = 12  # Newton steps
_ALIKE = "D", "r", "E0", "slope", "A1", "B1", "B2"  # for all that run together


@dataclass(frozen=True)
class _Table:
    """Steps after a jump for crystallites of one kind, as matrices of the currents.

    Parameters
    ----------
    b
        How far each current lowers the surface in its own step, shape (k,).
    history
        For each step two rows of the currents before: what they lowered the surface
        by, and what the next one is expected to.
    mean
        The mean currents of the steps from those at their ends, shape (k, k).
    """

    b: list[float]
    history: list[np.ndarray]
    mean: np.ndarray


@lru_cache(maxsize=32)
def _table(shape: str, lengths: bytes) -> _Table:
    tau = np.frombuffer(lengths)
    steps, n = block(shape, tau), len(tau)
    share, memory, ahead, behind = end_weights(tau, sharp=True)
    lead = np.array(steps.b_mean) - steps.b_tilt
    b = lead * share + steps.b_tilt
    mean, history = np.diag(share), []
    for k in range(n):
        if k:
            mean[k, :k] = memory[k] * mean[k - 1, :k]
        means = mean[:k, :k]
        on_mean, on_tilt = steps.history[k][::2], steps.history[k][1::2]
        lowered = (on_mean - on_tilt) @ means + on_tilt + lead[k] * mean[k, :k]
        guess = np.zeros(k)
        guess[-1:], guess[-2:-1] = ahead[k], -behind[k]
        history.append(np.array([lowered, b[k] * guess]))
    return _Table(b.tolist(), history, mean)


class _Kinetics:
    """Butler-Volmer kinetics of a line: see `kinetics.solve`.

    Lines are short, so that the time goes into the number of numpy's operations, of
    which those on two arrays of one shape are the quickest.

    Parameters
    ----------
    cell
        The cells.
    E
        Potential (V) of each.
    """

    def __init__(self, cell: "RedoxCell", E: np.ndarray) -> None:
        n = E.size
        self.unit, self.theta, active, resistance = (
            np.broadcast_to(value, E.shape).ravel()
            for value in (cell.current_unit, cell.theta0, cell.k0, cell.R_s)
        )
        self.active = active > 0
        self._ocp = cell.potential(many=n)
        self._E = E.ravel()
        self._rest, _ = self._ocp(self.theta)
        self._resistance = resistance * self.unit
        exchange = np.broadcast_to(cell.exchange, E.shape).ravel()
        self._exchange = np.where(self.active, exchange, 1.0)
        kinetic = 0.5 / self._exchange
        self._per_q = np.array([self._resistance, kinetic, 2 / F_RT * kinetic])
        self._one, self._half = np.ones(n), np.full(n, 0.5)
        self._scale = np.full(n, 2 / F_RT)
        self._least, self._most = np.full(n, _EPS), np.full(n, 1 - _EPS)
        self._reach = np.full(n, 0.9)  # of the way to 0 or 1, for one Newton step
        self._back = -self._reach

    @property
    def drive(self) -> float:
        """The least overpotential (V) in the beginning."""
        return float(np.abs(self._E - self._rest).min())

    def expected(self, b: float) -> np.ndarray:
        """Guess what the current lowers theta_s by in the first step."""
        return b * first_guess(
            self._rest, self.theta, self._E, self._resistance, self._exchange, b
        )

    def lowered(
        self, p: np.ndarray, b: float, expected: np.ndarray, close: float
    ) -> tuple[np.ndarray, np.ndarray | bool]:
        """Find b q, what the current at its end lowers theta_s by in a step.

        Parameters
        ----------
        p, b
            The surface: theta_s = p - b q.
        expected, close
            Where to start; how close (V) the last but one Newton step has to come.

        Returns
        -------
        tuple
            b q, and whether it was found.
        """
        one, half, scale, ocp = self._one, self._half, self._scale, self._ocp
        reach, back = self._reach, self._back
        ohmic, kinetic, steep = self._per_q * (1 / b)
        low, high = p - self._most, p - self._least
        x = np.minimum(np.maximum(expected, low), high)
        for _ in range(_TRIES):
            theta = p - x
            rest = one - theta
            spread = rest * theta
            y = kinetic * x
            u, du = ocp(theta)
            overpotential = np.arcsinh(y / np.sqrt(spread))
            overpotential *= scale
            residual = self._E - ohmic * x
            residual -= u
            residual -= overpotential
            slope = half - theta
            slope *= x
            slope /= spread
            slope += one
            slope *= steep
            y *= y
            y += spread
            slope /= np.sqrt(y)
            slope += ohmic
            slope -= du
            change = residual / slope
            rest *= back
            theta *= reach
            x = x + np.minimum(np.maximum(change, rest), theta)
            if residual.dot(residual) < close**2 and change.dot(change) < _SMALL**2:
                return x, True
        return x, np.abs(residual) < close


def follow_line(
    cell: "RedoxCell", dt: np.ndarray, E: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """Hold a line of cells at constant potentials.

    Parameters
    ----------
    cell
        The cells; its numbers may be arrays of the shape of the line. Those of the same
        `D`, `r` and equilibrium potential are computed together.
    dt
        Length of the steps (s), fine at first.
    E
        Potential (V) of each cell, of the shape of the line.
    asked
        Numbers of the steps at whose ends the current is asked.

    Returns
    -------
    numpy.ndarray
        Current (A) there, shape: that of the line, then that of `asked`.
    """
    if np.broadcast(*(getattr(cell, name) for name in _ALIKE)).size == 1:
        i, alone = _together(cell, dt, E, asked)
    else:
        i, alone = np.zeros((E.size, len(asked))), np.arange(E.size)
    for k in alone:
        values: dict[str, Any] = {
            name: np.broadcast_to(value, E.shape).flat[k]
            for name, value in vars(cell).items()
            if np.ndim(value)
        }
        one = replace(cell, **values)
        if one.k0 > 0:
            held = np.full(len(dt), E.flat[k])
            i[k] = Ensemble(one).follow(dt, held, sharp=True)[1][asked]
    return i.reshape((*E.shape, len(asked)))


def _together(
    cell: "RedoxCell", dt: np.ndarray, E: np.ndarray, asked: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Do so for all at once; also returns the numbers of those that did not go well."""
    kinetics = _Kinetics(cell, E)
    table = _table(cell.shape, np.multiply(dt, cell.D / cell.r**2).tobytes())
    q, trusted = np.empty((len(dt), E.size)), np.ones(E.size, bool)
    close = np.full(len(dt), min(_NEAR * kinetics.drive, _NEAR_MOST))
    close[asked] = min(_CLOSE * kinetics.drive, _CLOSE_MOST)
    close = np.maximum(close, _CLOSE_LEAST).tolist()
    with np.errstate(all="ignore"):
        p, expected = kinetics.theta, kinetics.expected(table.b[0])
        for k, (b, history) in enumerate(zip(table.b, table.history, strict=True)):
            if k:
                before, expected = history.dot(q[:k])
                p = kinetics.theta - before
            lowered, found = kinetics.lowered(p, b, expected, close[k])
            np.divide(lowered, b, out=q[k])
            if found is not True:
                trusted &= found
        trusted &= (q * table.mean.dot(q) >= 0).all(axis=0)
    i = np.where(kinetics.active, q[asked] * kinetics.unit, 0.0)
    return i.T.copy(), np.flatnonzero(kinetics.active & ~trusted)
