"""The faults that are drawn, and what each of them may cost."""

import os
import random
import resource
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from .bench import Bench
from .scans import Scan

__all__ = ["KINDS", "Injection", "Kind", "draw_faults"]

LOST_PAGE = 50
"""Hops of a fly scan that may be lost with what was not collected yet."""


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Parameters
    ----------
    effect
        What it may do to the scan: ``rides`` (nothing), ``pauses``, ``ends`` (the
        session lives), ``dies`` (the session has ended).
    inject
        Lets it happen; gets the bench and the value that was drawn.
    low, high
        Between which the value is drawn.
    mend
        Undoes it; called after `lasts_s` or when the scan has ended.
    lasts_s
        After how long it is mended (s); None: when the scan has ended.
    safe_s
        How long after it the instrument may not be SAFE (s), if the scan ends.
    shows_late
        Whether hops are still stored after it: what they have reserved of a disk. The
        time to SAFE counts from the last of them.
    lost
        Completed hops of a fly scan that it may cost.
    weight
        How often it is drawn, relative to the others.
    faults
        Numbers in tests/faults/catalogue.py.
    """

    effect: str
    inject: Callable[[Bench, float], None]
    low: float = 0.0
    high: float = 1.0
    mend: Callable[[Bench], None] | None = None
    lasts_s: float | None = None
    safe_s: float = 3.0
    shows_late: bool = False
    lost: int = 0
    weight: float = 1.0
    faults: tuple[int, ...] = ()


@dataclass(frozen=True)
class Injection:
    """One fault in one scan.

    Parameters
    ----------
    kind
        A key of `KINDS`.
    after
        Share of the hops of the scan after which it comes.
    delay_s
        How long after that (s), so that it comes anywhere in a hop.
    value
        For `Kind.inject`.
    """

    kind: str
    after: float
    delay_s: float
    value: float

    def __str__(self) -> str:
        return f"{self.kind} at {self.after:.0%}"


def _signal_session(number: int) -> Callable[[Bench, float], None]:
    return lambda bench, _value: bench.session.signal(number)


def _order(name: str) -> Callable[[Bench, float], None]:
    return lambda bench, value: bench.session.order(name, value=value)


def _new_pipette(bench: Bench) -> None:
    bench.put("Sim:CrashNext", "0")
    bench.put("Sim:NewPipette", "1")


def _next(name: str) -> dict[str, Any]:
    """Let the simulator do something next; what has not come then never does."""
    return {
        "inject": _put(f"Sim:{name}Next", "1"),
        "mend": lambda bench: bench.put(f"Sim:{name}Next", "0"),
    }


def _put(name: str, value: str) -> Callable[[Bench, float], None]:
    return lambda bench, _value: bench.put(name, value)


def _interrupt_twice(bench: Bench, value: float) -> None:
    bench.session.signal(signal.SIGINT)
    bench.later(0.12 + value, lambda: bench.session.signal(signal.SIGINT))


def _signal_writer(number: int) -> Callable[..., None]:
    def send(bench: Bench, _value: float = 0.0) -> None:
        if pid := bench.writer_pid:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    return send


def _fill_disk(bench: Bench, value: float) -> None:
    """Let no file grow further than a little more than the largest is now.

    What is reserved for a file stays its own, as on a disk that is full.
    """
    newest = [
        max(files, key=lambda file: file.stat().st_mtime_ns).stat().st_size
        for folder in (bench.folder.journal, bench.folder.traces)
        if (files := list(folder.iterdir()))
    ]
    bench.limit_files(max(newest) + int(value * 50_000))


def _lift_limit(bench: Bench) -> None:
    bench.limit_files(resource.RLIM_INFINITY)


def _caput(bench: Bench, value: float) -> None:
    """Write what only the owner may write."""
    name, what = (
        ("Clamp:HoldingPotential", "0.5"),
        ("Clamp:Mode", "99"),
        ("XY:X", "1"),
        ("Z:Z", "60"),
        ("Z:Threshold", "nan"),
        ("IOC:Heartbeat", "7"),
        ("Z:ThresholdMode", "17"),
    )[int(value)]
    bench.put(name, what)


def _garbage(bench: Bench, value: float) -> None:
    chance = random.Random(value)
    for _ in range(20):
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", bench.ioc.port), timeout=2) as sock,
        ):
            sock.sendall(chance.randbytes(3000))


def _foreign(bench: Bench, value: float) -> None:
    """Put what is no journal into the folder of the journals."""
    folder, kind = bench.folder.journal, int(value)
    path = folder / f"foreign{kind}.jsonl"
    if kind == 0:
        path.write_text("dear diary\n")
    elif kind == 1:
        path.mkdir(exist_ok=True)
    elif kind == 2:
        with suppress(FileExistsError):
            path.symlink_to(path)
    elif kind == 3:
        with suppress(FileExistsError):
            os.mkfifo(path)
    else:
        path.write_text('["start", ' + "[" * 5000 + "]" * 5000 + "]\n")


def _remove_foreign(bench: Bench) -> None:
    for path in bench.folder.journal.glob("foreign*"):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()


def _delay(bench: Bench, value: float) -> None:
    bench.network.delay_s = value


def _narrow(bench: Bench, value: float) -> None:
    bench.network.bytes_per_s = value


def _widen(bench: Bench) -> None:
    bench.network.delay_s = bench.network.bytes_per_s = 0.0


KINDS: dict[str, Kind] = {
    "session killed": Kind(
        "dies", _signal_session(signal.SIGKILL), weight=4, faults=(28, 54),
    ),
    "session told to end": Kind(
        "dies", _signal_session(signal.SIGTERM), weight=1, faults=(29,),
    ),
    "session frozen shortly": Kind(
        "rides", _signal_session(signal.SIGSTOP),
        mend=lambda bench: bench.session.signal(signal.SIGCONT), lasts_s=1.5,
        faults=(59,),
    ),
    "session frozen past its lease": Kind(
        "ends", _signal_session(signal.SIGSTOP),
        mend=lambda bench: bench.session.signal(signal.SIGCONT), lasts_s=7.5,
        safe_s=5.0, weight=1.5, faults=(59,),
    ),
    "IOC killed": Kind(
        "ends", lambda bench, _value: bench.ioc.kill(),
        mend=lambda bench: bench.restart_ioc(), lasts_s=1.0, safe_s=10.0,
        lost=LOST_PAGE, weight=3, faults=(1, 2, 3, 4, 55),
    ),
    "IOC frozen shortly": Kind(
        "rides", lambda bench, _value: bench.ioc.freeze(),
        mend=lambda bench: bench.ioc.thaw(), lasts_s=1.5, faults=(5,),
    ),
    "IOC frozen": Kind(
        "ends", lambda bench, _value: bench.ioc.freeze(),
        mend=lambda bench: bench.ioc.thaw(), lasts_s=8.0, safe_s=11.0, faults=(5, 27),
    ),
    "catalogue writer killed": Kind(
        "rides", _signal_writer(signal.SIGKILL), weight=1.5, faults=(34,),
    ),
    "catalogue writer frozen": Kind(
        "rides", _signal_writer(signal.SIGSTOP), mend=_signal_writer(signal.SIGCONT),
        faults=(34,),
    ),
    "link cut": Kind(
        "ends", lambda bench, _value: bench.network.cut(),
        mend=lambda bench: bench.network.mend(), lasts_s=3.0, safe_s=5.0, weight=1.5,
        lost=LOST_PAGE, faults=(7,),
    ),
    "link silent": Kind(
        "ends", lambda bench, _value: bench.network.fall_silent(),
        mend=lambda bench: bench.network.mend(), lasts_s=9.0, safe_s=5.0, weight=1.5,
        lost=LOST_PAGE, faults=(7,),
    ),
    "link to the IOC cut": Kind(
        "ends", lambda bench, _value: bench.network.cut_towards("ioc"),
        mend=lambda bench: bench.network.mend(), lasts_s=9.0, safe_s=5.0,
        lost=LOST_PAGE, faults=(55,),
    ),
    "link to the session cut": Kind(
        "ends", lambda bench, _value: bench.network.cut_towards("client"),
        mend=lambda bench: bench.network.mend(), lasts_s=9.0, safe_s=5.0,
        lost=LOST_PAGE, faults=(57,),
    ),
    "link delayed": Kind(
        "rides", _delay, 0.02, 0.2, mend=_widen, lasts_s=3.0, faults=(7,),
    ),
    "link narrow": Kind(
        "rides", _narrow, 50e3, 200e3, mend=_widen, lasts_s=3.0, faults=(7,),
    ),
    "disk full": Kind(
        "ends", _fill_disk, mend=_lift_limit, shows_late=True, weight=1.5,
        faults=(32,),
    ),
    "reserve of the disk reached": Kind("ends", _order("reserve"), 1e3, 1e4,
        faults=(32,),
    ),
    "storage stalled": Kind("rides", _order("stall"), 0.5, 6.0, faults=(63,)),
    "clock stepped": Kind("rides", _order("clock"), -3600.0, 3600.0, faults=(47,)),
    "second session": Kind(
        "rides", lambda bench, _value: bench.try_second_session(), weight=0.7,
        faults=(35,),
    ),
    "caput": Kind("rides", _caput, 0, 7, weight=2, faults=(36, 40, 58)),
    "seccm safe": Kind("ends", _put("IOC:MakeSafe", "77"), faults=(35,)),
    "garbage on the port": Kind("rides", _garbage, faults=(39, 65)),
    "foreign file": Kind(
        "rides", _foreign, 0, 5, mend=_remove_foreign, faults=(52,),
    ),
    "Ctrl-C": Kind("pauses", _signal_session(signal.SIGINT), weight=2, faults=(22,)),
    "Ctrl-C twice": Kind("pauses", _interrupt_twice, 0, 0.1, weight=2, faults=(23,)),
    "paused at once": Kind(
        "pauses", lambda bench, _value: bench.session.order("pause", value=False),
        faults=(23, 30, 31),
    ),
    "aborted": Kind("ends", _order("abort"), faults=(24, 53)),
    "stopped": Kind("ends", _order("stop"), faults=(24, 53)),
    "halted": Kind("ends", _order("halt"), faults=(25, 53)),
    "bad reading": Kind("rides", **_next("BadReading"), faults=(8,)),
    "overload": Kind("rides", **_next("Saturation"), faults=(9,)),
    "contact lost": Kind("rides", **_next("Break"), faults=(12,)),
    "no contact": Kind("rides", **_next("NoContact"), faults=(10,)),
    "false contact": Kind("rides", **_next("FalseContact"), faults=(11,)),
    "tip crash": Kind(
        "ends", _put("Sim:CrashNext", "1"), mend=_new_pipette, faults=(13, 53),
    ),
    "Z stuck": Kind("ends", **_next("Runaway"), faults=(17, 53)),
}  # fmt: skip
"""What is drawn, with what it may cost."""


def draw_faults(rng: np.random.Generator, scan: Scan) -> list[Injection]:
    """Draw the faults of one scan: one, now and then two or three.

    Parameters
    ----------
    rng
        Where chance comes from.
    scan
        The scan that they are to come in.
    """
    kinds = list(KINDS)
    weights = np.array([kind.weight for kind in KINDS.values()])
    count = int(rng.choice([1, 2, 3], p=[0.65, 0.25, 0.1]))
    drawn = []
    for name in rng.choice(kinds, size=count, replace=False, p=weights / weights.sum()):
        kind = KINDS[str(name)]
        drawn.append(
            Injection(
                kind=str(name),
                after=round(float(rng.uniform(0.02, 0.9)), 3),
                delay_s=round(float(rng.uniform(0, 0.05)), 4),
                value=float(rng.uniform(kind.low, kind.high)),
            )
        )
    drawn.sort(key=lambda injection: injection.after)
    if count > 1 and rng.uniform() < 0.5:  # one on the heels of the other
        first = drawn[0]
        drawn[1:] = [
            Injection(next_.kind, first.after, next_.delay_s, next_.value)
            for next_ in drawn[1:]
        ]
    return drawn
