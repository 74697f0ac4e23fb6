"""The bench: an IOC, the network to it, and a session, each to be broken."""

import contextlib
import json
import os
import queue
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seccm_ophyd._upstream.caproto import forget_channels
from seccm_ophyd.storage.data_folder import DataFolder
from seccm_ophyd.storage.locks import held
from tests.iocs import RunningIOC

from .network import SlowNetwork
from .truth import HopLogReader

__all__ = ["Bench", "SessionProcess"]

OPEN_S = 60.0  # longest that a session may take to open


class SessionProcess:
    """A session in a process of its own.

    Parameters
    ----------
    prefix
        Of the IOC.
    folder
        The data folder.
    port
        Where Channel Access finds the IOC.
    log
        File for what it says besides.
    """

    def __init__(self, prefix: str, folder: Path, port: int, log: Path) -> None:
        environment = {
            **os.environ,
            "EPICS_CA_ADDR_LIST": f"127.0.0.1:{port}",
            "EPICS_CA_AUTO_ADDR_LIST": "NO",
            "TILED_PROFILES": str(folder.parent / "profiles"),
        }
        self.begun = time.monotonic()
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.worker", prefix, str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                start_new_session=True,
            )
        self.told: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self.process.stdout:
            self.told.put(json.loads(line))
        self.process.wait()
        self.process.stdout.close()
        self.told.put({"told": "gone", "at": time.monotonic()})

    def order(self, name: str, **values: Any) -> None:
        """Give one order; nothing happens if it has ended."""
        line = json.dumps({"order": name, **values}) + "\n"
        try:
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            return

    def next_told(self, timeout_s: float) -> dict[str, Any] | None:
        """Wait for what it tells next; None if that does not come in time."""
        try:
            return self.told.get(timeout=max(timeout_s, 0.001))
        except queue.Empty:
            return None

    def wait_for(self, *names: str, timeout_s: float) -> dict[str, Any] | None:
        """Wait until it tells one of some things; None if it does not in time."""
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            told = self.next_told(left)
            if told and told["told"] in names:
                return told
            if told and told["told"] == "gone":
                self.told.put(told)
                return None
        return None

    def signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(number)

    def end(self) -> None:
        """End it, by force if need be."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)
        with contextlib.suppress(BrokenPipeError):  # an order that nobody has read
            self.process.stdin.close()


class Bench:
    """All that takes part in a chaos.

    Parameters
    ----------
    place
        A folder for all files.
    seed
        Of the sample and the noise of the simulator.
    """

    def __init__(self, place: Path, seed: int) -> None:
        place.mkdir(parents=True, exist_ok=True)
        self.place, self.folders = place, 0
        self.begin_folder()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.hop_log = place / "hops.jsonl"
        self.hops = HopLogReader(self.hop_log)
        self.ioc = RunningIOC(
            *("--hop-log", str(self.hop_log)), time_scale=0, seed=seed, port=port
        )
        self.network = SlowNetwork(port)
        self.session: SessionProcess | None = None
        self.failures: list[str] = []
        self._timers: list[threading.Timer] = []

    def begin_folder(self) -> None:
        """Use a new data folder for the sessions that are to come."""
        self.folders += 1
        self.folder = DataFolder(self.place / f"data{self.folders}")

    def open_session(self) -> dict[str, Any]:
        """Start a session; what it tells first: ``ready`` or ``refused``."""
        if self.session is not None:
            self.session.end()
        self.session = SessionProcess(
            self.ioc.prefix, self.folder.root, self.network.port, self.place / "log.txt"
        )
        told = self.session.wait_for("ready", "refused", timeout_s=OPEN_S)
        return told or {"told": "refused", "error": "it did not open in time"}

    def close_session(self) -> bool:
        """Close the session in an orderly way; tell whether it did close."""
        session, self.session = self.session, None
        if session is None:
            return True
        session.order("close")
        closed = session.wait_for("closed", timeout_s=40.0) is not None
        try:
            session.process.wait(10 if closed else 0.1)
        except subprocess.TimeoutExpired:
            closed = False
        session.end()
        return closed

    def make_ready(self, timeout_s: float = 60.0) -> str:
        """Let the session do what its messages ask for after a loss; why it cannot."""
        begun, why = time.monotonic(), "it says nothing"
        while (left := timeout_s - (time.monotonic() - begun)) > 0:
            self.session.order("make ready")
            told = self.session.wait_for("made ready", "not ready", timeout_s=left)
            if told is None:
                break
            if told["told"] == "made ready":
                return ""
            why = told["error"]
            time.sleep(0.5)
        return why

    def shell(self, *arguments: str) -> list[str]:
        """Run a command of ``seccm`` on the data folder; what is wrong with its end."""
        addresses = f"127.0.0.1:{self.ioc.port}"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "seccm_ophyd.cli", *arguments),
                *("--data", str(self.folder.root)),
            ],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env={**os.environ, "EPICS_CA_ADDR_LIST": addresses},
        )
        if not done.returncode:
            return []
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
        what = " ".join(arguments)
        last = "; ".join(line.strip() for line in said[-4:])
        return [f"seccm {what} ends with {done.returncode}: {last}"[:400]]

    @property
    def writer_pid(self) -> int | None:
        """Process id of the catalogue writer; None if none is at work."""
        path = self.folder.writer_lock
        if not (path.exists() and held(path)):
            return None
        try:
            return int(json.loads(path.read_text())["pid"])
        except (ValueError, KeyError):  # it is about to begin
            return None

    def put(self, name: str, value: str) -> None:
        """Write a PV as a person in a shell does, while all else goes on."""
        self.later(0.0, lambda: self.ioc.caproto("put", name, value, check=False))

    def later(self, delay_s: float, action: Callable[[], Any]) -> None:
        """Do something in a thread of its own, after a while."""
        timer = threading.Timer(delay_s, self._tried, (action,))
        timer.start()
        self._timers.append(timer)

    def _tried(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except (OSError, subprocess.SubprocessError) as error:
            self.failures.append(repr(error)[:200])

    def settle(self) -> None:
        """Wait until all that was begun for later has been done."""
        while self._timers:
            self._timers.pop().join(70)

    def restart_ioc(self) -> None:
        """Start the IOC again, if it does not run."""
        if self.ioc.process.poll() is not None:
            self.ioc.start()

    def limit_files(self, size: int) -> None:
        """Let no file of the session grow beyond a size (bytes)."""
        if self.session is not None and self.session.process.poll() is None:
            limits = (size, resource.RLIM_INFINITY)
            resource.prlimit(self.session.process.pid, resource.RLIMIT_FSIZE, limits)

    def try_second_session(self) -> None:
        """Open a second session on the IOC; it must be refused."""
        self.later(0.0, self._open_second)

    def _open_second(self) -> None:
        second = SessionProcess(
            self.ioc.prefix,
            self.place / "second",
            self.ioc.port,
            self.place / "log.txt",
        )
        told = second.wait_for("ready", "refused", timeout_s=OPEN_S)
        second.end()
        if told is None or told["told"] == "ready":
            self.failures.append(f"a second session was not refused: {told}")

    def ioc_mb(self) -> float:
        """Resident memory of the IOC (MB)."""
        pages = Path(f"/proc/{self.ioc.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def close(self) -> None:
        """End everything."""
        if self.session is not None:
            self.session.signal(signal.SIGCONT)
            self.close_session()
        self.network.close()
        self.ioc.close()
        forget_channels(self.ioc.prefix)
