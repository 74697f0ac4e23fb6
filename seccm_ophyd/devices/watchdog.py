"""Looks after the clocks of all instruments, and after its own."""

import threading
import time
import weakref
from typing import Any, Protocol

__all__ = ["SILENCE_S", "now", "watchdog"]

SILENCE_S = 4.0
"""An IOC whose clock is not heard of for this long is taken as lost (s)."""

_LOOK_S = 0.25  # between two looks
_ASLEEP_S = 1.0  # a look that comes later than this: it was this process that slept

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> float:
    """Time (s) that keeps running while the computer sleeps."""
    return time.clock_gettime(_CLOCK)


class _Link(Protocol):
    clock: Any

    def is_silent(self) -> bool: ...
    def lose(self, what: str) -> None: ...
    def end_late(self) -> None: ...
    def forgive(self, late_s: float) -> None: ...


class _Watchdog:
    """Looks after the clocks of all links, in one thread that begins with the first."""

    def __init__(self) -> None:
        self._links: weakref.WeakSet[_Link] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._looked = now()

    def late_s(self) -> float:
        """Time (s) since the last look."""
        return now() - self._looked if self._thread is not None else 0.0

    def add(self, link: _Link) -> None:
        with self._lock:
            self._links.add(link)
            if self._thread is None:
                self._looked = now()
                self._thread = threading.Thread(
                    target=self._run, name="instrument watchdog", daemon=True
                )
                self._thread.start()
                # atexit comes too late: the EPICS library has no threads then that
                # could take what is still to be published
                threading._register_atexit(self._end)  # type: ignore[attr-defined]  # noqa: SLF001

    def _end(self) -> None:
        """Listen to no clock any more: Python ends."""
        with self._lock:
            links = list(self._links)
        for link in links:
            link.clock.destroy()

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK_S)
            self._look()

    def _look(self) -> None:
        late_s = self.late_s()
        with self._lock:
            links = list(self._links)
        for link in links:
            if late_s > _ASLEEP_S:
                link.forgive(late_s)
        self._looked = now()  # now that all links know how late it was
        for link in links if late_s <= _ASLEEP_S else ():
            if link.is_silent():
                link.lose(f"has not answered for {SILENCE_S:g} s")
            link.end_late()


watchdog = _Watchdog()
