"""A motor record that never lets a plan wait for ever, or go on at a wrong place."""

from typing import Any

from ophyd import Component as Cpt
from ophyd import EpicsMotor, EpicsSignal, EpicsSignalRO
from ophyd.status import MoveStatus

from ..errors import CommandRefusedError
from .command import note_start
from .named import Named

__all__ = ["CommandedAxis", "StageAxis"]

# Allowance for the network and for the IOC on top of the physical duration of a move.
MARGIN_S = 10.0


class StageAxis(Named, EpicsMotor):
    """One axis of a stage: an `ophyd.EpicsMotor` with a finite time-out.

    The status of a move succeeds when the record is done *and* still has the setpoint
    that was asked for; a refused move (the IOC writes the readback back to ``.VAL``)
    fails with `CommandRefusedError` and the IOC's own words. It fails at once when the
    instrument is lost. The parent device must have a ``link``.
    """

    _moving: bool = False

    # asked for only where `moving` is: the end of a move is told by .DMOV
    motor_is_moving = Cpt(EpicsSignalRO, ".MOVN", auto_monitor=False, kind="omitted")
    settle = Cpt(
        EpicsSignal,
        ".DLY",
        auto_monitor=True,
        kind="config",
        doc="wait after a move before it counts as done (s)",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._move_status: MoveStatus | None = None
        self._target: float | None = None
        self._messages = 0  # of the IOC, when the move was started
        super().__init__(*args, **kwargs)

    def move(self, position: float, wait: bool = True, **kwargs: Any) -> MoveStatus:
        """Move to `position` (um); see `ophyd.EpicsMotor.move`.

        Raises
        ------
        ophyd.utils.LimitError
            If `position` is outside the limits of the record, or NaN.
        InstrumentLostError
            If the instrument was lost.
        """
        self.parent.link.check()
        timeout_s = kwargs.pop("timeout", None)
        if timeout_s is None:
            timeout_s = self._duration_s(position) + MARGIN_S
        note_start()
        self._messages = self.parent.link.messages
        self._started_moving = False
        # Not EpicsMotor.move: the status must be known before the record can answer.
        status = super(EpicsMotor, self).move(position, **kwargs)
        self._target, self._move_status = float(position), status
        self.parent.link.watch(status, timeout_s)
        self.user_setpoint.put(position, wait=False)
        if wait:
            status.wait()
        return status

    @property
    def longest_s(self) -> float:
        """Longest time (s) that a move may take before it has failed."""
        return self._duration_s(self.position) + MARGIN_S

    def _duration_s(self, position: float) -> float:
        low, high = self.limits
        # The whole travel, where it is limited, saves a read before each move.
        distance = high - low if high > low else abs(position - self.position)
        return distance / max(self.velocity.get(), 1e-9) + self.settle.get()

    def stop(self, *, success: bool = False) -> None:
        """Stop at once; a setpoint that was not reached is no refusal then."""
        self._target = None
        if self.connected:  # a lost IOC cannot be told, see `Microscope.stop`
            super().stop(success=success)

    def abandon(self) -> None:
        """Stop a pending move without error: nobody waits for it any more."""
        status = self._move_status
        if status is not None and not status.done:
            self.stop(success=True)

    def _move_changed(
        self, timestamp: Any = None, value: Any = None, **kwargs: Any
    ) -> None:
        # As EpicsMotor does, but with the monitored limit switches: it asks the IOC for
        # one of them at the end of every move.
        was_moving, self._moving = self._moving, value != 1
        self._started_moving |= self._moving
        if was_moving and not self._moving:
            stuck = self.low_limit_switch.get() or self.high_limit_switch.get()
            alarm = self.user_readback.alarm_severity > self.tolerated_alarm
            self._done_moving(success=not (stuck or alarm), timestamp=timestamp)

    def _done_moving(self, success: bool = True, **kwargs: Any) -> None:
        target, self._target = self._target, None
        # The setpoint of a refused move is written back before the record is done.
        if target is not None and self.user_setpoint.get() != target:
            success = False
            status = self._move_status
            if status is not None and not status.done:
                self._reset_sub(self._SUB_REQ_DONE)  # this error and no other
                status.set_exception(
                    CommandRefusedError(
                        f"{self.name} was not moved to {target:g} um: {self._reason()}"
                    )
                )
        super()._done_moving(success=success, **kwargs)

    def _reason(self) -> str:
        """Tell in the IOC's own words why it did not get there."""
        record = self.prefix
        said = self.parent.link.error_since(self._messages, record)
        return said.removeprefix(f"{record}: ")


class CommandedAxis(StageAxis):
    """An axis that commands of the IOC carry most of the time.

    They set its target, twice a hop, and nobody needs to hear of that.
    """

    user_setpoint = Cpt(
        EpicsSignal, ".VAL", limits=True, auto_monitor=False, kind="normal"
    )
