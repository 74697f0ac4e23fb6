"""The 4-pole Bessel low pass that patch-clamp amplifiers have.

Poles: Zverev, Handbook of Filter Synthesis (1967), scaled to -3 dB at 1 rad/s.
"""

from functools import lru_cache

import numpy as np
from numba import types

from .compiled import READ_2D, WRITE_2D, compiled

__all__ = ["bessel_lowpass", "response"]

# each with its complex conjugate
_POLES = np.array([-0.99521 + 1.25711j, -1.37007 + 0.41025j])
_ALL = np.concatenate([_POLES, _POLES.conj()])
_GAIN = np.prod(-_ALL).real
_COMPLEX = types.Array(types.complex128, 2, "C", readonly=True)


def response(nu: np.ndarray) -> np.ndarray:
    """Complex response at frequencies in units of the cut-off."""
    denominator: np.ndarray = np.prod(1j * np.asarray(nu)[..., None] - _ALL, axis=-1)
    return _GAIN / denominator


def bessel_lowpass(x: np.ndarray, dt: float, fc: float) -> np.ndarray:
    """Filter samples, causally.

    Parameters
    ----------
    x
        Samples, time on the last axis; before the first one it was constant.
    dt
        Sample interval (s).
    fc
        -3 dB frequency (Hz).

    Returns
    -------
    numpy.ndarray
        Filtered samples, of the same shape. A cut-off above half the sample rate
        leaves them nearly unchanged.

    Raises
    ------
    ValueError
        If `dt` or `fc` is not positive.

    Notes
    -----
    Exact for the straight lines between samples: each pole is a state that relaxes and
    is driven by them, and the output is the sum of the states.
    """
    if not (dt > 0 and fc > 0):
        raise ValueError(f"dt and fc must be positive, not {dt!r} s and {fc!r} Hz")
    x = np.ascontiguousarray(x, float)
    return _run(x.reshape(-1, x.shape[-1]), _weights(2 * np.pi * fc * dt)).reshape(
        x.shape
    )


@lru_cache(maxsize=64)
def _weights(step: float) -> np.ndarray:
    """Return what moves the states over a sample interval, in units of 1/(2 pi fc).

    For each pole: what it keeps, what the sample before and the one at the end add to
    it, and what it is at rest under a unit; scaled so that their sum is the output.
    """
    others = [np.prod([p - o for o in _ALL if o != p]) for p in _POLES]
    residues = 2 * _GAIN / np.array(others)  # twice: the conjugate does the same
    decay = np.exp(_POLES * step)
    late = (np.expm1(_POLES * step) / (_POLES * step) - 1) / _POLES
    both = np.expm1(_POLES * step) / _POLES
    return np.array(
        [decay, residues * (both - late), residues * late, -residues / _POLES]
    )


@compiled(WRITE_2D(READ_2D, _COMPLEX))
def _run(lines: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Filter lines of samples."""
    filtered = np.empty(lines.shape)
    for n in range(lines.shape[0]):
        before = lines[n, 0]
        first, second = weights[3, 0] * before, weights[3, 1] * before
        for k in range(lines.shape[1]):
            now = lines[n, k]
            first = weights[0, 0] * first + weights[1, 0] * before + weights[2, 0] * now
            second = (
                weights[0, 1] * second + weights[1, 1] * before + weights[2, 1] * now
            )
            filtered[n, k] = first.real + second.real
            before = now
    return filtered
