"""What makes hops that an IOC still holds into events of their run, on the disk.

A file beside the traces, ``<run uid>.lines``, with a line of JSON for each line of
hops that the run has begun. It goes when the run has ended.
"""

import json
import logging
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ophyd import Device

from ..storage.append import append_line
from ..storage.data_folder import check_present
from .line_events import LineEvents

__all__ = ["LineRecord", "LinesOfRun"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LineRecord:
    """A line of hops.

    Parameters
    ----------
    run
        uid of its run.
    prefix, addresses
        Of the IOC, and where it is found besides (``EPICS_CA_ADDR_LIST``).
    boot, line
        ``IOC:BootId``, and the number of the command.
    before
        Hops of the run in the lines before this one.
    window
        Hops that the IOC makes at most before it knows that they were received.
    points
        Index, x, y (um) of each hop, and more.
    redone
        Indices of hops that were begun before.
    noise_pa
        Rms of the current without contact (pA).
    traces
        Name of the file with the traces.
    keys
        Keys of the events.
    """

    run: str
    prefix: str
    addresses: str
    boot: int
    line: int
    before: int
    window: int
    points: list[list[float]]
    redone: list[int]
    noise_pa: float
    traces: str
    keys: LineEvents

    @classmethod
    def of(cls, microscope: Device, **line: Any) -> "LineRecord":
        """Make the record of a line that a microscope has begun.

        Parameters
        ----------
        microscope
            With the run, the file of traces and the keys of its events.
        **line
            ``line``, ``before``, ``window``, ``points``, ``redone``, ``noise_pa``.
        """
        m = microscope
        return cls(
            run=m.hop.run,
            prefix=m.prefix,
            addresses=os.environ.get("EPICS_CA_ADDR_LIST", ""),
            boot=int(m.link.boot_id.get()),
            traces=m.traces.path.name,
            keys=LineEvents.of(m),
            **line,
        )

    def append_to(self, path: Path) -> None:
        """Append it to a file, and see it on the disk.

        Raises
        ------
        FolderGoneError
            If the folder has been moved or deleted.
        """
        check_present(path.parent)
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            append_line(fd, (json.dumps(asdict(self)) + "\n").encode())
        finally:
            os.close(fd)

    @classmethod
    def read_all(cls, path: Path) -> Iterator["LineRecord"]:
        """Read the lines of a run; what a kill has cut is left out."""
        for text in path.read_text().splitlines():
            try:
                found: dict[str, Any] = json.loads(text)
                record = cls(**found)
                yield replace(record, keys=LineEvents(**found["keys"]))
            except (ValueError, TypeError, KeyError):
                return


class LinesOfRun:
    """The lines of a run, written down as long as hops of them are not stored.

    Called in the thread of the storage, but for `path`.

    Parameters
    ----------
    path
        Of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unwritten: deque[LineRecord] = deque()

    def add(self, record: LineRecord) -> None:
        """Write down a line that has begun.

        Raises
        ------
        OSError
            If the disk does not take it; it is written with the next, or at the end.
        """
        self._unwritten.append(record)
        self._write()

    def _write(self) -> None:
        while self._unwritten:
            self._unwritten[0].append_to(self.path)
            self._unwritten.popleft()

    def end(self, left: int) -> None:
        """Forget them at the end of the run, unless they are needed.

        Parameters
        ----------
        left
            How many hops of the run only the instrument has.

        Raises
        ------
        OSError
            If what is needed cannot be written.
        """
        if not left:
            self.path.unlink(missing_ok=True)
            return
        logger.error(
            "%d completed hops of the run are not stored: as long as the "
            "instrument keeps them, the next session or seccm recover fetches them",
            left,
        )
        self._write()
