"""The lease of a session: while it beats, this process drives the instrument."""

import asyncio
import functools
import getpass
import itertools
import logging
import os
import secrets
import socket
from typing import Any

from .devices import Microscope
from .errors import SeccmError

__all__ = ["Lease"]

logger = logging.getLogger(__name__)

TIMEOUT_S = 5.0
BEATS_PER_LEASE = 4


class Lease:
    """Takes the lease of an instrument, keeps it, and gives it back.

    The IOC makes itself SAFE when the process that has it dies, hangs, or loses its
    connection.

    Parameters
    ----------
    microscope
        The instrument, connected.
    """

    def __init__(self, microscope: Microscope) -> None:
        self._microscope = microscope
        who, where = getpass.getuser(), socket.gethostname()
        # the token tells two sessions of one process apart
        self.name = f"{who}@{where} pid {os.getpid()} {secrets.token_hex(2)}"
        self._told = ""
        self._beats = itertools.count(1)

    def take(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take the lease, and keep it as long as an event loop runs.

        Parameters
        ----------
        loop
            The engine's own: if that hangs, the beats stop and the lease lapses.

        Raises
        ------
        SeccmError
            If another client has it; the message names it.
        """
        m = self._microscope
        m.claim.put(self.name, wait=False)
        if not m.is_driven_by(self.name, TIMEOUT_S):
            raise SeccmError(
                f"{m.prefix} is driven by {m.owner.get() or 'nobody'}, and this "
                f"session ({self.name}) does not get it: {m.link.last_error()}"
            )
        m.driver = self.name
        period = float(m.lease_time.get()) / BEATS_PER_LEASE
        asyncio.run_coroutine_threadsafe(self._keep(period), loop)
        m.owner.subscribe(functools.partial(self._owner_changed, loop), run=False)

    @property
    def is_held(self) -> bool:
        """Whether the lease was taken and has not been given back."""
        return bool(self._microscope.driver)

    def give_back(self) -> None:
        """Let others drive; a failure is logged, the lease lapses then by itself."""
        if not self.is_held:
            return
        self._microscope.driver = ""
        try:
            if self._microscope.connected:
                self._microscope.claim.put("", wait=True, timeout=TIMEOUT_S)
        except (TimeoutError, ConnectionError) as error:
            prefix = self._microscope.prefix
            logger.error("%s: the lease was not given back: %s", prefix, error)

    def _owner_changed(
        self, loop: asyncio.AbstractEventLoop, value: Any = None, **kwargs: Any
    ) -> None:
        """See at once who has it."""
        if self.is_held and value != self.name and loop.is_running():
            loop.call_soon_threadsafe(self._beat)

    async def _keep(self, period_s: float) -> None:
        while True:
            self._beat()
            await asyncio.sleep(period_s)

    def _beat(self) -> None:
        """Renew the lease, or take it again after the IOC has ended it."""
        try:
            self._renew()
        except (TimeoutError, ConnectionError) as error:
            self._tell(f"heartbeat not sent: {error}")

    def _renew(self) -> None:
        m = self._microscope
        if not (m.owner.connected and m.heartbeat.connected):
            self._tell("connection lost")
            return
        owner = m.owner.get()  # monitored
        if owner == self.name:
            m.heartbeat.put(next(self._beats) % 2**30, wait=False)
            self._tell("")
        elif not owner:
            self._tell("the lease had ended, it is taken again")
            m.claim.put(self.name, wait=False)
        else:
            self._tell(f"is driven by {owner} now")

    def _tell(self, what: str) -> None:
        """Log what is wrong, once."""
        if what and what != self._told:
            logger.error("%s: %s", self._microscope.prefix, what)
        self._told = what
