"""The whole microscope: stages, amplifier, the hop, and how to make it safe."""

import logging
import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from bluesky.utils import NoReplayAllowed
from ophyd import Component as Cpt
from ophyd import Device, DeviceStatus, EpicsSignalRO, Signal

from ..errors import InstrumentLostError, SeccmError
from ..schema import UNKNOWN_HEIGHT_UM
from .axis import MARGIN_S
from .clamp_amplifier import ClampAmplifier
from .command import Command
from .hand_over import HandOver
from .hop_line import HopLine
from .hop_record import HopRecord
from .hop_traces import HopTraces
from .link import InstrumentLink
from .setting import (
    PUT_TIMEOUT_S,
    OfLease,
    OptionalSetting,
    Push,
    Setting,
    setting,
)
from .xy_stage import XYStage
from .z_stage import ZStage

__all__ = ["Microscope"]

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 9.0
PARTIAL_TIMEOUT_S = 3.5  # where some PVs answer, a refusal is to be there within 5 s
OPTIONAL_TIMEOUT_S = 1.0  # after those that an IOC has to have
CONNECT_POLL_S = 0.05
REHOME_TIMEOUT_S = 30.0  # pyepics finds an IOC that has restarted after 7 s


class Microscope(Device):
    """A scanning electrochemical cell microscope.

    Parameters
    ----------
    prefix
        Prefix of the instrument, e.g. ``SECCM:``; docs/reference/pv_interface.md lists
        the PVs after it.

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
    line = Cpt(HopLine, "", kind="omitted")

    arm_approach = Cpt(
        HandOver, "", measures=False, kind="omitted", doc="land when XY is there"
    )
    arm_hop = Cpt(
        HandOver, "", measures=True, kind="omitted", doc="land and measure there"
    )

    safe = Cpt(
        Command, "IOC:MakeSafe", result="IOC:Safe", even_if_lost=True, kind="omitted"
    )
    owner = Cpt(
        EpicsSignalRO, "IOC:Owner.VAL$", string=True, auto_monitor=True, kind="omitted"
    )
    claim = Cpt(OfLease, "IOC:Owner.VAL$", string=True, kind="omitted")
    heartbeat = Cpt(OfLease, "IOC:Heartbeat", kind="omitted")
    lease_time = Cpt(Setting, "IOC:LeaseTime", limits=True, kind="omitted")
    tripped = Cpt(EpicsSignalRO, "IOC:Tripped", string=True, kind="omitted")
    trip_reason = Cpt(EpicsSignalRO, "IOC:TripReason.VAL$", string=True, kind="omitted")
    acknowledge = Cpt(Push, "IOC:Reset", kind="omitted")
    instrument_time = Cpt(EpicsSignalRO, "IOC:Time", kind="omitted")

    rest_potential = setting(
        "Z:RestPotential", "potential at which the sample passes no current (V)"
    )

    find_run: Callable[[str | int], Any] | None = None
    """Finds a stored run by uid or number; the session sets it, plans use it."""

    driver: str = ""
    """Name by which this client holds the lease, if it does; the session sets it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._made_safe: int | None = None
        self._sample: dict[Setting, float] = {}
        self._owner_told: str | None = None  # by this connection
        self._owner_times: deque[float] = deque(maxlen=16)
        super().__init__(*args, **kwargs)
        self.safe.result.subscribe(self._safe_ended, run=False)
        self.owner.subscribe(self._owner_changed, run=False)
        self.owner.subscribe(self._owner_lost, event_type="meta", run=False)

    def _owner_changed(
        self, value: str = "", timestamp: float = 0.0, **kwargs: Any
    ) -> None:
        """Have nothing continue that relied on the lease."""
        if timestamp in self._owner_times:  # sent twice, the second time late
            return
        self._owner_times.append(timestamp)
        self._owner_told = value
        if self.driver and value != self.driver:
            self.link.lose(f"is driven by {value}" if value else "has ended the lease")

    @property
    def owner_told(self) -> str | None:
        """Who drives, as the IOC has reported by this connection; None: not yet."""
        return self._owner_told

    def _owner_lost(self, connected: bool = True, **kwargs: Any) -> None:
        if not connected:
            self._owner_told = None
            self._owner_times.clear()  # the next connection may report the same again

    def _safe_ended(self, value: Any = None, **kwargs: Any) -> None:
        """Take the instrument as lost when someone else has made it SAFE.

        A scan that just continued would lower the probe again.
        """
        number = int(np.atleast_1d(value)[0])
        before, self._made_safe = self._made_safe, number
        self.clamp.forget_clamping()
        # 0: none since it booted; the first update describes the past
        if before is None or number in (0, before):
            return
        if not self.safe.is_own(number):
            self.link.lose("was made SAFE by another client")

    def connect(self, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        """Wait until every PV is connected; they connect in parallel.

        As long as further ones connect it keeps waiting: a computer under load is
        slow, not broken.

        Parameters
        ----------
        timeout_s
            How long to wait for the first one (s).

        Raises
        ------
        InstrumentLostError
            Naming all the PVs that are missing: after `timeout_s` where none answers,
            and otherwise about 4 s after the last one that did.
        """
        signals = [s for s in self._needed() if hasattr(s, "pvname")]
        # rounds are counted, not seconds: those in which this process did not run
        # would be held against the IOC
        missing, rounds, last = signals, 0, math.ceil(timeout_s / CONNECT_POLL_S)
        answered = 0
        while still := [signal for signal in missing if not signal.connected]:
            found = sum(_is_found(signal) for signal in signals)
            if len(still) < len(missing) or found > answered:
                patience_s = PARTIAL_TIMEOUT_S
                if all(_is_found(signal) for signal in still):
                    patience_s = timeout_s  # they are asked what describes them
                last = rounds + math.ceil(patience_s / CONNECT_POLL_S)
            missing, answered = still, found
            if rounds == last:
                names = sorted(signal.pvname for signal in missing)
                hint = ": does its IOC run?" if len(names) == len(signals) else ""
                raise InstrumentLostError(
                    f"{len(names)} of {len(signals)} PVs of {self.prefix} do not "
                    f"answer within {rounds * CONNECT_POLL_S:g} s{hint}: "
                    f"{', '.join(names)}"
                )
            time.sleep(CONNECT_POLL_S)
            rounds += 1
        self.link.measure()
        self._wait_for_optional()

    @property
    def connected(self) -> bool:
        """Whether all PVs are connected that an IOC has to have."""
        return all(signal.connected for signal in self._needed())

    def _needed(self) -> list[Signal]:
        signals = [walk.item for walk in self.walk_signals()]
        return [s for s in signals if not isinstance(s, OptionalSetting)]

    def _wait_for_optional(self) -> None:
        """Give the other PVs, which were searched for with them, a moment."""
        signals = [walk.item for walk in self.walk_signals()]
        others = [s for s in signals if isinstance(s, OptionalSetting)]
        longest_s = OPTIONAL_TIMEOUT_S + self.link.allowance_s
        for _ in range(math.ceil(longest_s / CONNECT_POLL_S)):
            if all(signal.connected for signal in others):
                return
            time.sleep(CONNECT_POLL_S)

    def describe_sample(
        self, *, rest_potential_v: float, least_contact_pa_v: float
    ) -> None:
        """Write to the IOC what decides which current stops a landing.

        `rehome` writes it again: an IOC that has restarted does not know it any more.

        Parameters
        ----------
        rest_potential_v
            Potential at which the sample passes no current (V).
        least_contact_pa_v
            Smallest current of a contact for each volt from there (pA/V).

        Raises
        ------
        LimitError
            If one is outside the limits of its PV.
        """
        self._sample = {
            self.rest_potential: rest_potential_v,
            self.z.least_contact: least_contact_pa_v,
        }
        self._write_sample()

    def _write_sample(self) -> None:
        for signal, value in self._sample.items():
            signal.put(value, wait=True, timeout=PUT_TIMEOUT_S)

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

    def is_at_rest(self, timeout_s: float) -> bool:
        """Ask the IOC whether the probe is withdrawn, and nothing lands by itself.

        Parameters
        ----------
        timeout_s
            Longest wait for the answer (s), and some round trips.

        Raises
        ------
        TimeoutError, ConnectionError
            If the IOC cannot be asked.
        """
        if self.line.run.is_pending:
            return False
        longest_s = timeout_s + self.link.allowance_s
        state = self.z.state.get(use_monitor=False, timeout=longest_s)
        return bool(state == "WITHDRAWN")

    def withdraw_meanwhile(self) -> bool | None:
        """Begin to withdraw the probe, for something that may take long; wait for none.

        Returns
        -------
        bool or None
            Whether that ends a contact. None: the instrument hops along a line by
            itself, and withdraws the probe itself.

        Raises
        ------
        TimeoutError, ConnectionError
            If the IOC cannot be asked.
        """
        if self.line.run.is_pending:
            return None
        state = self.z.state.get(use_monitor=False)
        if state not in ("WITHDRAWN", "WITHDRAWING"):
            self.z.withdraw.start(self.z.withdraw.timeout_s())
        return bool(state == "CONTACT")

    def stop(self, *, success: bool = False) -> None:
        """Make the instrument SAFE and wait for it; a failure is logged, never raised.

        The engine calls this while it cleans up: what else it has to do must continue.
        An instrument that another client drives is left to it.
        """
        if self.link.lost and self.link.not_driving(True):
            logger.error(
                "%s %s, and is left to it: to stop it, type seccm safe --prefix %s in "
                "a shell",
                self.name,
                self._driven_by(),
                self.prefix,
            )
            return
        try:
            status = self.make_safe()
            status.wait(timeout=self.command_timeout_s("safe") + MARGIN_S)
        except (SeccmError, TimeoutError) as error:
            logger.critical("%s is NOT known to be safe: %s", self.name, error)

    def rehome(self, timeout_s: float = REHOME_TIMEOUT_S) -> None:
        """Make the instrument SAFE and verify it, so that plans run again after a loss.

        Look at the probe first. Settings that an IOC has forgotten when it restarted
        are put again by the next plan.

        Parameters
        ----------
        timeout_s
            Longest wait (s) for the connections, and again for the lease.

        Raises
        ------
        InstrumentLostError
            If PVs do not answer, or the probe is not withdrawn then.
        SeccmError
            If MakeSafe fails, or another client drives the instrument.

        Examples
        --------
        >>> seccm.rehome()
        """
        self.connect(timeout_s)
        self.link.ask_again()
        # before MakeSafe: what the IOC reports of the end of the lease makes it fail
        if self.driver and not self.is_driven_by(self.driver, timeout_s):
            raise SeccmError(f"{self.name} {self._driven_by()}")
        self.make_safe().wait()
        state = self.z.state.get(use_monitor=False)
        if state != "WITHDRAWN":
            raise InstrumentLostError(
                f"{self.z.state.pvname} is {state} after MakeSafe"
            )
        self.clamp.forget_settings()
        self._write_sample()
        self.link.accept()
        self.forget_heights()

    def forget_heights(self) -> None:
        """Withdraw by `z.withdraw_distance` from now on.

        A scan that knows the surface lifts the probe less. One that was killed, halted
        or lost cannot put that back, and the next one begins elsewhere.

        Raises
        ------
        SeccmError, TimeoutError
            If the IOC does not take it.
        """
        for height in (self.z.travel_height, self.z.slow_height):
            # whatever its monitor says: the last change of it may still be on its way
            height.put(UNKNOWN_HEIGHT_UM, wait=True, timeout=PUT_TIMEOUT_S)

    def is_driven_by(self, name: str, timeout_s: float) -> bool:
        """Wait until the IOC has reported that `name` drives it, or that another does.

        From its monitor, not asked: what it reported before has arrived then, too.

        Parameters
        ----------
        name
            The name of a client.
        timeout_s
            Longest wait (s) while no client drives it.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            owner = self._owner_told
            if owner and (owner != name or not self.link.not_driving(False)):
                break
            time.sleep(0.01)
        return self._owner_told == name

    def _driven_by(self) -> str:
        return f"is driven by {self.owner.get() or 'no client'}, not by {self.driver}"

    def stage(self) -> list[object]:
        """Stage the parts; refuse after a loss, and while a trip is latched.

        Raises
        ------
        InstrumentLostError
            If the instrument was lost and `rehome` has not been called since.
        SeccmError
            If the instrument has tripped, or is driven by another client; the message
            gives the reason.
        """
        if lost := self.link.lost:
            raise InstrumentLostError(
                f"the IOC {self.prefix} {lost}: tip state unknown. Look at the probe, "
                f"then call {self.name}.rehome()"
            )
        if self.driver and self.owner.get() != self.driver:
            raise SeccmError(f"{self.name} {self._driven_by()}")
        if self.tripped.get() == "yes":
            raise SeccmError(
                f"{self.name} has tripped: {self.trip_reason.get()}. Look at the "
                f"probe, then acknowledge with {self.name}.acknowledge.put(1)"
            )
        return super().stage()

    def abandon(self) -> None:
        """Have what is pending end without error: no plan waits for it any more.

        A plan that cleans up is not to be interrupted by the failures of what it stops.
        """
        for part in (self.z, self.clamp, self.line):
            part.pause()
        self.xy.abandon()

    def unstage(self) -> list[object]:
        """Unstage the parts and leave the instrument SAFE."""
        self.abandon()
        unstaged = super().unstage()
        self.stop(success=True)
        return unstaged

    def pause(self) -> None:
        """Make the instrument SAFE for as long as the engine is paused, as by Ctrl-C.

        Raises
        ------
        NoReplayAllowed
            If the event of the hop has been emitted: the engine then continues after it
            instead of replaying the hop, which would give a second event.
        """
        self.abandon()
        self.stop(success=True)
        if self.hop.is_recorded:
            raise NoReplayAllowed

    def resume(self) -> None:
        """Prepare the amplifier again: SAFE had taken it to the safe potential.

        Raises
        ------
        InstrumentLostError
            If the instrument was lost meanwhile; the engine stays paused.
        """
        try:
            self.link.check()
            self.clamp.reprepare()
        except (SeccmError, TimeoutError, ConnectionError) as error:
            raise InstrumentLostError(
                f"{error}; the scan stays paused: type {self.name}.rehome() and "
                "RE.resume() to continue it, or RE.abort() to end it"
            ) from error

    @property
    def hints(self) -> dict[str, Any]:
        """Contact height and what the technique hints."""
        fields = [self.z.contact_height.name, *self.clamp.hints["fields"]]
        return {"fields": fields}


def _is_found(signal: Any) -> bool:
    """Whether the channel of a signal is connected, perhaps not yet described."""
    channel = getattr(signal, "_read_pv", None)
    return channel is None or bool(channel.connected)
