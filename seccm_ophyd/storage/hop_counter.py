"""Counts hops by outcome and puts the counts into the stop document."""

from collections import Counter
from typing import Any

from bluesky.callbacks.core import CallbackBase

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

    def start(self, doc: dict[str, Any]) -> None:
        """Begin to count."""
        self._counts.clear()
        self._keys.clear()

    def descriptor(self, doc: dict[str, Any]) -> None:
        """Note the keys of a stream of hops."""
        keys = doc["data_keys"]
        if any(key.endswith(HOP_OUTCOME) for key in keys):
            found = find_key(keys, HOP_OUTCOME), find_key(keys, HOP_REPEATED)
            self._keys[doc["uid"]] = found

    def event(self, doc: dict[str, Any]) -> None:
        """Count a hop."""
        keys = self._keys.get(doc["descriptor"])
        if keys:
            self._counts[doc["data"][keys[0]]] += 1
            self._counts["repeated"] += doc["data"][keys[1]]

    def stop(self, doc: dict[str, Any]) -> None:
        """Complete the stop document."""
        if self._counts:
            doc["hop_counts"] = {k: int(v) for k, v in self._counts.items()}
