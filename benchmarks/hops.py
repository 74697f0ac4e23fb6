"""What a hop costs beside its physics: step by step, as a fly scan, the stock way."""

import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import bluesky.preprocessors as bpp
import numpy as np
from bluesky import RunEngine
from bluesky.callbacks.best_effort import BestEffortCallback
from bluesky.utils import Msg
from bluesky_tiled_plugins import TiledWriter
from ophyd import Signal
from tiled.client import from_uri
from tiled.server import SimpleTiledServer

from seccm_ophyd.analysis import hop_table
from seccm_ophyd.plans import hop_fly, hop_scan
from seccm_ophyd.session import Session, open_session
from seccm_ophyd.techniques import CurrentSample

from .sessions import scratch_session, wait_for_writer
from .sketch import Sketch, sketched_hops, store_plainly
from .soak import resident_mb
from .timing import Result

__all__ = ["measure", "watch"]

REPEATS = 5
TRACED = CurrentSample(samples=1000)
SHORT, LONG = 5, 12  # hops along a side
FLOWN_SHORT, FLOWN_LONG = 10, 64
PACED = 32, 3  # hops in real time, along x and y: a quarter of a second each
SKETCH_MS = 12.5  # of `sketch_hop_ms` on the computer that the limits are from
GROWN = 331  # 331 x 331 hops; the first tenth warms up

READY = """
import sys, time
begun = time.perf_counter()
from seccm_ophyd.session import open_session
with open_session(simulator=True, data_dir=sys.argv[1]):
    print(time.perf_counter() - begun)
"""


def measure() -> list[Result]:
    """Measure all of it side by side."""
    floor_ms = re_floor_ms()
    with scratch_session(seed=1, time_scale=0) as session:
        stock_ms = stock_point_ms(session)
        sketch_ms = sketch_hop_ms(session)
        step_ms = _hop_ms(session, hop_scan, SHORT, LONG)
        fly_ms = _hop_ms(session, hop_fly, FLOWN_SHORT, FLOWN_LONG)
    return [
        Result("re_null_us", re_null_us()),
        Result("re_floor_ms", floor_ms),
        Result("stock_point_ms", stock_ms),
        Result("sketch_hop_ms", sketch_ms),
        Result("step_hop_ms", step_ms, at_most=min(10.0, stock_ms / 15)),
        Result("fly_hop_ms", fly_ms, at_most=1.0),
        Result("step_hop_of_sketch", step_ms / sketch_ms, at_most=10.0 / SKETCH_MS),
        Result("fly_hop_of_sketch", fly_ms / sketch_ms, at_most=1.0 / SKETCH_MS),
        Result("step_dead_time_percent", dead_time_percent(hop_scan), at_most=4.0),
        Result("fly_dead_time_percent", dead_time_percent(hop_fly), at_most=0.5),
        Result("rss_growth_mb", rss_growth_mb(), at_most=30.0),
        Result("open_session_s", open_session_s(), at_most=5.0),
    ]


def _grid(
    columns: int, rows: int | None = None
) -> tuple[float, float, int, float, float, int]:
    rows = rows or columns
    x, y = (columns - 1) / 16, (rows - 1) / 16  # 125 nm from hop to hop
    return (-x, x, columns, -y, y, rows)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _slope_ms(run: Callable[[int], object], short: int, long: int) -> float:
    """Time a point (ms): a long run less a short one, so that neither end counts."""
    run(short)
    slopes = [
        (_seconds(lambda: run(long)) - _seconds(lambda: run(short))) / (long - short)
        for _ in range(REPEATS)
    ]
    return 1e3 * median(slopes)


def _hop_ms(session: Session, plan: Callable, short: int, long: int) -> float:
    def run(hops: int) -> None:
        grid = _grid(round(hops**0.5))
        session.RE(plan(session.seccm, TRACED, *grid, snake=True))

    return _slope_ms(run, short**2, long**2)


def re_null_us() -> float:
    """Time a message that does nothing (us): how fast this computer is just now.

    9 us where the limits are from.
    """
    engine = _bare_engine()

    def nothing(number: int) -> None:
        engine(Msg("null") for _ in range(number))

    return 1e3 * _slope_ms(nothing, 500, 5000)


def _bare_engine() -> RunEngine:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return RunEngine({}, context_managers=[])


def re_floor_ms() -> float:
    """Time what bluesky itself needs for an event of 8 soft signals (ms)."""
    engine = _bare_engine()
    signals = [Signal(name=f"soft_{number}", value=0.0) for number in range(8)]

    def events(number: int) -> None:
        @bpp.run_decorator()
        def plan() -> Iterator:
            for _ in range(number):
                yield from bps.trigger_and_read(signals)

        engine(plan())

    return _slope_ms(events, 50, 450)


def sketch_hop_ms(session: Session) -> float:
    """Time a hop that does nothing but its sequence, on the same IOC (ms)."""
    device = Sketch(session.seccm.prefix, name="sketch")
    device.wait_for_connection()
    engine = _bare_engine()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with store_plainly(folder / "journal") as store:
                engine.subscribe(store)
                return _slope_ms(
                    lambda n: engine(
                        sketched_hops(device, n, TRACED.samples, folder / "traces")
                    ),
                    SHORT**2,
                    LONG**2,
                )
    finally:
        device.destroy()


def stock_point_ms(session: Session) -> float:
    """Time a point of `grid_scan` with the usual callbacks, on the same IOC (ms)."""
    m, engine = session.seccm, session.RE
    with tempfile.TemporaryDirectory() as folder:
        server = SimpleTiledServer(directory=folder)
        try:
            best_effort = BestEffortCallback()
            best_effort.disable_heading()
            best_effort.disable_table()
            callbacks = [best_effort, TiledWriter(from_uri(server.uri))]
            m.clamp.prepare(TRACED)

            def scan(points: int) -> None:
                half_um = (points // 5 - 1) / 16
                axes = (m.xy.y, 0, 0.5, 5, m.xy.x, -half_um, half_um, points // 5)
                engine(bp.grid_scan([m.clamp], *axes), callbacks)

            return _slope_ms(scan, 10, 35)
        finally:
            server.close()


def dead_time_percent(plan: Callable) -> float:
    """Compare real time with the physical time of the same hops (%).

    In simulated time nothing but physics takes time; in real time everything does.
    """
    physical, real = (_between_contacts_s(plan, scale) for scale in (0.0, 1.0))
    return 100 * (real - physical) / physical


def _between_contacts_s(plan: Callable, time_scale: float) -> float:
    with scratch_session(seed=1, time_scale=time_scale) as session:
        session.RE(plan(session.seccm, CurrentSample(), *_grid(*PACED), snake=True))
        times = hop_table(session.catalog[-1])["seccm_z_contact_time"].values
    return float(times[-1] - times[0])


def rss_growth_mb() -> float:
    """Watch the memory of the session over 100 000 hops of a fly scan (MB)."""
    hops, _, memory = watch(hop_fly, GROWN).T
    return float(memory[-1] - memory[hops >= GROWN**2 - 100_000][0])


def watch(plan: Callable, side: int) -> np.ndarray:
    """Watch a scan of `side` x `side` hops at full speed.

    Returns
    -------
    ndarray, shape (n, 3)
        Hops made, time since the first of them (s), memory of the session (MB).
    """
    seen: list[tuple[int, float, float]] = []

    def note(name: str, doc: dict) -> None:
        if name not in ("event", "event_page"):
            return
        number = doc["seq_num"] if name == "event" else doc["seq_num"][-1]
        if not seen or number >= 1.02 * seen[-1][0] or number == side**2:
            seen.append((number, time.perf_counter(), resident_mb()))

    with scratch_session(seed=1, time_scale=0) as session:
        session.RE.subscribe(note)
        session.RE(plan(session.seccm, CurrentSample(), *_grid(side), snake=True))
    watched = np.array(seen)
    watched[:, 1] -= watched[0, 1]
    return watched


def open_session_s() -> float:
    """Time the opening of a session in a new process, imports included (s)."""
    with tempfile.TemporaryDirectory() as folder:
        with open_session(simulator=True, seed=1, time_scale=0, data_dir=folder) as s:
            s.RE(hop_scan(s.seccm, CurrentSample(), *_grid(3)))
        wait_for_writer(Path(folder))
        taken = [
            float(
                subprocess.run(
                    [sys.executable, "-c", READY, folder],
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
            )
            for _ in range(REPEATS)
        ]
        wait_for_writer(Path(folder))
    return median(taken)
