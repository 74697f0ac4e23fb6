"""Documents are stored before the plan continues, by a thread that the engine awaits.

The event loop turns meanwhile, and with it the heartbeat of the lease: a plan that
hangs makes the lease end, a disk that stalls does not.
"""

import asyncio
import functools
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import StorageStalledError
from ..storage import StorageThread
from .waiting import WaitingSafely, wait_until

__all__ = ["Storing"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

WITHDRAW_S, SAY_S = 1.0, 2.0
"""After which the probe is withdrawn, and after which a stall is reported (s)."""

# they mean nothing without the document after them, which is awaited
_NOT_AWAITED = ("stream_datum", "stream_resource", "resource", "datum", "datum_page")


class Storing(WaitingSafely):
    """Stores documents in their order, and waits for a storage that stalls.

    Parameters
    ----------
    store
        Writes a document down before it returns, e.g. a `Journal`.
    thread
        In which it is called.
    patience_s
        Longest wait for the storage (s); the plan fails then. What was to be stored is
        kept in memory, and written when the storage answers again.
    """

    busy = "while storage stalls"

    def __init__(
        self,
        store: Callable[[str, dict[str, Any]], None],
        thread: StorageThread,
        patience_s: float,
    ) -> None:
        self._store, self._thread, self._patience_s = store, thread, patience_s
        self._gave_up = False  # and the storage has not answered since
        self._refused: set[str] = set()  # uids of runs whose start is not stored

    async def store(self, name: str, doc: dict[str, Any]) -> bool:
        """Store a document, with those before it; done when it is on the disk.

        Parameters
        ----------
        name, doc
            The document.

        Returns
        -------
        bool
            False for the end of a run whose beginning was not stored: it is no run.

        Raises
        ------
        StorageStalledError
            If the storage does not answer for so long, or has not since then; or if a
            contact that was to continue has been ended because of it.
        OSError
            If the storage refuses.
        """
        if name in _NOT_AWAITED:
            self.store_later(name, doc)
            return True
        if name == "stop" and doc["run_start"] in self._refused:
            self._refused.discard(doc["run_start"])
            return False
        job = functools.partial(self._store, name, doc)
        try:
            if name == "start":
                self._check_answers()
            await self._do_and_wait(job, doc, is_end=name == "stop")
        except Exception:
            if name == "start":
                self._refused.add(doc["uid"])
            raise
        return True

    async def ask(self, question: Callable[[], T]) -> T:
        """Have something asked of the storage, or written to it, between two runs.

        Parameters
        ----------
        question
            Called without arguments, in the thread.

        Returns
        -------
        Any
            What it returns.

        Raises
        ------
        StorageStalledError, OSError
            As `store`.
        """
        self._check_answers()
        answers: list[T] = []
        await self._do_and_wait(lambda: answers.append(question()), {})
        return answers[0]

    def store_later(
        self, name: str, doc: dict[str, Any], then: Callable[[], None] | None = None
    ) -> None:
        """Have a document stored after those before it; returns at once.

        An error ends the plan with the next document that is awaited.

        Parameters
        ----------
        name, doc
            The document.
        then
            Called in the thread when it is stored.
        """

        def job() -> None:
            self._store(name, doc)
            if then is not None:
                then()

        self._thread.submit(job)

    def _check_answers(self) -> None:
        if self._gave_up:
            raise StorageStalledError(
                f"the storage has not answered for more than {self._patience_s:g} s, "
                "and the run before is not yet on the disk: wait until it is, or open "
                "a session on another folder"
            )

    async def _do_and_wait(
        self, job: Callable[[], Any], doc: dict[str, Any], *, is_end: bool = False
    ) -> None:
        was_stalled = self._gave_up
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Exception | None] = loop.create_future()

        def report(error: Exception | None) -> None:
            if not loop.is_closed():  # a session may be closed while it stalls
                loop.call_soon_threadsafe(ended.set_result, error)

        self._thread.submit(job, report, always=is_end)
        if was_stalled:
            if is_end:
                self._thread.submit(_say_stored, always=True)
            return
        await self._wait(ended, doc, WITHDRAW_S)

    async def _outlast(
        self, ended: "asyncio.Future[Any]", begun: float, doc: dict[str, Any]
    ) -> bool:
        loop = asyncio.get_running_loop()
        lifting = self._lift()
        interrupted = await wait_until(ended, begun + SAY_S)
        lifted = lifting.result() if lifting.done() else None
        if not ended.done():
            how = "" if lifted is None else " with the probe withdrawn"
            logger.warning(
                "storage has not answered for %g s: waiting%s; up to %g s",
                SAY_S,
                how,
                self._patience_s,
            )
            interrupted |= await wait_until(ended, begun + self._patience_s)
            if not ended.done():
                self._gave_up = True
                self._thread.submit(self._caught_up, always=True)
                raise StorageStalledError(
                    f"the storage has not answered for {self._patience_s:g} s: the run "
                    "ends, and what is left of it is written when it answers again "
                    "(storage_wait_s in seccm.toml is the longest wait)"
                )
            waited_s = loop.time() - begun
            logger.warning("storage answers again after %.1f s", waited_s)
        error = StorageStalledError(
            "the storage stalled and the probe was withdrawn from its contact: the "
            "plan, which is no scan of hops, cannot continue in it"
        )
        until = begun + self._patience_s
        return await self._lifted(lifting, until, doc, error) or interrupted

    def _caught_up(self) -> None:
        self._gave_up = False


def _say_stored() -> None:
    logger.warning("storage answers again: the run is on the disk, nothing is lost")
