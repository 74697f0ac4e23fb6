"""ophyd over caproto: what it does with channels and updates, and what is changed.

Tried with the versions in `tried`. Each function says what happens without it; it can
go when ophyd does that itself.
"""

import functools
import itertools
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..channel_access import uses_libca

__all__ = ["forget_last_callbacks", "mend"]

logger = logging.getLogger(__name__)

_CALLED_S = 1.0
_NOTHING_ASKED = {"run_now": False, "with_ctrlvars": False}
_ASKERS = 64  # channels that are asked what describes them at a time


def mend() -> None:
    """Change what has to be changed; the second time does nothing more."""
    _pass_over_lost_channels()
    _tell_updates_once()


def forget_last_callbacks() -> None:
    """Have the threads that call callbacks let go of the one that each has called last.

    They keep it, and with it the whole device, until the next one comes: a session that
    has closed would stay in memory.
    """
    if uses_libca():
        return
    from ophyd import _caproto_shim as shim

    threads = shim._dispatcher._threads.values()  # noqa: SLF001
    called = [threading.Event() for _ in threads]
    for thread, event in zip(threads, called, strict=True):
        thread.queue.put((event.set, (), {}))
    for event in called:
        event.wait(_CALLED_S)


def _pass_over_lost_channels() -> None:
    """Make ophyd not wait for what describes a channel that has gone meanwhile.

    ophyd asks each channel that connects for its units, limits and so on, in four
    threads, up to 10 s each. When an IOC dies while many wait to be asked, minutes pass
    in which no other channel, of any IOC, is connected. A channel that comes back
    is asked anew. Here more are asked at a time, too: on a network with a round trip of
    2 s, to open an instrument would take minutes.
    """
    from ophyd import _caproto_shim as shim

    askers = ThreadPoolExecutor(_ASKERS, thread_name_prefix="describe channels")

    def in_background(
        self: Any, callback: Callable[..., None], *, timeout: float
    ) -> None:
        def describe() -> None:
            channel = getattr(self, "_caproto_pv", None)
            if channel is not None and not channel.connected:
                return
            try:
                callback(self.pvname, self.get_all_metadata_blocking(timeout=timeout))
            except Exception as error:  # it is asked again when it connects again
                logger.info("%s cannot be described: %s", self.pvname, error)

        askers.submit(describe)

    shim.PV.get_all_metadata_callback = in_background


def _tell_updates_once() -> None:
    """Make ophyd work through each update of caproto once, and not twice.

    caproto gives the first callback of a channel the number 0, which ophyd takes for
    none: it adds the callback once more when somebody subscribes. Here they are counted
    from 1, as by pyepics. The second one also hid that the first update of an enum may
    come before its words: here they are asked for first, where nothing is kept waiting.

    A callback also begins with what the monitor has told already, or tells next: ophyd
    asks for the value and what describes it once more, one channel after another.
    """
    from caproto import enum_types
    from ophyd import _caproto_shim as shim
    from ophyd._caproto_shim import PV

    add, tell = PV.add_callback, PV._PV__on_changes  # noqa: SLF001 (as ophyd's)

    @functools.wraps(add)
    def add_from_one(
        self: Any, *args: Any, run_now: bool = False, **kwargs: Any
    ) -> int:
        if not self.callbacks:
            self._cb_count = itertools.count(1)
        index = int(add(self, *args, **kwargs | _NOTHING_ASKED))
        if run_now and self.connected and self._args["value"] is not None:
            self.run_callback(index)
        return index

    @functools.wraps(tell)
    def tell_in_words(self: Any, subscription: Any, update: Any) -> None:
        if self.typefull not in enum_types or self._args["enum_strs"] is not None:
            tell(self, subscription, update)
            return

        def ask_and_tell(pvname: str) -> None:
            if self.connected:
                self.get_ctrlvars()
                tell(self, subscription, subscription.most_recent_response or update)

        shim._dispatcher.schedule_utility_task(ask_and_tell, pvname=self.pvname)  # noqa: SLF001

    if not hasattr(add, "__wrapped__"):
        PV.add_callback = add_from_one
        PV._PV__on_changes = tell_in_words  # noqa: SLF001
