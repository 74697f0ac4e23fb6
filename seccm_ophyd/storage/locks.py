"""Locks between processes: who measures into a data folder, who writes its catalogue.

They are `flock` locks: the kernel frees them when their process dies, however it dies.
What stands in the file shows people who holds the lock; it is not the lock.
"""

import fcntl
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from ..errors import SeccmError
from ..terminal import clean
from .data_folder import DataFolder

__all__ = [
    "FileLock",
    "LockedError",
    "SessionLock",
    "WriterLock",
    "held",
    "session_alive",
    "session_info",
]

# a question by `held` takes a shared lock for an instant: do not trip over it
_QUESTION_S = 0.5


class LockedError(SeccmError):
    """Another process holds the lock; the message names it."""


class FileLock:
    """An exclusive lock on a file, held until `release` or the end of the process.

    Parameters
    ----------
    path
        The file; its folder must exist.
    what
        What the lock stands for, as the error is to call it.
    info
        Shown to others in the file, beside pid, host and start time.

    Examples
    --------
    >>> with FileLock(folder.writer_lock, "the catalogue writer"):
    ...     ...
    """

    def __init__(
        self, path: Path, what: str, info: dict[str, Any] | None = None
    ) -> None:
        self.path = path
        self.what = what
        self.info = info or {}
        self._fd: int | None = None

    def acquire(self, timeout_s: float = _QUESTION_S) -> None:
        """Take the lock.

        Parameters
        ----------
        timeout_s
            How long (s) to try.

        Raises
        ------
        LockedError
            If another holds it; names its pid and host.
        """
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(fd)
                    raise LockedError(self._holder()) from None
                time.sleep(0.02)
        self._fd = fd
        self.tell(self.info)

    def tell(self, info: dict[str, Any]) -> None:
        """Show others in the file what is known by now; the lock must be held.

        Parameters
        ----------
        info
            As for the class; replaces what was shown.
        """
        if self._fd is None:
            raise RuntimeError(f"{self.path} is not locked by this object")
        self.info = info
        content = {"pid": os.getpid(), "host": socket.gethostname()}
        content |= {"started": time.time(), **info}
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, json.dumps(content).encode(), 0)

    def check(self) -> None:
        """Check that no process holds the lock, without taking it.

        Raises
        ------
        LockedError
            If somebody does; names the pid and host.
        """
        if held(self.path):
            raise LockedError(self._holder())

    def release(self) -> None:
        """Give the lock back; does nothing if it is not held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _holder(self) -> str:
        try:
            holder = json.loads(self.path.read_text())
            who = f"process {holder['pid']} on {clean(holder['host'], 100)}"
        except (OSError, ValueError, KeyError, TypeError):
            who = "another process"
        return f"{self.what} is held by {who} ({self.path})"

    def __enter__(self) -> "FileLock":
        self.acquire()
        return self

    def __exit__(self, *exc: object) -> None:
        self.release()


class SessionLock(FileLock):
    """Held by an open session: one session at a time measures into a data folder.

    Parameters
    ----------
    folder
        The data folder; created if missing.
    info
        Shown to others, as by `FileLock.tell`.
    """

    def __init__(self, folder: DataFolder, info: dict[str, Any] | None = None) -> None:
        folder.create()
        super().__init__(folder.session_lock, "the session of the data folder", info)


class WriterLock(FileLock):
    """Held by the one process that writes the catalogue of a data folder.

    Parameters
    ----------
    folder
        The data folder; created if missing.
    """

    def __init__(self, folder: DataFolder) -> None:
        folder.create()
        super().__init__(folder.writer_lock, "the writing of the catalogue")


def held(path: Path) -> bool:
    """Return whether any process (this one included) holds the lock on a file.

    Parameters
    ----------
    path
        The lock file; need not exist.
    """
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def session_info(folder: DataFolder) -> dict[str, Any]:
    """Return what the open session of a data folder records of itself.

    Parameters
    ----------
    folder
        The data folder.

    Returns
    -------
    dict
        Its pid, host, start time, the prefix of the instrument and the addresses where
        Channel Access finds it; empty when no session is open.
    """
    if not held(folder.session_lock):
        return {}
    try:
        return dict(json.loads(folder.session_lock.read_text()))
    except ValueError:  # it is being written
        return {}


def session_alive(folder: DataFolder) -> bool:
    """Return whether a session is open on a data folder.

    Parameters
    ----------
    folder
        The data folder.
    """
    return held(folder.session_lock)
