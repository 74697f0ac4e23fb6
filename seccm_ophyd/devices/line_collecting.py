"""What lines of hops give, as an engine collects it; each hop kept until stored."""

import functools
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ophyd import Component as Cpt
from ophyd import EpicsSignalRO

from ..errors import DiskSpaceError
from .command import Command
from .line_events import LineEvents
from .line_fetching import LineFetching
from .line_part import LinePart
from .link import Linked
from .setting import OptionalSetting, Push

__all__ = ["LineCollecting"]


@dataclass(frozen=True)
class _Fetched:
    """Hops that have been fetched, with their points and their first row of traces."""

    part: LinePart
    points: tuple[tuple[float, ...], ...]
    row: int


class LineCollecting(Linked):
    """Hops that the IOC has made by itself: fetched, announced, given as events.

    What could not be stored is given again, and not acknowledged: the IOC keeps it.
    """

    run = Cpt(Command, "Hop:Run", result="Hop:Line", kind="omitted")
    hops = Cpt(EpicsSignalRO, "Hop:Count", auto_monitor=True, kind="omitted")
    fetch = Cpt(Push, "Hop:Fetch", kind="omitted", doc="first hop to hand out")
    part = Cpt(EpicsSignalRO, "Hop:Part", auto_monitor=False, kind="omitted")
    part_hops = Cpt(
        OptionalSetting, "Hop:PartHops", kind="omitted", doc="hops of a part"
    )
    window = Cpt(
        OptionalSetting, "Hop:Window", kind="omitted", doc="hops not yet received"
    )
    acknowledge = Cpt(
        OptionalSetting, "Hop:Acknowledge", kind="omitted", doc="line, received, stored"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._points: tuple[tuple[float, ...], ...] = ()
        self._taken = 0  # hops of the points that have been fetched
        self._redone: set[int] = set()
        self._noise_pa = 0.0  # rms of the current without contact, as the line began
        self._fetching = LineFetching(self)
        self._not_stored: deque[_Fetched] = deque()
        # those given whose page is on its way to the disk, which may still refuse it
        self._on_way: deque[_Fetched] = deque()
        self._within_reserve = False  # a page of the line has found it used up
        self._given: list[dict[str, Any]] = []
        super().__init__(*args, **kwargs)

    def stage(self) -> list[object]:
        """Begin to count the hops of a run."""
        self._fetching.begin_run()
        self._points, self._taken = (), 0
        self._not_stored.clear()
        self._on_way = deque()  # a new one: the storage may still have that of before
        return super().stage()

    @property
    def done(self) -> int:
        """Hops that the IOC has completed in the run, as far as it has been heard of.

        None of a run that is made step by step.
        """
        return self._fetching.before + self._fetching.made

    @property
    def _left(self) -> int:
        """Hops that have been completed and not been given to be stored."""
        waiting = sum(new.part.hops for new in self._not_stored)
        return waiting + self._fetching.made - self._fetching.fetched

    def _fetch(self) -> bool:
        """Fetch hops, if there are any and the IOC can be asked."""
        if not (self._fetching.is_left and self._fetching.answers):
            return False
        part = self._fetching.fetch()
        points = self._points[self._taken : self._taken + part.hops]
        row = self.parent.traces.take_rows([int(point[0]) for point in points])
        self._not_stored.append(_Fetched(part, points, row))
        self._taken += part.hops
        return True

    def collect_asset_docs(
        self, index: int | None = None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Fetch hops, have their traces written, and announce them.

        Those that could not be stored the last time come first, again.
        """
        if self._not_stored or self._fetch():
            traces, new = self.parent.traces, self._not_stored[0]
            traces.storage.submit(self._check_space)
            traces.write_hops(new.row, new.part.curves, new.part.traces)
            yield from traces.announce(new.row, new.part.hops)

    def _check_space(self) -> None:
        """Check that the disk has more free space than its reserve; once in a line.

        What the line has made by then is stored within the reserve.
        """
        if not self._within_reserve:
            try:
                self.parent.traces.check_space()
            except DiskSpaceError:
                self._within_reserve = True
                raise

    def collect_pages(self) -> Iterator[dict[str, Any]]:
        """Give a page of events of the hops that were announced.

        Who takes it stores it before asking for the next, or has it stored as soon as
        the storage answers again. When it is on the disk, and not if it could not be
        stored, this is reported to the IOC.
        """
        if not self._not_stored:
            return
        new = self._not_stored[0]
        page = self._page(new.part, new.points)
        yield page
        self._on_way.append(self._not_stored.popleft())
        self._given.append(page)
        # after the page; passed over where its traces or the page itself are refused
        stored = functools.partial(self._stored, self._on_way, new)
        self.parent.traces.storage.submit(stored)

    def _stored(self, on_way: deque[_Fetched], new: _Fetched) -> None:
        """Report that hops, and those given before them, are on the disk."""
        while on_way and on_way.popleft() is not new:
            pass
        self._fetching.store(new.part)

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
        """Make events of hops; what for is known, the IOC may have died meanwhile."""
        keys, measurements = LineEvents.of(self.parent), self.parent.clamp.measurements
        return keys.page(part, points, self._redone, measurements, self._noise_pa)

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
        """Whether hops have been made that are not stored, and can be collected."""
        fetching = self._fetching
        return bool(self._not_stored) or (fetching.is_left and fetching.answers)
