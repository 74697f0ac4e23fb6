"""The whole microscope: stages, amplifier, the hop, and how to make it safe."""

import logging
from collections.abc import Callable
from typing import Any

from bluesky.utils import NoReplayAllowed
from ophyd import Component as Cpt
from ophyd import Device, DeviceStatus, EpicsSignal, EpicsSignalRO, Signal

from ..errors import InstrumentLostError, SeccmError
from .axis import MARGIN_S
from .clamp_amplifier import ClampAmplifier
from .command import Command, InstrumentLink
from .hop_record import HopRecord
from .hop_traces import HopTraces
from .xy_stage import XYStage
from .z_stage import ZStage

__all__ = ["Microscope"]

logger = logging.getLogger(__name__)


class Microscope(Device):
    """A scanning electrochemical cell microscope.

    Parameters
    ----------
    prefix
        Prefix of the instrument, e.g. ``SECCM:``; docs/reference/pv_interface.md lists
        the PVs behind it.

    Examples
    --------
    >>> seccm = Microscope("SECCM:", name="seccm")  # doctest: +SKIP
    >>> seccm.connect()  # doctest: +SKIP
    """

    link = Cpt(InstrumentLink, "", kind="omitted")
    xy = Cpt(XYStage, "")
    z = Cpt(ZStage, "")
    clamp = Cpt(ClampAmplifier, "", labels={"detectors"})
    hop = Cpt(HopRecord, "")
    traces = Cpt(HopTraces, "")

    safe = Cpt(Command, "IOC:MakeSafe", result="IOC:Safe", kind="omitted")
    owner = Cpt(EpicsSignal, "IOC:Owner.VAL$", string=True, kind="omitted")
    heartbeat = Cpt(EpicsSignal, "IOC:Heartbeat", kind="omitted")
    lease_time = Cpt(EpicsSignal, "IOC:LeaseTime", kind="omitted")
    tripped = Cpt(EpicsSignalRO, "IOC:Tripped", string=True, kind="omitted")
    trip_reason = Cpt(EpicsSignalRO, "IOC:TripReason.VAL$", string=True, kind="omitted")
    acknowledge = Cpt(EpicsSignal, "IOC:Reset", kind="omitted")
    instrument_time = Cpt(EpicsSignalRO, "IOC:Time", kind="omitted")

    rest_potential = Cpt(
        Signal,
        value=0.38,
        kind="config",
        doc="potential at which the sample passes no current (V)",
    )

    find_run: Callable[[str | int], Any] | None = None
    """Finds a stored run by uid or number; the session sets it, plans use it."""

    def connect(self, timeout_s: float = 5.0) -> None:
        """Wait until every PV is connected; they connect in parallel.

        Raises
        ------
        InstrumentLostError
            After `timeout_s`, naming all the PVs that are missing.
        """
        try:
            self.wait_for_connection(timeout=timeout_s)
        except TimeoutError as error:
            names = {
                walk.item.pvname: walk.item.connected
                for walk in self.walk_signals()
                if hasattr(walk.item, "pvname")
            }
            missing = sorted(name for name, there in names.items() if not there)
            hint = ": does its IOC run?" if len(missing) == len(names) else ""
            raise InstrumentLostError(
                f"{len(missing)} of {len(names)} PVs of {self.prefix} do not answer "
                f"within {timeout_s:g} s{hint}: {', '.join(missing)}"
            ) from error

    def command_timeout_s(self, command: str) -> float:
        """Longest duration of MakeSafe: a full withdrawal (s)."""
        return self.z.command_timeout_s("withdraw")

    def make_safe(self) -> DeviceStatus:
        """Stop everything, set the safe potential, withdraw; idempotent.

        Returns
        -------
        DeviceStatus
            Done when the IOC reports that it is SAFE.
        """
        return self.safe.trigger()

    def stop(self, *, success: bool = False) -> None:
        """Make the instrument SAFE and wait for it; a failure is logged, never raised.

        The engine calls this while it cleans up: what else it has to do must go on.
        """
        status = self.make_safe()
        try:
            status.wait(timeout=self.command_timeout_s("safe") + MARGIN_S)
        except (SeccmError, TimeoutError) as error:
            logger.critical("%s is NOT known to be safe: %s", self.name, error)

    def stage(self) -> list[object]:
        """Stage the parts; refuse while a trip is latched.

        Raises
        ------
        SeccmError
            If the instrument has tripped; the message gives the reason.
        """
        if self.tripped.get() == "yes":
            raise SeccmError(
                f"{self.name} has tripped: {self.trip_reason.get()}. Look at the "
                f"probe, then acknowledge with {self.name}.acknowledge.put(1)"
            )
        return super().stage()

    def unstage(self) -> list[object]:
        """Unstage the parts and leave the instrument SAFE."""
        unstaged = super().unstage()
        self.stop(success=True)
        return unstaged

    def pause(self) -> None:
        """Make the instrument SAFE for as long as the engine is paused.

        Raises
        ------
        NoReplayAllowed
            If the event of the hop has been emitted: the engine then goes on behind it
            instead of replaying the hop, which would give a second event.
        """
        for part in (self.z, self.clamp):
            part.pause()
        self.stop(success=True)
        if self.hop.is_recorded:
            raise NoReplayAllowed

    def resume(self) -> None:
        """Prepare the amplifier again: SAFE had taken it to the safe potential."""
        self.clamp.reprepare()

    @property
    def hints(self) -> dict[str, Any]:
        """Contact height and what the technique hints."""
        fields = [self.z.contact_height.name, *self.clamp.hints["fields"]]
        return {"fields": fields}
