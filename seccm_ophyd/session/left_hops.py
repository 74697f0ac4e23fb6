"""Hops of interrupted runs that only the IOC still holds: fetched, and stored.

A session that is killed in a fly scan leaves hops in the IOC that no page has reported.
The IOC keeps them until they are acknowledged, see docs/reference/pv_interface.md.
"""

import contextlib
import logging
import os
import time
from itertools import zip_longest
from typing import Any

import numpy as np
from caproto import CaprotoError
from caproto.threading.client import PV, Context, SharedBroadcaster

from ..devices.line_part import LinePart
from ..devices.line_record import LineRecord
from ..errors import SeccmError
from ..schema import HOPS, TECHNIQUES
from ..storage import DataFolder
from ..storage.data_folder import LINES
from ..storage.interrupted import InterruptedRun, LeftHops
from ..storage.locks import held
from ..techniques import Measurement, as_techniques

__all__ = ["fetch_left_hops"]

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 3.0, 5.0
END_TIMEOUT_S, LOOK_S = 10.0, 0.1  # of the line whose session has just been killed
_PVS = {
    "boot": "IOC:BootId",
    "owner": "IOC:Owner.VAL$",
    "kept": "Hop:Kept",
    "ended": "Hop:RunDone",
    "line": "Hop:FetchLine",
    "first": "Hop:Fetch",
    "part": "Hop:Part",
    "acknowledge": "Hop:Acknowledge",
}


class _BusyError(SeccmError):
    """The IOC has them, and they cannot be fetched now."""


def fetch_left_hops(folder: DataFolder, prefix: str | None = None) -> list[LeftHops]:
    """Fetch the hops that interrupted runs have left in their IOC.

    Their events are appended to the journals, and their traces written. Nothing is
    fetched twice, nor of a run that still runs or has ended.

    Parameters
    ----------
    folder
        The data folder.
    prefix
        Of this instrument only; None: of all.

    Returns
    -------
    list of LeftHops
        One for each interrupted run that had begun a line of hops.
    """
    results = []
    for path in sorted(folder.traces.glob(f"*{LINES}")):
        records = list(LineRecord.read_all(path))
        if not records or (prefix is not None and records[0].prefix != prefix):
            continue
        run = InterruptedRun.open(folder, records[0].run)
        if run is None:
            if not held(folder.journal_file(records[0].run)):
                path.unlink()  # the run has ended, and has all its hops
            continue
        results.append(left := _fetched(run, records))
        if run.stop is not None and not left.later:
            path.unlink()
    return results


def _fetched(run: InterruptedRun, records: list[LineRecord]) -> LeftHops:
    """Fetch what can be fetched, and return what became of it."""
    try:
        try:
            return _fetch(run, records)
        finally:
            run.end()
    except (OSError, SeccmError) as error:
        left = _left(run, records)
        return LeftHops(records[0].run, 0, left, str(error), later=True)


def _left(run: InterruptedRun, records: list[LineRecord]) -> int:
    """Return how many hops can have been made that are not in the journal."""
    last = records[-1]
    if run.stop is not None:
        return int(run.stop[HOPS]["lost"])
    planned = last.before + len(last.points)
    # one window that was received, and one after it
    made = 2 * last.window if last.window else planned
    return max(0, min(made, planned - run.hops))


def _fetch(run: InterruptedRun, records: list[LineRecord]) -> LeftHops:
    """Fetch what the IOC has of the lines of a run."""
    before, why = run.hops, ""
    last = records[-1]
    if not _left(run, records):
        return LeftHops(last.run)
    try:
        with _Ioc(last) as ioc:
            for record, next_ in zip_longest(records, records[1:]):
                planned = record.before + len(record.points)
                stop = planned if next_ is None else min(planned, next_.before)
                if stop > run.hops:
                    why = _fetch_line(ioc, run, record) or why
    except (TimeoutError, CaprotoError):
        why = f"{last.prefix} does not answer"
        if run.stop is not None:  # the run has its end: it can be waited for
            left = _left(run, records)
            return LeftHops(last.run, run.hops - before, left, why, later=True)
    left = _left(run, records) if why else 0
    return LeftHops(last.run, run.hops - before, left, why)


def _fetch_line(ioc: "_Ioc", run: InterruptedRun, record: LineRecord) -> str:
    """Fetch what is left of one line; return why that cannot be."""
    if ioc.number("boot") != record.boot:
        return f"{record.prefix} has restarted since"
    done = ioc.done(record.line)
    if done is None:
        return f"{record.prefix} does not keep them any more"
    measurements = Measurement.of(as_techniques(run.start[TECHNIQUES]))
    first = run.hops - record.before
    while first < done:
        part = ioc.part(record.line, first)
        points = record.points[first : first + part.hops]
        page = record.keys.page(
            part, points, record.redone, measurements, record.noise_pa
        )
        labels = (m.label for m in measurements)
        traces = dict(zip(labels, part.traces, strict=True))
        run.append(page, {"approach": part.curves} | traces, record.traces)
        first += part.hops
    ioc.acknowledge(record.line, done)
    return ""


class _Ioc:
    """The PVs of an IOC that keep hops."""

    def __init__(self, record: LineRecord) -> None:
        listed = os.environ.get("EPICS_CA_ADDR_LIST", "")
        wanted = " ".join(dict.fromkeys(f"{listed} {record.addresses}".split()))
        os.environ["EPICS_CA_ADDR_LIST"] = wanted
        try:
            self._context = Context(SharedBroadcaster(), timeout=CONNECT_TIMEOUT_S)
        finally:
            os.environ["EPICS_CA_ADDR_LIST"] = listed
        self._record = record
        names = [record.prefix + name for name in _PVS.values()]
        self._pvs: dict[str, PV] = dict(
            zip(_PVS, self._context.get_pvs(*names), strict=True)
        )

    def __enter__(self) -> "_Ioc":
        deadline = time.monotonic() + CONNECT_TIMEOUT_S
        try:
            for pv in self._pvs.values():
                pv.wait_for_connection(timeout=max(0.01, deadline - time.monotonic()))
        except (TimeoutError, CaprotoError):
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._context.disconnect()
        self._context.broadcaster.disconnect()

    def _read(self, name: str) -> Any:
        return self._pvs[name].read(timeout=READ_TIMEOUT_S).data

    def _write(self, name: str, *values: float) -> None:
        answer = self._pvs[name].write(list(values), timeout=READ_TIMEOUT_S, wait=True)
        if answer is not None and not answer.status.success:
            raise self._busy()

    def _busy(self) -> _BusyError:
        owner = bytes(self._read("owner")).split(b"\0")[0].decode(errors="replace")
        by = f"is driven by {owner}" if owner else "refuses"
        return _BusyError(
            f"{self._record.prefix} {by}; type seccm recover when it is free"
        )

    def number(self, name: str) -> int:
        """Read a whole number."""
        return int(self._read(name)[0])

    def done(self, line: int) -> int | None:
        """Read how many hops have been made of a line, once it has ended.

        None if it is not kept.
        """
        deadline = time.monotonic() + END_TIMEOUT_S
        while True:
            ended = self.number("ended")
            rows = np.asarray(self._read("kept"), int).reshape(-1, 3)
            if rows[0][0] in (0, ended) or rows[0][0] != line:
                break  # else it continues, until the lease of its owner ends
            if time.monotonic() > deadline:
                raise self._busy()
            time.sleep(LOOK_S)
        return {int(number): int(made) for number, made, _ in rows}.get(line)

    def part(self, line: int, first: int) -> LinePart:
        """Fetch hops of a line; at least one."""
        self._write("line", line)
        try:
            self._write("first", first)
            part = LinePart.decode(np.asarray(self._read("part"), float), line, first)
        finally:
            with contextlib.suppress(_BusyError):
                self._write("line", 0)
        if not part.hops:
            raise SeccmError(f"{self._record.prefix} hands out no hop of line {line}")
        return part

    def acknowledge(self, line: int, hops: int) -> None:
        """Report that all hops of a line are on the disk."""
        self._write("acknowledge", line, hops, hops)
