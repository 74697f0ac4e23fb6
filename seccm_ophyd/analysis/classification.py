"""Which pixels of a map are LiFePO4, and which carbon."""

from enum import IntEnum
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from .direction import active
from .maps import as_map, trusted

__all__ = ["Material", "classify", "otsu_threshold"]

# What each way looks at, in the order in which ways are tried.
CRITERIA = {
    "potential": ("zero_current_potential", "potential_drift"),
    "galvanostatic": ("mid_potential", "potential_slope"),
    "current": ("current",),
}


class Material(IntEnum):
    """What a pixel is made of; maps carry the number."""

    UNKNOWN = 0
    LIFEPO4 = 1
    CARBON = 2

    @property
    def label(self) -> str:
        """The name as it stands in ``flag_meanings``."""
        return {1: "LiFePO4", 2: "carbon"}.get(self.value, "unknown")


def classify(
    run: Any,
    by: str | None = None,
    *,
    window_v: tuple[float, float] = (0.3, 0.62),
    steady_v_s: float = 0.1,
    floor_pa: float = 1.0,
    contrast: float = 3.0,
) -> xr.DataArray:
    """Classify each pixel as LiFePO4 or carbon.

    ``potential`` and ``galvanostatic``: where both phases of LiFePO4 are present the
    potential is steady and near the plateau; carbon is a capacitor, whose potential
    drifts or ramps (Takahashi et al., Nat. Commun. 5:5450 (2014), Figs 3 and 4). Steady
    within `window_v` is LiFePO4, not steady is carbon; steady outside, as a particle
    that was charged to its end, is unknown.

    ``current``: the threshold that parts the logarithms of the currents best (Otsu,
    IEEE Trans. Syst. Man Cybern. 9 (1979) 62). A map of one material, which has no
    `contrast`, is unknown. Below the rest potential the negative currents count (see
    `seccm_ophyd.analysis.direction`).

    Parameters
    ----------
    run
        Any kind of run, see `seccm_ophyd.analysis.runs`, or its `hop_map`.
    by
        ``potential``, ``galvanostatic`` or ``current``; None: the first of them that
        the map has.
    window_v
        Lowest and highest potential (V) of LiFePO4.
    steady_v_s
        Largest magnitude of the slope (V/s) that is steady.
    floor_pa
        Currents (pA) below this, negative ones too, count as this much: their
        logarithms would show only noise.
    contrast
        Least ratio of the geometric means of the currents above and below the
        threshold.

    Returns
    -------
    xarray.DataArray
        Dims (y, x), int8 with CF ``flag_values`` and ``flag_meanings``: 0 unknown
        (also: no hop, no contact, overload), 1 LiFePO4, 2 carbon. Attrs: ``criterion``,
        and ``threshold`` (pA) if there is one.

    Raises
    ------
    ValueError
        If `by` is none of these, or the map does not have what it needs, or there is
        no map.
    """
    data = as_map(run, "classify")
    if by is not None and by not in CRITERIA:
        raise ValueError(f"by={by!r} is unknown: {', '.join(CRITERIA)}")
    ways = [by] if by else list(CRITERIA)
    way = next((w for w in ways if set(CRITERIA[w]) <= set(data)), None)
    if way is None:
        needs = "; or ".join(" and ".join(CRITERIA[w]) for w in ways)
        has = ", ".join(map(str, data))
        raise ValueError(f"pixels are classified by {needs}; this map has {has}")
    attrs: dict[str, Any] = {"criterion": way}
    if way == "current":
        current = active(data).values
        codes, threshold = _by_current(current, floor_pa, contrast)
        if threshold is not None:
            attrs["threshold"] = threshold
    else:
        potential, slope = (trusted(data, name).values for name in CRITERIA[way])
        codes = _by_potential(potential, slope, window_v, steady_v_s)
    attrs |= {
        "units": "1",
        "flag_values": np.array(list(Material), np.int8),
        "flag_meanings": " ".join(material.label for material in Material),
    }
    return data["outcome"].copy(data=codes).rename("material").assign_attrs(attrs)


def otsu_threshold(values: ArrayLike) -> float:
    """Find the threshold that parts values into the two most distinct classes.

    Otsu, IEEE Trans. Syst. Man Cybern. 9 (1979) 62: the variance between the classes
    is largest; here over all values, without bins.

    Parameters
    ----------
    values : array_like
        NaN and infinity are left out.

    Returns
    -------
    float
        Half way between the two values at the border; NaN if all values are equal.
    """
    ordered = np.sort(np.ravel(np.asarray(values, float)))
    ordered = ordered[np.isfinite(ordered)]
    if len(ordered) < 2 or ordered[0] == ordered[-1]:
        return float("nan")
    centred = ordered - ordered.mean()
    below = np.arange(1, len(ordered)) / len(ordered)
    moment = np.cumsum(centred)[:-1] / len(ordered)
    between = moment**2 / (below * (1 - below))
    between[np.diff(ordered) == 0] = -1  # equal values are not parted
    k = int(np.argmax(between))
    return float((ordered[k] + ordered[k + 1]) / 2)


def _by_potential(
    potential: NDArray[Any],
    slope: NDArray[Any],
    window_v: tuple[float, float],
    steady_v_s: float,
) -> NDArray[np.int8]:
    low, high = window_v
    known = np.isfinite(potential) & np.isfinite(slope)
    steady = known & (np.abs(slope) <= steady_v_s)
    codes = np.full(potential.shape, Material.UNKNOWN, np.int8)
    codes[steady & (potential >= low) & (potential <= high)] = Material.LIFEPO4
    codes[known & ~steady] = Material.CARBON
    return codes


def _by_current(
    current: NDArray[Any], floor_pa: float, contrast: float
) -> tuple[NDArray[np.int8], float | None]:
    codes = np.full(current.shape, Material.UNKNOWN, np.int8)
    known = np.isfinite(current)
    if not known.any():
        return codes, None
    logs = np.log10(np.clip(current, floor_pa, None))
    threshold = otsu_threshold(logs[known])
    active = known & (logs > threshold)
    idle = known & ~active
    if not active.any() or logs[active].mean() - logs[idle].mean() < np.log10(contrast):
        return codes, None
    codes[active], codes[idle] = Material.LIFEPO4, Material.CARBON
    return codes, float(10**threshold)
