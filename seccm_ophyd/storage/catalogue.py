"""The catalogue: databroker over Tiled, embedded, SQLite tables in the data folder.

No server process and no socket: each process opens the databases itself. One process
writes (`seccm_ophyd.storage.writer`), any number read, also runs that go on.
"""

import copy
import functools
import gc
import logging
import os
import subprocess
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from .databases import create_databases
from .index import JournalInfo, journal_of, journals
from .launch import ensure_writer
from .layout import DataFolder

__all__ = [
    "SessionCatalogue",
    "close_catalogue",
    "open_catalogue",
    "remove_profile",
    "write_profile",
]

_EXPORTER = "bluesky_tiled_plugins.exporters:json_seq_exporter"
_JSON_SEQ = "application/json-seq"
_POLL_S = 0.05


def _tree_arguments(folder: DataFolder) -> dict[str, Any]:
    return {
        "uri": f"sqlite:///{folder.database}",
        "writable_storage": [str(folder.arrays), f"sqlite:///{folder.tables}"],
        "readable_storage": [str(folder.traces)],
        "specs": [{"name": "CatalogOfBlueskyRuns", "version": "3.0"}],
        "init_if_not_exists": False,
    }


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

        _keep_what_is_imported()
        # it has a handler of its own and would tell its version to the user's console
        logging.getLogger("tiled.server.app").setLevel(logging.WARNING)
        app = build_app(
            from_uri(**_tree_arguments(folder)), serialization_registry=registry
        )
        clients = _own_structure_clients()
        return from_context(Context.from_app(app), structure_clients=clients)


@functools.cache  # once: garbage that is there now is kept, too
def _keep_what_is_imported() -> None:
    """Let Python not look through all that was imported at each full collection.

    That takes 0.3 s each time, and opening a catalogue and reading a large map takes
    three of them.
    """
    gc.freeze()


def _own_structure_clients() -> Any:
    """Copy tiled's table of client classes.

    `client.v1` and `client.v2` write into the table that all clients of a process
    share: after `Broker.named`, each catalogue opened later would give old-style runs.
    """
    from tiled.client.container import DEFAULT_STRUCTURE_CLIENT_DISPATCH, Container
    from tiled.utils import OneShotCachedMap

    Container.discover_clients_from_entrypoints()  # idempotent
    makers = {
        key: functools.partial(table.__getitem__, key)
        for table in (
            DEFAULT_STRUCTURE_CLIENT_DISPATCH["numpy"],
            Container.STRUCTURE_CLIENTS_FROM_ENTRYPOINTS,  # as installed, and unspoilt
        )
        for key in table
    }
    return OneShotCachedMap(makers)


def close_catalogue(client: Any) -> None:
    """Close a catalogue and end the threads that serve it.

    Parameters
    ----------
    client
        From `open_catalogue`.
    """
    client.context.__exit__()


def write_profile(folder: DataFolder, name: str = "seccm") -> Path:
    """Make the catalogue known to databroker and tiled in any process of this user.

    To be called when the catalogue has been made: whoever opens one before leaves an
    empty database behind.

    Parameters
    ----------
    folder
        The data folder.
    name
        The name under which ``databroker.catalog`` and ``Broker.named`` find it.

    Returns
    -------
    Path
        The profile, in ``$TILED_PROFILES`` or the user's tiled folder.
    """
    path = _profile_path(name)
    tree = {"path": "/", "tree": "catalog", "args": _tree_arguments(folder)}
    direct = {
        "authentication": {"allow_anonymous_access": True},
        "trees": [tree],
        "media_types": {"BlueskyRun": {_JSON_SEQ: _EXPORTER}},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    # at once, and hidden until then: others may be reading the profiles
    new = path.with_name(f".{name}.{os.getpid()}")
    new.write_text(yaml.safe_dump({name: {"direct": direct}}))
    new.replace(path)
    return path


def remove_profile(name: str = "seccm") -> None:
    """Take the name from databroker and tiled until `write_profile` gives it back.

    For a session whose catalogue is not there yet: readers then find no catalogue of
    that name, rather than the one of an earlier session in another folder.

    Parameters
    ----------
    name
        The name under which ``databroker.catalog`` finds a catalogue.
    """
    _profile_path(name).unlink(missing_ok=True)


def _profile_path(name: str) -> Path:
    home = os.environ.get("TILED_PROFILES") or Path.home() / ".config/tiled/profiles"
    return Path(home) / f"{name}.yml"


class SessionCatalogue:
    """The runs of a data folder, for the session that measures them.

    A run that has ended is waited for until the catalogue has all of it; a run that
    goes on is given as far as it is written. The runs are those of the journals. Tiled
    is imported when the first run is read.

    Parameters
    ----------
    folder
        The data folder.
    timeout_s
        How long (s) to wait for the catalogue's writer.

    Examples
    --------
    >>> run = SessionCatalogue(DataFolder("data"))[-1]
    >>> run.primary.read()
    """

    def __init__(self, folder: DataFolder, timeout_s: float = 60.0) -> None:
        self.folder = folder
        self.timeout_s = timeout_s
        self._client: Any = None
        self._writer: subprocess.Popen[bytes] | None = None

    def __getitem__(self, run: str | int) -> Any:
        """Give a run, waiting for the writer if it has ended.

        Parameters
        ----------
        run
            Uid, beginning of a uid, scan number, or -1, -2, ... from the newest.

        Raises
        ------
        KeyError
            If there is no such run.
        TimeoutError
            If the catalogue does not get the run in time; tells what to do.
        """
        info = journal_of(self.folder, run)
        deadline = time.monotonic() + self.timeout_s
        while not self._readable(info.uid):
            if time.monotonic() >= deadline or info.interrupted:
                raise TimeoutError(self._complaint(info))
            if self._writer is None or self._writer.poll() is not None:
                self._writer = ensure_writer(self.folder)
            time.sleep(_POLL_S)
        return self._open()[info.uid]

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
        info = journal_of(self.folder, run)
        whole = self.folder.acknowledgement(info.uid).exists()
        return self[info.uid] if whole else info.path

    def __len__(self) -> int:
        return len(journals(self.folder))

    def __iter__(self) -> Iterator[str]:
        """Iterate over the uids, oldest first."""
        return (info.uid for info in reversed(journals(self.folder)))

    @property
    def latest(self) -> Any:
        """The newest run."""
        return self[-1]

    def close(self) -> None:
        """Close the catalogue; it opens again when it is used."""
        if self._client is not None:
            close_catalogue(self._client)
            self._client = None

    def _open(self) -> Any:
        if self._client is None:
            self._client = open_catalogue(self.folder)
        return self._client

    def _readable(self, uid: str) -> bool:
        if self.folder.acknowledgement(uid).exists():
            return True
        info = JournalInfo.read(self.folder.journal_file(uid))
        ended = info is not None and info.stop is not None
        return not ended and self.folder.has_catalogue and uid in self._open()

    def _complaint(self, info: JournalInfo) -> str:
        remedy = "`seccm recover`, once the session is closed, puts it there"
        if info.interrupted:
            return f"run {info.uid[:8]} was interrupted and never catalogued; {remedy}"
        return (
            f"the catalogue lacks run {info.uid[:8]} after {self.timeout_s:g} s; its "
            f"journal {info.path} is safe; see {self.folder.writer_log}; {remedy}"
        )
