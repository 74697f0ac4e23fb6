"""The engine waits for a thread of its session: where that takes long, in safety."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from ..errors import SeccmError

__all__ = ["WaitingSafely", "wait_until"]

logger = logging.getLogger(__name__)


class WaitingSafely(ABC):
    """Waits for what a thread does with a document, with the probe withdrawn if long.

    The event loop turns meanwhile, and with it the heartbeat of the lease.
    """

    withdraw: Callable[[], bool | None] | None = None
    """Begins to withdraw the probe; see `Microscope.withdraw_meanwhile`."""

    is_hop: Callable[[dict[str, Any]], bool] | None = None
    """Whether a document describes a hop, which has ended with it."""

    busy: ClassVar[str]
    """What is waited for, as the end of a sentence."""

    async def _wait(
        self,
        ended: "asyncio.Future[Exception | None]",
        doc: dict[str, Any],
        withdraw_s: float,
    ) -> None:
        """Wait; after `withdraw_s` as `_outlast` does. Raises what has failed."""
        begun = asyncio.get_running_loop().time()
        interrupted = await wait_until(ended, begun + withdraw_s)
        try:
            if not ended.done():
                interrupted |= await self._outlast(ended, begun, doc)
            if ended.done() and (error := ended.result()):
                raise error
        finally:
            if interrupted and (task := asyncio.current_task()) is not None:
                task.cancel()  # a pause or an abort that came meanwhile acts now

    @abstractmethod
    async def _outlast(
        self, ended: "asyncio.Future[Any]", begun: float, doc: dict[str, Any]
    ) -> bool:
        """Wait with the probe withdrawn; return whether a pause or an abort came."""

    def _lift(self) -> "asyncio.Future[bool | None]":
        """Begin to withdraw the probe, where there is one."""
        return asyncio.ensure_future(asyncio.to_thread(self._withdraw))

    def _withdraw(self) -> bool | None:
        if self.withdraw is None:
            return None
        try:
            return self.withdraw()
        except (SeccmError, TimeoutError, ConnectionError) as error:
            logger.error("the probe was not withdrawn %s: %s", self.busy, error)
            return None

    async def _lifted(
        self,
        lifting: "asyncio.Future[bool | None]",
        until: float,
        doc: dict[str, Any],
        error: SeccmError,
    ) -> bool:
        """Wait for the withdrawal; raise `error` if it ended a contact amid a plan."""
        interrupted = await wait_until(lifting, until)
        ended_contact = lifting.done() and lifting.result()
        if ended_contact and (self.is_hop is None or not self.is_hop(doc)):
            raise error
        return interrupted


async def wait_until(future: "asyncio.Future[Any]", until: float) -> bool:
    """Wait for a future, up to a time of the loop; return whether it was interrupted.

    Parameters
    ----------
    future
        What is waited for.
    until
        Time of the loop (s).

    Returns
    -------
    bool
        Whether this task was cancelled meanwhile, which has no effect before the end.
    """
    loop, interrupted = asyncio.get_running_loop(), False
    while not future.done() and (left := until - loop.time()) > 0:
        try:
            await asyncio.wait({future}, timeout=left)
        except asyncio.CancelledError:
            interrupted = True
    return interrupted
