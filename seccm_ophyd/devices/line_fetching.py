"""Hops that the IOC has made by itself: counted as they are told, fetched in parts."""

import logging

import numpy as np
from ophyd import Device

from ..errors import InstrumentLostError
from .line_part import LinePart
from .setting import PUT_TIMEOUT_S

__all__ = ["LineFetching"]

logger = logging.getLogger(__name__)

HOPS = 2  # element of Hop:Line


class LineFetching:
    """What the lines of a run have made, and how much of it has been fetched.

    Parameters
    ----------
    line
        The `HopLine` whose PVs are asked.

    Attributes
    ----------
    number
        Of the newest line; 0 before the first.
    fetched
        Hops of it that have been fetched.
    before
        Hops of the run that were made in the lines before it.
    """

    def __init__(self, line: Device) -> None:
        self._line = line
        self.number = self.fetched = self.before = 0
        self._heard = 0  # hops of the line that the IOC has told of

    def begin_run(self) -> None:
        """Forget the run before."""
        self.number = self.fetched = self.before = self._heard = 0

    def end_line(self) -> None:
        """Count what the newest line has made: the next one begins."""
        self.before += self.made
        # what is heard of it from now on is about the next line
        self.number = self.fetched = self._heard = 0

    def hear(self, count: int) -> None:
        """Take what the IOC tells of the newest line."""
        self._heard = count

    @property
    def waiting(self) -> int:
        """Hops that the IOC has told of, and that have not been fetched."""
        return self._heard - self.fetched

    @property
    def made(self) -> int:
        """Hops that the IOC has completed in the newest line."""
        if not self.number:
            return 0
        ended = self._line.run.values
        return max(self.fetched, self._heard if ended is None else int(ended[HOPS]))

    @property
    def is_left(self) -> bool:
        """Whether hops of the newest line have not been fetched."""
        return self.fetched < self.made

    @property
    def answers(self) -> bool:
        """Whether the IOC can be asked, also where it was lost for another reason."""
        link = self._line.link
        return bool(link.boot_id.connected and not link.is_silent())

    def fetch(self) -> LinePart:
        """Fetch the next part; the IOC goes on as soon as it knows.

        Raises
        ------
        InstrumentLostError
            If the IOC hands out no hop.
        SeccmError
            If it is not as it should be.
        """
        part = self._ask()
        if not part.hops:
            raise InstrumentLostError(f"{self._line.part.pvname} hands out no hop")
        self.fetched += part.hops
        self._acknowledge(self.number, self.fetched, 0)
        return part

    def _ask(self) -> LinePart:
        """Ask for a part: in one round trip, where the IOC answers in order."""
        line = self._line
        line.fetch.put(self.fetched, wait=False)
        flat = np.asarray(line.part.get(timeout=PUT_TIMEOUT_S), float)
        if tuple(flat[:2]) != (self.number, self.fetched):
            line.fetch.put(self.fetched, wait=True, timeout=PUT_TIMEOUT_S)
            flat = np.asarray(line.part.get(timeout=PUT_TIMEOUT_S), float)
        return LinePart.decode(flat, self.number, self.fetched)

    def store(self, part: LinePart) -> None:
        """Tell the IOC that a part, and what was fetched before it, is on the disk."""
        stop = part.first + part.hops
        try:
            self._acknowledge(part.number, stop, stop)
        except Exception as error:  # the IOC keeps them longer, no more than that
            logger.info("line %s was not acknowledged: %s", part.number, error)

    def _acknowledge(self, number: int, received: int, stored: int) -> None:
        acknowledge = self._line.acknowledge
        if acknowledge.connected:  # not every IOC has it; what comes next waits for it
            acknowledge.put([number, received, stored], wait=False)
