"""A network between an IOC and its clients, to be cut or to fall silent."""

import asyncio
import contextlib
import struct
import threading

from seccm_ophyd.channel_access import free_simulator_port

__all__ = ["Network"]

_HEADER = struct.Struct("!HHHHII")  # command, payload, type, count, two parameters
_SEARCH = 6  # in whose answer the type is the TCP port


class Network:
    """Carries Channel Access between its own port and that of an IOC.

    Parameters
    ----------
    ioc_port
        Where the IOC serves; no client searches there.
    """

    def __init__(self, ioc_port):
        self.port = free_simulator_port()
        self._ioc = ("127.0.0.1", ioc_port)
        self._circuits, self._searches = set(), {}
        self._searching = asyncio.Lock()
        self._is_cut = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._call(self._open())

    def cut(self):
        """Close all connections, and let none be opened."""
        self._call(self._cut())

    def fall_silent(self):
        """Lose everything without a word, as when a cable is pulled."""
        for end in ("client", "ioc"):
            self.cut_towards(end)

    def cut_towards(self, end):
        """Carry nothing any more in one direction; the other stays open.

        Nobody closes a connection, and the kernel takes what it has room for.

        Parameters
        ----------
        end
            "client" or "ioc": who hears nothing any more.
        """
        self._call(self._cut_towards(end))

    def mend(self):
        """Let clients connect again; what was open before is closed."""
        self._call(self._cut())
        self._call(self._mend())

    def close(self):
        """End it."""
        self.cut()
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _call(self, coroutine):
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _open(self):
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", self.port
        )
        self._flows = {"client": asyncio.Event(), "ioc": asyncio.Event()}
        self._flow()
        network = self

        class Searches(asyncio.DatagramProtocol):
            def datagram_received(self, data, address):
                if not network._is_cut and network._flows["ioc"].is_set():
                    network._loop.create_task(network._search(data, address))

        self._udp, _ = await self._loop.create_datagram_endpoint(
            Searches, local_addr=("127.0.0.1", self.port)
        )

    async def _search(self, data, client):
        """Pass a search on, and its answers back with the port of this network."""
        network = self

        class Answers(asyncio.DatagramProtocol):
            def datagram_received(self, data, address):
                if network._flows["client"].is_set():
                    network._udp.sendto(network._here(data), client)

        async with self._searching:
            if client not in self._searches:
                self._searches[client], _ = await self._loop.create_datagram_endpoint(
                    Answers, remote_addr=self._ioc
                )
        self._searches[client].sendto(data)

    def _here(self, data):
        data, place = bytearray(data), 0
        while place + _HEADER.size <= len(data):
            command, payload, kind, *rest = _HEADER.unpack_from(data, place)
            if command == _SEARCH and kind == self._ioc[1]:
                _HEADER.pack_into(data, place, command, payload, self.port, *rest)
            place += _HEADER.size + payload
        return bytes(data)

    async def _connected(self, reader, writer):
        if self._is_cut:
            writer.transport.abort()
            return
        ioc_reader, ioc_writer = await asyncio.open_connection(*self._ioc)
        pair = (writer, ioc_writer)
        self._circuits.add(pair)
        await asyncio.gather(
            self._pump(reader, ioc_writer, self._flows["ioc"]),
            self._pump(ioc_reader, writer, self._flows["client"]),
        )
        self._circuits.discard(pair)

    async def _pump(self, reader, writer, flows):
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                await flows.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()

    async def _cut(self):
        self._is_cut = True
        self._flow()
        for pair in list(self._circuits):
            for writer in pair:
                writer.transport.abort()

    async def _cut_towards(self, end):
        self._flows[end].clear()

    def _flow(self):
        for flows in self._flows.values():
            flows.set()

    async def _mend(self):
        self._is_cut = False

    async def _close(self):
        self._server.close()
        self._udp.close()
        async with self._searching:
            for transport in self._searches.values():
                transport.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # what was closed lets go of its socket now
