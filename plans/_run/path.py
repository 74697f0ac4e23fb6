"""Where a run hops to: known without a list of all points before it is checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from seccm_ophyd.schema import PRIMARY

from ..protocols import HoppingMicroscope

__all__ = ["HopPoint", "Path", "PointList", "Points"]


class HopPoint(NamedTuple):
    """One hop: where, and how high the probe is to travel there.

    Parameters
    ----------
    index
        Its index in the scan.
    x, y
        Where it lands (um).
    travel_height, slow_height
        Least height (um) of the way there, and height at which the descent becomes
        slow; NaN where nothing is known, None: the probe is withdrawn by the set
        distance, and lowered slowly from the start.
    """

    index: int  # type: ignore[assignment]  # a tuple has a method of this name
    x: float
    y: float
    travel_height: float | None = None
    slow_height: float | None = None

    @property
    def heights(self) -> tuple[float, float] | None:
        """Both heights (um); None: by the set distance."""
        if self.travel_height is None or self.slow_height is None:
            return None
        return self.travel_height, self.slow_height


Points = Sequence[HopPoint]
"""The hops of a scan, in their order."""


class Path(Protocol):
    """What a run needs to know of its points; a `Grid` or a `PointList`."""

    @property
    def size(self) -> int:
        """Number of hops."""

    @property
    def ends(self) -> tuple[Sequence[float], Sequence[float]]:
        """Positions in x and in y (um) between which all of them lie."""

    @property
    def moves(self) -> NDArray[np.float64]:
        """Columns: way in x and in y (um), and how often it is gone; from (0, 0)."""

    @property
    def follow_ups(self) -> tuple[int, float]:
        """Number of hops whose neighbourhood was scanned before, and their pitch (um).

        An adaptive scan makes these as low as the margin permits.
        """

    @property
    def points(self) -> Points:
        """All of them."""

    @property
    def pattern(self) -> Points:
        """Some of them, in which its longest step occurs."""

    def metadata(self, microscope: HoppingMicroscope) -> dict[str, Any]:
        """Describe them for the start document."""


@dataclass(frozen=True)
class PointList:
    """Points on no grid, or what is left of one.

    Parameters
    ----------
    pairs
        x and y (um) of each point.
    repeats
        Hops to each of them, one after the other.
    indices
        Index of each point in its scan; None: they are counted from 0.
    scan
        What they are left of, which describes them; None: they lie on no grid.
    """

    pairs: Sequence[Sequence[float]]
    repeats: int = 1
    indices: Sequence[int] | None = None
    scan: Path | None = None

    @property
    def size(self) -> int:
        """Number of hops."""
        return len(self.pairs) * self.repeats

    @property
    def ends(self) -> tuple[Sequence[float], Sequence[float]]:
        """All positions in x and in y (um)."""
        return [x for x, _ in self.pairs], [y for _, y in self.pairs]

    @property
    def moves(self) -> NDArray[np.float64]:
        """Ways from point to point (um), each gone once."""
        steps = np.diff(np.array(self.pairs, float), axis=0, prepend=0.0)
        return np.column_stack([steps, np.ones(len(steps))])

    @property
    def follow_ups(self) -> tuple[int, float]:
        """None: points may lie anywhere."""
        return 0, 0.0

    @property
    def points(self) -> Points:
        """All of them."""
        hops = [pair for pair in self.pairs for _ in range(self.repeats)]
        indices = range(len(hops)) if self.indices is None else self.indices
        return [HopPoint(k, x, y) for k, (x, y) in zip(indices, hops, strict=True)]

    @property
    def pattern(self) -> Points:
        """Each point once: a repeated one adds no step."""
        return [HopPoint(k, x, y) for k, (x, y) in enumerate(self.pairs)]

    def metadata(self, microscope: HoppingMicroscope) -> dict[str, Any]:
        """Describe points that lie on no grid, or the grid that they are left of."""
        if self.scan is not None:
            return self.scan.metadata(microscope)
        motors = [microscope.xy.x.name, microscope.xy.y.name]
        return {"motors": motors, "hints": {"dimensions": [[motors, PRIMARY]]}}
