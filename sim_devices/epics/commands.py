"""The command protocol: a fresh number in, a result and its echo out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from enum import IntEnum
from typing import Any, Protocol

from .clock import Clock
from .pvs import RefusedError, put

__all__ = ["Command", "Outcome"]

logger = logging.getLogger(__name__)


class Outcome(IntEnum):
    """How a command ended: element 1 of every result array."""

    NONE = 0
    OK = 1
    NO_CONTACT = 2
    STOPPED = 3
    TRIPPED = 4
    REFUSED = 5


class _Host(Protocol):
    """What a command asks of the instrument."""

    clock: Clock

    async def report(self, message: str) -> None:
        """Publish a refusal or a fault."""

    async def trip(self, reason: str) -> None:
        """Stop everything and go SAFE."""


class Command:
    """One command of the contract: a fresh number in, a result and its echo out.

    Parameters
    ----------
    written
        The command PV.
    done
        Echoes the number when the command has ended, in any way.
    result
        Gets number, outcome and what `action` returned, just before the echo.
    action
        Carries the command out: given its number, it returns the outcome and the
        values of the result. It may raise `RefusedError` before it moves anything.
    blank
        The values of a command that was refused or failed.

    Attributes
    ----------
    outcome
        How the last one ended.
    """

    def __init__(
        self,
        written: Any,
        done: Any,
        result: Any,
        action: Callable[[int], Awaitable[tuple[Outcome, Sequence[float]]]],
        blank: Sequence[float],
    ) -> None:
        self._written, self._done, self._result = written, done, result
        self._action, self._blank = action, blank
        self._last = 0
        self._ended_at = 0.0  # instrument time (s)
        self._tasks: dict[asyncio.Task[None], None] = {}  # in their order
        self.outcome = Outcome.NONE

    @property
    def _host(self) -> _Host:
        return self._written.group.ioc  # of the part that it belongs to

    def start(self, number: int) -> None:
        """Start the command; it continues after the client's write has returned.

        Raises
        ------
        RefusedError
            For a number that is not positive, or the one used last.
        """
        name = self._written.pvname
        if number <= 0:
            raise RefusedError(f"{name}: {number} is no positive number")
        if number == self._last:
            raise RefusedError(f"{name}: {number} was used last, write a fresh number")
        self._last = number
        task = asyncio.create_task(self._run(number), name=f"{name} {number}")
        self._tasks[task] = None  # the loop itself keeps no hold on its tasks
        task.add_done_callback(self._tasks.pop)

    async def wait(self) -> bool:
        """Wait for the end of the running command; return whether there was one.

        Of a command that waits, what follows begins at once after this end.
        """
        if not self._tasks:
            return False
        first = next(iter(self._tasks))  # the others have found it busy
        await asyncio.wait([first])
        self._host.clock.go_on_at(self._ended_at)
        return True

    async def _run(self, number: int) -> None:
        outcome, values = Outcome.REFUSED, self._blank
        clock = self._host.clock
        self._ended_at = clock.now  # if it does not even begin
        try:
            with clock.on_schedule():
                outcome, values = await self._action(number)
                self._ended_at = clock.now
        except RefusedError as refusal:
            await self._host.report(f"{self._written.pvname} {number}: {refusal}")
        except Exception as fault:
            logger.exception("%s %d failed", self._written.pvname, number)
            await self._host.trip(f"fault in the IOC: {fault!r}")
            outcome = Outcome.TRIPPED
        await put(self._result, [number, outcome, *values])
        await put(self._done, number)
        self.outcome = outcome
