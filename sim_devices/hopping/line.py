"""Hops along a line without a client in between."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ..clamp.amplifier import MODES
from ..clamp.settings import Settings
from ..epics.commands import Command, Outcome
from ..epics.pvs import (
    RefusedError,
    array,
    choice,
    command,
    count,
    counter,
    hold_updates,
    put,
    result,
    setting,
)
from ..stages.z_stage_pvs import HIGH, LOW
from .handing_out import MOST_POINTS, HandingOut
from .results import Hop

__all__ = ["HopLine"]

_MOST_TURNS = 8
_UPDATE = 0.1  # wall seconds between two updates of what clients see


def _column(name: str, value: float, bounds: tuple[float, float], doc: str) -> Any:
    return array(name, [value], MOST_POINTS, "um", 4, bounds, doc)


class HopLine(HandingOut):
    """PVs of a line of hops, and those of what it has made.

    ``X``, ``Y``, ``TravelHeights``, ``SlowHeights``, ``Turns``, ``Mode``, ``Hold``,
    ``Store``, ``MaxMisses``; ``Run``, ``RunDone``, ``Line``.
    """

    x = _column("X", 0.0, (-1e6, 1e6), "x of each point")
    y = _column("Y", 0.0, (-1e6, 1e6), "y of each point")
    travel_heights = _column(
        "TravelHeights", HIGH, (LOW, HIGH), "Z:TravelHeight on each way"
    )
    slow_heights = _column(
        "SlowHeights", HIGH, (LOW, HIGH), "Z:SlowHeight at each point"
    )
    turns = count("Turns", 0, (0, _MOST_TURNS), "stored turns that a contact takes")
    mode = choice("Mode", MODES, "Clamp:Mode of the turn to be stored")
    hold = setting(
        "Hold", 0.0, "", 4, (-20000.0, 20000.0), "what it holds: V in VCLAMP, else pA"
    )
    store = command("Store", "keep a turn, 0: the approach")
    max_misses = count("MaxMisses", 5, (1, MOST_POINTS), "in a row end the line")
    run = command("Run", "hop along the line")
    run_done = counter("RunDone", "last line that ended")
    line = result("Line", 3, "number, outcome, hops")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stored: dict[int, Settings] = {}
        self._halt = asyncio.Event()
        self._running = asyncio.Lock()
        self._run = Command(self.run, self.run_done, self.line, self._hop_along, [0.0])

    @property
    def is_running(self) -> bool:
        """Whether a line is being hopped along."""
        return self._running.locked()

    def check_idle(self, what: str) -> None:
        """Refuse what a client wants to start amid a line.

        Raises
        ------
        RefusedError
            If a line is being hopped along.
        """
        if self.is_running:
            raise RefusedError(f"{what} refused: a line of hops is running")

    def halt(self) -> None:
        """End the line as soon as can be; the hop that is being made is dropped."""
        self._halt.set()

    async def wait(self) -> None:
        """Wait until no line is being hopped along."""
        async with self._running:
            pass

    @store.putter
    async def _put_store(self, instance: Any, turn: int) -> int:
        """Keep a turn: ``Mode``, ``Hold``, and how the amplifier is set to sample."""
        if not 0 <= turn <= _MOST_TURNS:
            raise RefusedError(
                f"{instance.pvname}: {turn} is outside 0 to {_MOST_TURNS}"
            )
        self._stored[turn] = Settings.of(
            self.ioc.clamp, self.mode.value, self.hold.value
        )
        return turn

    @run.putter
    async def _put_run(self, instance: Any, number: int) -> int:
        """Start a line."""
        self._run.start(number)
        return number

    def _plan(self) -> list[tuple[float, ...]]:
        """Check what was written and list x, y, travel height, slow height (um)."""
        columns = [
            list(pv.value)
            for pv in (self.x, self.y, self.travel_heights, self.slow_heights)
        ]
        points = len(columns[0])
        heights = (self.travel_heights, self.slow_heights)
        for pv, column in zip(heights, columns[2:], strict=True):
            if len(column) == 1:
                column *= points
            if len(column) != points:
                raise RefusedError(
                    f"{pv.pvname} has {len(column)} elements, X has {points}"
                )
        if len(columns[1]) != points:
            raise RefusedError(f"Y has {len(columns[1])} elements, X has {points}")
        missing = [k for k in range(self.turns.value + 1) if k not in self._stored]
        if missing:
            raise RefusedError(f"turn {missing[0]} has not been stored")
        z, held = self.ioc.z, self._stored[0].held(self.ioc.clamp)
        z.check_stoppable(*held, z.descent_rate)
        for x, y, *_ in zip(*columns, strict=True):
            self.ioc.xy.check_point(x, y)
        return list(zip(*columns, strict=True))

    async def _hop_along(self, number: int) -> tuple[Outcome, Sequence[float]]:
        """Carry out a line."""
        self.ioc.check_ready("a line of hops")
        self.check_idle("a line of hops")
        points = self._plan()
        turns = range(1, self.turns.value + 1)
        used = turns or [0]
        samples = [self._stored[k].samples for k in used]
        async with self._running:
            self._halt.clear()
            await self._begin(number, samples)
            with hold_updates() as publish:
                if not turns:  # else it is taken up after the withdrawal
                    await self._stored[0].take_up(self.ioc.clamp)
                outcome = await self._pass(points, turns, publish)
                for pv in (self.ioc.z.travel_height, self.ioc.z.slow_height):
                    await put(pv, HIGH)
                await publish()
            await self._end()
            return outcome, [float(self._results.done)]

    async def _pass(
        self,
        points: list[tuple[float, ...]],
        turns: Sequence[int],
        publish: Callable[[], Awaitable[None]],
    ) -> Outcome:
        """Hop from point to point; return how it ended."""
        misses, published = 0, time.monotonic()
        z = self.ioc.z
        for x, y, travel, slow in points:
            await put(z.travel_height, travel)
            await put(z.slow_height, slow)
            try:
                outcome, hop = await self._hop(x, y, turns)
            except RefusedError as refusal:  # a client has changed something meanwhile
                if not self._results.done:
                    raise
                await self.ioc.report(f"{self.run.pvname}: {refusal}")
                return self._stopped
            if hop is None:
                return outcome
            self.ioc.note("hop", landing=hop.landing[:5])
            await self._add(hop)
            misses = misses + 1 if outcome is Outcome.NO_CONTACT else 0
            if misses >= self.max_misses.value:
                return Outcome.NO_CONTACT
            if is_full := self._is_full:
                await z.lift()  # however long it is to wait
            if time.monotonic() - published > _UPDATE or is_full:
                await publish()
                published = time.monotonic()
            await asyncio.sleep(0)
            if is_full:
                await self._wait_for_room(self._halt)
            if self._halt.is_set():
                return self._stopped
        return Outcome.OK

    async def _hop(
        self, x: float, y: float, turns: Sequence[int]
    ) -> tuple[Outcome, Hop | None]:
        """Make one hop; None for one that did not come to its end."""
        z, clamp = self.ioc.z, self.ioc.clamp
        outcome, _ = await z.lift()
        if outcome is Outcome.OK and not self._halt.is_set():
            self.ioc.xy.check_point(x, y)  # as it is now
            if not await self.ioc.xy.go(x, y, self._halt):
                return self._stopped, None
            if turns:
                await self._stored[0].take_up(clamp)
            if self._halt.is_set():
                return self._stopped, None
            outcome, values, curve = await z.land(self.run.pvname)
        if self._halt.is_set() or outcome not in (Outcome.OK, Outcome.NO_CONTACT):
            return self._stopped, None
        hop = Hop([float(self._results.number), float(outcome), *values], curve)
        if outcome is Outcome.OK:
            measured = await self._measure(hop, turns)
            if measured is not Outcome.OK:
                return measured, None
        return outcome, hop

    async def _measure(self, hop: Hop, turns: Sequence[int]) -> Outcome:
        """Take the acquisitions of a contact; an overload makes it safe and ends it."""
        clamp = self.ioc.clamp
        for turn in turns or [0]:
            if turns:
                await self._stored[turn].take_up(clamp)
            if self._halt.is_set():
                return self._stopped
            outcome, recording, values = await clamp.record()
            if outcome is not Outcome.OK:
                return outcome
            number = float(self._results.number)
            hop.summaries.append([number, float(outcome), *values])
            hop.recordings.append(recording)
            if recording.overload:
                await clamp.make_safe()
                await self.ioc.z.lift()
                await self._stored[0].take_up(clamp)
                break
            if clamp.cell.is_open:
                break
        hop.ended_at = time.time()
        return Outcome.OK

    @property
    def _stopped(self) -> Outcome:
        return Outcome.TRIPPED if self.ioc.is_tripped else Outcome.STOPPED
