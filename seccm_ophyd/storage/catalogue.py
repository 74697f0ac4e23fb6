"""The catalogue: databroker over Tiled, embedded, SQLite tables in the data folder.

No server process and no socket: each process opens the databases itself. One process
writes (`seccm_ophyd.storage.writer`), any number read, also runs that are open.
"""

import copy
import logging
import os
import shutil
import subprocess
import time
import warnings
import weakref
from typing import Any

from ..errors import DamagedFileError
from ..terminal import clean
from .databases import create_databases
from .index import JournalInfo, journal_of, journals, unfinished
from .journal_run import JournalRun
from .launch import ensure_writer
from .layout import DataFolder, check_present
from .places import place_to_open, tree_arguments
from .runs_mapping import RunsMapping, told_after
from .shared_by_tiled import (
    identity,
    keep_what_is_imported,
    open_tables,
    own_structure_clients,
)
from .soundness import quickly_wrong

__all__ = [
    "SessionCatalogue",
    "close_catalogue",
    "open_catalogue",
]

logger = logging.getLogger(__name__)

_JSON_SEQ = "application/json-seq"
_POLL_S = 0.05
# what removes the databases that were copied for a client, by its context
_COPIES: "weakref.WeakKeyDictionary[Any, Any]" = weakref.WeakKeyDictionary()
_SILENT_S = 1.0  # a wait that takes longer is logged


def open_catalogue(folder: DataFolder, create: bool = False) -> Any:
    """Open the catalogue of a data folder in this process.

    Parameters
    ----------
    folder
        The data folder.
    create
        Make the catalogue if there is none (a few seconds); only the process that holds
        the writer's lock may.

    Returns
    -------
    tiled client
        ``client[uid]``, ``client[scan_id]``, ``client[-1]``; to be closed by
        `close_catalogue`. `client.v1` and `client.v2` change the client they are asked
        of: open one for each.

    Raises
    ------
    FileNotFoundError
        If there is no catalogue and `create` is false.
    """
    if not folder.has_catalogue:
        if not create:
            raise FileNotFoundError(
                f"no catalogue in {folder.root}: a session there, or "
                f"`seccm recover`, makes one"
            )
        create_databases(folder)
    # heavy (2 s) and not needed by the devices, so not at the head of this module
    from bluesky_tiled_plugins.exporters import json_seq_exporter
    from tiled.catalog import from_uri
    from tiled.media_type_registration import default_serialization_registry

    registry = copy.copy(default_serialization_registry)
    registry.register("BlueskyRun", _JSON_SEQ, json_seq_exporter)
    with warnings.catch_warnings():
        # starlette's wish for another HTTP library is for tiled's authors to fulfil
        warnings.filterwarnings("ignore", message=".*httpx.*")
        from tiled.client import Context, from_context
        from tiled.server.app import build_app

        from .trace_adapter import HDF5, trace_adapter

        keep_what_is_imported()
        # it has a separate handler, and would show its version on the user's console
        logging.getLogger("tiled.server.app").setLevel(logging.WARNING)
        copied = place_to_open(folder, owner=create)
        adapters = {HDF5: trace_adapter(folder)}
        arguments = tree_arguments(folder, copied)
        tree = from_uri(**arguments, adapters_by_mimetype=adapters)
        open_tables(folder, tree)
        app = build_app(tree, serialization_registry=registry)
        clients = own_structure_clients(folder)
        client = from_context(Context.from_app(app), structure_clients=clients)
        if copied is not None:
            _COPIES[client.context] = weakref.finalize(
                client.context, shutil.rmtree, copied, ignore_errors=True
            )
        return client


def close_catalogue(client: Any) -> None:
    """Close a catalogue and end the threads that serve it.

    Parameters
    ----------
    client
        From `open_catalogue`.
    """
    client.context.__exit__()
    if (remove := _COPIES.pop(client.context, None)) is not None:
        remove()


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
