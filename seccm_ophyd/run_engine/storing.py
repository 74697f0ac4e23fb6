"""Documents are stored before the plan continues, by a thread that the engine awaits.

The event loop turns meanwhile, and with it the heartbeat of the lease: a plan that
hangs makes the lease end, a disk that stalls does not.
"""

import asyncio
import functools
import logging
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
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
        kept in memory, and written when the storage answers again. If it refuses then,
        nothing of the run after that is stored but its end.
    recount
        Makes the stop document of such a run say what the run has.
    """

    busy = "while storage stalls"

    def __init__(
        self,
        store: Callable[[str, dict[str, Any]], None],
        thread: StorageThread,
        patience_s: float,
        recount: Callable[[dict[str, Any]], dict[str, Any]] = dict,
    ) -> None:
        self._store, self._thread, self._patience_s = store, thread, patience_s
        self._recount = recount
        self._gave_up = False  # and the storage has not answered since
        self._late: Exception | None = None  # why it refused what it had not answered
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
        late = self._late if name not in ("start", "stop") else None
        if name in _NOT_AWAITED:
            if late is None:
                self.store_later(name, doc)
            return True
        if late is not None:  # what would follow now has no place after a gap
            raise late
        if name == "stop" and doc["run_start"] in self._refused:
            self._refused.discard(doc["run_start"])
            return False
        job = functools.partial(self._store, name, doc)
        if name == "stop":
            job = functools.partial(self._store_end, doc)
        try:
            if name == "start":
                self._check_answers()
                self._late = None
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
        ended: Future[Exception | None] = Future()
        if was_stalled := self._gave_up:
            ended.cancel()
        self._thread.submit(job, functools.partial(self._report, ended), always=is_end)
        if was_stalled:
            if is_end:
                self._thread.submit(self._say_stored, always=True)
            return
        try:
            await self._wait(asyncio.wrap_future(ended), doc, WITHDRAW_S)
        except StorageStalledError:
            if not ended.cancel() and (error := ended.result()) is not None:
                raise error from None  # it has refused in the last moment
            raise

    def _report(
        self, ended: "Future[Exception | None]", error: Exception | None
    ) -> bool:
        """Report the end of a job; return whether the plan still waits for it."""
        try:
            ended.set_result(error)
        except InvalidStateError:  # cancelled
            self._late = self._late or error
            return False
        return True

    def _store_end(self, doc: dict[str, Any]) -> None:
        """Store the end of a run; what it counts was perhaps refused meanwhile."""
        if self._late is not None:
            try:
                doc = self._recount(doc)
            except OSError as error:
                logger.error("the events of the run cannot be counted: %s", error)
            why = doc.get("reason") or "the storage did not answer"
            reason = f"{why}; it has refused what was left: {self._late}"
            doc = {**doc, "reason": reason}
        self._store("stop", doc)

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

    def _say_stored(self) -> None:
        if self._late is None:
            logger.warning(
                "storage answers again: the run is on the disk, nothing is lost"
            )
        else:
            logger.error(
                "storage answers again, but has refused what was left of the run: %s",
                self._late,
            )
