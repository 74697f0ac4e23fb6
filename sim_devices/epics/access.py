"""Who may write: an optional list of clients, and the lease of the one that drives."""

import time
import weakref
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Protocol

from .pvs import RefusedError

__all__ = ["CLIENT", "Access", "Client", "Lease"]

_STOPS = {"Z:Stop", "Clamp:Stop", "IOC:MakeSafe"}


class Client(Protocol):
    """One connection to the server, and what it says of itself."""

    client_hostname: str | None
    client_username: str | None
    address: tuple[str, int]


CLIENT: ContextVar[Client | None] = ContextVar("CLIENT", default=None)
"""The client whose write is carried out; None for what the IOC does by itself."""


class Lease:
    """Who drives the instrument: a name, and the connection by which it came."""

    def __init__(self) -> None:
        self.name = ""
        self._client: Client | None = None
        # that had it, and were not asked when it ended
        self._former: weakref.WeakSet[Client] = weakref.WeakSet()
        self._last_beat = time.monotonic()

    def take(self, name: str, client: Client | None) -> None:
        """Give the lease to a name that comes by a connection."""
        if self._client is not None:
            self._former.add(self._client)
        self.name, self._client = name, client
        if client is not None:
            self._former.discard(client)
        self.renew()

    def renew(self) -> None:
        """Note that the owner lives."""
        self._last_beat = time.monotonic()

    def end(self) -> str:
        """End the lease; return the name that had it."""
        name, self.name = self.name, ""
        if self._client is not None:
            self._former.add(self._client)
        self._client = None
        return name

    def is_held_by(self, client: Client | None) -> bool:
        """Return whether it was taken by this connection."""
        return bool(self.name) and client is self._client

    def was_ended_for(self, client: Client | None) -> bool:
        """Return whether this connection had it and has not taken it again.

        What such a client had on its way must not move an instrument that is SAFE, nor
        stop the one that drives now.
        """
        return client is not None and client in self._former

    def silence(self) -> float:
        """Time (s) for which the owner has not been heard of, by the wall clock."""
        return time.monotonic() - self._last_beat


class Access:
    """Decides on each write of a client, before anything else sees it.

    Parameters
    ----------
    prefix
        Prefix of all PVs.
    lease
        While it is held, only its owner writes, except for what stops the instrument
        and for the simulator's own PVs. A connection that has lost it does not stop
        the owner that came after it.
    report
        Called with each refusal.
    left
        Called when a connection has closed.
    """

    def __init__(
        self,
        prefix: str,
        lease: Lease,
        report: Callable[[str], Awaitable[None]],
        left: Callable[[Client], Awaitable[None]],
    ) -> None:
        self._prefix, self._lease = prefix, lease
        self.report, self.left = report, left
        self.allowed: Sequence[str] = ()
        """``user@host`` of the clients that may write; empty: all."""

    def may_write(self, client: Client) -> bool:
        """Return whether a client is on the list, by what it says of itself."""
        user = client.client_username
        hosts = client.client_hostname, client.address[0]
        return not self.allowed or any(f"{user}@{h}" in self.allowed for h in hosts)

    async def check(self, name: str, client: Client) -> None:
        """Refuse a write that is not allowed, and report it.

        Parameters
        ----------
        name
            The PV, or field of a record, with its prefix.
        client
            Who writes.

        Raises
        ------
        RefusedError
            If the client may only read, or another one holds the lease.
        """
        why, lease = "", self._lease
        if not self.may_write(client):
            who = f"{client.client_username}@{client.client_hostname}"
            why = f"{who} is not on the list of those that may write"
        elif self._is_free(name) or lease.is_held_by(client):
            return
        elif lease.was_ended_for(client):
            why = self._why_not_former(name)
        elif lease.name and not self._stops(name):
            why = f"{lease.name!r} holds the lease"
        if why:
            await self.report(f"{name}: {why}")
            raise RefusedError(f"{name}: {why}")

    def _why_not_former(self, name: str) -> str:
        """Say why a client may not write that has lost the lease, or nothing.

        It may make an instrument SAFE that no client drives. A stop would end the way
        to SAFE that its lost lease has begun.
        """
        if self._lease.name:
            return (
                f"the lease of this client has ended and {self._lease.name!r} holds it "
                "now: to stop the instrument, type seccm safe in a shell"
            )
        if self._suffix(name) == "IOC:MakeSafe":
            return ""
        return "the lease of this client has ended, it has to take it again"

    def _stops(self, name: str) -> bool:
        suffix = self._suffix(name)
        return suffix in _STOPS or suffix.endswith(".STOP")

    def _is_free(self, name: str) -> bool:
        """Return whether a PV has a separate rule, or is the simulator's."""
        suffix = self._suffix(name)
        return suffix == "IOC:Owner" or suffix.startswith("Sim:")

    def _suffix(self, name: str) -> str:
        return name.removeprefix(self._prefix).removesuffix("$").removesuffix(".VAL")
