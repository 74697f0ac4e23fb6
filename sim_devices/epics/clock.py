"""Instrument time: simulated seconds, driven by the wall clock or by actions alone."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["TICK", "Clock"]

TICK = 0.1
"""Wall seconds between two looks at a motion in progress."""

_FINE = 2e-3  # wall seconds before the end of a wait from which time is looked at


@dataclass
class _Schedule:
    """How far a command has come (s); None while it waits."""

    reached: float | None


_schedule: ContextVar[_Schedule | None] = ContextVar("schedule", default=None)


class Clock:
    """The time of the simulated instrument.

    At time scale 0 the time is discrete: it is moved on by the actions alone, to their
    ends, and stands still while the client thinks. What happens then depends on what is
    commanded, not on when, so a seed gives the same numbers on any machine. At a scale
    s > 0 the time follows the wall clock, one simulated second in s wall seconds.

    Parameters
    ----------
    time_scale
        Wall seconds per simulated second, 0 or more.
    wall
        Source of wall time (s).
    """

    def __init__(
        self, time_scale: float = 0.0, *, wall: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall = wall
        self._scale = time_scale
        self._time = 0.0  # simulated time at ...
        self._since = wall()  # ... this wall time

    @property
    def now(self) -> float:
        """Simulated time (s)."""
        schedule = _schedule.get()
        if schedule is None or schedule.reached is None or self.is_discrete:
            return self.running
        return schedule.reached

    @property
    def running(self) -> float:
        """Simulated time (s), also where a command is on schedule."""
        if self._scale == 0:
            return self._time
        return self._time + (self._wall() - self._since) / self._scale

    @contextlib.contextmanager
    def on_schedule(self) -> Iterator[None]:
        """Have the actions of a command follow each other as those of a controller.

        The first begins now, each other one when the one before it was to end. What is
        computed in between takes no instrument time, nor does the delay with which the
        computer notices an end. It holds for this task and those that it starts.
        """
        token = _schedule.set(_Schedule(self.now))
        try:
            yield
        finally:
            _schedule.reset(token)

    @property
    def time_scale(self) -> float:
        """Wall seconds per simulated second; setting it keeps the time as it is."""
        return self._scale

    @time_scale.setter
    def time_scale(self, scale: float) -> None:
        self._time, self._since, self._scale = self.running, self._wall(), scale

    @property
    def is_discrete(self) -> bool:
        """Whether the time moves by actions alone."""
        return self._scale == 0

    def start_after(self, earliest: float) -> float:
        """Return when an action begins that is commanded now.

        Parameters
        ----------
        earliest
            When all that it has to wait for was over (s).

        Returns
        -------
        float
            In discrete time `earliest`, so that two axes that are commanded one
            after the other move at the same time; else the present time.
        """
        return earliest if self.is_discrete else self.now

    def go_on_at(self, when: float) -> None:
        """Have what a command does next begin when what it has waited for ended (s)."""
        schedule = _schedule.get()
        if schedule is not None:
            schedule.reached = when

    async def wait_until(
        self,
        when: float,
        stop: asyncio.Event,
        tick: Callable[[], Awaitable[None]] | None = None,
    ) -> bool:
        """Wait for a time, or for the order to stop.

        Parameters
        ----------
        when
            Simulated time (s).
        stop
            Ends the wait at once when set.
        tick
            Called about ten times a wall second while waiting.

        Returns
        -------
        bool
            Whether the time was reached; False if stopped before.
        """
        schedule = _schedule.get() or _Schedule(None)
        while not stop.is_set():
            if self.is_discrete:
                self._time = max(self._time, when)
            wall_left = (when - self.running) * self._scale
            if wall_left <= 0:
                schedule.reached = max(when, schedule.reached or when)
                return True
            schedule.reached = None
            if wall_left < _FINE:  # the event loop may oversleep by as much
                await asyncio.sleep(0)
                continue
            # short waits, so that a change of the time scale is noticed
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(stop.wait(), min(wall_left - _FINE, TICK))
            if tick and wall_left > TICK:
                await tick()
        return False
