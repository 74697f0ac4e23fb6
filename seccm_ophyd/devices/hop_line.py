"""Lines of hops that the IOC makes by itself, and what they gave."""

import contextlib
import functools
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from ophyd import Component as Cpt
from ophyd import EpicsSignal
from ophyd.status import Status
from ophyd.utils.errors import InvalidState

from ..schema import UNKNOWN_HEIGHT_UM
from ..storage.data_folder import LINES
from ..techniques import check_whole, turns_of
from .axis import MARGIN_S
from .command import finished
from .in_flight import in_flight
from .line_collecting import LineCollecting
from .line_fetching import WINDOW
from .line_record import LineRecord, LinesOfRun
from .setting import PUT_TIMEOUT_S, Push, array_setting, setting

__all__ = ["HopLine"]

logger = logging.getLogger(__name__)

PAGE = 20
"""Hops for which a page is due: it is fetched while further ones are made."""


class HopLine(LineCollecting):
    """A line of hops, as a flyer: ``set(points)`` hops along, ``collect`` reads.

    The events are those of a hop made step by step, under the same keys. What has not
    been made of a line when it is set again, after a pause, is made then.
    """

    x = array_setting("Hop:X", "x of the points (um)")
    y = array_setting("Hop:Y", "y of the points (um)")
    travel_heights = array_setting("Hop:TravelHeights", "least heights on the way (um)")
    slow_heights = array_setting("Hop:SlowHeights", "where descents become slow (um)")
    turns = setting("Hop:Turns", "techniques of a contact; 0: one that needs no turn")
    mode = setting("Hop:Mode", "VCLAMP, ICLAMP or I0 of a turn", string=True)
    hold = setting("Hop:Hold", "what a turn holds (V or pA)")
    store = Cpt(Push, "Hop:Store", kind="omitted", doc="keep a turn")
    max_misses = setting("Hop:MaxMisses", "landings in a row that end the line")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._due: Status | None = None
        self._lines: LinesOfRun | None = None
        self.failure: Exception | None = None  # of the line that ended last
        super().__init__(*args, **kwargs)
        self.hops.subscribe(self._count_changed, run=False)

    def _count_changed(self, value: Any = 0, **kwargs: Any) -> None:
        self._fetching.hear(int(value))
        self._settle_due()

    def trigger(self) -> Status:
        """Wait for a page to be due.

        Returns
        -------
        Status
            Done when `PAGE` hops are to be fetched, or the line has ended in any way.
        """
        status = self._due = Status(self)
        self._settle_due()
        return status

    def _settle_due(self) -> None:
        due = self._due
        is_due = self._fetching.waiting >= PAGE or not self.run.is_pending
        if due is not None and is_due:
            self._due = None
            with contextlib.suppress(InvalidState):  # it was settled in this moment
                due.set_finished()

    def prepare(self, max_misses: int) -> Status:
        """Store what is measured in each contact, as the amplifier is prepared for.

        Parameters
        ----------
        max_misses
            How many landings in a row without contact end a line.
        """
        clamp = self.parent.clamp
        wanted = [technique.acquisition for technique in clamp.prepared]
        turns = [wanted[turn] for turn in turns_of(clamp.prepared)]
        self._put_all((self.max_misses, int(max_misses)), (self.turns, len(turns)))
        for number, acquisition in enumerate([wanted[0], *turns]):
            mode, hold, passive = clamp.turn(acquisition, approaching=number == 0)
            clamp.put_passive(passive)
            self._put_all((self.mode, mode), (self.hold, hold))
            self._put_all((self.store, number))
        clamp.forget_settings()  # from now on the IOC sets them
        self._points, self._given = (), []
        return finished(self)

    def check_value(self, points: Sequence[Sequence[float]]) -> None:
        """Check the points of a line, for simulations of plans.

        Raises
        ------
        ParameterError, LimitError
            If an index is negative, or a point outside the stage.
        """
        for index, x, y, *_ in points:
            check_whole("hop index", index, 0, 2**31, "hops")
            self.parent.xy.x.check_value(x)
            self.parent.xy.y.check_value(y)

    def set(self, points: Sequence[Sequence[float]]) -> Status:
        """Hop along points; given the same again, along those that are left.

        Parameters
        ----------
        points
            Index, x, y (um) of each hop, and where they are known the heights (um) of
            travel and of the slow approach, NaN else.

        Returns
        -------
        Status
            Done when the line has ended in any way, see `failure`: the engine would
            throw a failure into what the plan does then, which is to collect.
        """
        wanted = tuple(tuple(point) for point in points)
        if wanted == self._points:
            while self._fetch():
                pass
            if self._taken < len(wanted):
                self._redone.add(int(wanted[self._taken][0]))
        else:
            self._points, self._taken, self._redone = wanted, 0, set()
        left = wanted[self._taken :]
        if not left:
            return finished(self)
        columns = [np.array(c, float) for c in zip(*left, strict=True)][1:]
        unknown = np.full(len(left), UNKNOWN_HEIGHT_UM)
        x, y, travel, slow = (*columns, unknown, unknown)[:4]
        signals = (self.x, self.y, self.travel_heights, self.slow_heights)
        arrays = [
            np.where(np.isnan(a), UNKNOWN_HEIGHT_UM, a) for a in (x, y, travel, slow)
        ]
        self._put_all(*zip(signals, arrays, strict=True))
        self._noise_pa = float(self.parent.clamp.present_noise.get())
        self.link.went_on()
        self._within_reserve = False
        self._fetching.end_line()
        if self.window.connected:  # not every IOC has it
            self.window.put(WINDOW, wait=False)
        status = self.run.start(self._timeout_s(x, y))
        self._fetching.number = self.run.awaited or self.run.number or 0
        ended = Status(self)
        status.add_callback(functools.partial(self._ended, ended))
        self._note(left)
        return ended

    def _note(self, points: Sequence[Sequence[float]]) -> None:
        """Write down what turns hops that only the IOC has into events of the run."""
        traces, run = self.parent.traces, self.parent.hop.run
        if traces.path is None or not run:
            return
        record = LineRecord.of(
            self.parent,
            line=self._fetching.number,
            before=self._fetching.before,
            window=WINDOW if self.window.connected else 0,
            points=[list(point) for point in points],
            redone=sorted(self._redone),
            noise_pa=self._noise_pa,
        )
        path = traces.path.with_name(f"{run}{LINES}")
        if self._lines is None or self._lines.path != path:
            self._lines = LinesOfRun(path)
        traces.storage.submit(functools.partial(self._lines.add, record))

    def unstage(self) -> list[object]:
        """Forget what was written down, unless it is needed: the run has ended."""
        lines, self._lines = self._lines, None
        if lines is not None:
            left, on_way = self._left, self._on_way

            def end() -> None:  # when the storage has done what it could
                lines.end(left + sum(hops.part.hops for hops in on_way))

            self.parent.traces.storage.submit(end, always=True)
        return super().unstage()

    def _ended(self, ended: Status, status: Status) -> None:
        self.failure = status.exception()
        ended.set_finished()
        self._settle_due()

    def _timeout_s(self, x: np.ndarray, y: np.ndarray) -> float:
        """Longest duration of a line, with a margin (s)."""
        z, clamp, xy = self.parent.z, self.parent.clamp, self.parent.xy
        hop = z.command_timeout_s("approach") + z.command_timeout_s("withdraw")
        for measurement in clamp.measurements:
            wanted = measurement.technique.acquisition
            hop += wanted.settle_s + wanted.sampling_s
        travel = np.abs(np.diff(x, prepend=x[0])) + np.abs(np.diff(y, prepend=y[0]))
        moving = travel.sum() / max(xy.x.velocity.get(), 1e-9)
        return float(len(x) * (hop + xy.x.settle.get()) + moving + 2 * MARGIN_S)

    def _put_all(self, *settings: tuple[EpicsSignal, Any]) -> None:
        """Put settings; on a slow network all at once."""
        in_flight(
            [
                functools.partial(signal.put, value, wait=True, timeout=PUT_TIMEOUT_S)
                for signal, value in settings
            ],
            self.link,
        )

    @property
    def is_ending(self) -> bool:
        """Whether the end of a line is still to be heard of, and can be."""
        return self.run.awaited is not None and self._fetching.answers

    def stop(self, *, success: bool = False) -> None:
        """Make the microscope SAFE where a line runs: that ends it."""
        if self.run.is_pending:
            if success:  # also before a pause: its end is no failure then
                self.run.abandon()
            self.parent.stop(success=success)

    def pause(self) -> None:
        """Have the line end without error: what is left of it is made afterwards."""
        self.run.abandon()

    def resume(self) -> None:
        """Nothing to do: the engine sets the line again."""

    def command_timeout_s(self, command: str) -> float:
        """Refuse to be triggered: a line needs its points."""
        raise NotImplementedError(f"{self.name}.{command}: use set(points)")
