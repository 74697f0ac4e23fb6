"""Writes a figure into a file."""

import os
from pathlib import Path

from matplotlib.figure import Figure

__all__ = ["save_picture"]


def save_picture(figure: Figure, path: str | os.PathLike, dpi: float) -> Path:
    """Write a figure so that no reader ever sees half of it.

    Parameters
    ----------
    figure
        What to write.
    path
        File to write or replace; its suffix tells the format (png, pdf, svg, ...).
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
