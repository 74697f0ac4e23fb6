"""Counts the runs of a data folder, and gives each the time that they are sorted by."""

import time
from typing import Any

from ...schema import ORDER_TIME
from ..data_folder import DataFolder
from .index import journals
from .info import age

__all__ = ["RunCounter"]

# Between the order of two runs where the clock was set back (s). Times since 1970 are
# kept to less than a microsecond.
STEP_S = 1e-3


class RunCounter:
    """The ``scan_id_source`` of a session: numbers rise over all sessions of a folder.

    Parameters
    ----------
    folder
        The data folder; its session's lock must be held.

    Examples
    --------
    >>> RE = RunEngine(scan_id_source=RunCounter(folder))
    """

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        runs = journals(folder)
        self._newest = age(runs[0].start)[0] if runs else 0.0  # `ORDER_TIME` of it

    def __call__(self, md: dict[str, Any]) -> int:
        """Give the scan number of the run that is being opened.

        Parameters
        ----------
        md
            The engine's metadata, ``RE.md``; gets the time under `ORDER_TIME`.
        """
        self._newest = max(time.time(), self._newest + STEP_S)
        md[ORDER_TIME] = self._newest
        file = self._folder.root / "scan_id"
        last = int(file.read_text()) if file.exists() else 0
        draft = file.with_suffix(".new")
        draft.write_text(f"{last + 1}\n")
        draft.replace(file)
        return last + 1
