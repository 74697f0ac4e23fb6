"""A motor record, as far as clients of a stage use it."""

import asyncio
import logging
from typing import Any, Protocol

from caproto.server import pvproperty

from ..epics.pvs import RefusedError, put
from ..instrument import Part
from .motor_fields import Target, boot_fields, check_fields, refusal, tell_limits

__all__ = ["Motor"]

logger = logging.getLogger(__name__)


class _Stage(Protocol):
    """The stage that a motor record belongs to."""

    def check_move(self, motor: "Motor", target: float) -> None:
        """Refuse a move (um, without the user offset) that must not be made."""

    async def carry(self, motor: "Motor", target: float, halt: asyncio.Event) -> None:
        """Carry out a move, to its end or until it is stopped."""


class Motor(Part):
    """One motor record. The stage that it belongs to allows and carries out the moves.

    A write to ``.VAL`` starts a move: ``.DMOV`` goes to 0, and back to 1 when the move
    has ended and the settle time ``.DLY`` is over, even for a move of zero length; then
    the write has ended, too. A second write during a move changes the target.

    While ``.SPMG`` is Stop or Pause nothing moves; the last target that is written
    meanwhile is gone to when it is Go or Move again. ``.SET`` = Set makes a write to
    ``.VAL`` redefine the position by ``.OFF``.

    Parameters
    ----------
    velocity
        Speed at boot (um/s).
    settle
        Settle time at boot (s).
    fastest
        Largest speed (um/s).
    shifts
        Whether it takes a user offset.

    Attributes
    ----------
    position
        Where it is (um), without the user offset.
    offset
        The user offset (um).
    free_at
        Instrument time from which the next move may begin (s).
    """

    parent: _Stage  # set by caproto

    val = pvproperty(
        name="",
        record="motor",
        dtype=Target,
        value=0.0,
        units="um",
        precision=4,
        doc="position to move to",
    )
    check_fields(val)

    def __init__(
        self,
        *args: Any,
        velocity: float,
        settle: float,
        fastest: float = 2000.0,
        shifts: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.position = self.offset = self.free_at = 0.0
        self._at_boot = {"velocity": velocity, "settle": settle, "fastest": fastest}
        self._shifts = shifts
        self._range = (0.0, 0.0)
        self._kept: float | None = None  # where to go when SPMG permits it
        self._halt = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def prepare(self, low: float, high: float, position: float) -> None:
        """Set the fields before the first client comes.

        Parameters
        ----------
        low, high
            Range of the stage (um).
        position
            Where it is (um).
        """
        self.position, self._range = position, (low, high)
        fields = self.val.field_inst
        for pv, value in (
            (self.val, position),
            (fields.user_readback_value, position),
            (fields.user_low_limit, low),
            (fields.user_high_limit, high),
        ):
            await pv.write(value, verify_value=False)
        await boot_fields(self.val, **self._at_boot)
        await tell_limits(self.val, low, high)

    @property
    def user(self) -> float:
        """Where it is, with the user offset (um)."""
        return self.position + self.offset

    @property
    def move(self) -> asyncio.Task[None] | None:
        """The move that has been started and has not ended."""
        return None if self._task is None or self._task.done() else self._task

    @property
    def is_moving(self) -> bool:
        """Whether a move has been started that has not ended."""
        return self.move is not None

    @property
    def is_held(self) -> bool:
        """Whether ``.SPMG`` keeps it from moving."""
        return self.val.field_inst.stop_pause_move_go.value in ("Stop", "Pause")

    @property
    def velocity(self) -> float:
        """Speed (um/s)."""
        return self.val.field_inst.velocity.value

    def duration(self, distance: float) -> float:
        """Time (s) that a move takes without the settle time."""
        if distance == 0:
            return 0.0
        ramp = self.val.field_inst.seconds_to_velocity.value
        return abs(distance) / self.velocity + ramp

    @property
    def settle_time(self) -> float:
        """Time (s) after a move until it counts as done."""
        return self.val.field_inst.readback_settle_time.value

    def halt(self) -> None:
        """Stop at once."""
        self._halt.set()

    async def at_rest(self) -> None:
        """Wait until no move is running."""
        while (move := self.move) is not None:
            await asyncio.wait([move])

    async def show(self, position: float) -> None:
        """Publish a readback (um, without the user offset)."""
        await put(self.val.field_inst.user_readback_value, position + self.offset)

    async def arrive(self, position: float) -> None:
        """Publish where it has come to rest (um), as readback and as target.

        The target of a paused move stays: it is where the move will continue to.
        """
        self.position = position
        await self.show(position)
        if self._kept is None:
            await put(self.val, self.user)

    async def answer_refusal(self) -> None:
        """Report to a client whose move was refused that it is over."""
        if self.is_moving:
            return
        back = self.user if self._kept is None else self._kept
        await self.val.write(back, verify_value=False)
        await self.pulse()

    async def pulse(self) -> None:
        """Report a move that moves nothing."""
        await self._tell_moving(True)
        await self._tell_moving(False)

    async def _tell_moving(self, moving: bool) -> None:
        """Publish MOVN before DMOV at the end of a move, after it at the start."""
        fields = self.val.field_inst
        pvs = [fields.done_moving_to_value, fields.motor_is_moving]
        for pv in pvs if moving else reversed(pvs):
            await put(pv, int(moving is (pv is fields.motor_is_moving)))

    @val.putter
    async def _put_target(self, instance: Any, value: float) -> float:
        """Go there; or be there, or go there later."""
        if self.val.field_inst.set_use_switch.value == "Set":
            await self._redefine(value)
        elif self.is_held:
            self._kept = value
        else:
            self._start(value)
        return value

    def _start(self, target: float) -> None:
        """Start a move to a target with the user offset (um)."""
        self.parent.check_move(self, target - self.offset)
        self._halt.set()  # of the move in progress: this one takes over
        self._halt = asyncio.Event()
        self._task = asyncio.create_task(
            self._run(target - self.offset, self._task, self._halt)
        )

    async def _run(
        self, target: float, previous: asyncio.Task[None] | None, halt: asyncio.Event
    ) -> None:
        if previous is not None:
            await asyncio.wait([previous])
        fields = self.val.field_inst
        await put(fields.direction_of_travel, int(target >= self.position))
        await self._tell_moving(True)
        try:
            with self.ioc.clock.on_schedule():
                await self.parent.carry(self, target, halt)
        except Exception as fault:
            logger.exception("move of %s failed", self.val.pvname)
            await self.ioc.trip(f"fault in the IOC: {fault!r}")
        if halt is self._halt:
            if fields.stop_pause_move_go.value == "Move" and self.position == target:
                await put(fields.stop_pause_move_go, "Pause")
            await self._tell_moving(False)

    async def _redefine(self, value: float) -> None:
        """Call the place where it stands `value` (um)."""
        if self.val.field_inst.offset_freeze_switch.value == "Frozen":
            raise refusal(self.val, "no other position with .FOFF Frozen, see .OFF")
        await self.shift(self.val, value - self.position)

    async def shift(self, field: Any, offset: float) -> None:
        """Take a user offset (um) that a client has given by a field."""
        if not self._shifts:
            raise refusal(field, "this stage has no user offset")
        if self.is_moving:
            raise refusal(field, "no other user offset while the stage moves")
        by, self.offset, self._kept = offset - self.offset, offset, None
        fields = self.val.field_inst
        ends = fields.user_low_limit, fields.user_high_limit
        await tell_limits(self.val, *(end.value + by for end in ends))
        for end in ends:
            await end.write(end.value + by, verify_value=False)
        await put(fields.user_offset, offset)
        await self.show(self.position)

    async def narrow(self, field: Any, new: float, low: float, high: float) -> None:
        """Take new limits of moves (um), of which one is `new`."""
        lowest, highest = (end + self.offset for end in self._range)
        if not lowest <= new <= highest:
            raise refusal(field, f"{new:g} is outside {lowest:g} to {highest:g} um")
        if not low < high:
            raise refusal(field, f"{new:g} um leaves no way between .LLM and .HLM")
        await tell_limits(self.val, low, high)

    async def switch(self, mode: str) -> None:
        """Stop, pause or continue, as ``.SPMG`` says."""
        if mode == "Stop":
            await self.end()
        elif mode == "Pause":
            if self.is_moving:
                self._kept = self.val.value
                self.halt()
        elif self._kept is not None:
            kept, self._kept = self._kept, None
            try:
                self._start(kept)
            except RefusedError:
                self._kept = kept
                raise

    async def end(self) -> None:
        """Stop, and stay there."""
        self._kept = None
        self.halt()
        if not self.is_moving:
            await put(self.val, self.user)

    async def go_by(self, distance: float) -> None:
        """Move by a distance (um)."""
        await self.val.write(self.val.value + distance)
        if not self.is_moving:
            await self.pulse()
