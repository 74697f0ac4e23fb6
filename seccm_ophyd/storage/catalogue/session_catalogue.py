"""The runs of a data folder, for the session that measures them."""

import logging
import os
import subprocess
import time
from typing import Any

from ...errors import DamagedFileError
from ...terminal import clean
from ..data_folder import DataFolder, check_present
from ..journal.index import journal_of, journals, unfinished
from ..journal.info import JournalInfo
from ..journal.journal_run import JournalRun
from .runs_mapping import RunsMapping, told_after
from .shared_by_tiled import identity
from .soundness import quickly_wrong
from .tiled_client import close_catalogue, open_catalogue
from .writer.launch import ensure_writer

__all__ = ["SessionCatalogue"]

logger = logging.getLogger(__name__)

_POLL_S = 0.05
_SILENT_S = 1.0  # a wait that takes longer is logged


class SessionCatalogue(RunsMapping):
    """The runs of a data folder, for the session that measures them.

    A run that has ended is waited for until the catalogue has all of it; a run that
    is open is given as far as it is written. The runs are those of the journals. Tiled
    is imported when the first run is read.

    Parameters
    ----------
    folder
        The data folder.
    timeout_s
        How long (s) to wait for the catalogue's writer.
    name
        Under which databroker finds the catalogue; empty if it does not.

    Examples
    --------
    >>> run = SessionCatalogue(DataFolder("data"))[-1]
    >>> run.primary.read()
    """

    def __init__(
        self, folder: DataFolder, timeout_s: float = 60.0, name: str = ""
    ) -> None:
        self.folder = folder
        self.timeout_s = timeout_s
        self.name = name
        self._client: Any = None
        self._files: Any = None  # which files it has open
        self._awaited = ""  # what a wait is for, in words
        self._writer: subprocess.Popen[bytes] | None = None

    def _read(self, info: JournalInfo) -> Any:
        """Give a run, waiting for the writer if it has ended.

        One that the catalogue does not have, or not in time, comes as a `JournalRun`; a
        line of the log says why.
        """
        with told_after(_SILENT_S, lambda: self._awaited):
            if not (why := self._wrong() or self._wait_for(info)):
                try:
                    return self._from_catalogue(info.uid)
                except Exception as error:  # damaged databases fail in many ways
                    from .refusal import first_line  # imports tiled

                    logger.debug("run %s", info.uid, exc_info=True)
                    why = first_line(error)
            logger.warning(
                "the catalogue does not have run %s (%s): it is read from its "
                "journal; `seccm recover`, once the session is closed, puts it there",
                info.uid[:8],
                why,
            )
            return JournalRun(info.path)

    def _from_catalogue(self, uid: str) -> Any:
        if uid not in self._open():
            self.close()  # a copy may be older than the run
        return self._open()[uid]

    def _wait_for(self, info: JournalInfo) -> str:
        """Wait until the catalogue has a run, or say why it does not get it."""
        deadline = time.monotonic() + self.timeout_s
        self._awaited = (
            f"the catalogue of {self.folder.root}: its writer, a separate process, "
            f"has to put run {info.uid[:8]} into it (at most {self.timeout_s:g} s)"
        )
        while not self._readable(info.uid):
            if info.interrupted:
                return "it was interrupted"
            if (refusal := self.folder.refusal(info.uid)).exists():
                return clean(refusal.read_text(errors="replace").strip())
            if not os.access(self.folder.root, os.W_OK):
                return f"{self.folder.root} cannot be written"
            if time.monotonic() >= deadline:
                return f"it came to no end in {self.timeout_s:g} s"
            if self._writer is None or self._writer.poll() is not None:
                self._writer = ensure_writer(self.folder)
            time.sleep(_POLL_S)
        return ""

    def find(self, run: str | int) -> Any:
        """Give a run without waiting: from its journal while that may have more.

        Parameters
        ----------
        run
            As for ``catalogue[run]``.

        Returns
        -------
        run of the catalogue, or Path of the journal
            `seccm_ophyd.analysis` reads either.

        Raises
        ------
        KeyError
            If there is no such run.
        """
        info = self._find(run)
        whole = self.folder.acknowledgement(info.uid).exists()
        return self._read(info) if whole else info.path

    @property
    def where(self) -> str:
        """The data folder, and the name by which databroker finds it."""
        called = f' (databroker.catalog["{self.name}"])' if self.name else ""
        return f"{self.folder.root}{called}"

    def _find(self, run: Any) -> JournalInfo:
        check_present(self.folder.root)
        return journal_of(self.folder, run, self.name)

    def _infos(self) -> list[JournalInfo]:
        check_present(self.folder.root)
        return journals(self.folder)[::-1]

    def _settled(self) -> Any:
        with told_after(_SILENT_S, lambda: self._awaited):
            for info in unfinished(self.folder):
                if info.stop is not None:
                    self._wait_for(info)
            return self._open()

    def close(self) -> None:
        """Close the catalogue; it opens again when it is used."""
        if self._client is not None:
            close_catalogue(self._client)
            self._client = None

    def _open(self) -> Any:
        if self._client is not None and self._files != identity(self.folder):
            self.close()  # other databases are in their place by now
        if self._client is None:
            if why := quickly_wrong(self.folder):
                raise DamagedFileError(
                    f"the catalogue of {self.folder.root} is damaged ({why}): close "
                    "the session and type `seccm recover`"
                )
            self._awaited = "databroker to load (a few seconds, once in a session)"
            self._client = open_catalogue(self.folder)
            self._files = identity(self.folder)
        return self._client

    def _wrong(self) -> str:
        """Say what is wrong with the databases, unless they are open."""
        is_open = self._client is not None and self._files == identity(self.folder)
        return "" if is_open else quickly_wrong(self.folder)

    def _readable(self, uid: str) -> bool:
        if self.folder.acknowledgement(uid).exists():
            return True
        info = JournalInfo.read(self.folder.journal_file(uid))
        ended = info is not None and info.stop is not None
        return not ended and self.folder.has_catalogue and uid in self._open()
