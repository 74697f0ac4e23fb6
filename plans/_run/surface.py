"""The points of a scan line by line, with the heights at which to hop along them."""

import math
from collections.abc import Iterator
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from ..options import HopOptions
from .heights import Adaptive, Surroundings
from .path import HopPoint, Points

__all__ = ["KnownSurface"]


class KnownSurface:
    """What an adaptive scan has learnt; nothing, if it is not adaptive.

    Parameters
    ----------
    options
        Of the scan.
    """

    def __init__(self, options: HopOptions) -> None:
        self._surroundings = None
        if options.adaptive:
            self._surroundings = Surroundings(Adaptive(margin_um=options.margin_um))
        self._heights: list[float] = []
        self._end: tuple[float, float] | None = None

    def lines(self, points: Points) -> Iterator[Points]:
        """Part points where y changes: the heights of a line predict those of the next.

        Where nothing is learnt, all of them are one line.
        """
        if self._surroundings is None:
            yield points
            return
        for _, line in groupby(points, key=lambda point: point.y):
            yield list(line)

    def plan(self, line: Points) -> list[HopPoint]:
        """Give the points of a line with their heights, as far as they are known."""
        if self._surroundings is None:
            return list(line)
        x, y = _positions(line)
        start = self._end or (float(x[0]), float(y[0]))
        found = self._surroundings.heights(x, y, start)
        heights = np.column_stack([found.travel, found.slow]).tolist()
        return [
            point._replace(travel_height=travel, slow_height=slow)
            for point, (travel, slow) in zip(line, heights, strict=True)
        ]

    def note(self, height: float | None) -> None:
        """Take the height of the contact of the next hop (um), NaN for a miss."""
        self._heights.append(math.nan if height is None else float(height))

    def learn(self, line: Points) -> None:
        """Learn from a line that has been hopped along."""
        heights, self._heights = self._heights, []
        self._end = line[-1].x, line[-1].y
        if self._surroundings is not None and len(heights) == len(line):
            self._surroundings.learn(*_positions(line), np.array(heights))


def _positions(line: Points) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give x and y (um) of some points."""
    return np.array([p.x for p in line], float), np.array([p.y for p in line], float)
