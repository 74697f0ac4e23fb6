"""Processes that outlive the one that starts them, and share nothing with it."""

import subprocess
import sys
from pathlib import Path

__all__ = ["start_detached"]

# Kept, for Python warns of a process that runs on when its Popen is dropped: these may.
_started: "list[subprocess.Popen[bytes]]" = []


def start_detached(*arguments: str, log: Path) -> "subprocess.Popen[bytes]":
    """Start a Python module that outlives this process.

    In a session of its own, so that Ctrl-C does not reach it, and with a file for its
    output, so that no pipe of ours stays open.

    Parameters
    ----------
    arguments
        What comes behind ``python -m``.
    log
        File that takes what it says.

    Returns
    -------
    Popen
        The process.
    """
    with log.open("ab") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    _started[:] = [old for old in _started if old.poll() is None] + [process]
    return process
