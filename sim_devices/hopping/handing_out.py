"""The hops that a line has made: counted, handed out in parts, acknowledged."""

import asyncio
from typing import Any

import numpy as np

from ..epics.pvs import RefusedError, array, count, counter, put, result
from ..instrument import Part
from .kept import MOST_LINES, KeptLines
from .results import Hop, LineResults

__all__ = ["MOST_POINTS", "HandingOut"]

MOST_POINTS = 2000
_PART = 300_000  # doubles
_LONG = 2**31 - 1


class HandingOut(Part):
    """PVs of what a line has made.

    ``Count``, ``Fetch``, ``FetchLine``, ``PartHops``, ``Part``; ``Window``,
    ``Acknowledge``, ``Kept``.
    """

    hops = counter("Count", "hops of this line that have been made")
    fetch = count("Fetch", 0, (0, MOST_POINTS), "first hop of the part to hand out")
    fetch_line = count("FetchLine", 0, (0, _LONG), "line to hand out; 0: the newest")
    part_hops = count(
        "PartHops", 0, (0, MOST_POINTS), "hops of a part at most; 0: as many as fit"
    )
    part = result("Part", _PART, "hops of a line, from Fetch on")
    window = count(
        "Window", 0, (0, MOST_POINTS), "hops that may not be received; 0: no limit"
    )
    acknowledge = array(
        "Acknowledge", [0.0] * 3, 3, "", 0, (0, _LONG), "line, hops received, stored"
    )
    kept = result("Kept", 3 * MOST_LINES, "of each line number, done, acknowledged")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lines = KeptLines(LineResults(0, [], _PART))
        self._is_acknowledged = False  # by the client of the newest line
        self._acknowledged = asyncio.Event()

    @property
    def _results(self) -> LineResults:
        """What the newest line has made."""
        return self._lines.newest

    @fetch.putter
    async def _put_fetch(self, instance: Any, first: int) -> int:
        """Hand out a part."""
        number = self.fetch_line.value
        if (results := self._lines.find(number)) is None:
            raise RefusedError(f"{instance.pvname}: line {number} is not kept")
        await put(self.part, results.part(first, self.part_hops.value))
        return first

    @acknowledge.putter
    async def _put_acknowledge(self, instance: Any, value: Any) -> Any:
        """Forget what a client has stored; continue where it has received enough."""
        number, received, stored = (int(n) for n in (*np.atleast_1d(value), 0, 0)[:3])
        if not self._lines.acknowledge(number, received, stored):
            raise RefusedError(f"{instance.pvname}: line {number} is not kept")
        self._acknowledged.set()
        await put(self.kept, self._lines.table())
        return value

    async def _begin(self, number: int, samples: list[int]) -> None:
        """Begin a line without hops; what its client may still fetch is kept."""
        keep, self._is_acknowledged = self._is_acknowledged, self.window.value > 0
        dropped = self._lines.begin(LineResults(number, samples, _PART), keep=keep)
        if dropped is not None:
            await self.ioc.report(
                f"line {dropped.number} is not kept any more: {dropped.waiting} hops "
                "of it were never acknowledged"
            )
        await put(self.hops, 0)
        await put(self.kept, self._lines.table())

    async def _add(self, hop: Hop) -> None:
        """Take the next hop; monitors hear of each half of a window at once."""
        self._results.add(hop)
        done = self._results.done
        await put(self.hops, done)
        if self.window.value and done % max(self.window.value // 2, 1) == 0:
            await self.hops.write(done, verify_value=False)

    async def _end(self) -> None:
        """End a line: the next may be of a client that does not acknowledge."""
        await put(self.window, 0)
        await put(self.kept, self._lines.table())

    @property
    def _is_full(self) -> bool:
        """Whether as many hops have not been received as may."""
        results = self._results
        return 0 < self.window.value <= results.done - results.received

    async def _wait_for_room(self, halt: asyncio.Event) -> None:
        """Wait until hops are received, or for the order to stop."""
        halted = asyncio.ensure_future(halt.wait())
        while self._is_full and not halt.is_set():
            self._acknowledged.clear()
            room = asyncio.ensure_future(self._acknowledged.wait())
            await asyncio.wait((halted, room), return_when=asyncio.FIRST_COMPLETED)
            room.cancel()
        halted.cancel()
        self.ioc.clock.go_on_at(self.ioc.clock.running)
