"""Pictures made of documents: what they share, and how they get into a file."""

import os
from pathlib import Path

from bluesky.callbacks.core import CallbackBase
from matplotlib.figure import Figure

__all__ = ["Picture", "save_picture"]


def save_picture(figure: Figure, path: str | os.PathLike[str], dpi: float) -> Path:
    """Write a figure so that no reader ever sees half of it.

    Parameters
    ----------
    figure
        What to write.
    path
        File to write or replace; its suffix says the format (png, pdf, svg, ...).
    dpi
        Dots per inch.

    Returns
    -------
    Path
        The file.
    """
    path = Path(path)
    part = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        figure.savefig(part, dpi=dpi)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


class Picture(CallbackBase):
    """A callback that draws what it has taken in when it is asked to.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    """

    figure: Figure
    DPI = 200.0
    """Dots per inch of a file."""

    def draw(self) -> None:
        """Bring the picture up to date with the documents taken in so far."""
        self._update()
        self.figure.canvas.draw_idle()

    def save(self, path: str | os.PathLike[str], dpi: float | None = None) -> Path:
        """Write the picture up to date, so that no reader ever sees half of it.

        Parameters
        ----------
        path
            File to write or replace; its suffix says the format (png, pdf, svg, ...).
        dpi
            Dots per inch; None: as of the class.

        Returns
        -------
        Path
            The file.
        """
        self._update()
        return save_picture(self.figure, path, self.DPI if dpi is None else dpi)

    def _update(self) -> None:
        raise NotImplementedError
