"""The engine of a session: no plot ends a scan, no failure leaves it in contact."""

import asyncio
import functools
import logging
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any

from bluesky import RunEngine
from bluesky.run_engine import Dispatcher
from bluesky.utils import DefaultDuringTask, Msg, Plan
from event_model import DocumentNames

from .._upstream import warn_untried
from ..devices import Microscope
from ..errors import ParameterError, SeccmError, StorageStalledError
from ..plans._run.hop_plan import check_unused
from ..plans._run.metadata import check_metadata, check_start
from ..plans._run.wrappers import in_own_words, safe_after_failure
from ..schema import ORDER_TIME, OWN_METADATA
from ..storage.journal.kept import check_kept
from .bundler import SparingBundler
from .calling import Calling
from .storing import Storing

__all__ = ["SessionEngine"]

logger = logging.getLogger(__name__)


LOOK_S = 0.2
# what the session and its engine themselves put into ``RE.md``
_OF_THE_SESSION = {"instrument", "simulator", "versions", ORDER_TIME}


class _ShortWaits:
    """An event that is waited for in short turns.

    A Ctrl-C that arrives just before a wait does not end it: on a busy computer one of
    a few would have no effect until the run has ended.
    """

    def __init__(self, event: threading.Event) -> None:
        self._event = event
        self.is_set = event.is_set

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is not None:
            return self._event.wait(timeout)
        while not self._event.wait(LOOK_S):
            pass
        return True


class _DuringRun(DefaultDuringTask):
    """What the main thread does meanwhile: look after Qt, and listen to Ctrl-C."""

    def block(self, blocking_event: threading.Event) -> None:
        super().block(_ShortWaits(blocking_event))


class SessionEngine(RunEngine):
    """A `bluesky.RunEngine` whose subscribers cannot end a run.

    What a callback raises is logged with its traceback, once for each callback, and the
    scan continues; this holds for callbacks of one plan (``RE(plan, callback)``,
    ``bpp.subs_wrapper``), too. What a run cannot do without is given to
    `subscribe_vital`, and ends it when it fails; `store_with` has each document stored
    before anybody else gets it.
    """

    RunBundler = SparingBundler
    _microscope: Microscope | None = None
    _storing: Storing | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warn_untried("bluesky")
        super().__init__(*args, during_task=_DuringRun(), **kwargs)
        self.preprocessors.append(in_own_words)
        self._vital = Dispatcher()
        self._calling = Calling(self.dispatcher)
        self._count: Callable[[dict[str, Any]], Any] = self.scan_id_source
        self._why = ""  # the plan was aborted
        self.subscribe_vital(self._give_reason, "stop")
        self._validate_more = self.md_validator  # bluesky's own, or the user's
        self.md_validator = self._check_md

    def _check_md(self, md: dict[str, Any]) -> None:
        check_kept(md)
        check_start(md)
        self._validate_more(md)

    def __call__(
        self, plan: Iterable[Msg], subs: Any = None, /, **metadata_kw: Any
    ) -> Any:
        """Run a plan; see `bluesky.RunEngine.__call__`.

        Raises
        ------
        ParameterError
            If `plan` is no plan, or has been used up: it would do nothing. If a stored
            run could not hold the metadata, given here or in ``RE.md``, or they have a
            name that plans themselves record; nothing has begun then.
        """
        check_unused(plan, "RE")
        try:
            check_metadata(metadata_kw, "the metadata of RE(plan, ...)")
            check_kept(self.md)
            _check_names(self.md)
        except ParameterError:
            if isinstance(plan, Plan | Generator):
                plan.close()  # or bluesky would warn of a plan that was not run
            raise
        self._why = ""
        return super().__call__(plan, subs, **metadata_kw)

    def abort(self, reason: str = "") -> Any:
        """Abort the plan, for a reason that the stop document keeps.

        See `bluesky.RunEngine.abort`.
        """
        self._why = str(reason)
        return super().abort(reason)

    def _give_reason(self, name: str, doc: dict[str, Any]) -> None:
        """Complete the stop document: bluesky loses the reason where a plan cleans up.

        Every callback gets the same dict: those that store it are subscribed later.
        """
        if doc["exit_status"] == "abort" and not doc.get("reason"):
            doc["reason"] = self._why

    def keep_safe(self, microscope: Microscope) -> None:
        """Leave the instrument SAFE when any plan fails, is aborted, stopped or halted.

        Parameters
        ----------
        microscope
            The instrument of the session.
        """
        self._microscope = microscope
        self._calling.withdraw = microscope.withdraw_meanwhile
        self._calling.is_hop = microscope.hop.is_of_hop
        if self._storing is not None:
            self._storing.withdraw = microscope.withdraw_meanwhile
            self._storing.is_hop = microscope.hop.is_of_hop
        self.preprocessors.append(
            functools.partial(safe_after_failure, microscope=microscope)
        )

    def halt(self) -> Any:
        """End the plan without its cleaning up; see `bluesky.RunEngine.halt`."""
        try:
            return super().halt()
        finally:
            if self._microscope is not None:
                self._microscope.stop()
                self._forget_heights(self._microscope)

    def _forget_heights(self, microscope: Microscope) -> None:
        try:
            microscope.forget_heights()
        except (SeccmError, TimeoutError, ConnectionError) as error:
            logger.error("the heights of the plan that was halted remain: %s", error)

    def end_loop(self) -> None:
        """End the event loop and wait for its thread; nothing runs any more then."""
        loop, thread = self.loop, self._th
        if loop.is_running():
            asyncio.run_coroutine_threadsafe(_cancel_others(), loop).result(5.0)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(5.0)
        if not loop.is_running() and not loop.is_closed():
            loop.close()
        self._calling.end()

    def subscribe(self, func: Callable[..., Any], name: str = "all") -> int:
        """Call `func` with documents; see `bluesky.RunEngine.subscribe`."""
        if callable(name) and isinstance(func, str):  # bluesky's old order
            func, name = name, func
        return int(super().subscribe(_guarded(func), name))

    def subscribe_vital(self, func: Callable[..., Any], name: str = "all") -> None:
        """Call `func` with documents; the run ends when it raises.

        It gets them when they are stored, a stop document before that: it may complete
        it.

        Parameters
        ----------
        func
            Called with the name and the document.
        name
            Which documents, as for `subscribe`.
        """
        self._vital.subscribe(func, name)

    def store_with(self, storing: Storing) -> None:
        """Store each document before the plan continues.

        Parameters
        ----------
        storing
            Stores it; the run ends when it fails. Runs are numbered in its thread.
        """
        self._storing = storing
        count = self._count

        async def counted(md: dict[str, Any]) -> int:
            return int(await storing.ask(lambda: count(md)))

        self.scan_id_source = counted

    async def emit(self, name: DocumentNames, doc: dict[str, Any]) -> None:
        """Store a document, then call those who have subscribed."""
        is_end = name is DocumentNames.stop
        if is_end:  # those who are vital complete it
            self._vital.process(name, doc)
        try:
            stored = await self._store(name, doc)
        except StorageStalledError:  # it is stored later
            self._vital.process(name, doc)
            raise
        if stored and not is_end:
            self._vital.process(name, doc)
        if stored:
            await self._calling.call(name, doc)

    async def _store(self, name: DocumentNames, doc: dict[str, Any]) -> bool:
        """Store a document, if it is stored; return whether it is to be given out."""
        return self._storing is None or await self._storing.store(name.name, doc)

    def emit_sync(self, name: DocumentNames, doc: dict[str, Any]) -> None:
        """As `emit`, but later: monitors come in a thread that must not wait."""
        then = functools.partial(self._give_out, name, doc)
        if self._storing is None:
            then()
        else:
            self._storing.store_later(name.name, doc, then)

    def _give_out(self, name: DocumentNames, doc: dict[str, Any]) -> None:
        self._vital.process(name, doc)
        self._calling.call_later(name, doc)


def _check_names(md: Mapping[str, Any]) -> None:
    """See that ``RE.md``, which is in every run, has no name that plans record."""
    taken = sorted((OWN_METADATA - _OF_THE_SESSION) & md.keys())
    if taken:
        raise ParameterError(
            f"RE.md has {taken[0]!r}, which the plans themselves record: type "
            f"del RE.md[{taken[0]!r}] and give it another name"
        )


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _guarded(func: Callable[..., Any]) -> Callable[..., None]:
    reported = False

    def guarded(name: str, doc: dict[str, Any]) -> None:
        nonlocal reported
        try:
            func(name, doc)
        except Exception:
            if not reported:
                logger.exception(
                    "%r failed on a %s document: the scan continues without it. "
                    "Further failures of it are not reported.",
                    func,
                    name,
                )
            reported = True

    return guarded
