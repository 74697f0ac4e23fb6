"""Where to put time steps, and how to read values between them."""

from functools import lru_cache

import numpy as np

__all__ = [
    "clamp_steps",
    "end_weights",
    "find_jumps",
    "graded_steps",
    "relaxing_steps",
    "values_at",
]

_FIRST = 12  # steps that resolve the transient after a jump; they end at (k/12)^2
_FIRST_CLAMPED, _GRADING_CLAMPED = 26, 3  # of E under current clamp: at (k/26)^3
_PER_RATIO = 8.0  # steps while the time grows e-fold, later on
_LONGEST = 0.005  # step, in units of r^2/D, so that an exponential decay is resolved
_MOST, _MOST_IN_ALL = 100, 1000  # steps between two times, and altogether
_MAX_JUMPS = 50
_GROWTH = 1.1  # of a step over the one before, while nothing changes
_RESUMED = 0.8  # of the step before, when more is asked
_SHORTEST = 1e-9  # s; durations are rounded to it


def graded_steps(
    times: np.ndarray,
    diffusion_time: float = np.inf,
    first: int = _FIRST,
    grading: int = 2,
) -> np.ndarray:
    """Make steps that end at each of `times`, fine after 0, where something changed.

    Parameters
    ----------
    times
        Increasing times (s) > 0.
    diffusion_time
        r^2/D (s), of which a step takes at most 0.005, as far as 100 steps between two
        times and 1000 in all allow.
    first, grading
        Number n of steps up to the first time, which end at (k/n)^grading of it.

    Returns
    -------
    numpy.ndarray
        Lengths of the steps (s).
    """
    return _kept_graded_steps(
        times.tobytes(), _LONGEST * diffusion_time, first, grading
    )


@lru_cache(maxsize=128)
def _kept_graded_steps(
    ends: bytes, longest: float, first: int, grading: int
) -> np.ndarray:
    times = np.frombuffer(ends)
    start = np.concatenate([[0.0], times[:-1]])
    power = np.where(start > 0, 2, grading)
    with np.errstate(divide="ignore"):
        count = np.ceil(_PER_RATIO * np.log(times / start))
    count[0] = first
    most = min(_MOST, _MOST_IN_ALL // len(times))
    last = power * (times - start) / longest  # steps, if the last one may be `longest`
    count = np.maximum(count, np.minimum(np.ceil(last), most)).astype(int)
    number = np.arange(1, count.sum() + 1) - np.repeat(np.cumsum(count) - count, count)
    power, low, high = (np.repeat(v, count) for v in (1 / power, start, times))
    low, high = low**power, high**power
    nodes = (low + (high - low) * number / np.repeat(count, count)) ** (1 / power)
    steps = np.diff(nodes, prepend=0.0)
    steps.flags.writeable = False
    return steps


def relaxing_steps(
    duration: float, before: float, diffusion_time: float = np.inf
) -> np.ndarray:
    """Make steps for a time in which what is imposed stays as it was.

    The later after a jump, the slower the current changes: steps that resolved it so
    far may grow.

    Parameters
    ----------
    duration
        How long it stays (s); rounded to 1 ns.
    before
        Length (s) of the step before.
    diffusion_time
        r^2/D (s), of which a step takes at most 0.005, as far as 100 steps allow.

    Returns
    -------
    numpy.ndarray
        Lengths of the steps (s).
    """
    longest = _LONGEST * diffusion_time
    return _kept_relaxing_steps(round(duration / _SHORTEST), before, longest)


@lru_cache(maxsize=128)
def _kept_relaxing_steps(ticks: int, before: float, longest: float) -> np.ndarray:
    duration = ticks * _SHORTEST
    longest = max(longest, duration / _MOST)
    lengths, left = [], duration
    step = min(_RESUMED * before, longest)
    while left > 0:
        lengths.append(step)
        left -= step
        step = min(step * _GROWTH, longest)
    steps = np.array(lengths) * (duration / sum(lengths))
    steps.flags.writeable = False
    return steps


def end_weights(
    dt: np.ndarray, *, sharp: bool = False, before: float = np.inf
) -> np.ndarray:
    """Tie the current at the end of a step to the means of that step and the last.

    Parameters
    ----------
    dt
        Lengths of the steps (s).
    sharp
        Whether the potential jumped at the beginning. Then i sqrt(t) is the straight
        line over sqrt(t), which is exact for Cottrell's transient as for a constant;
        else i over t.
    before
        Length (s) of the step before the first; infinite for none to lean on.

    Returns
    -------
    numpy.ndarray
        Four rows: mean = `share` end + `memory` (mean before), and where to begin the
        search, end = `ahead` (end before) - `behind` (end before that).
    """
    share, memory = np.ones(len(dt)), np.zeros(len(dt))
    ahead, behind = share.copy(), memory.copy()
    if sharp:
        root = np.sqrt(np.cumsum(dt))
        middle = (root + np.r_[0.0, root[:-1]]) / 2
        lean = (root[1:] - middle[1:]) / np.diff(middle)
        share[1:] = root[1:] / (middle[1:] * (1 + lean))
        memory[1:] = lean * middle[:-1] / (middle[1:] * (1 + lean))
        ratio = np.diff(root)[1:] / np.diff(root)[:-1]
        ahead[2:] = (1 + ratio) * root[1:-1] / root[2:]
        behind[2:] = ratio * root[:-2] / root[2:]
    else:
        last = np.r_[before, dt[:-1]]
        lean = dt / (dt + last)
        share, memory = 1 / (1 + lean), lean / (1 + lean)
        behind[1:] = np.minimum(dt[1:] / dt[:-1], 1.0)
        ahead += behind
    return np.array([share, memory, ahead, behind])


def values_at(
    t: np.ndarray, nodes: np.ndarray, means: np.ndarray, first: float, last: float
) -> np.ndarray:
    """Turn the mean currents of steps into currents at times.

    Between the middles of the steps the current runs straight, so that the charge of
    equal steps is kept.

    Parameters
    ----------
    t
        Times (s), increasing, within `nodes`.
    nodes
        Ends of the steps (s), the first one the beginning: one more than `means`.
    means
        Mean of each step.
    first, last
        Value at the beginning and at the end.

    Returns
    -------
    numpy.ndarray
        Value at each time.
    """
    x = np.r_[nodes[0], (nodes[1:] + nodes[:-1]) / 2, nodes[-1]]
    return np.interp(t, x, np.r_[first, means, last])


def find_jumps(E: np.ndarray) -> list[int]:
    """Find where a waveform jumps.

    Parameters
    ----------
    E
        Potentials (V).

    Returns
    -------
    list of int
        k for a jump between ``E[k]`` and ``E[k + 1]``. A waveform that jumps
        everywhere is taken as running straight between samples: no jumps.
    """
    change = np.abs(np.diff(E))
    usual = float(np.median(change[1:])) if len(change) > 1 else 0.0
    jumps = np.flatnonzero(change > 5 * usual + 1e-3).tolist()
    return jumps if len(jumps) <= _MAX_JUMPS else []


def clamp_steps(start: int, end: float, dt: float, fresh: bool) -> list[float]:
    """Make steps (s) from one sample to a later one.

    Parameters
    ----------
    start, end
        Numbers of the samples, counted from the beginning of the current; the end may
        lie between two.
    dt
        Sample interval (s).
    fresh
        Whether the current changed at sample 0: the steps are then fine at first.

    Returns
    -------
    list of float
        Lengths (s), which sum to ``(end - start) * dt``.
    """
    if not fresh:
        return [(end - start) * dt]
    if start == 0:
        first, grading = _FIRST_CLAMPED, _GRADING_CLAMPED
        return graded_steps(np.array([end * dt]), first=first, grading=grading).tolist()
    n = int(np.ceil(7 * np.log(end / start)))
    return [(end - start) * dt / n] * n
