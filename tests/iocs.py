"""Simulator IOCs in processes of their own, to be driven, frozen and killed."""

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

from seccm_ophyd._upstream.caproto import forget_channels
from seccm_ophyd.channel_access import free_simulator_port

__all__ = ["RunningIOC", "start_partial_ioc", "wait_for"]

BIN = Path(sys.executable).parent


_PARTIAL = """
import asyncio, sys
from seccm_ophyd.sim_devices.epics.server import serve
from seccm_ophyd.sim_devices.ioc import SeccmIOC, open_sample
prefix, port, *without = sys.argv[1:]
ioc = SeccmIOC(prefix, sample=open_sample("film", seed=1, electrolyte="LiCl"),
               seed=1, time_scale=0)
part = {name: pv for name, pv in ioc.pvdb.items()
        if not name.removeprefix(prefix).startswith(tuple(without))}
async def main():
    await ioc.prepare()
    await serve(part, access=ioc.supervisor.access, interfaces=["127.0.0.1"],
                port=int(port), ready=lambda: print("ready", flush=True))
asyncio.run(main())
"""


def start_partial_ioc(prefix, *without):
    """Start an IOC that lacks the PVs whose names begin so; returns its process."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PARTIAL, prefix, str(free_simulator_port()), *without],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert "ready" in process.stdout.readline()
    return process


class RunningIOC:
    """``seccm ioc`` as a facility would start it.

    Parameters
    ----------
    options
        Further ones of its command line.
    port
        Where it serves; None for one that this process searches.
    """

    def __init__(self, *options, time_scale=0, seed=4, port=None):
        self.prefix = f"LAB{uuid.uuid4().hex[:6]}:"
        self.port = port or free_simulator_port()
        self._options = (
            *("--prefix", self.prefix, "--port", str(self.port)),
            *("--time-scale", str(time_scale), "--seed", str(seed)),
            *options,
        )
        self.start()

    def start(self):
        """Start it, or start it again after it was killed."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "seccm_ophyd.cli", "ioc", *self._options],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert "ready" in self.process.stdout.readline()

    def kill(self):
        """End it without any chance to clean up."""
        self._end(signal.SIGKILL)

    def freeze(self):
        """Let it answer nothing any more."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        """End it in an orderly way, if it still runs; nobody searches for it then."""
        if self.process.poll() is None:
            self.thaw()
            self._end(signal.SIGTERM)
        forget_channels(self.prefix)

    def _end(self, number):
        self.process.send_signal(number)
        self.process.wait(10)
        self.process.stdout.close()

    def caproto(self, tool, *arguments, check=True):
        """Run a standard caproto tool (get, put, monitor) as a person in a shell does.

        The name of the PV is given without the prefix. Returns what it prints.
        """
        environment = {
            **os.environ,
            "EPICS_CA_ADDR_LIST": f"127.0.0.1:{self.port}",
            "EPICS_CA_AUTO_ADDR_LIST": "NO",
        }
        name, *rest = arguments
        done = subprocess.run(
            [
                *(BIN / f"caproto-{tool}", "--no-repeater", "--timeout", "10"),
                *(self.prefix + name, *rest),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            env=environment,
            check=check,
        )
        return done.stdout

    def seen_safe(self):
        """Tell whether the IOC is SAFE, as a person in a shell sees it.

        One process asks for all: to start Python takes longer than to ask.
        """
        cell, clamp = (
            f"{self.prefix}Clamp:{name}" for name in ("HoldingPotential", "State")
        )
        told = self.caproto("get", "Z:State", cell, clamp)
        return all(word in told for word in ("WITHDRAWN", "[0]", "IDLE"))


def wait_for(condition, timeout_s=20.0):
    """Wait until `condition` is true; fail when it takes too long."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s} s"
        time.sleep(0.02)
