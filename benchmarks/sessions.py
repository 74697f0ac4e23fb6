"""Sessions on private simulators, in folders that are removed with them."""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seccm_ophyd.session import Session, open_session
from seccm_ophyd.storage import DataFolder, session_alive
from seccm_ophyd.storage.locks import held

__all__ = ["scratch_session", "wait_for_writer"]


@contextlib.contextmanager
def scratch_session(**options: Any) -> Iterator[Session]:
    """Open a session that leaves no file and no process.

    Parameters
    ----------
    options
        As for `open_session`.
    """
    with tempfile.TemporaryDirectory() as folder:
        with open_session(simulator=True, data_dir=folder, **options) as session:
            yield session
        wait_for_writer(Path(folder))


def wait_for_writer(folder: Path) -> None:
    """Wait until the catalogue of a data folder has everything."""
    data = DataFolder(folder)
    while session_alive(data) or held(data.writer_lock):
        time.sleep(0.1)
