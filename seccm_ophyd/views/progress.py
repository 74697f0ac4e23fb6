"""How far a scan is, in one line of the terminal."""

import logging
import math
import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from bluesky.callbacks.core import CallbackBase, make_class_safe
from event_model import Event, EventDescriptor, RunStart, RunStop
from tqdm import tqdm

from ..schema import (
    ESTIMATE,
    HOP_INDEX,
    HOP_OUTCOME,
    PRIMARY,
    PROGRESS,
    TECHNIQUES,
    HopOutcome,
    find_key,
)
from ..terminal import clean

__all__ = ["HopProgress"]

logger = logging.getLogger(__name__)

LINE_S, PLAIN_S = 0.2, 5.0  # between two updates: on a terminal, in a file
_PLAIN = "{desc} {n_fmt}/{total_fmt} hops, {rate_fmt}, {remaining} left{postfix}"
_BAR = _PLAIN.replace(", ", " |{bar:30}| ", 1)


class _PlainLines(tqdm):  # type: ignore[type-arg]  # it is generic in stubs only
    """Writes whole lines, for files and pipes."""

    @staticmethod
    def status_printer(file: Any) -> Any:
        def write_line(line: str) -> None:
            file.write(f"{line}\n")
            file.flush()

        return write_line


class HopProgress(CallbackBase):
    """Shows hops done, hop rate, time left and misses of a run from its documents.

    On a terminal a bar is kept up to date; into a file or pipe a plain line is written
    every few seconds. Runs without hops show nothing.

    Parameters
    ----------
    file
        Where to write, standard error by default.
    """

    def __init__(self, file: TextIO | None = None) -> None:
        super().__init__()
        self._file = file
        self._bar: tqdm[Any] | None = None
        self._start: Mapping[str, Any] = {}
        self._descriptor = self._parts = ""
        self._told = -math.inf
        self._index_key = self._outcome_key = ""
        self._done: set[int] = set()
        self._missed = 0

    def start(self, doc: RunStart) -> None:
        """Remember what is planned; a run without hops may come between two hops."""
        if TECHNIQUES not in doc:
            return
        self._close()
        self._start, self._descriptor, self._parts = doc, "", ""
        self._done, self._missed = set(), 0
        self._tell_estimate()

    def descriptor(self, doc: EventDescriptor) -> None:
        """Open the line, if this is a run of hops."""
        if doc["run_start"] != self._start.get("uid"):
            return
        if doc.get("name") == PROGRESS:
            self._parts = doc["uid"]
            return
        if doc.get("name") != PRIMARY or self._bar is not None:
            return
        try:
            self._index_key = find_key(doc["data_keys"], HOP_INDEX)
            self._outcome_key = find_key(doc["data_keys"], HOP_OUTCOME)
        except KeyError:
            return
        self._descriptor = doc["uid"]
        file = self._file or sys.stderr
        terminal = file.isatty()
        self._bar = (tqdm if terminal else _PlainLines)(
            desc=clean(self._start.get("plan_name", "run"), 60),
            total=self._start.get("num_points"),
            unit=" hops",
            file=file,
            mininterval=LINE_S if terminal else PLAIN_S,
            bar_format=_BAR if terminal else _PLAIN,
            dynamic_ncols=True,
        )

    def _tell_estimate(self) -> None:
        file = self._file or sys.stderr
        found = self._start.get(ESTIMATE)
        if found:
            minutes, size = found["duration_s"] / 60, found["bytes"] / 1e6
            name = clean(self._start.get("plan_name", "run"), 60)
            file.write(
                f"{name}: {found['hops']} hops, estimated {minutes:.1f} min of "
                f"instrument time, {size:.1f} MB\n"
            )
            file.flush()

    def event(self, doc: Event) -> Event:
        """Count a hop; a repeated one counts once."""
        if doc["descriptor"] == self._parts:
            self._tell_part(doc["data"])
        if self._bar is None or doc["descriptor"] != self._descriptor:
            return doc
        index = doc["data"][self._index_key]
        if doc["data"][self._outcome_key] == HopOutcome.NO_CONTACT.label:
            self._missed += 1
            self._bar.set_postfix_str(f"{self._missed} missed", refresh=False)
        if index not in self._done:
            self._done.add(index)
            self._bar.update()
        return doc

    def _tell_part(self, data: Mapping[str, Any]) -> None:
        """Write how far a long measurement has come."""
        t, E, i = (
            data[find_key(data, f"progress_{name}")]
            for name in ("time", "potential", "current")
        )
        file = self._file or sys.stderr
        end = "\r" if file.isatty() else "\n"
        now = time.monotonic()
        if file.isatty() or now - self._told >= PLAIN_S:
            self._told = now
            file.write(f"  {t:.0f} s, {E:.3f} V, {i:.1f} pA{end}")
            file.flush()

    def stop(self, doc: RunStop) -> None:
        """Write the last state and end the line."""
        if doc["run_start"] == self._start.get("uid"):
            self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


# A line on a terminal that is gone must not end a scan.
make_class_safe(HopProgress, logger=logger)
