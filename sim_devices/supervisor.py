"""What watches over the instrument: lease, trips, MakeSafe."""

import asyncio
import contextvars
import logging
import secrets
from collections.abc import Sequence
from functools import partial
from typing import Any

from .epics.access import CLIENT, Access, Client, Lease
from .epics.commands import Command, Outcome
from .epics.pvs import (
    RefusedError,
    command,
    count,
    counter,
    put,
    readout,
    result,
    setting,
    status,
    text,
)
from .instrument import Part

__all__ = ["Supervisor"]

logger = logging.getLogger(__name__)

_LIVE = 0.2  # wall seconds between two updates of the live values
_LONG = 2**31 - 1


class Supervisor(Part):
    """PVs of the IOC.

    ``BootId``, ``Time``, ``Owner``, ``Heartbeat``, ``LeaseTime``, ``Tripped``,
    ``TripReason``, ``Reset``, ``MakeSafe``, ``MakeSafeDone``, ``Safe``,
    ``ErrorMessage``.
    """

    boot_id = counter("BootId", "differs at each start of the IOC")
    time = readout("Time", 0.0, "s", 3, "instrument time")
    owner = text("Owner", "who drives the instrument", read_only=False)
    heartbeat = count("Heartbeat", 0, (-_LONG, _LONG), "the owner lives")
    lease_time = setting(
        "LeaseTime", 4.0, "s", 1, (0.5, 60.0), "silence after which the lease is lost"
    )
    tripped = status("Tripped", ("no", "yes"), "latched until Reset")
    trip_reason = text("TripReason", "why it tripped")
    reset = command("Reset", "an operator acknowledges the trip")
    make_safe = command("MakeSafe", "stop everything, safe potential, withdraw")
    make_safe_done = counter("MakeSafeDone", "last MakeSafe that ended")
    safe = result("Safe", 3, "number, outcome, z (um)")
    error_message = text("ErrorMessage", "last refusal or fault")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._going_safe: set[asyncio.Task[Any]] = set()
        self._lease = Lease()
        self.access = Access(self.parent.prefix, self._lease, self.report, self._left)
        self._going_safe_count = 0
        self._make_safe = Command(
            self.make_safe,
            self.make_safe_done,
            self.safe,
            lambda _number: self.make_all_safe(),
            [float("nan")],
        )

    async def prepare(self) -> None:
        """Draw a new boot number."""
        await put(self.boot_id, 1 + secrets.randbelow(_LONG))

    @time.getter
    async def _get_time(self, instance: Any) -> float:
        """Return the time of now, not of the last update."""
        return self.ioc.clock.now

    @owner.putter
    async def _put_owner(self, instance: Any, name: str) -> str:
        """Give the lease, or take it back."""
        name = name.split("\0")[0]  # as C ends a text
        if not name.isprintable():
            raise RefusedError(f"{instance.pvname}: {name!r:.80} is no name")
        lease, client = self._lease, CLIENT.get()
        if lease.name and self._is_silent and not lease.is_held_by(client):
            await self._end_lease("was silent")
        if lease.name:
            returned = not name and lease.is_held_by(client)
            if name != lease.name and not returned:
                raise RefusedError(f"{instance.pvname}: {lease.name!r} holds the lease")
        lease.take(name, client)
        return name

    @heartbeat.putter
    async def _put_heartbeat(self, instance: Any, value: int) -> int:
        """Keep the lease."""
        self._lease.renew()
        return value

    @reset.putter
    async def _put_reset(self, instance: Any, value: int) -> int:
        """Unlatch the trip."""
        await put(self.tripped, "no")
        await put(self.trip_reason, "")
        return value

    @make_safe.putter
    async def _put_make_safe(self, instance: Any, number: int) -> int:
        """Start MakeSafe; that of another client ends the lease of the owner."""
        self._make_safe.start(number)
        if self._lease.name and not self._lease.is_held_by(CLIENT.get()):
            name = self._lease.end()
            await put(self.owner, "")
            await self.report(
                f"MakeSafe by another client: {name!r} has lost the lease"
            )
        return number

    async def report(self, message: str) -> None:
        """Publish a refusal or a fault."""
        logger.info("%s", message)
        # written even if it is the same again: it has happened again
        await self.error_message.write(message[:400], verify_value=False)

    async def trip(self, reason: str) -> None:
        """Stop everything, go SAFE, and have nothing start until an operator resets it.

        What trips may hold Z, so the way to SAFE is a separate task.
        """
        logger.warning("tripped: %s", reason)
        self.ioc.note("trip", reason=reason)
        self.ioc.halt()
        await self.report(f"tripped: {reason}")
        if self.ioc.is_tripped:
            return  # on its way to SAFE already; the first reason counts
        await put(self.trip_reason, reason[:400])
        await put(self.tripped, "yes")
        self._go_safe()

    def _go_safe(self) -> None:
        """Begin to make everything SAFE: who asks for it has other things to do.

        In a separate context: a line of hops holds the updates of what it changes.
        """
        task = asyncio.create_task(
            self.make_all_safe(), name="going safe", context=contextvars.Context()
        )
        self._going_safe.add(task)
        task.add_done_callback(self._going_safe.discard)

    async def make_all_safe(self) -> tuple[Outcome, Sequence[float]]:
        """Stop everything, hold the safe potential, withdraw.

        Each step is taken also when one before it has failed.
        """
        self._going_safe_count += 1
        try:
            self.ioc.halt()
            for step in (
                partial(self.ioc.xy.rest, asyncio.Event()),
                self.ioc.line.wait,
                self.ioc.clamp.make_safe,
            ):
                try:
                    await step()
                except Exception as fault:
                    logger.exception("a step on the way to SAFE failed")
                    await self.report(f"fault in the IOC on the way to SAFE: {fault!r}")
            return await self.ioc.z.retreat()
        finally:
            self._going_safe_count -= 1

    @property
    def is_going_safe(self) -> bool:
        """Whether it is being made SAFE: nothing may begin meanwhile."""
        return self._going_safe_count > 0

    @boot_id.startup
    async def _watch(self, instance: Any, async_lib: Any) -> None:
        """Watch the lease and publish the live values, as long as the server runs."""
        while True:
            await asyncio.sleep(_LIVE)
            # written even if it stands still: clients see by it that the IOC lives
            await self.time.write(self.ioc.clock.now, verify_value=False)
            await self.ioc.clamp.refresh()
            await self.ioc.sim.refresh()
            if self._lease.name and self._is_silent:
                await self._end_lease("was silent")

    @property
    def _is_silent(self) -> bool:
        """Whether the owner has not been heard of for too long."""
        return self._lease.silence() > self.lease_time.value

    async def _left(self, client: Client) -> None:
        """Make the instrument SAFE when the connection of its owner has closed."""
        if self._lease.is_held_by(client):
            await self._end_lease("has lost its connection")

    async def _end_lease(self, why: str) -> None:
        name = self._lease.end()
        await put(self.owner, "")
        await self.report(f"{name!r} {why}: the lease has ended, made SAFE")
        self._go_safe()
