"""What truly happened, as only a simulator knows it: one JSON line for each event.

It is kept on the disk of the simulator, outside of Channel Access: a test compares with
it what a client has stored, after either of them was killed.
"""

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

from .instrument import Instrument

__all__ = ["HopLog"]

_LOOK = 0.02  # wall seconds between two looks at whether it is SAFE


class HopLog:
    """A file to which events are appended; a process that is killed loses none.

    Parameters
    ----------
    path
        The file; continued where it exists. None: nothing is kept.

    Raises
    ------
    OSError
        If it cannot be written.
    """

    def __init__(self, path: Path | None = None) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._file = None if path is None else os.open(path, flags, 0o666)
        self._watching: asyncio.Task[None] | None = None

    def note(self, what: str, t: float, **values: Any) -> None:
        """Write down an event.

        Parameters
        ----------
        what
            Its kind: ``boot``, ``landing``, ``acquired``, ``hop`` (one that a line has
            completed), ``harm``, ``trip``, ``safe``, ``unsafe``.
        t
            Instrument time (s).
        **values
            What else is known, for JSON.
        """
        if self._file is None:
            return
        stamp = {"what": what, "at": time.monotonic(), "t": t}
        os.write(self._file, (json.dumps(stamp | values) + "\n").encode())

    def begin(self, ioc: Instrument, boot: int) -> None:
        """Note the start of an IOC, and from now on when it becomes SAFE or not.

        Parameters
        ----------
        ioc
            The instrument.
        boot
            Its ``IOC:BootId``.
        """
        if self._file is None:
            return
        self.note("boot", ioc.clock.now, boot=boot)
        self._watching = asyncio.create_task(self._watch(ioc), name="hop log")

    async def _watch(self, ioc: Instrument) -> None:
        was = None
        while True:
            safe = not ioc.is_active and ioc.clamp.cell.contact is None
            if safe is not was:
                self.note("safe" if safe else "unsafe", ioc.clock.now)
            was = safe
            await asyncio.sleep(_LOOK)
