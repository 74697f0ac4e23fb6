"""Those who have subscribed are called in a thread that the engine awaits.

The event loop turns meanwhile: a plot that takes long does not end the lease.
"""

import asyncio
import functools
import logging
from typing import Any

from bluesky.run_engine import Dispatcher
from event_model import DocumentNames

from ..errors import CallbackStalledError
from ..storage import StorageThread
from .stuck import where_is
from .waiting import WaitingSafely, wait_until

__all__ = ["Calling"]

logger = logging.getLogger(__name__)

WITHDRAW_S = 4.0
"""After which the probe is withdrawn (s): as long as a lease."""
PATIENCE_S = 60.0
"""Longest wait (s); the scan continues then, and the documents come later."""


class Calling(WaitingSafely):
    """Calls subscribers with documents, in their order and in one thread.

    Parameters
    ----------
    dispatcher
        Knows the subscribers.
    """

    busy = "behind a callback"

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._thread = StorageThread("callbacks")
        self._is_behind = False  # the scan continues without them

    async def call(self, name: DocumentNames, doc: dict[str, Any]) -> None:
        """Call subscribers, and wait until they have returned.

        Parameters
        ----------
        name, doc
            The document.

        Raises
        ------
        CallbackStalledError
            If they took so long that the probe was withdrawn from a contact in which
            the plan was to continue.
        """
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Exception | None] = loop.create_future()

        def call_and_tell() -> None:
            self._call(name, doc)
            if not loop.is_closed():
                loop.call_soon_threadsafe(ended.set_result, None)

        self._thread.submit(call_and_tell, always=True)
        if self._is_behind:
            return
        await self._wait(ended, doc, WITHDRAW_S)

    def call_later(self, name: DocumentNames, doc: dict[str, Any]) -> None:
        """Have subscribers called after the documents before it; returns at once.

        Parameters
        ----------
        name, doc
            The document.
        """
        self._thread.submit(functools.partial(self._call, name, doc), always=True)

    def end(self) -> None:
        """End the thread once it has done all."""
        self._thread.end()

    def _call(self, name: DocumentNames, doc: dict[str, Any]) -> None:
        try:
            self._dispatcher.process(name, doc)
        except BaseException:  # a sys.exit() would end this thread without a message
            logger.exception("a callback wants to end Python: the scan continues")

    async def _outlast(
        self, ended: "asyncio.Future[Any]", begun: float, doc: dict[str, Any]
    ) -> bool:
        loop = asyncio.get_running_loop()
        logger.warning(
            "a callback has been busy for %g s in %s: the scan waits with the probe "
            "withdrawn, for at most %g s",
            loop.time() - begun,
            where_is(self._thread.ident),
            PATIENCE_S,
        )
        lifting = self._lift()
        interrupted = await wait_until(ended, begun + PATIENCE_S)
        if not ended.done():
            self._is_behind = True
            self._thread.submit(self._caught_up, always=True)
            logger.warning(
                "a callback has not returned for %g s: the scan continues, it gets its "
                "documents later",
                PATIENCE_S,
            )
        error = CallbackStalledError(
            f"a callback took longer than {WITHDRAW_S:g} s and the probe was "
            "withdrawn from its contact: the plan, which is no scan of hops, cannot "
            "continue in it"
        )
        until = begun + PATIENCE_S + WITHDRAW_S
        return await self._lifted(lifting, until, doc, error) or interrupted

    def _caught_up(self) -> None:
        self._is_behind = False
