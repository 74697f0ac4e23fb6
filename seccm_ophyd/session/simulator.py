"""The private simulator of a session: a separate IOC, which ends with it."""

import contextlib
import logging
import os
import secrets
import selectors
import subprocess
import sys
import time
from pathlib import Path

from ..channel_access import free_simulator_port
from ..config import Simulator
from ..errors import SeccmError

__all__ = ["PrivateSimulator"]

logger = logging.getLogger(__name__)

START_TIMEOUT_S = 60.0
END_TIMEOUT_S = 5.0


class PrivateSimulator:
    """Starts ``python -m seccm_ophyd.sim_devices`` on a free loopback port.

    It starts at once and computes its sample while the session does other things;
    `wait` waits for it.

    Parameters
    ----------
    settings
        The sample and how it is simulated.
    log
        File for what it says.
    """

    def __init__(self, settings: Simulator, log: Path) -> None:
        self.prefix = f"SIM{secrets.token_hex(4).upper()}:"
        self.log = log
        self.port = port = free_simulator_port()
        arguments = [
            *("--prefix", self.prefix, "--port", str(port)),
            *("--interfaces", "127.0.0.1"),
            *("--sample", settings.sample, "--seed", str(settings.seed)),
            *("--time-scale", str(settings.time_scale)),
            *("--electrolyte", settings.electrolyte, "--stage", settings.stage),
            "--die-with-parent",
        ]
        if settings.theta:
            arguments += ["--theta", *map(str, settings.theta)]
        if settings.particle_radius_um:
            arguments += ["--particle-radius", str(settings.particle_radius_um)]
        # settings for the EPICS servers of this place are not meant for this one
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("EPICS_CAS_")
        } | {"EPICS_CA_SERVER_PORT": str(port)}
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "seccm_ophyd.sim_devices", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                # Ctrl-C pauses the scan; the instrument must not hear it
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id of the IOC."""
        return self._process.pid

    def wait(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until the IOC accepts connections.

        Raises
        ------
        SeccmError
            If it ends or does not answer in time; the message quotes what it said.
        """
        out = self._process.stdout
        if out is None or out.closed:
            return
        deadline = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(out, selectors.EVENT_READ)
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            line = out.readline() if ready else b""
        out.close()
        if b"ready" not in line:
            self.end()
            said = self.log.read_text(errors="replace").strip().splitlines()
            raise SeccmError(
                "the simulator did not start: " + (said[-1] if said else "no message")
            )

    def end(self) -> None:
        """End the IOC; does nothing when it has ended."""
        self._process.terminate()
        try:
            self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            logger.warning("the simulator %s does not end: killed", self.prefix)
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            with contextlib.suppress(OSError):
                self._process.stdout.close()
