"""The journal: every document of a run, on the disk before the plan continues.

One file per run, ``<run uid>.jsonl``, locked while it is written; one line per
document, the JSON list ``[name, document, checksum]``, see `lines`. Python's JSON
writes floats so that they read back bit for bit, and knows NaN. The catalogue, the
views and the exports all follow the journal.
"""

import copy
import errno
import fcntl
import json
import os
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from ...errors import NotKeptError
from ..append import append_line
from ..data_folder import DataFolder, check_in_place, check_present
from .hop_counter import recounted
from .kept import json_value, where_not_kept
from .lines import COPY_OF, LONGEST, seal
from .needed import PARENT
from .reader import documents

__all__ = ["Journal", "append_line", "encode"]

_WITH_CHILDREN = ("start", "descriptor", "resource", "stream_resource")
_APART = 1 << 14  # bytes between a line and its copy: more than a block of any disk
# they mean nothing without their event, which follows at once: they are written with
# it, so that neither is in the file where the disk does not take both
_BEFORE_EVENTS = ("stream_datum",)


def encode(name: str, doc: dict[str, Any]) -> bytes:
    """Write a document as one line of a journal.

    Parameters
    ----------
    name, doc
        The document; numpy scalars and arrays become numbers and lists.

    Returns
    -------
    bytes
        The line with its newline.

    Raises
    ------
    NotKeptError
        If the document holds what JSON does not know, with the key, or is too long.
    """
    if name.removeprefix(COPY_OF) == "descriptor":
        doc = _with_numbers_as_limits(doc)
    try:
        line = seal(json.dumps([name, doc], default=json_value))
    except TypeError as error:
        found = where_not_kept(doc)
        if found is None:
            raise
        raise NotKeptError(
            f"{name} document: {found[0]} {found[1]}: a run keeps text, numbers, True, "
            "False, None, and lists and dicts of these; have the device give one of "
            "them"
        ) from error
    if len(line) > LONGEST:
        raise NotKeptError(
            f"{name} document: {len(line) / 1e6:.0f} MB are more than the "
            f"{LONGEST / 1e6:.0f} MB that a run keeps in one document: have the device "
            "write its arrays into a file"
        )
    return line


def _with_numbers_as_limits(doc: dict[str, Any]) -> dict[str, Any]:
    """Turn limits of one byte into numbers.

    EPICS sends the limits of a char waveform, such as a long text, as chars, and ophyd
    puts them into the description as bytes.
    """
    described = [doc, *doc.get("configuration", {}).values()]
    if not any(
        isinstance(value, bytes)
        for part in described
        for about in part["data_keys"].values()
        for value in about.values()
    ):
        return doc
    doc = copy.deepcopy(doc)
    for part in [doc, *doc.get("configuration", {}).values()]:
        for about in part["data_keys"].values():
            about |= {k: v[0] for k, v in about.items() if _is_char(v)}
    return doc


def _is_char(value: Any) -> bool:
    return isinstance(value, bytes) and len(value) == 1


class Journal:
    """Bluesky callback that writes each document down before it returns.

    Runs may be interleaved. Errors propagate and so end the plan: a run that cannot be
    stored must not continue.

    Parameters
    ----------
    folder
        The data folder; created if missing.

    Raises
    ------
    FileExistsError
        When called with the start of a run that has a journal already.
    KeyError
        When called with a document of a run whose start was not seen.
    OSError
        When the disk refuses.
    FolderGoneError
        When its file was moved, deleted or replaced; the document is in no file.

    Examples
    --------
    >>> RE.subscribe(Journal(DataFolder("data")))
    """

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder.create()
        self._lock = threading.Lock()  # events of monitors come in other threads
        self._files: dict[str, int] = {}  # run uid: descriptor of its open file
        self._run_of: dict[str, str] = {}  # uid of any document that has children: run
        self._copies = _Copies()
        self._ahead: dict[str, dict[str, bytes]] = {}  # by run and what they describe

    def __call__(self, name: str, doc: dict[str, Any]) -> None:
        """Store one document.

        Parameters
        ----------
        name, doc
            As the RunEngine emits them.
        """
        line = encode(name, doc)
        with self._lock:
            if name == "start":
                self._open(doc["uid"])
            run = doc["uid"] if name == "start" else self._run_of[doc[PARENT[name]]]
            ahead = self._ahead.pop(run, {})
            if name in _BEFORE_EVENTS and doc["stream_resource"] not in ahead:
                self._ahead[run] = {**ahead, doc["stream_resource"]: line}
                return
            if name not in ("start", "stop"):
                check_in_place(self._files[run], self._folder.journal_file(run))
            due = self._copies.due(run, name)
            line = b"".join([*ahead.values(), due, line])
            self._append(run, line)
            self._copies.written(run, name, doc, len(line))
            if name == "stop":
                self._end(run, was_good=doc["exit_status"] == "success")
                return
            if name in _WITH_CHILDREN:
                self._run_of[doc["uid"]] = run

    def recounted(self, stop: dict[str, Any]) -> dict[str, Any]:
        """Make a stop document count the events that are in the journal of its run.

        Parameters
        ----------
        stop
            As the RunEngine emits it, of a run part of which was refused.

        Returns
        -------
        dict
            A new one.
        """
        found = documents(self._folder.journal_file(stop["run_start"]))
        return recounted(found, stop)

    def close(self) -> None:
        """Close the files of runs that have not stopped."""
        for run in list(self._files):
            self._close(run)

    def _end(self, run: str, *, was_good: bool) -> None:
        try:
            if was_good:  # else something has been raised already
                check_in_place(self._files[run], self._folder.journal_file(run))
        finally:
            self._close(run)

    def _append(self, run: str, line: bytes) -> None:
        try:
            append_line(self._files[run], line)
        except OSError as error:
            path = str(self._folder.journal_file(run))
            why = (
                f"{error.strerror}: the journal cannot be written, the run cannot "
                "continue"
            )
            raise OSError(error.errno or errno.EIO, why, path) from error

    def _open(self, run: str) -> None:
        path = self._folder.journal_file(run)
        check_present(path.parent)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
        self._files[run] = os.open(path, flags, 0o666)
        # shows others that the run is open; the kernel frees it however we end
        fcntl.flock(self._files[run], fcntl.LOCK_EX)
        self._run_of[run] = run
        _sync_folder(path.parent)

    def _close(self, run: str) -> None:
        os.close(self._files.pop(run))
        self._copies.forget(run)
        self._ahead.pop(run, None)
        self._run_of = {uid: of for uid, of in self._run_of.items() if of != run}


class _Copies:
    """Has documents that others refer to written a second time, some blocks further on.

    Without them the others are of little use. A block of the disk that is lost must not
    take both.
    """

    def __init__(self) -> None:
        self._size: Counter[str] = Counter()  # by run
        self._waiting: dict[str, list[tuple[int, bytes]]] = {}  # and where they are due

    def due(self, run: str, name: str) -> bytes:
        """Give the lines to be written in front of the next document of a run."""
        waiting = self._waiting.get(run)
        if not waiting:
            return b""
        size = self._size[run]
        return b"".join(c for where, c in waiting if where <= size or name == "stop")

    def written(self, run: str, name: str, doc: dict[str, Any], size: int) -> None:
        """Note that a document, and the copies that were due, have been written."""
        before = self._size[run]
        self._size[run] = before + size
        if waiting := self._waiting.get(run):
            self._waiting[run] = [copy for copy in waiting if copy[0] > before]
        if name in _WITH_CHILDREN:
            copy = before + size + _APART, encode(f"{COPY_OF}{name}", doc)
            self._waiting.setdefault(run, []).append(copy)

    def forget(self, run: str) -> None:
        """Forget a run whose file is closed."""
        self._size.pop(run, None)
        self._waiting.pop(run, None)


def _sync_folder(path: Path) -> None:
    """See the name of a new file safely on the disk, not only its content."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
