"""Hops that the IOC has made by itself: counted when reported, fetched in parts."""

import logging
import time

import numpy as np
from ophyd import Device
from ophyd.utils.errors import DisconnectedError

from ..errors import InstrumentLostError
from .line_part import LinePart
from .page_size import GROWTH, PageSize
from .setting import PUT_TIMEOUT_S

__all__ = ["LineFetching"]

logger = logging.getLogger(__name__)

HOPS = 2  # element of Hop:Line
LONGEST_S = 0.7  # of fetching before what has come is stored
WINDOW = 50
"""Hops that an IOC makes without knowing that those before have been received."""


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
        self._heard = 0  # hops of the line that the IOC has reported
        self._page_size = PageSize()

    def begin_run(self) -> None:
        """Forget the run before."""
        self.number = self.fetched = self.before = self._heard = 0

    def end_line(self) -> None:
        """Count what the newest line has made: the next one begins."""
        self.before += self.made
        # what is heard of it from now on is about the next line
        self.number = self.fetched = self._heard = 0

    def hear(self, count: int) -> None:
        """Take what the IOC reports of the newest line."""
        self._heard = count

    @property
    def waiting(self) -> int:
        """Hops that the IOC has reported, and that have not been fetched."""
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
        return bool(link.boot_id.connected and link.answers)

    def fetch(self) -> LinePart:
        """Fetch the next hops, a page of them; the IOC continues as soon as it knows.

        On a narrow network they come a few at a time, for `LONGEST_S`.

        Raises
        ------
        InstrumentLostError
            If the IOC hands out no hop, or does not answer.
        SeccmError
            If what it hands out is not as it should be.
        """
        begun, first = time.monotonic(), self.fetched
        parts = [self._ask(first)]
        while (hops := sum(part.hops for part in parts)) < min(
            self.made - first, WINDOW
        ):
            if time.monotonic() - begun > LONGEST_S:
                break
            parts.append(self._ask(first + hops))
        self.fetched += hops
        self._acknowledge(self.number, self.fetched, 0)
        return LinePart.join(parts)

    def _ask(self, first: int) -> LinePart:
        """Ask for a part: in one round trip, where the IOC answers in order."""
        line, size = self._line, self._page_size
        hop_bytes = LinePart.hop_bytes(line.parent.clamp.measurements)
        hops = size.hops(hop_bytes)
        expected_s = 4.0 * size.expected_s(hops * hop_bytes)
        timeout_s = PUT_TIMEOUT_S + expected_s + line.link.allowance_s
        begun = time.monotonic()
        try:
            if line.part_hops.connected:
                line.part_hops.put(hops, wait=False)
            line.fetch.put(first, wait=False)
            flat = np.asarray(line.part.get(timeout=timeout_s), float)
            line.link.went_on()
            if tuple(flat[:2]) != (self.number, first):
                line.fetch.put(first, wait=True, timeout=timeout_s)
                line.link.went_on()
                flat = np.asarray(line.part.get(timeout=timeout_s), float)
                line.link.went_on()
        except (TimeoutError, ConnectionError, DisconnectedError) as error:
            if isinstance(error, InstrumentLostError):
                raise
            raise line.link.lose_answers(
                f"has not handed out its hops within {timeout_s:.0f} s, the link to it "
                "is cut or too slow"
            ) from error
        took_s = time.monotonic() - begun
        # the rest is the size; for what is small on a slow network it is unknown
        size.note(flat.nbytes, max(took_s - line.link.round_trip_s, took_s / GROWTH))
        part = LinePart.decode(flat, self.number, first)
        if not part.hops:
            raise InstrumentLostError(f"{line.part.pvname} hands out no hop")
        return part

    def store(self, part: LinePart) -> None:
        """Acknowledge that a part, and what was fetched before it, is on the disk."""
        stop = part.first + part.hops
        try:
            self._acknowledge(part.number, stop, stop)
        except Exception as error:  # the IOC keeps them longer, that is all
            logger.info("line %s was not acknowledged: %s", part.number, error)

    def _acknowledge(self, number: int, received: int, stored: int) -> None:
        acknowledge = self._line.acknowledge
        if acknowledge.connected:  # not every IOC has it; what comes next waits for it
            acknowledge.put([number, received, stored], wait=False)
