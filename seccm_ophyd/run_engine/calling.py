"""Those who have subscribed are called in a thread that the engine awaits.

The event loop turns meanwhile: a plot that takes long lets no lease end.
"""

import asyncio
import functools
import logging
from collections.abc import Callable
from typing import Any

from bluesky.run_engine import Dispatcher
from event_model import DocumentNames

from ..errors import CallbackStalledError, SeccmError
from ..storage import StorageThread
from .storing import wait_until
from .stuck import where_is

__all__ = ["Calling"]

logger = logging.getLogger(__name__)

WITHDRAW_S = 4.0
"""After which the probe is withdrawn (s): as long as a lease."""
PATIENCE_S = 60.0
"""Longest wait (s); the scan goes on then, and the documents come later."""


class Calling:
    """Calls subscribers with documents, in their order and in one thread.

    Parameters
    ----------
    dispatcher
        Knows the subscribers.
    """

    withdraw: Callable[[], bool | None] | None = None
    """Begins to withdraw the probe; see `Microscope.withdraw_meanwhile`."""

    is_hop: Callable[[dict[str, Any]], bool] | None = None
    """Whether a document describes a hop, which has ended with it."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._thread = StorageThread("callbacks")
        self._is_behind = False  # the scan goes on without them

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
            the plan was to go on.
        """
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()

        def call_and_tell() -> None:
            self._call(name, doc)
            if not loop.is_closed():
                loop.call_soon_threadsafe(ended.set_result, None)

        self._thread.submit(call_and_tell, always=True)
        if self._is_behind:
            return
        begun = loop.time()
        interrupted = await wait_until(ended, begun + WITHDRAW_S)
        try:
            if not ended.done():
                interrupted |= await self._outlast(ended, begun, doc)
        finally:
            if interrupted and (task := asyncio.current_task()) is not None:
                task.cancel()  # a pause or an abort that came meanwhile acts now

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
        except BaseException:  # a sys.exit() would end this thread, and nobody know
            logger.exception("a callback wants to end Python: the scan goes on")

    async def _outlast(
        self, ended: "asyncio.Future[Any]", begun: float, doc: dict[str, Any]
    ) -> bool:
        """Wait with the probe withdrawn; tell whether a pause or an abort came."""
        loop = asyncio.get_running_loop()
        logger.warning(
            "a callback has been busy for %g s in %s: the scan waits with the probe "
            "withdrawn, for at most %g s",
            loop.time() - begun,
            where_is(self._thread.ident),
            PATIENCE_S,
        )
        lifting = asyncio.ensure_future(asyncio.to_thread(self._lift))
        interrupted = await wait_until(ended, begun + PATIENCE_S)
        if not ended.done():
            self._is_behind = True
            self._thread.submit(self._caught_up, always=True)
            logger.warning(
                "a callback has not returned for %g s: the scan goes on, it gets its "
                "documents later",
                PATIENCE_S,
            )
        interrupted |= await wait_until(lifting, begun + PATIENCE_S + WITHDRAW_S)
        if lifting.done() and lifting.result():
            self._check_hop(doc)
        return interrupted

    def _lift(self) -> bool | None:
        """Begin to withdraw the probe, where there is one."""
        if self.withdraw is None:
            return None
        try:
            return self.withdraw()
        except (SeccmError, TimeoutError, ConnectionError) as error:
            logger.error("the probe was not withdrawn behind a callback: %s", error)
            return None

    def _check_hop(self, doc: dict[str, Any]) -> None:
        if self.is_hop is None or not self.is_hop(doc):
            raise CallbackStalledError(
                f"a callback took longer than {WITHDRAW_S:g} s and the probe was "
                "withdrawn from its contact: the plan, which is no scan of hops, "
                "cannot go on in it"
            )

    def _caught_up(self) -> None:
        self._is_behind = False
