"""The stored runs as a mapping, with the answers that databroker gives."""

import contextlib
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, overload

from ...errors import ParameterError, RunNotFoundError
from ...terminal import clean
from ..journal.info import JournalInfo

__all__ = ["RunsMapping", "RunsView", "told_after"]

logger = logging.getLogger(__name__)


class RunsView(Sequence[Any]):
    """Keys, values or items of the stored runs, oldest first; read when asked for.

    Parameters
    ----------
    runs
        The runs.
    read
        Makes a key, value or item of a run.
    """

    def __init__(
        self, runs: Sequence[JournalInfo], read: Callable[[JournalInfo], Any]
    ) -> None:
        self._runs, self._read = runs, read

    def __len__(self) -> int:
        return len(self._runs)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self._read(run) for run in self._runs[index]]
        return self._read(self._runs[index])

    def first(self) -> Any:
        """Give that of the oldest run."""
        return self[0]

    def last(self) -> Any:
        """Give that of the newest run."""
        return self[-1]

    def head(self, n: int = 5) -> list[Any]:
        """Give those of the `n` oldest runs."""
        return self[: max(n, 0)]

    def tail(self, n: int = 5) -> list[Any]:
        """Give those of the `n` newest runs, oldest first."""
        return self[-n:] if n > 0 else []

    def __repr__(self) -> str:
        return f"<{len(self)} of the stored runs, oldest first>"


class RunsMapping(ABC):
    """What a catalogue of runs can be asked; where the runs come from is not its care.

    Attributes
    ----------
    name : str
        Under which databroker finds the catalogue; empty if it does not.
    """

    name: str = ""

    @abstractmethod
    def _find(self, run: Any) -> JournalInfo:
        """Find a run by any of its names; RunNotFoundError if there is none."""

    @abstractmethod
    def _read(self, info: JournalInfo) -> Any:
        """Give a run as databroker does."""

    @abstractmethod
    def _infos(self) -> list[JournalInfo]:
        """List the runs, oldest first."""

    @abstractmethod
    def _settled(self) -> Any:
        """Give the catalogue as databroker does, when it has the runs that ended."""

    @property
    @abstractmethod
    def where(self) -> str:
        """Where the runs are, in words."""

    def __getitem__(self, run: Any) -> Any:
        """Give a run; several for a slice or a list of names, as databroker does.

        Parameters
        ----------
        run
            Scan number, -1, -2, ... from the newest, uid, or beginning of a uid; see
            `seccm_ophyd.storage.journal.lookup.choose`. A slice counts from the newest:
            ``cat[-5:]``.

        Returns
        -------
        run, or list of run

        Raises
        ------
        RunNotFoundError
            If there is no such run; the message says where it was looked for.
        ValueError
            If a slice counts from the oldest: ``cat[3]`` is a scan number.
        """
        if isinstance(run, slice):
            if any(end is not None and end >= 0 for end in (run.start, run.stop)):
                raise ValueError(
                    "slices of cat count from the newest run, e.g. cat[-5:]; from the "
                    "oldest it is cat.values()[0:5]"
                )
            return self.values()[run]
        if isinstance(run, Mapping):
            raise RunNotFoundError(
                f"{run!r:.80} names no run: type cat.search({{...}})"
            )
        if isinstance(run, Iterable) and not isinstance(run, str):
            return [self[name] for name in run]
        return self._read(self._find(run))

    def __contains__(self, run: object) -> bool:
        try:
            self._find(run)
        except RunNotFoundError:
            return False
        return True

    def __len__(self) -> int:
        return len(self._infos())

    def __iter__(self) -> Iterator[str]:
        """Iterate over the uids, oldest first."""
        return iter(self.keys())

    def keys(self) -> RunsView:
        """List the uids, oldest first."""
        return RunsView(self._infos(), lambda info: info.uid)

    def values(self) -> RunsView:
        """List the runs, oldest first; each is read when it is asked for."""
        return RunsView(self._infos(), self._read)

    def items(self) -> RunsView:
        """List uid and run, oldest first; each is read when it is asked for."""
        return RunsView(self._infos(), lambda info: (info.uid, self._read(info)))

    def get(self, run: Any, default: Any = None) -> Any:
        """Give a run, or `default` if there is none of that name."""
        try:
            info = self._find(run)
        except RunNotFoundError:
            return default
        return self._read(info)

    @property
    def latest(self) -> Any:
        """The newest run."""
        return self[-1]

    def search(self, *queries: Any, **equal: Any) -> Any:
        """Find runs by their metadata, as ``databroker.catalog[...].search`` does.

        Parameters
        ----------
        *queries
            Queries of ``databroker.queries`` or ``tiled.queries`` (``TimeRange``,
            ``Key("num_points") > 100``, ...), or dicts of keys of the start document
            and their values.
        **equal
            Keys of the start document and their values.

        Returns
        -------
        CatalogOfBlueskyRuns
            A catalogue, as databroker gives it, of the runs to which all of it applies;
            it can be searched again. Runs that have no end are not in it as long as
            they are only in the journal.

        Raises
        ------
        ParameterError
            If something is neither.

        Examples
        --------
        >>> cat.search(plan_name="hop_scan")[-1]
        >>> cat.search(TimeRange(since="2026-05-01"))
        """
        from tiled.queries import Eq  # heavy

        found = self._settled()
        alike: dict[str, Any] = {}
        for query in queries:
            if isinstance(query, Mapping):
                alike |= query
            elif hasattr(query, "encode") and not isinstance(query, str | type):
                found = found.search(query)
            else:
                raise ParameterError(
                    f"cat.search takes names and values, e.g. plan_name='hop_scan', a "
                    f"dict of them, or a query of tiled.queries, not {query!r:.80}"
                )
        for key, value in {**alike, **equal}.items():
            found = found.search(Eq(key, value))
        return found

    def __repr__(self) -> str:
        runs = self._infos()
        count = f"{len(runs)} run{'' if len(runs) == 1 else 's'}"
        newest = f", the newest {_described(runs[-1])}" if runs else ""
        return f"<{type(self).__name__} of {self.where}: {count}{newest}>"


def _described(info: JournalInfo) -> str:
    when = datetime.fromtimestamp(info.start["time"]).astimezone()
    number = f"scan {info.scan_id}" if info.scan_id is not None else info.uid[:8]
    plan = info.start.get("plan_name", "no plan_name")
    return f"{number} ({clean(plan, 60)}, {when:%Y-%m-%d %H:%M:%S})"


@contextlib.contextmanager
def told_after(seconds: float, waiting_for: Callable[[], str]) -> Iterator[None]:
    """Say in one line of the log what is waited for, if it takes long.

    Parameters
    ----------
    seconds
        Nothing is said of what takes less (s).
    waiting_for
        Asked after that time what is waited for.
    """
    timer = threading.Timer(
        seconds, lambda: logger.warning("waiting for %s", waiting_for())
    )
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
