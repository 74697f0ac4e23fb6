"""Several reads or writes of the IOC at once: on a slow network one wait, not many."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from ophyd import Device, get_cl
from ophyd.status import Status

from .link import InstrumentLink

__all__ = ["SLOW_S", "in_background", "in_flight"]

T = TypeVar("T")

SLOW_S = 0.02
"""A network whose round trip takes longer (s) is slow: several things are asked of the
IOC at a time."""


def in_flight(jobs: Sequence[Callable[[], T]], link: InstrumentLink) -> list[T]:
    """Do all jobs at once, each in a thread, where the network is slow.

    All have ended when it returns: nothing is written afterwards.

    Parameters
    ----------
    jobs
        Called without arguments; each waits for the IOC.
    link
        Knows the round trip, and is informed that the IOC has answered.

    Returns
    -------
    list
        What they return.

    Raises
    ------
    Exception
        What the first of those raises that fail, when all have ended.
    """
    if link.round_trip_s < SLOW_S:
        return [job() for job in jobs]
    futures: list[Future[T]] = [Future() for _ in jobs]
    threads = [
        get_cl().thread_class(target=_settle, args=(future, job), daemon=True)
        for future, job in zip(futures, jobs, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results = [future.result() for future in futures]
    if results:
        link.went_on()
    return results


def _settle(future: "Future[Any]", job: Callable[[], Any]) -> None:
    try:
        future.set_result(job())
    except Exception as error:
        future.set_exception(error)


def in_background(device: Device, check: Callable[[], None]) -> Status:
    """Ask the IOC without keeping whoever wants to know.

    The engine asks in its event loop, from which the heartbeat is sent. What writes is
    not for a thread: it could come after what has made the instrument SAFE.

    Parameters
    ----------
    device
        Whose status it is.
    check
        Called in a thread; it raises what is wrong.

    Returns
    -------
    Status
        Done when the check is; fails with its error.
    """
    status = Status(device)

    def check_and_tell() -> None:
        try:
            check()
        except Exception as error:
            status.set_exception(error)
        else:
            status.set_finished()

    thread: threading.Thread = get_cl().thread_class(target=check_and_tell, daemon=True)
    thread.start()
    return status
