"""Finds in a trace where the meniscus broke.

In voltage clamp the current of an open circuit is noise: a loss shows as a fall from
a clear current to none, as fast as the filter allows, with nothing more to the end.
In current clamp the open pipette charges like the stray capacitance that it is: a loss
shows as a run of the potential that no wetted surface could make.

What does not show: a contact that passed no clear current before; one that breaks right
after a jump of the potential, which looks the same; and, in zero-current clamp, any.
"""

import numpy as np
from numpy.typing import NDArray

from .base import Acquisition

__all__ = ["contact_loss"]

_CLEAR, _NOTHING = 10.0, 4.0  # rms of the noise
_RISE = 0.35  # rise time of a low pass, in units of 1/cut-off
_RISES = 3.0  # that a fall to nothing may take
_TAIL = 3  # such times for which nothing may come back ...
_FEWEST = 5  # ... and as many samples
_JUMP_V = 0.02  # of the potential from sample to sample, after which nothing is sought
_WET_PF = 0.1  # anything wet has more
_CHARGE_PC = 0.02  # moves an open circuit further than noise does
_JITTER_V = 0.05  # by which noise may move the potential
_BEYOND_V = 2.0  # the electrolyte decomposes before a wetted surface gets there


def contact_loss(
    trace: NDArray[np.float64],
    acquisition: Acquisition,
    noise_pa: float,
    zero_pa: float = 0.0,
) -> int | None:
    """Find the sample at which the contact was lost.

    Parameters
    ----------
    trace : ndarray, shape (3, samples)
        Time (s), potential (V), current (pA).
    acquisition
        What the amplifier was asked for.
    noise_pa
        Rms of the current without contact (pA).
    zero_pa
        Current that the amplifier shows without contact (pA).

    Returns
    -------
    int or None
        Samples that count; None when the contact was kept, as far as can be seen.
    """
    _, potential, current = trace
    if acquisition.mode == "VCLAMP":
        size = np.abs(current - zero_pa) / noise_pa if noise_pa > 0 else None
        return None if size is None else _fall(size, potential, acquisition)
    if acquisition.waveform is None:
        return None  # no current is imposed that could make it run
    return _run(potential, acquisition)


def _fall(
    size: NDArray[np.float64], potential: NDArray[np.float64], acquisition: Acquisition
) -> int | None:
    """Find where a current (in units of its noise) falls to nothing for good."""
    rate = acquisition.sample_rate_hz
    within = max(int(np.ceil(_RISES * _RISE / acquisition.filter_hz * rate)), 2)
    flowing = np.flatnonzero(size > _NOTHING)
    if not len(flowing):
        return None
    last = int(flowing[-1])
    first = last + 1 - within
    tail = len(size) - 1 - last
    if first < within or tail < max(_TAIL * within, _FEWEST):
        return None
    if size[first] < _CLEAR:
        return None
    around = potential[first - within : last + 2]
    return None if np.abs(np.diff(around)).max() > _JUMP_V else first


def _run(potential: NDArray[np.float64], acquisition: Acquisition) -> int | None:
    """Find where the potential runs faster than a wetted surface charges."""
    imposed = np.abs(np.asarray(acquisition.waveform)).max()
    charge = float(imposed) / acquisition.sample_rate_hz  # pC from sample to sample
    if len(potential) < 2 or charge == 0:
        return None
    back = min(max(1, round(_CHARGE_PC / charge)), len(potential) - 1)
    moved = np.abs(potential[back:] - potential[:-back])
    found = np.flatnonzero(moved > back * charge / _WET_PF + _JITTER_V)
    reach = max(0.9 * acquisition.compliance_v, _BEYOND_V)
    out = np.flatnonzero(np.abs(potential) >= reach)
    if len(found):
        return int(found[0]) + 1
    return int(out[0]) if len(out) else None
