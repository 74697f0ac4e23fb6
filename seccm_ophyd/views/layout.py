"""Size and arrangement of a picture of two maps, in inches.

Fixed margins rather than a layout engine: a live picture must not shift when the
numbers beside a colour bar change.
"""

from dataclasses import dataclass
from typing import Self

from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["Layout"]

HEADER, FOOTER = 0.62, 0.34  # text above and below the maps
LEFT, INNER = 0.72, 0.22  # left of the first map; left of one without numbers
TITLE, BELOW, BETWEEN = 0.28, 0.5, 0.2  # of a map; below the last; below one without
BESIDE = 1.05  # right of a map, for the colour bar and its numbers

FLAT = 0.45  # maps of less height over width are stacked
WIDEST, HIGHEST, LOWEST = 3.6, 5.0, 0.7  # of a map
NARROWEST = 7.6  # of the figure: its title and state stand in one line


@dataclass(frozen=True)
class Layout:
    """Where two maps lie in a figure.

    Parameters
    ----------
    size
        Width and height of the figure.
    boxes
        Left, bottom, width and height of what each map may fill.
    stacked
        Whether they lie one above the other; else side by side.
    """

    size: tuple[float, float]
    boxes: tuple[tuple[float, float, float, float], ...]
    stacked: bool

    @classmethod
    def of(cls, tall: float, size: tuple[float, float] | None = None) -> Self:
        """Choose by the height of a map over its width.

        Parameters
        ----------
        tall
            Height over width.
        size
            Of a figure that is there already; by default one that suits the maps.
        """
        stacked = tall < FLAT
        columns, rows = (1, 2) if stacked else (2, 1)
        beside = LEFT + BESIDE + (columns - 1) * (INNER + BESIDE)
        above = HEADER + TITLE + BELOW + FOOTER + (rows - 1) * (TITLE + BETWEEN)
        if size is None:
            width = min(WIDEST * rows, HIGHEST / tall)
            height = max(width * tall, LOWEST)
            size = max(columns * width + beside, NARROWEST), rows * height + above
        width, height = (size[0] - beside) / columns, (size[1] - above) / rows
        bottom = FOOTER + BELOW
        if stacked:
            first = LEFT, bottom + height + TITLE + BETWEEN, width, height
            second = LEFT, bottom, width, height
        else:
            first = LEFT, bottom, width, height
            second = LEFT + width + BESIDE + INNER, bottom, width, height
        return cls(size, (first, second), stacked)

    def make_axes(self, figure: Figure) -> tuple[Axes, Axes]:
        """Add the axes of the two maps, which share their limits."""
        wide, high = figure.get_size_inches()
        first_box, second_box = (
            (left / wide, bottom / high, width / wide, height / high)
            for left, bottom, width, height in self.boxes
        )
        first = figure.add_axes(first_box)
        second = figure.add_axes(second_box, sharex=first, sharey=first)
        first.set(xlabel="x (µm)", ylabel="y (µm)")
        second.set(xlabel="x (µm)", ylabel="y (µm)")
        if self.stacked:  # the map below has the numbers of both
            first.set_xlabel("")
            first.tick_params(labelbottom=False)
        else:
            second.set_ylabel("")
            second.tick_params(labelleft=False)
        return first, second
