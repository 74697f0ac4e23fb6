"""Starts the catalogue's writer in a separate process."""

import subprocess

from ....processes import start_detached
from ...data_folder import DataFolder
from ...locks import held

__all__ = ["ensure_writer", "start_writer"]


def start_writer(folder: DataFolder, profile: str = "") -> "subprocess.Popen[bytes]":
    """Start a writer that outlives this process.

    Parameters
    ----------
    folder
        The data folder; created if missing.
    profile
        Name under which databroker is to find the catalogue; the writer makes it known
        once the catalogue exists.

    Returns
    -------
    Popen
        The process; it ends by itself when no session is open on the folder and the
        catalogue has everything, or at once if another writer is at work.
    """
    folder.create()
    module = "seccm_ophyd.storage.catalogue.writer"
    return start_detached(module, str(folder.root), profile, log=folder.writer_log)


def ensure_writer(
    folder: DataFolder, profile: str = ""
) -> "subprocess.Popen[bytes] | None":
    """Start a writer unless one is at work.

    Parameters
    ----------
    folder
        The data folder; created if missing.
    profile
        Name under which databroker is to find the catalogue; the writer makes it known
        once the catalogue exists.

    Returns
    -------
    Popen or None
        The process that was started.
    """
    return None if held(folder.writer_lock) else start_writer(folder, profile)
