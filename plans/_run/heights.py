"""How high to lift the probe between two hops, from the heights measured so far.

Hopping-probe microscopes find out by a prescan how far to withdraw (Novak
et al., Nature Methods 6 (2009) 279). In SECCM every hop is such a prescan for the next
line: the surface near a point is taken to be no higher than the highest contact in
its neighbourhood, by more than a margin.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seccm_ophyd.techniques import check_range

__all__ = ["NEAR", "STEEPEST", "Adaptive", "HopHeights", "Surroundings"]

NEAR = 2.6  # moves: what lies that near to a point predicts its height
_FEWEST = 3  # contacts that near; with fewer nothing is known
STEEPEST = 4.0  # um that the surface may rise on one um of a move


@dataclass(frozen=True, kw_only=True)
class Adaptive:
    """How carefully an adaptive scan hops.

    Parameters
    ----------
    margin_um
        How far (um) the probe travels above the highest contact in the neighbourhood;
        four times the length of the move where that is more.
    slow_um
        How far (um) above the highest contact near the next point the fast descent
        ends and the approach begins.
    fast_rate_um_s
        Rate of the fast descent (um/s).

    Raises
    ------
    ParameterError
        If one is NaN or out of range.
    """

    margin_um: float = 1.0
    slow_um: float = 0.15
    fast_rate_um_s: float = 100.0

    def __post_init__(self) -> None:
        check_range("margin_um", self.margin_um, 0.1, 100.0, "um")
        check_range("slow_um", self.slow_um, 0.02, 100.0, "um")
        check_range("fast_rate_um_s", self.fast_rate_um_s, 0.01, 200.0, "um/s")


@dataclass(frozen=True)
class HopHeights:
    """Heights of some hops in a row, in um; NaN where nothing is known.

    Parameters
    ----------
    travel : ndarray, shape (hops,)
        At which the probe travels to each point, at least.
    slow : ndarray, shape (hops,)
        Down to which it may be lowered fast there.
    """

    travel: NDArray[np.float64]
    slow: NDArray[np.float64]


class Surroundings:
    """The contacts of the last lines of a scan.

    Parameters
    ----------
    adaptive
        The margins.
    lines
        How many lines are kept.
    """

    def __init__(self, adaptive: Adaptive, lines: int = 2) -> None:
        self._adaptive = adaptive
        self._lines = lines
        self._contacts: list[NDArray[np.float64]] = []

    def learn(self, x: NDArray[Any], y: NDArray[Any], z: NDArray[Any]) -> None:
        """Add the contacts of a line (um); NaN for a miss."""
        line = np.column_stack([x, y, z]).astype(float)
        self._contacts = [*self._contacts, line][-self._lines :]

    def heights(
        self, x: NDArray[Any], y: NDArray[Any], start: tuple[float, float]
    ) -> HopHeights:
        """Tell how to hop along the next line.

        Parameters
        ----------
        x, y : ndarray, shape (hops,)
            Points (um), in the order of hopping.
        start
            Where the probe is before (um).

        Returns
        -------
        HopHeights
            NaN for a move, or a point, in whose neighbourhood fewer than three contacts
            are known, or a landing has missed.
        """
        points = np.column_stack([x, y]).astype(float)
        origins = np.vstack([start, points[:-1]])
        moves = np.abs(points - origins).max(axis=1)
        pitch = float(np.median(moves)) if len(moves) else 0.0
        known = np.concatenate([np.empty((0, 3)), *self._contacts])
        near_points = _highest(known, points, points, NEAR * pitch)
        on_the_way = _highest(known, origins, points, NEAR * pitch)
        margin = np.maximum(
            self._adaptive.margin_um, STEEPEST * np.minimum(moves, pitch)
        )
        travel = on_the_way + margin
        slow = np.minimum(near_points + self._adaptive.slow_um, travel)
        return HopHeights(travel, slow)


def _highest(
    known: NDArray[Any], low: NDArray[Any], high: NDArray[Any], around: float
) -> NDArray[np.float64]:
    """Find the highest contact in the box around each way; NaN if too little is known.

    Stages move their axes at the same time, each at its own pace: between two points
    the probe may be anywhere in the rectangle that they span.
    """
    corners = np.sort(np.stack([low, high]), axis=0)
    inside = (
        (known[None, :, :2] >= corners[0][:, None] - around)
        & (known[None, :, :2] <= corners[1][:, None] + around)
    ).all(axis=-1)
    heights = np.where(inside, known[None, :, 2], -np.inf)
    found = heights.max(axis=1, initial=-np.inf)  # NaN where one of them missed
    return np.where(inside.sum(axis=1) >= _FEWEST, found, np.nan)
