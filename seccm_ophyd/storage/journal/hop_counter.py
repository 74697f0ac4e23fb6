"""Counts hops by outcome and puts the counts into the stop document."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, cast

from bluesky.callbacks.core import CallbackBase
from event_model import Event, EventDescriptor, RunStart, RunStop

from ...schema import HOP_COUNTS, HOP_OUTCOME, HOP_REPEATED, HOPS, PRIMARY, find_key
from .lines import Document

__all__ = ["HopCounter", "count_events", "recounted", "totals"]


def totals(stored: int, done: int) -> dict[str, int]:
    """Make the ``hops`` of a stop document.

    Parameters
    ----------
    stored
        Hops that are in the run.
    done
        Hops that the instrument is known to have completed; at least those stored.
    """
    done = max(done, stored)
    return {"done": done, "stored": stored, "lost": done - stored}


class HopCounter(CallbackBase):
    """Adds ``hop_counts``, e.g. ``{"contact": 99, "no_contact": 1}``, to the stop.

    And ``hops``, e.g. ``{"done": 102, "stored": 100, "lost": 2}``. Only the events of
    the primary stream are hops; runs may overlap.

    bluesky gives a plan no say in the stop document, but hands one and the same dict to
    every callback: this one must be subscribed before those that store it.

    Parameters
    ----------
    done
        Gives the number of hops that the instrument has completed by itself in the run
        that ends; none where each hop is recorded before the next.
    """

    def __init__(self, done: Callable[[], int] = lambda: 0) -> None:
        super().__init__()
        self._done = done
        self._counts: dict[str, Counter[str]] = {}  # by uid of the run
        self._streams: dict[str, tuple[str, str, str]] = {}  # run and keys

    def start(self, doc: RunStart) -> None:
        """Begin to count."""
        self._counts[doc["uid"]] = Counter()

    def descriptor(self, doc: EventDescriptor) -> None:
        """Note the keys of a stream of hops."""
        keys = doc["data_keys"]
        if doc.get("name") == PRIMARY and any(k.endswith(HOP_OUTCOME) for k in keys):
            found = find_key(keys, HOP_OUTCOME), find_key(keys, HOP_REPEATED)
            self._streams[doc["uid"]] = (doc["run_start"], *found)

    def event(self, doc: Event) -> Event:
        """Count a hop."""
        if stream := self._streams.get(doc["descriptor"]):
            run, outcome, repeated = stream
            self._counts[run][doc["data"][outcome]] += 1
            self._counts[run]["repeated"] += doc["data"][repeated]
        return doc

    def stop(self, doc: RunStop) -> None:
        """Complete the stop document."""
        run, complete = doc["run_start"], cast(dict[str, Any], doc)
        counts = self._counts.pop(run, None)
        if counts:
            complete[HOP_COUNTS] = {k: int(v) for k, v in counts.items()}
        if counts is not None and any(of == run for of, *_ in self._streams.values()):
            stored = counts.total() - counts["repeated"]
            complete[HOPS] = totals(stored, self._done())
        self._streams = {k: v for k, v in self._streams.items() if v[0] != run}


def count_events(found: Iterable[Document]) -> dict[str, int]:
    """Count the events of each stream.

    Parameters
    ----------
    found
        The documents of a run, in order.

    Returns
    -------
    dict
        By name of the stream; 0 for a stream without events.
    """
    streams: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for name, doc in found:
        if name == "descriptor":
            streams[doc["uid"]] = doc["name"]
            counts[doc["name"]] += 0
        elif name == "event":
            counts[streams[doc["descriptor"]]] += 1
        elif name == "event_page":
            counts[streams[doc["descriptor"]]] += len(doc["seq_num"])
    return dict(counts)


def recounted(found: Iterable[Document], stop: dict[str, Any]) -> dict[str, Any]:
    """Make a stop document count the events that there are.

    Parameters
    ----------
    found
        The documents of the run but its end.
    stop
        Its stop document, which counts more: not all could be stored.

    Returns
    -------
    dict
        A new one; what is missing of the hops is ``lost``.
    """
    found = list(found)
    new = {k: v for k, v in stop.items() if k not in (HOP_COUNTS, HOPS)}
    new["num_events"] = count_events(found)
    counter = HopCounter(lambda: stop.get(HOPS, {}).get("done", 0))
    for name, doc in [*found, ("stop", new)]:
        counter(name, doc)
    return new
