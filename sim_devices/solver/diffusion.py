r"""Diffusion of lithium inside a crystallite, solved once for all by its modes.

With x = rho/r and tau = D t/r^2 the profile theta(x, tau) obeys

.. math:: \partial_\tau\theta = x^{-2}\,\partial_x(x^2\,\partial_x\theta),\qquad
          \mathrm{d}\langle\theta\rangle/\mathrm{d}\tau = -q

(no factor x^2 in a slab), where q is the current in units of Q D/r^2. Finite volumes
turn this into a symmetric matrix; in its eigenvectors each time step is exact as long
as q is constant during the step (Crank, The Mathematics of Diffusion, 2nd ed., ch. 6).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

__all__ = ["Modes", "Steps", "modes", "one_step"]

_SURFACE_CELL = 4e-4  # width of the outermost cell, in units of r
_GROWTH = 1.15  # from cell to cell inwards
_WIDEST = 0.04


@dataclass(frozen=True)
class Steps:
    """Time steps of the modes; the first axis of every array counts the steps.

    The surface after a step is theta_s = p - b q with p = `surface` . a.
    """

    decay: np.ndarray
    gain: np.ndarray
    surface: np.ndarray
    b: np.ndarray


@dataclass(frozen=True, eq=False)
class Modes:
    """Eigenmodes of diffusion in one shape of crystallite.

    Parameters
    ----------
    rates
        Decay rates of the modes in units of D/r^2; the first is 0 (conservation).
    source
        How a unit of q drives each mode.
    surface
        Share of each mode in the surface cell.
    mean
        Share of each mode in the mean.
    half_cell
        Drop of theta from the middle of the surface cell to the surface for q = 1.
    """

    rates: np.ndarray
    source: np.ndarray
    surface: np.ndarray
    mean: np.ndarray
    half_cell: float

    def uniform(self, theta: np.ndarray | float) -> np.ndarray:
        """Amplitudes of a flat profile; modes are the last axis."""
        volume = float(self.mean @ self.mean) ** -1
        return np.multiply.outer(np.asarray(theta, float), self.mean * volume)

    def steps(self, tau: np.ndarray | float) -> Steps:
        """Prepare time steps of lengths `tau` (in units of r^2/D)."""
        tau = np.atleast_1d(np.asarray(tau, float))[:, None]
        decay = np.exp(-self.rates * tau)
        gain = np.empty_like(decay)
        gain[:, 0] = tau[:, 0]
        gain[:, 1:] = (1 - decay[:, 1:]) / self.rates[1:]
        gain *= self.source
        return Steps(
            decay, gain, self.surface * decay, gain @ self.surface + self.half_cell
        )


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
        Decomposed once and kept.
    """
    faces = _faces()
    if shape == "sphere":
        volumes, areas = np.diff(faces**3) / 3, faces**2
    elif shape == "planar":
        volumes, areas = np.diff(faces), np.ones_like(faces)
    else:
        raise ValueError(f"shape {shape!r} is neither 'sphere' nor 'planar'")
    centres = (faces[1:] + faces[:-1]) / 2
    conductance = areas[1:-1] / np.diff(centres)
    between = np.diag(np.r_[conductance, 0.0] + np.r_[0.0, conductance])
    between -= np.diag(conductance, 1) + np.diag(conductance, -1)
    root = np.sqrt(volumes)
    rates, vectors = np.linalg.eigh(between / np.outer(root, root))
    rates[0] = 0.0
    total = volumes.sum()
    surface = vectors[-1] / root[-1]
    return Modes(
        rates=rates,
        source=total * surface,
        surface=surface,
        mean=vectors.T @ root / total,
        half_cell=total * np.diff(faces)[-1] / 2,
    )


@lru_cache(maxsize=4096)
def one_step(
    shape: str, tau: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """One time step of length `tau`: decay, gain, surface and b of `Steps`.

    Kept, because hop after hop asks for the same ones.
    """
    steps = modes(shape).steps(tau)
    return steps.decay[0], steps.gain[0], steps.surface[0], float(steps.b[0])


def _faces() -> np.ndarray:
    """Faces of the cells from 0 to 1: narrow at the surface, never wide inside."""
    widths = [_SURFACE_CELL]
    while sum(widths) < 1:
        widths.append(min(_GROWTH * widths[-1], _WIDEST))
    faces = np.concatenate([[0.0], np.cumsum(widths[::-1])])
    return faces / faces[-1]
