"""The patch-clamp amplifier: noise and range.

SI units throughout. All constants are those of a typical patch-clamp headstage.
"""

from functools import lru_cache
from math import isfinite, log, nan, sqrt

import numpy as np
from numba import types

from .bessel import response
from .compiled import NUMBER, READ, WRITE, compiled

__all__ = [
    "current_noise",
    "current_offset",
    "digitise",
    "mean_and_deviation",
    "noise_rms",
    "potential_noise",
]

_DENSITY = 8e-15  # A/sqrt(Hz), white part
_CORNER = 30.0  # Hz, below it 1/f noise prevails
_SLOWEST = 0.3  # Hz, slower fluctuation belongs to the offset
_OFFSET = 0.1e-12  # A rms
_CLAMP_NOISE = 0.4e-3  # V rms, current clamp
_MAINS, _MAINS_HZ = 4e-3, 50.0  # V on a site of infinite impedance
_MAINS_AREA = 2e-15  # m^2 of LiFePO4 that halves it
_HIGHEST = 5.0  # cut-offs; 1e-4 of the power lies above
_OVERSAMPLING = 16  # points per period of the cut-off at which noise is made
_SHORTEST = 512  # points of noise, so that short records keep their slow part


@lru_cache(maxsize=64)
def _noise_spectrum(points: int, dt: float, fc: float) -> np.ndarray:
    """Rms of either part of each coefficient of the noise's Fourier transform.

    White noise of variance 1 has coefficients of variance `points`: half of it in the
    real part and half in the imaginary one, but for the first, and the last of an even
    number, which are real. Those after the last one that is given are 0.
    """
    nu = np.fft.rfftfreq(points, dt)  # kept: hop after hop asks for the same
    nu[0] = nu[1] / 2
    amplitude = np.abs(response(nu / fc)) * np.sqrt(1 + _CORNER / nu)
    amplitude *= _DENSITY / sqrt(2 * dt) * sqrt(points / 2)
    amplitude[[0, -1]] *= sqrt(2)
    amplitude = amplitude[nu <= _HIGHEST * fc]
    amplitude.flags.writeable = False
    return amplitude


def _fast_length(n: int) -> int:
    """Smallest 2^a, 3 2^a or 5 2^a that is at least `n`: quick to transform."""
    power = 1 << (n - 1).bit_length()
    return min(m for m in (5 * power // 8, 3 * power // 4, power) if m >= n)


def noise_rms(fc: float) -> float:
    """Rms (A) of the current noise of an open circuit after the filter `fc` (Hz)."""
    return _DENSITY * sqrt(1.05 * fc + _CORNER * log(max(fc / _SLOWEST, 1.0)))


def current_noise(n: int, dt: float, fc: float, rng: np.random.Generator) -> np.ndarray:
    """Noise of the voltage clamp's current, after the filter.

    Parameters
    ----------
    n
        Number of samples.
    dt
        Sample interval (s).
    fc
        -3 dB frequency of the filter (Hz).
    rng
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        Noise (A) with the density ``(8 fA/sqrt(Hz))^2 (1 + 30 Hz/nu)``: 0.28 pA rms at
        1 kHz. The thermal noise of 500 MOhm is 5.8 fA/sqrt(Hz).
    """
    fine = 1 / (_OVERSAMPLING * fc)
    if dt > 4 * fine:  # samples too far apart to know of each other
        return noise_rms(fc) * rng.standard_normal(n)
    if fine / 2 < dt <= fine:  # fine enough, and not much finer
        return _made_noise(max(n, _SHORTEST), dt, fc, rng)[:n]
    made = _made_noise(max(int(np.ceil(n * dt / fine)) + 2, _SHORTEST), fine, fc, rng)
    return _stretched(made, dt / fine, n)


@compiled(WRITE(READ, NUMBER, types.int64))
def _stretched(made: np.ndarray, step: float, n: int) -> np.ndarray:
    """Read `n` values along straight lines between those made, a step apart."""
    values = np.empty(n)
    for k in range(n):
        at = int(k * step)
        values[k] = made[at] + (k * step - at) * (made[at + 1] - made[at])
    return values


def _made_noise(
    least: int, dt: float, fc: float, rng: np.random.Generator
) -> np.ndarray:
    """Make noise (A) after the filter, at least `least` points at `dt` (s)."""
    points = _fast_length(int(least))
    rms = _noise_spectrum(points, dt, fc)
    parts = rng.standard_normal(2 * len(rms)).view(complex)
    parts *= rms
    return np.fft.irfft(parts, points)


def current_offset(rng: np.random.Generator) -> float:
    """Offset (A) of one acquisition; in zero-current clamp the current that flows."""
    return _OFFSET * float(rng.standard_normal())


def potential_noise(
    n: int, dt: float, area: float, rng: np.random.Generator
) -> np.ndarray:
    """Noise of the current clamp's potential.

    Parameters
    ----------
    n
        Number of samples.
    dt
        Sample interval (s).
    area
        Wetted LiFePO4 (m^2): what has little of it has a high impedance and picks up
        the mains.
    rng
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        Noise (V).
    """
    mains = _MAINS / (1 + area / _MAINS_AREA)
    phase = 2 * np.pi * (_MAINS_HZ * dt * np.arange(n) + rng.uniform())
    return _CLAMP_NOISE * rng.standard_normal(n) + mains * np.sin(phase)


def digitise(i: np.ndarray, full_scale: float, step: float) -> tuple[np.ndarray, bool]:
    """Clip to the range and round to the steps of the digitiser.

    Parameters
    ----------
    i
        Current (A), or anything else.
    full_scale
        Largest absolute value.
    step
        Resolution.

    Returns
    -------
    tuple
        Digitised values, and whether the range was left.
    """
    return _digitise(np.ascontiguousarray(i, float), full_scale, step)


@compiled(types.Tuple((WRITE, types.boolean))(READ, NUMBER, NUMBER))
def _digitise(i: np.ndarray, full_scale: float, step: float) -> tuple[np.ndarray, bool]:
    digits, overload = np.empty(len(i)), False
    for k in range(len(i)):
        digit = np.rint(i[k] / step) * step
        if abs(i[k]) > full_scale:
            digit, overload = np.copysign(full_scale, i[k]), True
        digits[k] = digit
    return digits, overload


def mean_and_deviation(i: np.ndarray) -> tuple[float, float]:
    """Give mean and standard deviation of samples; NaN for that of infinite ones.

    In a fraction of the time of numpy's, which counts for two of them a hop.
    """
    mean = float(i.sum()) / len(i)
    if not isfinite(mean):
        return mean, nan
    apart = i - mean
    return mean, sqrt(float(apart.dot(apart)) / len(i))
