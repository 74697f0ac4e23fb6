"""What happens to stored files, and to who is idle, between two scans.

Each function lets one thing happen and sees what is left of the data; it gives the
problems that it finds, and leaves the folder as it was.
"""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from seccm_ophyd.storage.journal.reader import read_journal

from .bench import Bench
from .stored import read_run

__all__ = ["BETWEEN"]


def _newest(folder: Path, pattern: str) -> Path | None:
    files = [path for path in folder.glob(pattern) if path.is_file()]
    return max(files, key=lambda path: path.stat().st_mtime_ns, default=None)


def damage_journal(bench: Bench, rng: np.random.Generator) -> list[str]:
    """Change one byte of a journal: its line alone is lost, and that is said."""
    path = _newest(bench.folder.journal, "*.jsonl")
    if path is None:
        return []
    whole, before = path.read_bytes(), read_run(path)
    lines = whole.splitlines(keepends=True)
    number = int(rng.integers(1, len(lines)))
    start = sum(map(len, lines[:number]))
    damaged = bytearray(whole)
    damaged[start + int(rng.integers(len(lines[number]) - 1))] ^= 1 << int(
        rng.integers(7)
    )
    copy = bench.place / "damaged.jsonl"
    copy.write_bytes(damaged)
    try:
        content, after = read_journal(copy), read_run(copy)
    finally:
        copy.unlink()
    problems = []
    if not (content.damaged or content.cut):
        problems.append(f"{path.name}: line {number + 1} is damaged, nobody says so")
    lost = len(before.keys) - len(after.keys)
    most = max(1, lines[number].count(b"seq_num") and _hops_in(lines[number]))
    if lost > most:
        problems.append(f"{path.name}: one damaged line costs {lost} hops, not {most}")
    if set(after.keys) - set(before.keys):
        problems.append(f"{path.name}: a damaged line gives hops that never were")
    return problems


def _hops_in(line: bytes) -> int:
    """Count the hops of an event, or of an event page, roughly from above."""
    return max(1, line.count(b"contact") + line.count(b"suspect") + line.count(b"bad"))


def lose_catalogue(bench: Bench, rng: np.random.Generator) -> list[str]:
    """Delete, empty or damage a file of the catalogue; recover mends it."""
    if not bench.close_session():
        return ["the session did not close"]
    _wait_for_writer(bench)
    both = (bench.folder.database, bench.folder.tables)
    files = [path for path in both if path.exists()]
    if not files:
        return []
    path = files[int(rng.integers(len(files)))]
    how = int(rng.integers(3))
    if how == 0:
        path.unlink()
    elif how == 1:
        path.write_bytes(b"")
    else:
        data = bytearray(path.read_bytes())
        page = 4096 * int(rng.integers(max(1, len(data) // 4096)))
        data[page : page + 4096] = bytes(len(data[page : page + 4096]))
        path.write_bytes(data)
    return bench.shell("recover")


def _wait_for_writer(bench: Bench) -> None:
    deadline = time.monotonic() + 60
    while bench.writer_pid and time.monotonic() < deadline:
        time.sleep(0.1)


def damage_traces(bench: Bench, rng: np.random.Generator) -> list[str]:
    """Change one byte of a file of traces: what is read is right, or refused."""
    path = _newest(bench.folder.traces, "*.h5")
    if path is None:
        return []
    journal = bench.folder.journal_file(path.stem)
    kept = bench.place / "kept.h5"
    shutil.copy2(path, kept)
    right = _read_traces(journal)
    try:
        place = int(rng.integers(path.stat().st_size))
        with path.open("r+b") as file:
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ (1 << int(rng.integers(8)))]))
        found = _read_traces(journal)
    finally:
        shutil.copy2(kept, path)
    if found is None:
        return [f"{path.name}, byte {place} damaged: reading it does not end"]
    if found not in (right, ""):
        return [f"{path.name}, byte {place} damaged: other values, nobody says so"]
    return []


READ = """
import hashlib, sys
import numpy as np
from seccm_ophyd.analysis import hop_traces
read = hop_traces(sys.argv[1])
whole = hashlib.sha256()
for name in ("t", "E", "i"):
    whole.update(np.ascontiguousarray(read[name].values).tobytes())
print(whole.hexdigest())
"""


def _read_traces(journal: Path) -> str | None:
    """Read the traces of a run; their hash, "" if refused, None if it does not end."""
    command = [sys.executable, "-c", READ, str(journal)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.strip() if done.returncode == 0 else ""


def kill_idle_session(bench: Bench, _rng: np.random.Generator) -> list[str]:
    """Kill a session that does nothing; the next one opens, see `Runner`."""
    if bench.session is not None:
        bench.session.signal(signal.SIGKILL)
        bench.session.end()
        bench.session = None
    return []


def restart_idle_ioc(bench: Bench, _rng: np.random.Generator) -> list[str]:
    """Kill the IOC while nothing is done, and start it again."""
    bench.ioc.kill()
    bench.ioc.start()
    why = "" if bench.session is None else bench.make_ready()
    return [f"the session is of no use any more: {why}"] if why else []


BETWEEN: dict[str, Callable[[Bench, np.random.Generator], list[str]]] = {
    "journal damaged": damage_journal,
    "traces damaged": damage_traces,
    "catalogue damaged": lose_catalogue,
    "idle session killed": kill_idle_session,
    "idle IOC restarted": restart_idle_ioc,
}
"""What may happen between two scans."""
