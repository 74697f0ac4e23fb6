"""Processes that outlive the one that starts them, and share nothing with it."""

import logging
import os
import subprocess
import sys
from pathlib import Path

__all__ = ["start_detached", "start_view"]

logger = logging.getLogger(__name__)

# Kept, for Python warns of a process that runs on when its Popen is dropped: these may.
_started: "list[subprocess.Popen[bytes]]" = []


def start_detached(*arguments: str, log: Path) -> "subprocess.Popen[bytes]":
    """Start a Python module that outlives this process.

    In a separate session, so that Ctrl-C does not reach it, and with a file for its
    output, so that no pipe of ours stays open.

    Parameters
    ----------
    arguments
        What comes after ``python -m``.
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


def start_view(data_dir: Path | str) -> "subprocess.Popen[bytes] | None":
    """Open the live view in a separate process, if there is a display.

    Parameters
    ----------
    data_dir
        The data folder; ``view.log`` in it takes what the process says.

    Returns
    -------
    subprocess.Popen or None
        The process, which outlives this one; None without a display.
    """
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        logger.info("no display: no live view; `seccm view --save FILE` needs none")
        return None
    arguments = ("view", "--data", os.fspath(data_dir))
    return start_detached(
        "seccm_ophyd.cli", *arguments, log=Path(data_dir) / "view.log"
    )
