"""Which way the current of a map flows where the sample is active."""

from typing import Any

import numpy as np
import xarray as xr

from .maps import trusted

__all__ = ["active", "direction", "farther_side"]

# Outermost parts (%) of a map that do not count, where only the map decides: spikes.
SPIKES = 0.2
CURRENT = "current"  # the variable whose direction the potential of a map decides


def direction(data: xr.Dataset, name: str = CURRENT) -> int:
    """Return the sign of the current of what is active.

    The potential decides, where the map has it: above the rest potential of the sample
    the current is anodic, and what is active is positive. Without one, and for other
    quantities than the current that was measured at it, the side of zero to which the
    map reaches farther. The mean is not asked: an offset of the amplifier may turn it.

    Parameters
    ----------
    data
        From `hop_map`.
    name
        Variable of the map.

    Returns
    -------
    int
        1 or -1.
    """
    potential, rest = (
        data.attrs.get(key, np.nan) for key in ("potential_v", "rest_potential_v")
    )
    if name == CURRENT and np.isfinite(potential - rest) and potential != rest:
        return 1 if potential > rest else -1
    return farther_side(trusted(data, name))


def farther_side(values: Any) -> int:
    """Return on which side of zero values reach farther, spikes aside: 1 or -1."""
    finite = np.asarray(values, float)
    finite = finite[np.isfinite(finite)]
    if not finite.size:
        return 1
    low, high = np.percentile(finite, [SPIKES, 100 - SPIKES])
    return -1 if -low > high else 1


def active(data: xr.Dataset, name: str = CURRENT) -> xr.DataArray:
    """Return a variable of a map, turned so that what is most active is most positive.

    NaN where the contact was not a good one.
    """
    return trusted(data, name) * direction(data, name)
