"""Lines of hops that the IOC makes by itself, and what they gave."""

import contextlib
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ophyd import Component as Cpt
from ophyd import EpicsSignal, EpicsSignalRO
from ophyd.status import Status
from ophyd.utils.errors import InvalidState

from ..errors import InstrumentLostError
from ..storage.layout import LINES
from ..techniques import check_whole, turns_of
from .axis import MARGIN_S
from .command import Command, finished
from .line_events import LineEvents
from .line_part import LinePart
from .line_record import LineRecord
from .link import Linked
from .setting import PUT_TIMEOUT_S, OptionalSetting, Push, array_setting, setting
from .z_stage import UNKNOWN

__all__ = ["HopLine"]

HOPS = 2  # element of Hop:Line
WINDOW = 50
"""Hops that an IOC makes without knowing that those before have been received."""
PAGE = 20
"""Hops for which a page is due: it is fetched while further ones are made."""


class HopLine(Linked):
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

    run = Cpt(Command, "Hop:Run", result="Hop:Line", kind="omitted")
    hops = Cpt(EpicsSignalRO, "Hop:Count", auto_monitor=True, kind="omitted")
    fetch = Cpt(Push, "Hop:Fetch", kind="omitted", doc="first hop to hand out")
    part = Cpt(EpicsSignalRO, "Hop:Part", auto_monitor=False, kind="omitted")
    window = Cpt(
        OptionalSetting, "Hop:Window", kind="omitted", doc="hops not yet received"
    )
    acknowledge = Cpt(
        OptionalSetting, "Hop:Acknowledge", kind="omitted", doc="line, received, stored"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._points: tuple[tuple[float, ...], ...] = ()
        self._taken = 0  # hops of the points that have been fetched
        self._of_lines_before = 0  # hops of this run, made in lines that have ended
        self._number, self._fetched = 0, 0  # the line of the IOC, and hops of it
        self._heard = 0  # hops of it that the IOC has told of
        self._stored = 0  # hops of it that whoever collects them has stored
        self._due: Status | None = None
        self._record: Path | None = None
        self.failure: Exception | None = None  # of the line that ended last
        self._redone: set[int] = set()
        self._parts: list[LinePart] = []
        self._batch: list[LinePart] = []
        self._given: list[dict[str, Any]] = []
        super().__init__(*args, **kwargs)
        self.hops.subscribe(self._count_changed, run=False)

    def _count_changed(self, value: Any = 0, **kwargs: Any) -> None:
        self._heard = int(value)
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
        is_due = self._heard - self._fetched >= PAGE or not self.run.is_pending
        if due is not None and is_due:
            self._due = None
            with contextlib.suppress(InvalidState):  # it was settled in this moment
                due.set_finished()

    def stage(self) -> list[object]:
        """Begin to count the hops of a run."""
        self._of_lines_before = self._number = self._fetched = 0
        self._points, self._taken, self._parts, self._batch = (), 0, [], []
        return super().stage()

    @property
    def done(self) -> int:
        """Hops that the IOC has completed in the run, as far as it has been heard of.

        None of a run that is made step by step.
        """
        return self._of_lines_before + self._made()

    def _made(self) -> int:
        """Hops that the IOC has completed in the line that it was given last."""
        if not self._number:
            return 0
        ended = self.run.values
        return max(self._fetched, self._heard if ended is None else int(ended[HOPS]))

    def prepare(self, max_misses: int) -> Status:
        """Store what is measured in each contact, as the amplifier is prepared for.

        Parameters
        ----------
        max_misses
            So many landings in a row without contact end a line.
        """
        clamp = self.parent.clamp
        wanted = [technique.acquisition for technique in clamp.prepared]
        turns = [wanted[turn] for turn in turns_of(clamp.prepared)]
        self._put(self.max_misses, int(max_misses))
        self._put(self.turns, len(turns))
        for number, acquisition in enumerate([wanted[0], *turns]):
            mode, hold, passive = clamp.turn(acquisition, approaching=number == 0)
            clamp.put_passive(passive)
            self._put(self.mode, mode)
            self._put(self.hold, hold)
            self._put(self.store, number)
        clamp.forget_settings()  # from now on the IOC sets them
        self._points, self._parts, self._given = (), [], []
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
            throw a failure into whatever the plan does then, which is to collect.
        """
        wanted = tuple(tuple(point) for point in points)
        if wanted == self._points:
            self._take_new()
            if self._taken < len(wanted):
                self._redone.add(int(wanted[self._taken][0]))
        else:
            self._points, self._taken, self._redone = wanted, 0, set()
        left = wanted[self._taken :]
        if not left:
            return finished(self)
        columns = [np.array(c, float) for c in zip(*left, strict=True)][1:]
        unknown = np.full(len(left), UNKNOWN)
        x, y, travel, slow = (*columns, unknown, unknown)[:4]
        signals = (self.x, self.y, self.travel_heights, self.slow_heights)
        for signal, values in zip(signals, (x, y, travel, slow), strict=True):
            self._put(signal, np.where(np.isnan(values), UNKNOWN, values))
        self._of_lines_before += self._made()
        # what is heard of it from now on is about this line
        self._number = self._fetched = self._heard = self._stored = 0
        self._offer(self.window, WINDOW)
        status = self.run.start(self._timeout_s(x, y))
        self._number = self.run.awaited or self.run.number or 0
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
            line=self._number,
            before=self._of_lines_before,
            window=WINDOW if self.window.connected else 0,
            points=[list(point) for point in points],
            redone=sorted(self._redone),
        )
        self._record = traces.path.with_name(f"{run}{LINES}")
        traces.storage.submit(functools.partial(record.append_to, self._record))

    def unstage(self) -> list[object]:
        """Forget what was written down: the run has ended."""
        if self._record is not None:
            forget = functools.partial(self._record.unlink, missing_ok=True)
            self.parent.traces.storage.submit(forget, always=True)
            self._record = None
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

    def _put(self, signal: EpicsSignal, value: Any) -> None:
        signal.put(value, wait=True, timeout=PUT_TIMEOUT_S)

    def _offer(self, signal: OptionalSetting, value: Any) -> None:
        """Write what not every IOC has; what is written next comes after it."""
        if signal.connected:
            signal.put(value, wait=False)

    # -- collecting -------------------------------------------------------------------

    def _take_new(self) -> None:
        """Fetch the hops that have been made since the last time."""
        made = self._made()
        while self._fetched < made and self._answers():
            part = self._ask()
            if not len(part.landings):
                raise InstrumentLostError(f"{self.part.pvname} hands out no hop")
            self._parts.append(part)
            self._fetched += len(part.landings)
            self._taken += len(part.landings)
            self._acknowledge()

    def _ask(self) -> LinePart:
        """Ask for a part: in one round trip, where the IOC answers in order."""
        self.fetch.put(self._fetched, wait=False)
        flat = np.asarray(self.part.get(timeout=PUT_TIMEOUT_S), float)
        if tuple(flat[:2]) != (self._number, self._fetched):
            self._put(self.fetch, self._fetched)
            flat = np.asarray(self.part.get(timeout=PUT_TIMEOUT_S), float)
        return LinePart.decode(flat, self._number, self._fetched)

    def _acknowledge(self) -> None:
        self._offer(self.acknowledge, [self._number, self._fetched, self._stored])

    def _answers(self) -> bool:
        """Whether the IOC can be asked, also where it was lost for another reason."""
        return self.link.boot_id.connected and not self.link.is_silent()

    def collect_asset_docs(
        self, index: int | None = None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Fetch what is new, write its traces, and announce them."""
        first = before = self._taken - sum(len(part.landings) for part in self._parts)
        self._take_new()
        self._batch, self._parts = self._parts, []
        for part in self._batch:
            stop = before + len(part.landings)
            hops = [int(point[0]) for point in self._points[before:stop]]
            self.parent.traces.write_hops(hops, part.curves, part.traces)
            before = stop
        yield from self.parent.traces.announce(before - first)

    def collect_pages(self) -> Iterator[dict[str, Any]]:
        """Give a page of events for each part that was announced.

        Who takes them stores each before it asks for the next; then the IOC is told.
        """
        batch, self._batch = self._batch, []
        before = self._taken - sum(len(part.landings) for part in batch)
        for part in batch:
            stop = before + len(part.landings)
            page = self._page(part, self._points[before:stop])
            self._given.append(page)
            yield page
            before = stop
        if batch:
            self._stored = self._fetched
            self._acknowledge()

    def take_given(self) -> list[dict[str, Any]]:
        """Give the pages that were collected since this was called last.

        A plan that is resumed does not get what was collected while the engine made its
        messages again.
        """
        given, self._given = self._given, []
        return given

    def _page(
        self, part: LinePart, points: Sequence[Sequence[float]]
    ) -> dict[str, Any]:
        clamp = self.parent.clamp
        noise = float(clamp.present_noise.get())
        keys = LineEvents.of(self.parent)
        return keys.page(part, points, self._redone, clamp.measurements, noise)

    def describe_collect(self) -> dict[str, Any]:
        """Describe events as those of a hop made step by step."""
        m = self.parent
        described: dict[str, Any] = {}
        for device in (m.hop, m.xy, m.z, m.clamp, m.traces):
            described |= device.describe()
        return described

    @property
    def hints(self) -> dict[str, Any]:
        """Those of the microscope."""
        return self.parent.hints

    @property
    def is_incomplete(self) -> bool:
        """Whether the IOC has made hops that were not collected, and can be asked."""
        left = self._fetched < self._made() or bool(self._parts)
        return left and self._answers()

    @property
    def is_ending(self) -> bool:
        """Whether the end of a line is still to be heard of, and can be."""
        return self.run.awaited is not None and self._answers()

    def stop(self, *, success: bool = False) -> None:
        """Make the microscope SAFE where a line goes on: that ends it."""
        if self.run.is_pending:
            if success:  # also before a pause: its end is no failure then
                self.run.abandon()
            self.parent.stop(success=success)

    def pause(self) -> None:
        """Let the line end without error: what is left of it is made afterwards."""
        self.run.abandon()

    def resume(self) -> None:
        """Nothing to do: the engine sets the line again."""

    def command_timeout_s(self, command: str) -> float:
        """Refuse to be triggered: a line needs its points."""
        raise NotImplementedError(f"{self.name}.{command}: use set(points)")
