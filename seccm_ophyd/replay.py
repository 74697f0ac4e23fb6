"""Feed a stored run to any callback, at once or in its own time."""

import time
from collections.abc import Callable
from typing import Any

from .analysis import documents

__all__ = ["replay"]


def replay(
    run: Any,
    callback: Callable[[str, dict[str, Any]], Any],
    speed: float | None = None,
    *,
    sleep: Callable[[float], Any] = time.sleep,
) -> None:
    """Feed the documents of a stored run to a callback, in their order.

    Those of a journal are the original ones; a catalogue gives events of its own uids
    with the data and time stamps that were recorded.

    Parameters
    ----------
    run
        Any kind of run, see `seccm_ophyd.analysis.runs`.
    callback
        Anything that could be subscribed to the RunEngine, ``callback(name, doc)``.
    speed
        None: all at once. Otherwise each document comes when its time stamp says,
        `speed` times as fast as it was recorded; 1 is the pace of the instrument.
    sleep
        Called with the seconds to wait; a window gives its own, which keeps it alive.

    Raises
    ------
    ValueError
        If `speed` is not above 0, or NaN.

    Examples
    --------
    >>> replay(catalog[uid], BestEffortCallback())
    >>> replay("data/journal/4f1c.jsonl", HopMapView(), speed=20)
    """
    if speed is not None and not speed > 0:
        raise ValueError(f"speed={speed!r} must be above 0, or None for all at once")
    began, first = time.monotonic(), None
    for name, doc in documents(run):
        when = _time_of(doc)
        if speed is not None and when is not None:
            first = when if first is None else first
            # from the first document on, so that what a callback takes does not add up
            wait = began + (when - first) / speed - time.monotonic()
            if wait > 0:
                sleep(wait)
        callback(name, doc)


def _time_of(doc: dict[str, Any]) -> float | None:
    """Return the time stamp of a document, the last of a page; None if it has none."""
    when = doc.get("time")
    if isinstance(when, list):
        return when[-1] if when else None
    return when
