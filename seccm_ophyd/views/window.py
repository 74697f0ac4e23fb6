"""A view in a window, for live scans and replays. The only place that uses pyplot."""

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from ..errors import SeccmError
from .hop_map_view import HopMapView
from .series_view import SeriesView

__all__ = ["Window"]


class Window:
    """A window with a view in it.

    Parameters
    ----------
    make
        Of the view.

    Attributes
    ----------
    view : HopMapView or SeriesView
        Takes the documents.

    Raises
    ------
    SeccmError
        If there is no display, or no toolkit to use it.

    Examples
    --------
    A stored run, ten times as fast as it was recorded:

    >>> window = Window()  # doctest: +SKIP
    >>> replay(run, window.view, speed=10, sleep=window.wait)  # doctest: +SKIP
    >>> window.hold()  # doctest: +SKIP
    """

    def __init__(
        self, make: Callable[[Figure], HopMapView | SeriesView] = HopMapView
    ) -> None:
        self._figure = plt.figure("SECCM", figsize=(9.6, 5.4))
        self.view: Any = make(self._figure)
        if type(self._figure.canvas).required_interactive_framework is None:
            self.close()
            raise SeccmError(
                "no window can be opened: there is no display, or no toolkit such as "
                "PyQt or tkinter; write the picture to a file instead"
            )
        plt.show(block=False)

    @property
    def closed(self) -> bool:
        """Whether the user has closed the window."""
        return not plt.fignum_exists(self._figure.number)

    def show(self) -> None:
        """Draw what the view has taken in."""
        self.view.draw()
        self._figure.canvas.flush_events()

    def wait(self, seconds: float) -> None:
        """Draw, then keep the window alive for a while (s)."""
        if not self.closed:
            self.show()
            self._figure.canvas.start_event_loop(seconds)

    def hold(self) -> None:
        """Keep the window until the user closes it."""
        if not self.closed:
            self.show()
            plt.show(block=True)

    def close(self) -> None:
        """Close the window."""
        plt.close(self._figure)
