"""The end of the process: by SIGTERM or SIGHUP, or because Python ends."""

import logging
import os
import signal
import threading
import weakref
from collections.abc import Callable
from typing import Any

__all__ = ["EndSignals", "call_before_exit"]

logger = logging.getLogger(__name__)

END_TIMEOUT_S = 60.0
_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def call_before_exit(method: Callable[[], None]) -> None:
    """Call a method, if its object still lives, when Python begins to end.

    `atexit` comes too late: the thread pools have been shut down by then, in which the
    EPICS libraries handle what the IOC still publishes.
    """
    reference = weakref.WeakMethod(method)

    def call() -> None:
        alive = reference()
        if alive is not None:
            alive()

    register = threading._register_atexit  # type: ignore[attr-defined]  # noqa: SLF001
    register(call)


class EndSignals:
    """Makes SIGTERM and SIGHUP call something before they end the process.

    Then the signal takes its course, so that whoever sent it sees the exit status that
    belongs to it. A signal that is ignored (``nohup``) stays so. Outside of the main
    thread nothing is done, as Python does not allow it there.

    Parameters
    ----------
    end
        What to do before the process ends; called in a separate thread, because the
        main thread may hold any lock at the moment of the signal.
    """

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end
        self._before: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                before = signal.getsignal(number)
                if before not in (signal.SIG_IGN, None):
                    self._before[number] = before
                    signal.signal(number, self._handle)

    def restore(self) -> None:
        """Put the handlers of before back, unless someone has put others since."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number, before in self._before.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, before)

    def _handle(self, number: int, frame: Any) -> None:
        logger.warning("%s: the session ends", signal.Signals(number).name)
        thread = threading.Thread(target=self._end_logged, name="end of session")
        thread.daemon = True
        thread.start()
        thread.join(END_TIMEOUT_S)
        signal.signal(number, self._before[number])
        os.kill(os.getpid(), number)

    def _end_logged(self) -> None:
        try:
            self._end()
        except Exception:
            logger.exception("the session did not end well")
