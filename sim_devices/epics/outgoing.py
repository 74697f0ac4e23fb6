"""What waits to be sent to one client: bounded, and watched for standing still."""

import asyncio
import fcntl
import struct
import termios
import time
from typing import Any

__all__ = ["PATIENCE_S", "News", "Outgoing"]

PATIENCE_S = 5.0
"""A client that takes nothing of what waits for it for this long is dropped (s)."""

MOST_BYTES = 64_000_000
"""What may wait for one client; who asks for more without reading is dropped."""


class Outgoing:
    """The way to one client.

    Parameters
    ----------
    writer
        Of its connection.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._sent = 0  # bytes, since it connected
        self._arrived = 0
        self._moved_at = time.monotonic()

    def send(self, data: bytes) -> None:
        """Send, as soon as the client takes it.

        Raises
        ------
        ConnectionError
            If the connection is closed, or too much waits already.
        """
        if self._writer.transport.is_closing():
            raise ConnectionResetError("the connection is closed")
        if self._waiting_here() > MOST_BYTES:
            self.abort()
            raise ConnectionAbortedError(f"{MOST_BYTES} bytes wait to be read")
        self._sent += len(data)
        self._writer.write(data)

    async def drained(self) -> None:
        """Wait until the client has taken most of it."""
        await self._writer.drain()

    def stands_still(self) -> bool:
        """Return whether something waits and nothing was taken for `PATIENCE_S`."""
        now = time.monotonic()
        waiting = self._waiting_here() + self._waiting_in_kernel()
        arrived = self._sent - waiting
        if not waiting or arrived > self._arrived:
            self._arrived, self._moved_at = arrived, now
        return now - self._moved_at > PATIENCE_S

    def abort(self) -> None:
        """Close the connection at once; what waits is not sent."""
        self._writer.transport.abort()

    def _waiting_here(self) -> int:
        return int(self._writer.transport.get_write_buffer_size())

    def _waiting_in_kernel(self) -> int:
        """Count the bytes that the other end has not acknowledged; 0 if not known."""
        sock = self._writer.get_extra_info("socket")
        try:
            count = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4))
        except (OSError, ValueError):  # closed, or a system that does not report it
            return 0
        return int(struct.unpack("i", count)[0])


class News(asyncio.Queue[Any]):
    """Updates for one client: where it is full, the oldest makes way for the newest.

    One task brings the updates of all clients: it never waits for one of them.
    """

    async def put(self, item: Any) -> None:
        """Add an update."""
        if self.full():
            self.get_nowait()
        self.put_nowait(item)
