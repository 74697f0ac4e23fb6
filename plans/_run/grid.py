"""Where a scan hops, and what its start document says of it: a grid, or points."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.schema import GRID, PRIMARY

from ..protocols import HoppingMicroscope
from .checks import check_finite, check_flag, check_number
from .heights import NEAR
from .path import HopPoint, Points

__all__ = ["Grid"]


@dataclass(frozen=True)
class Grid:
    """The grid of a map: columns along x, lines along y (um).

    Raises
    ------
    ParameterError
        If a number of points is not whole and positive, a position not finite, or
        `snake` not True or False; if several columns, or lines, lie on the same spot,
        or a single one has two different ends.
    """

    x_start: float
    x_stop: float
    x_num: int
    y_start: float
    y_stop: float
    y_num: int
    snake: bool = False

    def __post_init__(self) -> None:
        for axis in "xy":
            check_number(f"{axis}_num", getattr(self, f"{axis}_num"))
            for end in ("start", "stop"):
                check_finite(f"{axis}_{end}", getattr(self, f"{axis}_{end}"))
            self._check_ends(axis)
        check_flag("snake", self.snake)

    def _check_ends(self, axis: str) -> None:
        start, stop, num = (
            getattr(self, f"{axis}_{name}") for name in ("start", "stop", "num")
        )
        if num > 1 and start == stop:
            raise ParameterError(
                f"{axis}_num={num} needs two ends, but {axis}_start and {axis}_stop "
                f"are both {start:g} um: give two different ends, or {axis}_num=1"
            )
        if num == 1 and start != stop:
            raise ParameterError(
                f"{axis}_num=1 is a single place, but {axis}_start={start:g} and "
                f"{axis}_stop={stop:g} um differ: give {axis}_stop={start:g}, or "
                f"{axis}_num of at least 2"
            )

    @classmethod
    def from_metadata(cls, grid: dict[str, Any]) -> "Grid":
        """Make the grid again from what `metadata` put under `GRID`."""
        ends = {
            f"{axis}_{end}": grid[axis][end]
            for axis in "xy"
            for end in ("start", "stop", "num")
        }
        return cls(**ends, snake=grid["snake"])

    @property
    def size(self) -> int:
        """Number of hops, without making them."""
        return int(self.x_num) * int(self.y_num)

    @property
    def columns(self) -> list[float]:
        """Positions in x (um)."""
        return list(map(float, np.linspace(self.x_start, self.x_stop, int(self.x_num))))

    @property
    def lines(self) -> list[float]:
        """Positions in y (um)."""
        return list(map(float, np.linspace(self.y_start, self.y_stop, int(self.y_num))))

    @property
    def ends(self) -> tuple[list[float], list[float]]:
        """First and last position in x and in y (um)."""
        return [self.x_start, self.x_stop], [self.y_start, self.y_stop]

    @property
    def steps(self) -> tuple[float, float]:
        """From column to column and from line to line (um); 0 where there is one."""
        return (
            (self.x_stop - self.x_start) / max(int(self.x_num) - 1, 1),
            (self.y_stop - self.y_start) / max(int(self.y_num) - 1, 1),
        )

    @property
    def moves(self) -> NDArray[np.float64]:
        """Ways (um): to the first point, along the lines, and from line to line."""
        dx, dy = self.steps
        back = 0.0 if self.snake else self.x_start - self.x_stop
        along, between = (int(self.x_num) - 1) * int(self.y_num), int(self.y_num) - 1
        first = [self.x_start, self.y_start, 1]
        return np.array([first, [dx, 0.0, along], [back, dy, between]], float)

    @property
    def follow_ups(self) -> tuple[int, float]:
        """All hops but those of the first line, if the lines are close enough."""
        dx, dy = (abs(step) for step in self.steps)
        near = int(self.x_num) > 1 and dy <= NEAR * dx
        return (self.size - int(self.x_num) if near else 0), dx

    def encloses(self, x: float, y: float) -> bool:
        """Tell whether (x, y) in um lies on one of its pixels."""
        dx, dy = (abs(step) for step in self.steps)
        reaches = (dx or dy) / 2, (dy or dx) / 2
        return all(
            min(ends) - reach <= value <= max(ends) + reach
            for value, ends, reach in zip((x, y), self.ends, reaches, strict=True)
        )

    @property
    def points(self) -> Points:
        """Index, x and y of each hop, line by line in the order of hopping."""
        columns = self.columns
        forth = range(len(columns))
        back = forth[::-1]
        return [
            HopPoint(iy * len(columns) + ix, columns[ix], y)
            for iy, y in enumerate(self.lines)
            for ix in (back if self.snake and iy % 2 else forth)
        ]

    @property
    def pattern(self) -> Points:
        """The first points of the first two lines: all steps are alike."""
        (dx, dy), columns = self.steps, min(int(self.x_num), 2)
        return [
            HopPoint(iy * columns + ix, self.x_start + ix * dx, self.y_start + iy * dy)
            for iy in range(min(int(self.y_num), 2))
            for ix in range(columns)
        ]

    def metadata(self, microscope: HoppingMicroscope) -> dict[str, Any]:
        """Describe it as `bluesky.plans.grid_scan` does, and as analysis wants it."""
        x, y = microscope.xy.x.name, microscope.xy.y.name
        columns, lines, snake = self.columns, self.lines, bool(self.snake)
        return {
            "motors": [y, x],
            "shape": [len(lines), len(columns)],
            "extents": [[lines[0], lines[-1]], [columns[0], columns[-1]]],
            "snaking": [False, snake],
            GRID: {
                "x": {"start": columns[0], "stop": columns[-1], "num": len(columns)},
                "y": {"start": lines[0], "stop": lines[-1], "num": len(lines)},
                "snake": snake,
            },
            "hints": {
                "dimensions": [[[y], PRIMARY], [[x], PRIMARY]],
                "gridding": "rectilinear",
            },
        }
