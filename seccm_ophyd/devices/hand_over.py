"""Pre-armed commands: the IOC carries them out without a client."""

from typing import Any

from ophyd import Device, EpicsSignal
from ophyd.status import Status

from .command import Command, finished, start_ahead
from .named import Named

__all__ = ["HandOver"]


class HandOver(Named, Device):
    """Pre-arms an approach while XY moves, and with it what follows in contact.

    The IOC begins the approach when both axes have come to rest, and the acquisition in
    contact: no time goes by in which a client hears of the one and asks for the other.
    ``z.approach`` and ``clamp.acquire``, triggered then, wait for those that run.

    Parameters
    ----------
    measures
        Whether an acquisition is pre-armed with the approach, with the settings of
        the amplifier as they are.
    """

    def __init__(self, *args: Any, measures: bool, **kwargs: Any) -> None:
        self._measures = measures
        super().__init__(*args, **kwargs)

    def trigger(self) -> Status:
        """Pre-arm them; done at once."""
        z, xy, clamp = self.parent.z, self.parent.xy, self.parent.clamp
        commands: list[tuple[Command, EpicsSignal | None]] = [(z.approach, None)]
        if self._measures:
            clamp.check_settings()
            commands.append((clamp.acquire, clamp.arm))
        start_ahead(*commands, wait_s=max(xy.x.longest_s, xy.y.longest_s))
        return finished(self)
