"""A network that can also be slow, and narrow."""

import asyncio
import contextlib

from tests.faults.proxy import Network

__all__ = ["SlowNetwork"]


class SlowNetwork(Network):
    """As `Network`; messages may take long, or come a few at a time.

    Attributes
    ----------
    delay_s
        How long a message takes (s), each way.
    bytes_per_s
        How much goes through in a second, each way and in each connection; 0: all.
    """

    def __init__(self, ioc_port):
        self.delay_s = self.bytes_per_s = 0.0
        super().__init__(ioc_port)

    async def _pump(self, reader, writer, flows):
        sent = asyncio.Queue(64)
        carrying = asyncio.ensure_future(self._carry(sent, writer, flows))
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                await sent.put((self._loop.time() + self.delay_s, data))
        await sent.put((0.0, b""))
        await carrying
        writer.transport.abort()

    async def _carry(self, sent, writer, flows):
        with contextlib.suppress(ConnectionError):
            while (message := await sent.get())[1]:
                due, data = message
                if (left := due - self._loop.time()) > 0:
                    await asyncio.sleep(left)
                await flows.wait()
                if self.bytes_per_s:
                    await asyncio.sleep(len(data) / self.bytes_per_s)
                writer.write(data)
                await writer.drain()
            return
        while (await sent.get())[1]:  # or the reader waits for room for ever
            pass
