"""The trace of a long acquisition, published in parts while it runs."""

import asyncio
import time
from typing import Any

from ..epics.clock import Clock
from ..epics.pvs import put
from .acquisition import Acquisition

__all__ = ["TraceStream"]

_UPDATE = 1.0  # wall seconds between two updates where time runs


class TraceStream:
    """Writes the samples that are new.

    Where time runs there is an update about once a wall second; in discrete time one
    after each part that is worked out.

    Parameters
    ----------
    pv
        ``Clamp:TracePart``.
    number
        The acquisition's.
    clock
        Instrument time.
    """

    def __init__(self, pv: Any, number: int, clock: Clock) -> None:
        self._pv, self._number, self._clock = pv, number, clock
        self._published, self._published_at = 0, time.monotonic()

    async def tell(self, acquisition: Acquisition) -> None:
        """Publish what is new, if it is time to, and have the IOC do other things."""
        waited = time.monotonic() - self._published_at
        if self._clock.is_discrete or waited >= _UPDATE:
            part = acquisition.read(self._published)
            await put(self._pv, part.trace(self._number))
            self._published = acquisition.taken
            self._published_at = time.monotonic()
        await asyncio.sleep(0)
