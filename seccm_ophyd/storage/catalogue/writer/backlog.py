"""Follows the journals of a data folder into its catalogue, run by run."""

import logging
import time
from typing import Any

from ...data_folder import DataFolder
from ...journal.damage import damage_of
from ...journal.ends import JournalError
from ...journal.follower import Follower
from ...journal.index import acknowledge, unfinished
from ...journal.info import JournalInfo
from ...journal.reader import documents
from ...locks import session_alive
from ..refusal import first_line, forget_run, refuse_run
from .forms import FormChanged, Forms
from .ingest import RunIngest, write_run

__all__ = ["CatalogueWriter"]

logger = logging.getLogger(__name__)

_POLL_S = 0.1
_FLUSH_S, _FLUSH_SHARE = 1.0, 0.05  # an open run is readable up to this long ago,
_LATEST_FLUSH_S = 10.0  # ... later where that takes more than this share of the time
_SHARE = 500  # documents of one run before the next has its turn
_TRIES = 3
_PAUSE_S = 2.0  # between them


class _OpenRun:
    """A run on its way from the journal into the catalogue."""

    def __init__(
        self, info: JournalInfo, client: Any, folder: DataFolder | None = None
    ) -> None:
        self.info = info
        self._folder = folder
        self.tries = 0
        self._client = client
        self._not_before = 0.0
        self._forms = Forms()
        self._begin()

    def _begin(self) -> None:
        self._follower = Follower(self.info.path)
        self._ingest = RunIngest(self._client, self._forms, self._folder)
        self._next_flush = time.monotonic() + _FLUSH_S

    @property
    def stopped(self) -> bool:
        return self._follower.stopped

    def advance(self) -> bool:
        """Take a share of documents; returns whether there were any."""
        if time.monotonic() < self._not_before:
            return False
        if self._follower.offset == 0:
            forget_run(self._client, self.info.uid)
        new = self._follower.read_new(_SHARE)
        if self._follower.damaged:
            raise JournalError(f"its journal: {damage_of(self.info.path)}")
        if self._follower.notes:  # it may have gaps, and has its end
            write_run(self._client, documents(self.info.path), self._folder)
            self._follower.read_new()
            return True
        try:
            for name, doc in new:
                self._ingest(name, doc)
        except FormChanged:  # all that there is by now is looked at, to begin once
            self._forms.scan(documents(self.info.path))
            self._begin()
            return True
        if time.monotonic() > self._next_flush:
            self.flush()
        return bool(new)

    def flush(self) -> None:
        begun = time.monotonic()
        self._ingest.flush()
        ended = time.monotonic()
        pause = (ended - begun) / _FLUSH_SHARE
        self._next_flush = ended + min(max(pause, _FLUSH_S), _LATEST_FLUSH_S)

    def retry(self) -> None:
        self.tries += 1
        self._begin()
        self._not_before = time.monotonic() + _PAUSE_S


class CatalogueWriter:
    """Follows all journals of a data folder into its catalogue.

    Parameters
    ----------
    folder
        The data folder; its writer's lock must be held.
    client
        Its catalogue.
    """

    def __init__(self, folder: DataFolder, client: Any) -> None:
        self._folder = folder
        self._client = client
        self._runs: dict[str, _OpenRun] = {}
        self._left: set[str] = set()  # runs that this writer leaves alone

    def step(self) -> bool:
        """Give every run its turn, oldest first.

        Returns
        -------
        bool
            Whether anything was written.
        """
        self._find()
        busy = [self._advance(run) for run in list(self._runs.values())]
        return any(busy)

    def run(self) -> None:
        """Work until no session is open and nothing is left to write.

        It ends, too, when the folder is gone: its journals will not grow any more.
        """
        while self._folder.journal.exists():
            alive = session_alive(self._folder)  # asked before the journals are read
            busy = self.step()
            if not alive and not busy and not self._runs:
                return
            if not busy:
                time.sleep(_POLL_S)

    def _find(self) -> None:
        known = self._runs.keys() | self._left
        for info in unfinished(self._folder, known):
            if info.interrupted:
                self._leave(info, "it was interrupted, its journal has no stop")
            else:
                self._runs[info.uid] = _OpenRun(info, self._client, self._folder)

    def _advance(self, run: _OpenRun) -> bool:
        try:
            busy = run.advance()
            if run.stopped:
                acknowledge(self._folder, run.info.uid)
                logger.info("run %s is in the catalogue", run.info.uid)
                del self._runs[run.info.uid]
            elif not busy and run.info.interrupted:
                run.flush()
                self._leave(run.info, "it was interrupted, its journal has no stop")
            return busy
        except JournalError as error:
            self._refuse(run.info, str(error))
        except (
            Exception
        ) as error:  # one run that cannot be written must not keep back others
            logger.exception("run %s: try %d failed", run.info.uid, run.tries + 1)
            run.retry()
            if run.tries >= _TRIES:
                self._refuse(run.info, first_line(error))
        return True

    def _refuse(self, info: JournalInfo, why: str) -> None:
        self._leave(info, f"it cannot be written ({why})")
        try:
            refuse_run(self._folder, self._client, info, why)
        except Exception:  # nothing but a hint to readers is missing
            logger.exception("run %s: not noted in the catalogue", info.uid)

    def _leave(self, info: JournalInfo, why: str) -> None:
        logger.warning("run %s is left to `seccm recover`: %s", info.uid, why)
        self._left.add(info.uid)
        self._runs.pop(info.uid, None)
