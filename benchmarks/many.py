"""Thousands of runs in a folder, and hundreds of sessions in a process.

``python -m benchmarks.many [RUNS [SESSIONS]]``, 5000 and 200 by default.
"""

import os
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seccm_ophyd.analysis import list_runs
from seccm_ophyd.plans import hop_list
from seccm_ophyd.session import open_session
from seccm_ophyd.storage import DataFolder, Journal, SessionCatalogue, recover
from seccm_ophyd.techniques import CurrentSample
from tests.iocs import RunningIOC
from tests.synthetic_runs import scan_run

from .sessions import wait_for_writer
from .soak import resident_mb

__all__ = ["Use", "many_runs", "many_sessions", "table"]

HOPS = 2  # along x and y of each run


def many_runs(count: int, folder: Path) -> dict[str, float]:
    """Measure what listing and finding cost (s) with many stored runs.

    Parameters
    ----------
    count
        How many runs are written.
    folder
        The data folder.
    """
    data = DataFolder(folder).create()
    took = {"journals written": _timed(lambda: _write(data, count))}
    took["catalogue written"] = _timed(lambda: recover(data))
    took["nothing to recover"] = _timed(lambda: recover(data))
    took["list of the newest"] = _timed(lambda: list_runs(data.journal))
    took["list of all"] = _timed(lambda: list_runs(data.journal, limit=count))
    catalogue = SessionCatalogue(data)
    took["catalogue opened, -1"] = _timed(lambda: catalogue[-1])
    took["-1 again"] = _timed(lambda: catalogue[-1])
    took["by scan number"] = _timed(lambda: catalogue[count // 2])
    took["number of runs"] = _timed(lambda: len(catalogue))
    took["search by plan"] = _timed(
        lambda: len(catalogue.search({"plan_name": "hop_scan"}))
    )
    ioc = RunningIOC()
    try:
        took["session opened"] = _timed(
            lambda: open_session(prefix=ioc.prefix, data_dir=folder).close()
        )
    finally:
        ioc.close()
    wait_for_writer(folder)
    return took


def _timed(action) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def _write(data: DataFolder, count: int) -> None:
    journal = Journal(data)
    for number in range(1, count + 1):
        for name, doc in scan_run(HOPS, HOPS, extra_md={"scan_id": number}).documents:
            journal(name, doc)


@dataclass(frozen=True)
class Use:
    """What this process, and the IOC, hold.

    Parameters
    ----------
    seconds
        That the last session took.
    session_mb, ioc_mb
        Resident memory (MB).
    threads, files
        Threads, and file descriptors with sockets, of this process.
    """

    seconds: float
    session_mb: float
    ioc_mb: float
    threads: int
    files: int


def many_sessions(count: int, folder: Path) -> list[Use]:
    """Open and close sessions in one process; what it holds after each.

    Parameters
    ----------
    count
        How many.
    folder
        The data folder of all of them.
    """
    uses = []
    ioc = RunningIOC()
    try:
        for _ in range(count):
            begun = time.perf_counter()
            with open_session(prefix=ioc.prefix, data_dir=folder, catalogue="") as one:
                one.RE(hop_list(one.seccm, CurrentSample(), [(0.0, 0.0)]))
            seconds = time.perf_counter() - begun
            files = len(os.listdir("/proc/self/fd"))
            mine, its = resident_mb(), resident_mb(ioc.process.pid)
            uses.append(Use(seconds, mine, its, threading.active_count(), files))
    finally:
        ioc.close()
    return uses


def table(uses: list[Use]) -> str:
    """Write what is held at some of the sessions."""
    lines = [
        f"{'session':>7} {'s':>6} {'MB':>7} {'IOC MB':>7} {'threads':>7} {'fds':>5}"
    ]
    for k in sorted({0, *np.linspace(0, len(uses) - 1, 9).astype(int).tolist()}):
        use = uses[k]
        lines.append(
            f"{k + 1:7d} {use.seconds:6.2f} {use.session_mb:7.1f} {use.ioc_mb:7.1f} "
            f"{use.threads:7d} {use.files:5d}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    runs, sessions = (int(a) for a in (*sys.argv[1:], 5000, 200)[:2])
    with tempfile.TemporaryDirectory() as place:
        for name, seconds in many_runs(runs, Path(place) / "runs").items():
            print(f"{name:24} {seconds:8.3f} s", flush=True)
        print(table(many_sessions(sessions, Path(place) / "sessions")))
