"""Counts hops by outcome and puts the counts into the stop document."""

from collections import Counter
from typing import cast

from bluesky.callbacks.core import CallbackBase
from event_model import Event, EventDescriptor, RunStart, RunStop

from ..schema import HOP_OUTCOME, HOP_REPEATED, find_key

__all__ = ["HopCounter"]


class HopCounter(CallbackBase):
    """Adds ``hop_counts``, e.g. ``{"contact": 99, "no_contact": 1}``, to the stop.

    bluesky gives a plan no say in the stop document, but hands one and the same dict to
    every callback: this one must be subscribed before those that store it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._counts: Counter[str] = Counter()
        self._keys: dict[str, tuple[str, str]] = {}

    def start(self, doc: RunStart) -> None:
        """Begin to count."""
        self._counts.clear()
        self._keys.clear()

    def descriptor(self, doc: EventDescriptor) -> None:
        """Note the keys of a stream of hops."""
        keys = doc["data_keys"]
        if any(key.endswith(HOP_OUTCOME) for key in keys):
            found = find_key(keys, HOP_OUTCOME), find_key(keys, HOP_REPEATED)
            self._keys[doc["uid"]] = found

    def event(self, doc: Event) -> Event:
        """Count a hop."""
        keys = self._keys.get(doc["descriptor"])
        if keys:
            self._counts[doc["data"][keys[0]]] += 1
            self._counts["repeated"] += doc["data"][keys[1]]
        return doc

    def stop(self, doc: RunStop) -> None:
        """Complete the stop document."""
        if self._counts:
            counts = {k: int(v) for k, v in self._counts.items()}
            cast(dict, doc)["hop_counts"] = counts
