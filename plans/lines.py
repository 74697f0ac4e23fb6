"""The points of a scan line by line, with the heights at which to hop along them."""

import math
from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from .hop_heights import Adaptive, Surroundings
from .options import HopOptions

__all__ = ["KnownSurface", "Point", "lines"]

Point = tuple[int, float, float]
"""Index, x and y (um) of a hop."""


def lines(points: Sequence[Point]) -> Iterator[list[Point]]:
    """Part points where y changes."""
    for _, line in groupby(points, key=lambda point: point[2]):
        yield list(line)


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

    def plan(self, line: Sequence[Point]) -> list[tuple]:
        """Give the points of a line, and behind them its heights (um), NaN if unknown.

        The heights are those of travel and of the slow approach.
        """
        if self._surroundings is None:
            return list(line)
        x, y = (np.array([point[k] for point in line]) for k in (1, 2))
        start = self._end or (float(x[0]), float(y[0]))
        found = self._surroundings.heights(x, y, start)
        heights = np.column_stack([found.travel, found.slow]).tolist()
        return [(*point, *h) for point, h in zip(line, heights, strict=True)]

    def note(self, height: float | None) -> None:
        """Take the height of the contact of the next hop (um), NaN for a miss."""
        self._heights.append(math.nan if height is None else float(height))

    def learn(self, line: Sequence[Point]) -> None:
        """Learn from a line that has been hopped along."""
        heights, self._heights = self._heights, []
        self._end = line[-1][1:]
        if self._surroundings is not None and len(heights) == len(line):
            x, y = (np.array([point[k] for point in line]) for k in (1, 2))
            self._surroundings.learn(x, y, np.array(heights))
