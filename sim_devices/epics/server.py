"""The Channel Access server: caproto with prompt monitors, on loopback.

Import this module before any other of caproto.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Any

# 60003 doubles of a trace, and room for what is still to come; read at import
os.environ.setdefault("EPICS_CA_MAX_ARRAY_BYTES", "10000000")

import caproto as ca
import caproto.asyncio.server as _server
from caproto.server.common import DisconnectedCircuit

from .access import CLIENT, Access
from .pvs import RefusedError

__all__ = ["PortInUseError", "serve"]

# a client's write of the longest array, and a header; what claims to be longer is none
_LONGEST_MESSAGE = int(os.environ["EPICS_CA_MAX_ARRAY_BYTES"]) + 100


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


class _PromptEvent(_server.AsyncioEvent):
    """An event that costs nothing to wait for when it is set."""

    async def wait(self, timeout: float | None = None) -> bool:
        return self.is_set() or await super().wait(timeout)


class _Circuit(_server.VirtualCircuit):
    """One client: asked who it is at each write, told promptly what is new.

    caproto waits a while for further updates to fill a packet; asyncio rounds that up
    to 1 ms, which each command of a hop would pay. Here all that the publishing task
    has put into the queue by now goes out in one packet.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.write_event = _PromptEvent()
        self._last_write: asyncio.Task | None = None

    async def _start_write_task(self, handle_write: Any) -> None:
        """Carry out what a client writes in its order.

        caproto lets writes overtake each other: a MakeSafe right behind an approach
        would find nothing to stop.
        """
        before = self._last_write

        async def in_turn() -> None:
            if before is not None and not before.done():
                await asyncio.wait([before])
            await handle_write()

        self._last_write = self.tasks.create(in_turn())

    async def subscription_queue_loop(self) -> None:
        """Send what is new."""
        queue = self.subscription_queue
        self.events_on.set()
        try:
            while True:
                news = [await queue.get()]
                await asyncio.sleep(0)  # let the task that publishes go on
                while not queue.empty():
                    news.append(queue.get_nowait())
                await self._send_news(news)
        except asyncio.CancelledError:
            return  # caproto waits for the end of what it has cancelled
        except DisconnectedCircuit:
            self._sub_task = None  # this one, which is not to wait for itself
            await self._on_disconnect()
            self.circuit.disconnect()
            await self.context.circuit_disconnected(self)

    async def _send_news(self, news: list[Callable[[], Any]]) -> None:
        """Send updates that are there still: those of slow clients make way for newer.

        None goes out behind the end of its subscription.
        """
        subscribed = {
            subscription.subscriptionid
            for subscriptions in self.subscriptions.values()
            for subscription in subscriptions
        }
        updates = [update for new in news if (update := new()) is not None]
        wanted = [u for u in updates if u.subscriptionid in subscribed]
        if wanted:
            await self.send(*wanted)

    @property
    def address(self) -> tuple[str, int]:
        """Where the client is, and its port."""
        return self.circuit.address

    async def recv(self) -> None:
        """Receive; hang up on a client that sends what nobody can keep."""
        await super().recv()
        if len(self.circuit._data) > _LONGEST_MESSAGE:  # noqa: SLF001 (no public name)
            self.log.warning("%s:%d sends a message without end: closed", *self.address)
            await self._on_disconnect()
            raise DisconnectedCircuit

    async def command_queue_loop(self) -> None:
        """Carry out what the client asks for; whatever it starts knows the client."""
        CLIENT.set(self)
        await super().command_queue_loop()
        if self.connected:  # it broke the protocol: it would hang for ever
            await self._on_disconnect()
            await self.context.circuit_disconnected(self)

    async def _process_command(self, command: Any) -> Any:
        access = self.context.access
        if isinstance(command, (ca.WriteRequest, ca.WriteNotifyRequest)):
            channel, _entry = self._get_db_entry_from_command(command)
            try:
                await access.check(channel.name, self)
            except RefusedError as refusal:
                return [
                    ca.ErrorResponse(
                        command,
                        channel.cid,
                        status=ca.CAStatus.ECA_NOWTACCESS,
                        error_message=str(refusal),
                    )
                ]
        answer = await super()._process_command(command)
        if isinstance(command, ca.CreateChanRequest) and not access.may_write(self):
            read_only = ca.AccessRightsResponse(command.cid, ca.AccessRights.READ)
            answer = [
                read_only if isinstance(response, ca.AccessRightsResponse) else response
                for response in answer
            ]
        return answer


class _Context(_server.Context):
    """A server that asks `Access` about writes, and tells it who has left."""

    CircuitClass = _Circuit
    access: Access

    async def circuit_disconnected(self, circuit: Any) -> None:
        here = circuit in self.circuits
        await super().circuit_disconnected(circuit)
        if here:
            await self.access.left(circuit)


class _RefusedWrites(logging.Filter):
    """Keep refused writes off the terminal: client and ``ErrorMessage`` get them."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Invalid write request")


logging.getLogger("caproto.circ").addFilter(_RefusedWrites())


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
    for interface in interfaces:
        _check_port(interface, port)
    os.environ["EPICS_CA_SERVER_PORT"] = str(port)
    # no beacons: they would leave the machine, and nobody on loopback listens
    os.environ["EPICS_CAS_AUTO_BEACON_ADDR_LIST"] = "NO"
    os.environ["EPICS_CAS_BEACON_ADDR_LIST"] = ""

    async def tell(_async_lib: Any) -> None:
        ready()

    context = _Context(pvdb, interfaces)
    context.access = access
    server = asyncio.create_task(context.run(startup_hook=tell), name="server")
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.cancel)
    ends = [server]
    if die_with_parent:
        ends.append(asyncio.create_task(_parent_ended(), name="parent"))
    done, running = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for task in running:
        task.cancel()
    for task in done:
        if not task.cancelled():
            task.result()  # raises what ended it
    await asyncio.gather(*running, return_exceptions=True)
