"""A separate thread for what touches the storage: it may stall, the rest may not.

A network disk that does not answer keeps whoever writes to it, for seconds or for
minutes. The event loop of the engine must turn meanwhile: the heartbeat of the lease
is sent from it.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["AtOnce", "StorageThread"]

logger = logging.getLogger(__name__)

Ended = Callable[[Exception | None], object]
"""Called in the thread with the error of a job, or with None.

It returns False if no caller waits for the job any more."""


@dataclass(frozen=True)
class _Job:
    do: Callable[[], Any]
    ended: Ended | None
    always: bool


class AtOnce:
    """Stands for a `StorageThread` where no caller waits: does each job as it comes."""

    def submit(
        self,
        job: Callable[[], Any],
        ended: Ended | None = None,
        *,
        always: bool = False,
    ) -> None:
        """Do a job; see `StorageThread.submit`."""
        job()
        if ended is not None:
            ended(None)


class StorageThread:
    """Does jobs one after the other, in the order in which they were submitted.

    A job whose end no caller waits for, or waits for any more, may fail. Those after it
    are passed over then, up to and including the first that somebody waits for, which
    fails with its error: no document announces what could not be written.

    Parameters
    ----------
    name
        Of the thread.
    """

    def __init__(self, name: str = "storage") -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._error: Exception | None = None  # of a job that no caller waited for
        self._lock = threading.Lock()
        self._left = 0
        self._thread: threading.Thread | None = None

    @property
    def left(self) -> int:
        """Number of jobs that have not ended."""
        return self._left

    @property
    def ident(self) -> int:
        """Identifier of the thread; 0 before the first job."""
        return (self._thread.ident if self._thread else 0) or 0

    def submit(
        self,
        job: Callable[[], Any],
        ended: Ended | None = None,
        *,
        always: bool = False,
    ) -> None:
        """Have a job done after those before it; returns at once.

        Parameters
        ----------
        job
            Called without arguments.
        ended
            Called in the thread when the job has ended; None: no caller waits for it.
        always
            Whether it is done also after one that has failed. If somebody waits for it,
            that error is logged then, and no further job is passed over.
        """
        with self._lock:
            self._left += 1
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name=self._name, daemon=True
                )
                self._thread.start()
        self._jobs.put(_Job(job, ended, always))

    def wait(self, timeout_s: float) -> bool:
        """Wait until all is done.

        Parameters
        ----------
        timeout_s
            Longest wait (s).

        Returns
        -------
        bool
            Whether all is done.
        """
        deadline = time.monotonic() + timeout_s
        while self._left and time.monotonic() < deadline:
            time.sleep(0.01)
        return not self._left

    def end(self) -> None:
        """End the thread once all jobs are done; does not wait for it."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            error = self._do(job)
            with self._lock:
                self._left -= 1
            unheard = job.ended is not None and job.ended(error) is False
            if unheard and not job.always:
                self._error = error
            del job, error  # holds nothing while it waits

    def _do(self, job: _Job) -> Exception | None:
        before = self._error
        if before is not None:
            if job.ended is not None:
                self._error = None
            if not job.always:
                return before
            if job.ended is not None:
                logger.error("not stored: %s", before)
        try:
            job.do()
        except Exception as error:
            if job.always and job.ended is None:
                logger.error("not stored: %s", error)
            elif job.ended is None:
                self._error = error
            return error
        return None
