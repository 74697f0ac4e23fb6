"""Watch scans in a separate process, by following their journals.

Journals are only read: a view that stalls, dies or is killed costs the scan nothing.
``seccm view`` is such a process.
"""

import logging
import time
from functools import partial
from pathlib import Path
from typing import Protocol

from ..analysis.levelling import Method
from ..errors import SeccmError
from ..schema import TECHNIQUES
from ..storage.journal.follower import Follower
from ..storage.journal.foreign import name_foreign
from ..storage.journal.index import journals_in, survey
from ..storage.journal.info import JournalInfo, age
from ..storage.journal.lookup import choose
from .hop_map_view import HopMapView

__all__ = ["view"]

logger = logging.getLogger(__name__)

WINDOW_INTERVAL_S = 0.3
FILE_INTERVAL_S = 2.0
# Of the time at most a third goes into drawing, however large the map.
REST_PER_DRAWING = 2.0


class _Screen(Protocol):
    """Where a view is shown."""

    view: HopMapView

    @property
    def closed(self) -> bool: ...

    def show(self) -> None: ...

    def wait(self, seconds: float) -> None: ...

    def close(self) -> None: ...


class _Picture:
    """A view that is shown in a file; needs no display."""

    closed = False

    def __init__(self, path: Path | str, view: HopMapView) -> None:
        self._path = path
        self.view = view

    def show(self) -> None:
        self.view.save(self._path)

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def close(self) -> None:
        """Leave the file."""


class _Journals:
    """Finds the run to draw in a folder of journals."""

    def __init__(self, folder: Path | str, run: str | int | None) -> None:
        self._folder, self._run = Path(folder), run
        self._known: set[str] = set()
        self._newest: JournalInfo | None = None

    def newest(self) -> Path | None:
        """Return the journal of the run that was named, or of the latest hop run.

        A name is looked up as everywhere, until there is such a run: the same one is
        drawn from then on. The latest is found by the start documents, as a recovered
        journal is younger than its run; each journal is opened for it once.

        Returns
        -------
        Path or None
            None if there is no hop run so far.

        Raises
        ------
        RunNotFoundError
            If no run, or more than one, has the name.
        SeccmError
            If the run that was named has no hops.
        """
        if self._run is not None:
            return self._named(self._run).path
        found = survey(self._folder, self._known)
        name_foreign(self._folder, found.foreign)
        for info in found.runs:
            self._known.add(info.uid)
            if TECHNIQUES in info.start:
                before = self._newest or info
                self._newest = max(before, info, key=lambda run: age(run.start))
        return self._newest.path if self._newest else None

    def _named(self, run: str | int) -> JournalInfo:
        if self._newest is None:
            found = choose(journals_in(self._folder), run, str(self._folder.parent))
            if TECHNIQUES not in found.start:
                plan = found.start.get("plan_name", "its plan")
                raise SeccmError(
                    f"run {found.uid[:8]} ({plan}) has no hops to draw as they come: "
                    f"try seccm show {found.uid[:8]}"
                )
            self._newest = found
        return self._newest


def view(
    journal_folder: Path | str,
    run: str | int | None = None,
    save: Path | str | None = None,
    *,
    once: bool = False,
    interval_s: float | None = None,
    levelling: Method = "facet",
) -> None:
    """Draw the hops of a run as they come, from its journal.

    May be called before, during and after the run. Without `save` a window follows run
    after run until it is closed; with `save` the picture is written again and again,
    and a last time when the run stops.

    Parameters
    ----------
    journal_folder
        Where the journals are, ``DATA_DIR/journal``.
    run
        A stored run: uid or its beginning, scan number, or -1 for the newest; see
        `seccm_ophyd.storage.journal.lookup.choose`. By default the newest run of hops,
        and each newer one.
    save
        Write the picture to this file instead of opening a window; needs no display.
    once
        Draw what there is now and return (with a window: keep it until it is closed).
    interval_s
        Time (s) between two looks; by default 0.3 for a window, 2 for a file.
    levelling
        How the topography is levelled, see `seccm_ophyd.analysis.level`.

    Raises
    ------
    FileNotFoundError
        With `once`, if there is no run of hops.
    RunNotFoundError
        If no run, or more than one, has the name `run`.
    SeccmError
        If `run` has no hops; without `save`, if no window can be opened.
    JournalError
        If the journal is no regular file.
    """
    if interval_s is None:
        interval_s = FILE_INTERVAL_S if save else WINDOW_INTERVAL_S
    journals = _Journals(journal_folder, run)
    if journals.newest() is None and once:
        raise FileNotFoundError(f"no hop run in {journal_folder}: nothing to draw")
    make = partial(
        HopMapView,
        levelling=levelling,
        find_run=lambda uid: Path(journal_folder) / f"{uid}.jsonl",
    )
    screen: _Screen
    if save:
        screen = _Picture(save, make())
    else:
        from .window import Window  # pyplot, and with it a display, only when needed

        screen = Window(make)
    try:
        _follow(journals, screen, interval_s, until_stop=bool(save), once=once)
    finally:
        screen.close()


def _follow(
    journals: _Journals,
    screen: _Screen,
    interval_s: float,
    *,
    until_stop: bool,
    once: bool,
) -> None:
    follower: Follower | None = None
    damaged = 0
    while not screen.closed:
        newest = journals.newest()
        if newest is not None and (follower is None or follower.path != newest):
            logger.info("following %s", newest)
            follower, damaged = Follower(newest), 0
        began = time.monotonic()
        documents = follower.read_new() if follower else []
        if follower is not None and len(follower.damaged) > damaged:
            damaged = len(follower.damaged)
            line = follower.damaged[-1]
            logger.warning("%s: line %d: %s", newest, line.number, line.why)
        for name, doc in documents:
            screen.view(name, doc)
        if documents:
            screen.show()
        if until_stop and (once or (follower and follower.stopped)):
            return
        drawing_s = time.monotonic() - began
        screen.wait(max(interval_s, REST_PER_DRAWING * drawing_s))
