r"""Diffusion of lithium inside a crystallite, as a sum of modes.

With x = rho/r and tau = D t/r^2 the profile theta(x, tau) obeys

.. math:: \partial_\tau\theta = x^{-2}\,\partial_x(x^2\,\partial_x\theta),\qquad
          \mathrm{d}\langle\theta\rangle/\mathrm{d}\tau = -q

(no factor x^2 in a slab), where q is the current in units of Q D/r^2. A constant q
lowers the surface by

.. math:: q\,\Big[\tau + \sum_n \frac{w_n}{\lambda_n^2}
          \big(1 - e^{-\lambda_n^2\tau}\big)\Big]

with tan l = l and w = 2/3 in a sphere, l = n pi and w = 2 in a slab (Crank, The
Mathematics of Diffusion, 2nd ed., 6.3 and 4.3). So theta_s is the mean plus one
relaxing amplitude for each l. The shorter the time, the more terms the series needs.
Beyond the third they therefore stand for ever more of their neighbours: n is stretched
smoothly from counting to exponential, as the trapezoidal rule allows. With 38 of them
the surface is right within 6e-4 from tau = 1e-15 on.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

__all__ = ["Block", "Modes", "Steps", "block", "modes"]

_EXACT = 3  # modes that stand for themselves
_STRETCH = 0.5  # how fast l grows beyond them: exp(0.5) from one to the next
_SMOOTHNESS = 2.0  # how many modes the change takes
_HIGHEST = 1e8  # number of the last mode


@dataclass(frozen=True)
class Steps:
    """Time steps of the modes; in every array the last axis counts the modes.

    During a step the current runs straight, with the mean q_mean and q at the end.
    The amplitudes become ``decay a - q_mean mean - (q - q_mean) tilt``, and the surface
    ``sum(decay a) - q_mean b_mean - (q - q_mean) b_tilt``.
    """

    decay: np.ndarray
    mean: np.ndarray
    tilt: np.ndarray
    b_mean: np.ndarray
    b_tilt: np.ndarray


class Block(NamedTuple):
    """Some steps on end, for which diffusion is a matrix of the currents.

    Parameters
    ----------
    decay
        What is left of the amplitudes after each step, shape (k, modes).
    history
        For each step what the currents of the steps before lowered the surface by, in
        the order q_mean, q - q_mean of the first, of the second..., shape (k, 2 k).
    left
        What they change in the amplitudes in the end, shape (2 k, modes).
    b
        b_mean and b_tilt of `Steps`, shape (2, k).
    """

    decay: np.ndarray
    history: np.ndarray
    left: np.ndarray
    b: np.ndarray


@dataclass(frozen=True, eq=False)
class Modes:
    """Modes of diffusion in one shape of crystallite.

    Parameters
    ----------
    rates
        Their decay rates l^2 in units of D/r^2; the first is 0, that of the mean.
    weights
        How a unit of q drives each of them.
    rest
        What a unit of q lowers the surface by through still faster modes.
    """

    rates: np.ndarray
    weights: np.ndarray
    rest: float

    def uniform(self, theta: np.ndarray | float) -> np.ndarray:
        """Amplitudes of a flat profile; modes are the last axis."""
        return np.multiply.outer(np.asarray(theta, float), self.rates == 0)

    def steps(self, tau: np.ndarray | float) -> Steps:
        """Prepare time steps of lengths `tau` (in units of r^2/D)."""
        h = np.asarray(tau, float)[..., None]
        y = self.rates * h
        decay = np.exp(-y)
        safe = np.where(y > 0, y, 1.0)
        mean = np.where(y > 0, -np.expm1(-y) / safe, 1.0)
        tilt = mean - 2 * (mean - decay) / safe
        tilt = np.where(y > 1e-3, tilt, y / 6 - y**2 / 12)  # where digits cancel
        mean, tilt = h * mean * self.weights, h * tilt * self.weights
        b_mean, b_tilt = mean.sum(axis=-1) + self.rest, tilt.sum(axis=-1) + self.rest
        return Steps(decay, mean, tilt, b_mean, b_tilt)


@lru_cache
def modes(shape: str) -> Modes:
    """Modes of a crystallite.

    Parameters
    ----------
    shape
        "sphere", or "planar" for a slab that is open on one side.

    Returns
    -------
    Modes
        Found once and kept.
    """
    number, neighbours, last = _mode_numbers()
    if shape == "sphere":
        weight, roots = 2 / 3, (number + 0.5) * np.pi
        for _ in range(60):  # tan l = l
            roots = number * np.pi + np.arctan(roots)
    elif shape == "planar":
        weight, roots = 2.0, number * np.pi
    else:
        raise ValueError(f"shape {shape!r} is neither 'sphere' nor 'planar'")
    rest = weight / (np.pi**2 * last)
    return Modes(np.r_[0.0, roots**2], np.r_[1.0, weight * neighbours], rest)


def _mode_numbers() -> tuple[np.ndarray, np.ndarray, float]:
    """Numbers n of the modes (soon not whole), dn between them, the last n covered."""
    count = np.arange(1.0, 100.0, 0.5)
    v = _STRETCH * np.maximum(count - _EXACT, 0.0)
    n = count + _SMOOTHNESS * (np.expm1(v) - v - v**2 / 2 - v**3 / 6)
    dn = 1 + _SMOOTHNESS * _STRETCH * (np.expm1(v) - v - v**2 / 2)
    modes_kept = int(np.searchsorted(n[::2], _HIGHEST))
    return n[: 2 * modes_kept : 2], dn[: 2 * modes_kept : 2], n[2 * modes_kept - 1]


def block(shape: str, tau: np.ndarray) -> Block:
    """Prepare steps of lengths `tau` (in units of r^2/D), shape (k,), on end.

    Kept, because hop after hop asks for the same ones.
    """
    return _kept_block(shape, tau.tobytes())


@lru_cache(maxsize=512)
def _kept_block(shape: str, lengths: bytes) -> Block:
    tau = np.frombuffer(lengths)
    s = modes(shape).steps(tau)
    left = np.zeros((2 * len(tau), s.decay.shape[1]))
    history = np.zeros((len(tau), 2 * len(tau)))
    for k in range(len(tau)):
        left *= s.decay[k]
        history[k] = left.sum(axis=1)
        left[2 * k], left[2 * k + 1] = s.mean[k], s.tilt[k]
    decay = np.cumprod(s.decay, axis=0)
    made = Block(decay, history, left, np.array([s.b_mean, s.b_tilt]))
    for array in made:
        array.flags.writeable = False
    return made
