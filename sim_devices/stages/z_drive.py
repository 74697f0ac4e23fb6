"""The drive of Z: runs along a path, and watches that it follows its setpoint."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from .motor import Motor

if TYPE_CHECKING:
    from ..ioc import SeccmIOC

__all__ = ["ZDrive"]


class ZDrive:
    """Carries out the motions of Z, one at a time.

    Parameters
    ----------
    ioc
        The instrument.
    motor
        Shows where Z is.

    Attributes
    ----------
    changed_at
        Instrument time at which it came to rest (s).
    """

    def __init__(self, ioc: "SeccmIOC", motor: Motor) -> None:
        self._ioc, self._motor = ioc, motor
        self.changed_at = 0.0
        self._motions = 0

    async def run(
        self,
        path: Callable[[float], float],
        rate: float,
        duration: float,
        halt: asyncio.Event,
    ) -> tuple[float, bool]:
        """Run along a path, to its end or until it is stopped.

        It trips when the readback is off the setpoint by more than
        ``Z:FollowingErrorLimit``.

        Parameters
        ----------
        path
            Gives the setpoint (um) at a time since the start (s).
        rate
            Speed along the path (um/s).
        duration
            How long it takes (s).
        halt
            Stops it.

        Returns
        -------
        tuple
            How long it followed the path (s), and whether it came to its end.
        """
        clock, start = self._ioc.clock, self._ioc.clock.now
        self._motions += 1
        allowed = self._ioc.z.following_error_limit.value / rate
        follows = await self._ioc.faults.in_motion(self._motions, duration - allowed)
        ends = min(duration, follows + allowed)

        async def show() -> None:
            await self._motor.show(path(min(clock.now - start, follows)))

        reached = await clock.wait_until(start + ends, halt, show)
        lasted = min(duration if reached else clock.now - start, follows)
        self.changed_at = clock.now
        await self._motor.arrive(path(lasted))
        if reached and ends < duration:
            await self._ioc.trip(
                f"Z does not follow: it is at {path(lasted):.3f} um, its setpoint at "
                f"{path(ends):.3f} um"
            )
        return lasted, lasted == duration
