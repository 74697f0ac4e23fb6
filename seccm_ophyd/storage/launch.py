"""Starts the catalogue's writer in a process of its own."""

import subprocess
import sys

from .layout import DataFolder
from .locks import held

__all__ = ["ensure_writer", "start_writer"]

# Kept, for Python warns of a process that runs on when its Popen is dropped: these may.
_started: "list[subprocess.Popen[bytes]]" = []


def start_writer(folder: DataFolder) -> "subprocess.Popen[bytes]":
    """Start a writer that outlives this process.

    Parameters
    ----------
    folder
        The data folder; created if missing.

    Returns
    -------
    Popen
        The process; it ends by itself when no session is open on the folder and the
        catalogue has everything, or at once if another writer is at work.
    """
    folder.create()
    command = [sys.executable, "-m", "seccm_ophyd.storage.writer", str(folder.root)]
    with folder.writer_log.open("ab") as log:
        # its own session, so that Ctrl-C does not reach it; a file for its output, so
        # that no pipe of ours stays open
        writer = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _started[:] = [old for old in _started if old.poll() is None] + [writer]
    return writer


def ensure_writer(folder: DataFolder) -> "subprocess.Popen[bytes] | None":
    """Start a writer unless one is at work.

    Parameters
    ----------
    folder
        The data folder; created if missing.

    Returns
    -------
    Popen or None
        The process that was started.
    """
    return None if held(folder.writer_lock) else start_writer(folder)
