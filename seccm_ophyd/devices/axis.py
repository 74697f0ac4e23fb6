"""A motor record: no plan waits for it for ever, or continues at a wrong place."""

import sys
from typing import Any

import numpy as np
from ophyd import Component as Cpt
from ophyd import EpicsMotor, EpicsSignalRO
from ophyd.status import MoveStatus

from ..errors import CommandRefusedError, MotorError
from .axis_fields import Setpoint, Switch, number
from .bounds import Bounds, check_number
from .command import note_start
from .named import Named
from .setting import PUT_TIMEOUT_S, Number, Push, Setting, WorkedOut

__all__ = ["CommandedAxis", "StageAxis"]

# Allowance for the network and for the IOC on top of the physical duration of a move.
MARGIN_S = 10.0
_MICROMETRES = ("um", "µm", "\N{GREEK SMALL LETTER MU}m", "micron", "microns")
_CLOSEST = 1e-6  # um: less than any stage can do


class StageAxis(Named, EpicsMotor):
    """One axis of a stage: an `ophyd.EpicsMotor` with a finite time-out.

    The status of a move succeeds when the record is done, still has the setpoint that
    was asked for, *and* its readback is there. A refused move (the IOC writes the
    readback back to ``.VAL``) fails with `CommandRefusedError` and the IOC's own words;
    one after which the readback is somewhere else, with `MotorError`: a record whose
    ``.SPMG`` or ``.SET`` keeps it from moving says that it is done, too. It fails at
    once when the instrument is lost. The parent device must have a ``link``.
    """

    _moving: bool = False

    user_setpoint = Cpt(Setpoint, ".VAL", limits=True, auto_monitor=True)
    velocity = number(".VELO", "speed (um/s)")
    acceleration = number(".ACCL", "time to reach the speed (s)")
    settle = number(".DLY", "wait after a move before it counts as done (s)")
    user_offset = number(".OFF", "position that 0 of the dial has (um)", Setting)
    high_limit_travel = number(".HLM", "highest position (um)", Setting, kind="omitted")
    low_limit_travel = number(".LLM", "lowest position (um)", Setting, kind="omitted")

    user_offset_dir = Cpt(Setting, ".DIR", auto_monitor=True, kind="config")
    offset_freeze_switch = Cpt(Setting, ".FOFF", auto_monitor=True, kind="omitted")
    set_use_switch = Cpt(Setting, ".SET", auto_monitor=True, kind="omitted")
    motor_egu = Cpt(Setting, ".EGU", string=True, auto_monitor=True, kind="config")
    motor_stop = Cpt(Push, ".STOP", kind="omitted")
    home_forward = Cpt(Push, ".HOMF", kind="omitted")
    home_reverse = Cpt(Push, ".HOMR", kind="omitted")

    # asked for only where `moving` is: the end of a move is reported by .DMOV
    motor_is_moving = Cpt(EpicsSignalRO, ".MOVN", auto_monitor=False, kind="omitted")
    stop_pause_move_go = Cpt(
        Setting,
        ".SPMG",
        string=True,
        auto_monitor=True,
        write_timeout=PUT_TIMEOUT_S,
        kind="omitted",
        doc="Stop, Pause, Move, Go",
    )
    disable = Cpt(
        Switch, ".DISP", auto_monitor=True, kind="omitted", doc="1: takes no write"
    )
    retry_deadband = Cpt(
        EpicsSignalRO,
        ".RDBD",
        auto_monitor=True,
        kind="omitted",
        doc="as it may be off",
    )
    motor_step = Cpt(
        EpicsSignalRO, ".MRES", auto_monitor=True, kind="omitted", doc="smallest step"
    )
    arrival_tolerance = Cpt(
        Number,
        value=0.0,
        bounds=(0.0, 100.0),
        unit="um",
        kind="omitted",
        doc="how far from its target a move may end (um); 0: .RDBD or .MRES",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._move_status: MoveStatus | None = None
        self._target: float | None = None
        self._messages = 0  # of the IOC, when the move was started
        super().__init__(*args, **kwargs)
        for end in (self.low_limit_travel, self.high_limit_travel):
            end.unsubscribe_all()  # what ophyd does at a change, see `limits`
        self._limits = WorkedOut(
            self._read_limits, self.low_limit_travel, self.high_limit_travel
        )
        self._tolerance = WorkedOut(
            self._read_tolerance,
            self.retry_deadband,
            self.motor_step,
            self.arrival_tolerance,
        )
        self._trouble = WorkedOut(
            self._find_trouble,
            self.stop_pause_move_go,
            self.set_use_switch,
            self.disable,
            self.motor_egu,
        )

    @property
    def limits(self) -> Bounds:
        """Lowest and highest position (um) as the record reports; both 0 for none.

        From ``.LLM`` and ``.HLM``, which are monitored. ophyd takes them from what
        describes ``.VAL``: it asks for that when it hears of a change, and an update of
        ``.VAL`` that is on its way meanwhile brings the old ones back.
        """
        return self._limits.get()

    def _read_limits(self) -> Bounds:
        return self.low_limit_travel.get(), self.high_limit_travel.get()

    def _read_tolerance(self) -> float:
        chosen = self.arrival_tolerance.get()
        if chosen > 0:
            return float(chosen)
        deadband, step = self.retry_deadband.get(), abs(self.motor_step.get())
        return float(max(deadband, step, _CLOSEST))

    def check_value(self, pos: Any) -> None:
        """Refuse a position (um) outside the limits of the record, or no number.

        Raises
        ------
        OutOfRangeError
            The message names the limits.
        """
        low, high = self.limits
        if low == high == 0:
            low, high = -sys.float_info.max, sys.float_info.max
        check_number(self.name, pos, (low, high), "um")

    def check_ready(self) -> None:
        """Refuse a record that would not move, or not by um.

        Raises
        ------
        MotorError
            The message says what is to be written to it.
        """
        if trouble := self._trouble.get():
            raise MotorError(f"{self.name} cannot be moved: {trouble}")

    def _find_trouble(self) -> str:
        """Say what keeps the record from moving, and what to do; or nothing."""
        unit = str(self.motor_egu.get())
        if unit.strip() not in _MICROMETRES:
            return f"{self.prefix}.EGU is {unit!r}, positions are in um here"
        mode = self.stop_pause_move_go.get()
        if mode != "Go":
            return f"{self.prefix}.SPMG is {mode}, write Go to it"
        if self.set_use_switch.get() not in (0, "Use"):
            return f"{self.prefix}.SET is Set, write Use to it"
        if np.any(self.disable.get()):
            return f"{self.prefix}.DISP is 1, write 0 to it"
        return ""

    def stage(self) -> list[object]:
        """Stage it; see `check_ready`."""
        self.check_ready()
        return super().stage()

    def move(self, position: float, wait: bool = True, **kwargs: Any) -> MoveStatus:
        """Move to `position` (um); see `ophyd.EpicsMotor.move`.

        Raises
        ------
        OutOfRangeError
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
        if trouble := self._trouble.get():  # a write of .VAL might do something else
            self._fail(MotorError(f"{self.name} cannot be moved: {trouble}"))
        else:
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
        # nothing reaches a lost IOC, see `Microscope.stop`
        if self.connected and not self.parent.link.not_driving(False):
            super().stop(success=success)

    def abandon(self) -> None:
        """Stop a pending move without error: no plan waits for it any more."""
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
        if target is not None and (error := self._arrival_error(target)) is not None:
            success = False
            self._fail(error)
        super()._done_moving(success=success, **kwargs)

    def _arrival_error(self, target: float) -> Exception | None:
        """Say why it has not come to `target` (um), if it has not."""
        tolerance = self._tolerance.get()
        # The setpoint of a refused move is written back before the record is done.
        if not abs(self.user_setpoint.get() - target) <= tolerance:
            return CommandRefusedError(
                f"{self.name} was not moved to {target:g} um: {self._reason()}"
            )
        if abs(self.position - target) <= tolerance:
            return None
        reached = self.user_readback.get(use_monitor=False)  # .MDEL may keep updates
        if abs(reached - target) <= tolerance:
            return None
        mode, is_set = self.stop_pause_move_go.get(), self.set_use_switch.get()
        return MotorError(
            f"{self.name} is at {reached:.4f} um and not at {target:.4f} um, within "
            f"{tolerance:g} um: {self.prefix}.SPMG is {mode}, .SET is "
            f"{'Set' if is_set else 'Use'}"
        )

    def _reason(self) -> str:
        """Return, in the IOC's own words, why it did not get there."""
        record = self.prefix
        said = self.parent.link.error_since(self._messages, record)
        if said:
            return said.removeprefix(f"{record}: ")
        if trouble := self._trouble.get():
            return trouble
        where = self.user_readback.get(use_monitor=False)
        return f"it stopped at {where:.4f} um, the IOC gave no reason"

    def _fail(self, error: Exception) -> None:
        """Make the move fail with this error and no other."""
        self._target = None
        status = self._move_status
        if status is not None and not status.done:
            self._reset_sub(self._SUB_REQ_DONE)
            status.set_exception(error)


class CommandedAxis(StageAxis):
    """An axis that commands of the IOC carry most of the time.

    They set its target, twice a hop, and no client needs to hear of that.
    """

    user_setpoint = Cpt(
        Setpoint, ".VAL", limits=True, auto_monitor=False, kind="normal"
    )
