"""Feed a stored run to any callback, at once or in its own time."""

import math
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from numbers import Real
from statistics import median_low
from typing import Any

from .analysis import documents
from .errors import ParameterError
from .schema import ESTIMATE
from .storage.journal.lines import Document

__all__ = ["replay"]

# A gap between documents is real up to this (s), to this many times the usual gap, and
# to this many times what the estimate says that a hop takes. Beyond, the clock was set.
REAL_GAP_S, USUAL_GAPS, HOP_TIMES = 60.0, 10.0, 3.0


def replay(
    run: Any,
    callback: Callable[[str, dict[str, Any]], Any],
    speed: float | None = None,
    *,
    sleep: Callable[[float], Any] = time.sleep,
) -> None:
    """Feed the documents of a stored run to a callback, in their order.

    Those of a journal are the original ones; a catalogue gives events with new
    uids, and the data and time stamps that were recorded.

    The pace is monotonic even if the clock of the computer was not: where the time
    stamps go back, or leap by far more than a hop takes (the clock was set, or the run
    was paused for long), the replay continues after the usual gap.

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
    ParameterError
        If `speed` is no number above 0.

    Examples
    --------
    >>> replay(catalog[uid], BestEffortCallback())
    >>> replay(cat.folder.journal_file(uid), HopMapView(), speed=20)
    """
    if speed is None:
        for name, doc in documents(run):
            callback(name, doc)
        return
    if isinstance(speed, bool) or not isinstance(speed, Real) or not speed > 0:
        raise ParameterError(
            f"speed={speed!r:.80} must be a number above 0 (1: as recorded, 10: ten "
            "times as fast), or None for all at once"
        )
    began = time.monotonic()
    if isinstance(run, Iterator):  # it can be read once, and its times come first
        run = list(run)
    for elapsed, (name, doc) in _paced(run):
        # from the first document on, so that what a callback takes does not add up
        wait = began + elapsed / speed - time.monotonic()
        if wait > 0:
            sleep(wait)
        callback(name, doc)


def _paced(run: Any) -> Iterator[tuple[float, Document]]:
    """Give each document with the time (s) that had passed since the first."""
    times: list[float | None] = []
    start: dict[str, Any] = {}
    for name, doc in documents(run):
        times.append(_time_of(doc))
        start = doc if name == "start" else start
    usual, longest = _gaps(start, [when for when in times if when is not None])
    elapsed, latest = 0.0, None
    # a run that is being made has perhaps more by now
    for when, document in zip(times, documents(run), strict=False):
        if when is not None:
            latest = when if latest is None else latest
            gap = when - latest
            if gap > longest:
                gap = usual
            if gap >= 0 or gap < -max(1.0, usual):  # else only out of order
                latest = when
            elapsed += max(gap, 0.0)
        yield elapsed, document


def _gaps(start: dict[str, Any], times: list[float]) -> tuple[float, float]:
    """Find the usual and the longest real gap (s) between documents of a run."""
    steps = [b - a for a, b in pairwise(times) if b > a]
    usual = median_low(steps) if steps else 0.0
    expected = start.get(ESTIMATE)
    a_hop = 0.0
    if isinstance(expected, dict) and expected.get("hops"):
        a_hop = expected.get("duration_s", 0.0) / expected["hops"]
    longest = max(REAL_GAP_S, USUAL_GAPS * usual, HOP_TIMES * a_hop)
    return min(usual, longest), longest


def _time_of(doc: dict[str, Any]) -> float | None:
    """Return the time stamp of a document, the last of a page; None if it has none."""
    when = doc.get("time")
    if isinstance(when, list):
        when = when[-1] if when else None
    is_number = isinstance(when, int | float) and math.isfinite(when)
    return float(when) if is_number else None  # type: ignore[arg-type]
