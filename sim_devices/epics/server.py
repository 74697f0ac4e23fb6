"""The Channel Access server: caproto with prompt monitors, on loopback.

Import this module before any other of caproto.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

# 60003 doubles of a trace, and room for what is still to come; read at import
os.environ.setdefault("EPICS_CA_MAX_ARRAY_BYTES", "10000000")

import caproto.asyncio.server as _server

from .access import Access
from .circuit import Circuit
from .environment import sends_beacons

__all__ = ["PortInUseError", "serve"]

logger = logging.getLogger(__name__)

TRIED = ("1.3",)  # versions of caproto; its inside is used here, in circuit and in pvs
_LOOK_S = 0.5  # between two looks at what waits for the clients


class PortInUseError(OSError):
    """Another server answers on the port."""


async def _bound_tcp_socket(address: str, port: int) -> socket.socket:
    """Make a listening socket on whose connections asyncio sets TCP_NODELAY.

    asyncio does so for sockets that say IPPROTO_TCP; caproto's own say 0, and with
    Nagle's algorithm on, the second of two updates waits 40 ms for the client's
    delayed ACK.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    try:
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock


_server._create_bound_tcp_socket = _bound_tcp_socket  # noqa: SLF001 (caproto has no hook)


class _Context(_server.Context):
    """A server that asks `Access` about writes, and reports to it who has left."""

    CircuitClass = Circuit
    access: Access
    sends_beacons = False

    async def broadcast_beacon_loop(self) -> None:
        """Send beacons if they are wanted: caproto broadcasts them also to no list."""
        if self.sends_beacons:
            await super().broadcast_beacon_loop()

    async def drop_deaf_clients(self) -> None:
        """Hang up on clients that do not read, as long as the server runs."""
        while True:
            await asyncio.sleep(_LOOK_S)
            for circuit in list(self.circuits):
                await circuit.drop_if_deaf()

    async def circuit_disconnected(self, circuit: Any) -> None:
        here = circuit in self.circuits
        await super().circuit_disconnected(circuit)
        if here:
            circuit.end()
            await self.access.left(circuit)


def _warn_untried() -> None:
    if not (installed := version("caproto")).startswith(tuple(f"{t}." for t in TRIED)):
        logger.warning(
            "caproto %s was not tried with this simulator, which relies on its inside: "
            'if something fails, try pip install "caproto==%s.*"',
            installed,
            TRIED[-1],
        )


async def _parent_ended() -> None:
    """Return when the process that started this one is gone.

    Polled: the kernel's own signal (PR_SET_PDEATHSIG) comes already when the *thread*
    ends that started us.
    """
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(0.5)


def _check_port(interface: str, port: int) -> None:
    """Refuse a port in use: two servers on a UDP port would share its searches."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((interface, port))
    except OSError as error:
        raise PortInUseError(f"cannot serve on {interface}:{port}: {error}") from error


async def serve(
    pvdb: Mapping[str, Any],
    *,
    access: Access,
    interfaces: list[str],
    port: int,
    ready: Callable[[], None],
    die_with_parent: bool = False,
) -> None:
    """Serve PVs until SIGTERM or SIGINT.

    Parameters
    ----------
    pvdb
        PVs by name.
    access
        Who may write.
    interfaces
        Addresses to serve on.
    port
        UDP and TCP port.
    ready
        Called once clients can connect.
    die_with_parent
        Whether to end, too, when the process is gone that started this one.

    Raises
    ------
    PortInUseError
        If another server uses the port.
    """
    _warn_untried()
    for interface in interfaces:
        _check_port(interface, port)
    for name in [n for n, text in os.environ.items() if not text.strip()]:
        if name.startswith("EPICS_CA"):
            del os.environ[name]  # as EPICS takes it; caproto wants a number
    for name in ("EPICS_CA_SERVER_PORT", "EPICS_CAS_SERVER_PORT"):
        os.environ[name] = str(port)

    async def tell(_async_lib: Any) -> None:
        ready()

    context = _Context(pvdb, interfaces)
    context.access = access
    context.sends_beacons = sends_beacons(interfaces)
    server = asyncio.create_task(context.run(startup_hook=tell), name="server")
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.cancel)
    ends = [server, asyncio.create_task(context.drop_deaf_clients(), name="deaf")]
    if die_with_parent:
        ends.append(asyncio.create_task(_parent_ended(), name="parent"))
    done, running = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for task in running:
        task.cancel()
    for circuit in context.circuits:
        circuit.abort()
    for task in done:
        if not task.cancelled():
            task.result()  # raises what ended it
    await asyncio.gather(*running, return_exceptions=True)
