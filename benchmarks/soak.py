"""Thousands of hops at full speed: none is lost, neither time nor memory grows.

``python -m benchmarks.soak [HOPS]``, 20 000 by default (``SECCM_SOAK_HOPS``).
"""

import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seccm_ophyd.plans import hop_list
from seccm_ophyd.session import open_session
from seccm_ophyd.storage.data_folder import DataFolder
from seccm_ophyd.storage.journal.reader import documents
from seccm_ophyd.techniques import CurrentSample
from tests.iocs import RunningIOC

from .sessions import wait_for_writer

__all__ = ["Soak", "soak", "table"]

HOPS_VARIABLE = "SECCM_SOAK_HOPS"
SIDE_UM = 20.0  # the points are spread over a square of so much
PLACES = 100  # number of points


@dataclass(frozen=True)
class Soak:
    """What a soak found; the arrays have a number for each tenth of the run.

    Parameters
    ----------
    hops
        Asked for.
    indices
        Hop indices of the events, in the order of the journal.
    seconds
        Median time per hop (s).
    session_mb, ioc_mb
        Resident memory (MB) at the end.
    """

    hops: int
    indices: np.ndarray
    seconds: np.ndarray
    session_mb: np.ndarray
    ioc_mb: np.ndarray

    @property
    def growth(self) -> dict[str, float]:
        """Last tenth over first tenth, for each of the three."""
        rows = {"time": self.seconds, "session": self.session_mb, "ioc": self.ioc_mb}
        return {name: float(row[-1] / row[0]) for name, row in rows.items()}


def soak(hops: int, folder: Path) -> Soak:
    """Hop at full speed on a separate IOC and watch time and memory.

    Parameters
    ----------
    hops
        Number of hops; at least 20.
    folder
        Data folder of the session.
    """
    stamps: list[float] = []
    memory: list[tuple[float, float]] = []
    ioc = RunningIOC(time_scale=0)
    try:
        with open_session(prefix=ioc.prefix, data_dir=folder) as session:

            def note(name: str, doc: dict) -> None:
                stamps.append(time.perf_counter())
                if len(stamps) % max(1, hops // 100) == 0:
                    mine, its = map(resident_mb, (os.getpid(), ioc.process.pid))
                    memory.append((mine, its))

            session.RE.subscribe(note, "event")
            plan = hop_list(session.seccm, CurrentSample(), _points(hops))
            (uid,) = session.RE(plan)
    finally:
        ioc.close()
    data = DataFolder(folder)
    events = [doc for name, doc in documents(data.journal_file(uid)) if name == "event"]
    wait_for_writer(folder)
    tenths = [np.median(part) for part in np.array_split(np.diff(stamps), 10)]
    ends = [part[-1] for part in np.array_split(np.array(memory), 10)]
    index = "seccm_hop_index"
    return Soak(
        hops=hops,
        indices=np.array([doc["data"][index] for doc in events]),
        seconds=np.array(tenths),
        session_mb=np.array([session for session, _ in ends]),
        ioc_mb=np.array([ioc for _, ioc in ends]),
    )


def _points(hops: int) -> list[list[float]]:
    """Go round a few places: a sample remembers where it was touched."""
    places = np.random.default_rng(1).uniform(-SIDE_UM / 2, SIDE_UM / 2, (PLACES, 2))
    return np.resize(places, (hops, 2)).tolist()


def resident_mb(pid: int | None = None) -> float:
    """Read the resident memory of a process (MB), by default of this one."""
    pages = int(Path(f"/proc/{pid or os.getpid()}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def table(found: Soak) -> str:
    """Write what was found, tenth by tenth."""
    events, once = len(found.indices), len(np.unique(found.indices))
    lines = [
        f"{found.hops} hops asked for, {events} events, {once} different ones",
        f"{'tenth':>5} {'ms per hop':>11} {'session MB':>11} {'IOC MB':>8}",
    ]
    columns = (found.seconds * 1e3, found.session_mb, found.ioc_mb)
    for number, row in enumerate(zip(*columns, strict=True), 1):
        lines.append("{:5d} {:11.2f} {:11.1f} {:8.1f}".format(number, *row))
    grown = ", ".join(f"{name} x {ratio:.2f}" for name, ratio in found.growth.items())
    return "\n".join([*lines, f"last tenth over first: {grown}"])


def asked() -> int:
    """Return how many hops the environment asks for."""
    return int(os.environ.get(HOPS_VARIABLE, "20000"))


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else asked()
    with tempfile.TemporaryDirectory() as place:
        print(table(soak(number, Path(place))))
