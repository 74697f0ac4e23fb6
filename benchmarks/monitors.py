"""An instrument that many clients monitor: its pace, its memory, its way to SAFE.

``python -m benchmarks.monitors [CLIENTS [TIME_SCALE]]``, 50 at full speed by default.
Each client has a connection of its own and subscribes to every documented PV.
"""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seccm_ophyd.plans import hop_fly, hop_scan
from seccm_ophyd.session import open_session
from seccm_ophyd.techniques import CurrentSample
from tests.faults.phases import FLY, SCAN, start_scan, wait_for_events
from tests.faults.safety import is_safe
from tests.iocs import RunningIOC

from .soak import resident_mb

__all__ = ["Monitored", "documented", "measure", "table"]

CONTRACT = Path(__file__).parents[1] / "docs" / "reference" / "pv_interface.md"
WIDTH_UM = 3.0


@dataclass(frozen=True)
class Monitored:
    """What an IOC does while so many clients monitor it.

    Parameters
    ----------
    clients
        How many.
    stepped_hz, fly_hz
        Hops per second, step by step and in a fly scan.
    safe_s
        From the kill of the session to SAFE (s), in a stepped and a fly scan.
    ioc_mb
        Resident memory of the IOC at the end (MB).
    updates
        That all clients have got.
    """

    clients: int
    stepped_hz: float
    fly_hz: float
    safe_s: tuple[float, float]
    ioc_mb: float
    updates: int


def documented() -> list[str]:
    """List the PVs of the contract, without the prefix."""
    rows = CONTRACT.read_text().splitlines()
    cells = [row.split("|")[1] for row in rows if row.startswith("| `")]
    names = [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
    return list(dict.fromkeys(name for name in names if ":" in name))


def measure(clients: int, time_scale: float, points: tuple[int, int]) -> Monitored:
    """Measure an IOC.

    Parameters
    ----------
    clients
        How many monitor it.
    time_scale
        Of the simulator; 0 for full speed, 1 for the time of an instrument.
    points
        Points along x and y of a stepped and of a fly scan.
    """
    ioc = RunningIOC(time_scale=time_scale)
    try:
        with _monitoring(ioc, clients) as counted, tempfile.TemporaryDirectory() as at:
            with open_session(
                prefix=ioc.prefix, data_dir=Path(at) / "a", catalogue=""
            ) as session:
                rates = [
                    _rate(session, plan, count)
                    for plan, count in zip((hop_scan, hop_fly), points, strict=True)
                ]
            safe_s = tuple(_killed(ioc, Path(at) / c[:9], c) for c in (SCAN, FLY))
            mb = resident_mb(ioc.process.pid)
        return Monitored(clients, *rates, safe_s, mb, sum(counted))
    finally:
        ioc.close()


def _rate(session, plan, points: int) -> float:
    edge = WIDTH_UM / 2
    grid = (-edge, edge, points) * 2
    begun = time.perf_counter()
    session.RE(plan(session.seccm, CurrentSample(), *grid))
    return points**2 / (time.perf_counter() - begun)


def _killed(ioc: RunningIOC, folder: Path, code: str) -> float:
    scan = start_scan(ioc.prefix, folder, code)
    wait_for_events(scan, 3)
    scan.kill()
    begun = time.monotonic()
    while not is_safe(ioc):
        time.sleep(0.02)
    took = time.monotonic() - begun
    scan.communicate()
    return took


@contextlib.contextmanager
def _monitoring(ioc: RunningIOC, clients: int) -> Iterator[list[int]]:
    """Have clients in a process of their own; the list gets what they have got."""
    counted: list[int] = []
    if not clients:
        yield counted
        return
    command = [sys.executable, "-m", __spec__.name, "monitor", ioc.prefix, str(clients)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert "ready" in process.stdout.readline()
        yield counted
        counted.append(int(process.communicate("end\n", timeout=60)[0]))
    finally:
        process.kill()
        process.wait()


def _monitor(prefix: str, clients: int) -> None:
    """Monitor until a line comes, then print how many updates have come."""
    from caproto.threading.client import Context, SharedBroadcaster

    broadcaster, count, held = SharedBroadcaster(), [0], []

    def count_one(subscription: object, response: object) -> None:
        count[0] += 1

    for _ in range(clients):
        context = Context(broadcaster, timeout=60.0)
        pvs = context.get_pvs(*(prefix + name for name in documented()))
        for pv in pvs:
            pv.wait_for_connection(timeout=60.0)
            subscription = pv.subscribe()
            subscription.add_callback(count_one)
            held.append((context, pv, subscription))
    print("ready", flush=True)
    sys.stdin.readline()
    print(count[0], flush=True)
    os._exit(0)  # caproto would report each update that still comes


def table(found: list[Monitored]) -> str:
    """Write what was found."""
    lines = [
        f"{'clients':>7} {'stepped Hz':>10} {'fly Hz':>8} {'SAFE s':>12} "
        f"{'IOC MB':>7} {'updates':>9}"
    ]
    for m in found:
        safe = "{:.2f} {:.2f}".format(*m.safe_s)
        lines.append(
            f"{m.clients:7d} {m.stepped_hz:10.2f} {m.fly_hz:8.1f} {safe:>12} "
            f"{m.ioc_mb:7.1f} {m.updates:9d}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:2] == ["monitor"]:
        _monitor(sys.argv[2], int(sys.argv[3]))
    else:
        clients, scale = (float(a) for a in (*sys.argv[1:], 50, 0)[:2])
        points = (3, 6) if scale else (10, 40)
        print(table([measure(n, scale, points) for n in (0, int(clients))]))
