"""An IOC in this process, and circuits on which every message is written by hand."""

import asyncio
import contextlib
import itertools

import caproto as ca

from seccm_ophyd.channel_access import free_simulator_port
from seccm_ophyd.sim_devices.epics.server import serve
from seccm_ophyd.sim_devices.ioc import SeccmIOC, open_sample

__all__ = ["RawClient", "served"]

ANSWER_S = 5.0


class Served:
    """An instrument that is served in this process."""

    def __init__(self, ioc, port):
        self.ioc, self.port, self._clients = ioc, port, []

    async def connect(self):
        """Open a circuit, which closes with the server."""
        client = RawClient()
        self._clients.append(client)
        return await client.open(self.port)

    async def close(self):
        await asyncio.gather(*(client.close() for client in self._clients))


@contextlib.asynccontextmanager
async def served(monkeypatch, *, time_scale=0.0, prefix="RAW:"):
    """Serve an instrument on a free port of loopback."""
    # `serve` changes them for its own process
    for name in ("EPICS_CA_SERVER_PORT", "EPICS_CAS_SERVER_PORT"):
        monkeypatch.setenv(name, "5064")
    sample = open_sample("composite", seed=1, electrolyte="LiCl")
    ioc = SeccmIOC(prefix, sample=sample, seed=1, time_scale=time_scale)
    await ioc.prepare()
    ready, port = asyncio.Event(), free_simulator_port()
    server = asyncio.create_task(
        serve(
            ioc.pvdb,
            access=ioc.supervisor.access,
            interfaces=["127.0.0.1"],
            port=port,
            ready=ready.set,
        )
    )
    is_ready = asyncio.create_task(ready.wait())
    await asyncio.wait([server, is_ready], return_when=asyncio.FIRST_COMPLETED)
    made = Served(ioc, port)
    try:
        yield made
    finally:
        await made.close()
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait(others, timeout=1.0)


class RawClient:
    """One circuit; answers are taken in their order, updates by themselves.

    Parameters
    ----------
    user
        What it says of itself.
    """

    def __init__(self, user="raw"):
        self._user = user
        self._numbers = itertools.count(1)
        self._channels = {}
        self._waiting = {}  # by kind and number
        self.updates = {}  # last one by PV
        self.reads = asyncio.Event()
        self.reads.set()

    async def open(self, port):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        self._ca = ca.VirtualCircuit(ca.CLIENT, ("127.0.0.1", port), 0)
        self._task = asyncio.create_task(self._receive())
        self.tell(
            ca.VersionRequest(0, 13),
            ca.HostNameRequest("here"),
            ca.ClientNameRequest(self._user),
        )
        return self

    async def close(self):
        self.writer.transport.abort()
        self._task.cancel()
        await asyncio.gather(
            self._task, self.writer.wait_closed(), return_exceptions=True
        )

    def tell(self, *commands):
        self.writer.write(b"".join(self._ca.send(*commands)))

    async def channel(self, name):
        if name not in self._channels:
            cid = next(self._numbers)
            channel = ca.ClientChannel(name, self._ca, cid=cid)
            answer = self._wait("channel", cid)
            self.tell(channel.create())
            made = await self._get(answer, f"channel {name}")
            if isinstance(made, ca.CreateChFailResponse):
                raise LookupError(name)
            self._channels[name] = channel
        return self._channels[name]

    async def read(self, name, data_type=None, data_count=0):
        channel = await self.channel(name)
        ioid = next(self._numbers)
        answer = self._wait("ioid", ioid)
        self.tell(channel.read(data_type=data_type, data_count=data_count, ioid=ioid))
        return await self._get(answer, f"read {name} as {data_type}")

    async def write(self, name, data, **how):
        """Write with an answer; gives its status: 1 when it was taken."""
        channel = await self.channel(name)
        ioid = next(self._numbers)
        answer = self._wait("ioid", ioid)
        self.tell(channel.write(data, notify=True, ioid=ioid, **how))
        response = await self._get(answer, f"write {name} {how}")
        return getattr(response, "status", None)

    async def watch(self, name, data_type=None):
        channel = await self.channel(name)
        number = next(self._numbers)
        self.updates.pop(name, None)
        self.tell(
            channel.subscribe(data_type=data_type, data_count=0, subscriptionid=number)
        )
        self._waiting["update", number] = name

    def _wait(self, *key):
        self._waiting[key] = asyncio.get_running_loop().create_future()
        return self._waiting[key]

    async def _get(self, answer, what):
        try:
            return await asyncio.wait_for(answer, ANSWER_S)
        except TimeoutError:
            raise AssertionError(f"no answer: {what}") from None

    async def _receive(self):
        while True:
            await self.reads.wait()
            data = await self.reader.read(65536)
            commands, _ = self._ca.recv(data)
            for command in commands:
                if command is ca.DISCONNECTED:
                    return
                self._ca.process_command(command)
                self._take(command)
            if not data:
                return

    def _take(self, command):
        if isinstance(command, ca.EventAddResponse):
            self.updates[self._waiting["update", command.subscriptionid]] = command
            return
        if isinstance(command, ca.ErrorResponse):
            original = command.original_request
            key = "ioid", getattr(original, "parameter2", None)
        elif isinstance(command, (ca.CreateChanResponse, ca.CreateChFailResponse)):
            key = "channel", command.cid
        elif hasattr(command, "ioid"):
            key = "ioid", command.ioid
        else:
            return
        waiting = self._waiting.pop(key, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(command)
