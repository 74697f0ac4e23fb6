"""Where to put time steps, and how to read values between them."""

import numpy as np

__all__ = ["clamp_steps", "find_jumps", "graded_steps", "values_at"]

_GRADED = 24  # steps that resolve the transient after a sudden change
_MOST = 100  # steps between two times
_MAX_JUMPS = 50


def graded_steps(
    times: np.ndarray, longest: float = np.inf, first: int = _GRADED
) -> np.ndarray:
    """Make steps that end at each of `times`, fine after 0, where something changed.

    Parameters
    ----------
    times
        Increasing times (s) > 0.
    longest
        Longest step (s), as far as 100 steps between two times allow.
    first
        Number of steps up to the first time.

    Returns
    -------
    numpy.ndarray
        Lengths of the steps (s): equal in sqrt(t), and at most a tenth of the time
        passed.
    """
    last = np.sqrt(np.concatenate([[0.0], times]))
    gaps = np.diff(last)
    with np.errstate(divide="ignore"):
        count = np.maximum(np.ceil(20 * np.log(last[1:] / last[:-1])), 1)
    count[0] = first
    count = np.maximum(count, np.minimum(np.ceil(2 * gaps * last[1:] / longest), _MOST))
    count = count.astype(int)
    ends = np.cumsum(count)
    number = np.arange(1, ends[-1] + 1) - np.repeat(ends - count, count)
    roots = np.repeat(last[:-1], count) + number * np.repeat(gaps / count, count)
    return np.diff(roots**2, prepend=0.0)


def values_at(
    t: np.ndarray, nodes: np.ndarray, means: np.ndarray, *, sharp: bool = False
) -> np.ndarray:
    """Turn the mean currents of steps into currents at times.

    Parameters
    ----------
    t
        Times (s), increasing, within `nodes`.
    nodes
        Ends of the steps (s), the first one the beginning: one more than `means`.
    means
        Mean of each step, steps on the last axis.
    sharp
        Whether the potential jumped at ``nodes[0]``. Then i sqrt(t) is interpolated
        over sqrt(t), which is exact for Cottrell's transient as for a constant.

    Returns
    -------
    numpy.ndarray
        Value at each time.
    """
    if sharp:
        root = np.sqrt(nodes - nodes[0])
        x = (root[1:] + root[:-1]) / 2
        at = np.sqrt(t - nodes[0])
        return _line(at, root, x, means * x, first=0.0) / at
    middles = (nodes[1:] + nodes[:-1]) / 2
    return _line(t, nodes, middles, means)


def _line(
    at: np.ndarray,
    nodes: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    first: float | None = None,
) -> np.ndarray:
    """Interpolate (x, y), carried straight on to both ends of `nodes`."""
    if len(x) == 1:
        return np.broadcast_to(y, y.shape[:-1] + np.shape(at))
    slope = np.diff(y) / np.diff(x)
    if first is None:
        first = y[..., 0] - slope[..., 0] * (x[0] - nodes[0])
    last = y[..., -1] + slope[..., -1] * (nodes[-1] - x[-1])
    x = np.concatenate([nodes[:1], x, nodes[-1:]])
    ends = np.broadcast_to(first, last.shape)
    y = np.concatenate([ends[..., None], y, last[..., None]], axis=-1)
    k = np.clip(np.searchsorted(x, at) - 1, 0, len(x) - 2)
    share = (at - x[k]) / (x[k + 1] - x[k])
    return y[..., k] * (1 - share) + y[..., k + 1] * share


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


def clamp_steps(start: int, end: int, dt: float, fresh: bool) -> list[float]:
    """Make steps (s) from one sample to a later one.

    Parameters
    ----------
    start, end
        Numbers of the samples, counted from the beginning of the current.
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
        return graded_steps(np.array([end * dt])).tolist()
    n = int(np.ceil(10 * np.log(end / start)))
    return [(end - start) * dt / n] * n
