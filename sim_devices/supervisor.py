"""What watches over the instrument: lease, trips, MakeSafe."""

import asyncio
import logging
import secrets
import time
from collections.abc import Sequence
from typing import Any

from .epics.commands import Command, Outcome
from .epics.pvs import (
    Group,
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

__all__ = ["Supervisor"]

logger = logging.getLogger(__name__)

_LIVE = 0.2  # wall seconds between two updates of the live values
_LONG = 2**31 - 1


class Supervisor(Group):
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
        "LeaseTime", 5.0, "s", 1, (0.5, 60.0), "silence after which the lease is lost"
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
        self._last_beat = time.monotonic()
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
        """Tell the time of now, not of the last update."""
        return self.ioc.clock.now

    @owner.putter
    async def _put_owner(self, instance: Any, name: str) -> str:
        """Give the lease, or take it back."""
        held = instance.value
        if name and held and name != held and not self._is_silent:
            raise RefusedError(f"{instance.pvname}: {held!r} holds the lease")
        self._last_beat = time.monotonic()
        return name

    @heartbeat.putter
    async def _put_heartbeat(self, instance: Any, value: int) -> int:
        """Keep the lease."""
        self._last_beat = time.monotonic()
        return value

    @reset.putter
    async def _put_reset(self, instance: Any, value: int) -> int:
        """Unlatch the trip."""
        await put(self.tripped, "no")
        await put(self.trip_reason, "")
        return value

    @make_safe.putter
    async def _put_make_safe(self, instance: Any, number: int) -> int:
        """Start MakeSafe."""
        self._make_safe.start(number)
        return number

    async def report(self, message: str) -> None:
        """Publish a refusal or a fault."""
        logger.info("%s", message)
        # written even if it is the same again: it has happened again
        await self.error_message.write(message[:400], verify_value=False)

    async def trip(self, reason: str) -> None:
        """Stop everything and let nothing start until an operator has reset it."""
        logger.warning("tripped: %s", reason)
        self.ioc.halt()
        await put(self.trip_reason, reason[:400])
        await put(self.tripped, "yes")
        await self.report(f"tripped: {reason}")

    async def make_all_safe(self) -> tuple[Outcome, Sequence[float]]:
        """Stop everything, hold the safe potential, withdraw."""
        self.ioc.halt()
        for motor in self.ioc.xy.motors:
            await motor.wait()
        await self.ioc.clamp.make_safe()
        return await self.ioc.z.retreat()

    @boot_id.startup
    async def _watch(self, instance: Any, async_lib: Any) -> None:
        """Watch the lease and publish the live values, as long as the server runs."""
        while True:
            await asyncio.sleep(_LIVE)
            await put(self.time, self.ioc.clock.now)
            await self.ioc.clamp.refresh()
            await self.ioc.sim.refresh()
            if self.owner.value and self._is_silent and self.ioc.is_active:
                await self._end_lease()

    @property
    def _is_silent(self) -> bool:
        """Whether the owner has not been heard of for too long, by the wall clock."""
        return time.monotonic() - self._last_beat > self.lease_time.value

    async def _end_lease(self) -> None:
        name = self.owner.value
        await put(self.owner, "")
        await self.report(f"{name!r} was silent: the lease has ended, made SAFE")
        await self.make_all_safe()
