"""Where a scan hops, and what its start document tells of it: a grid, or points."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from seccm_ophyd.schema import GRID, PRIMARY

from .checks import check_finite, check_number
from .protocols import HoppingMicroscope

__all__ = ["Grid", "list_metadata"]


@dataclass(frozen=True)
class Grid:
    """The grid of a map: columns along x, lines along y (um).

    Raises
    ------
    ParameterError
        If a number of points is not whole and positive, or a position not finite.
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
        """Number of hops, told without making them."""
        return int(self.x_num) * int(self.y_num)

    @property
    def columns(self) -> list[float]:
        """Positions in x (um)."""
        return np.linspace(self.x_start, self.x_stop, int(self.x_num)).tolist()

    @property
    def lines(self) -> list[float]:
        """Positions in y (um)."""
        return np.linspace(self.y_start, self.y_stop, int(self.y_num)).tolist()

    @property
    def points(self) -> list[tuple[int, float, float]]:
        """Index, x and y of each hop, line by line in the order of hopping."""
        columns = self.columns
        forth = range(len(columns))
        back = forth[::-1]
        return [
            (iy * len(columns) + ix, columns[ix], y)
            for iy, y in enumerate(self.lines)
            for ix in (back if self.snake and iy % 2 else forth)
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


def list_metadata(microscope: HoppingMicroscope) -> dict[str, Any]:
    """Describe points that lie on no grid."""
    motors = [microscope.xy.x.name, microscope.xy.y.name]
    return {"motors": motors, "hints": {"dimensions": [[motors, PRIMARY]]}}
