"""Where everything lies in a data folder: the one place that names its paths."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import FolderGoneError

__all__ = ["LINES", "DataFolder", "check_in_place", "check_present", "is_uid"]

LINES = ".lines"
"""How the name of a `DataFolder.lines_file` ends."""

_UID = re.compile(r"[0-9A-Za-z_-]{1,64}")


def is_uid(text: str) -> bool:
    """Return whether a text may be a uid, and so the name of a file.

    Parameters
    ----------
    text
        Anything; a path, or what a path is made of, is no uid.
    """
    return _UID.fullmatch(text) is not None


def check_present(folder: Path | str) -> None:
    """Check that the folder of a session is where it was.

    Raises
    ------
    FolderGoneError
        If it is not there.
    """
    if not Path(folder).is_dir():
        raise FolderGoneError(
            f"the folder {folder} is not there, it may have been moved or removed: "
            "close the session and open one on the folder where it is now"
        )


def check_in_place(fd: int, path: Path) -> None:
    """Check that an open file is still the one that has its name.

    What is written to a file that was deleted, replaced or moved, or whose disk is not
    mounted any more, is not found by anybody under that name.

    Parameters
    ----------
    fd
        Descriptor of the open file.
    path
        Its name.

    Raises
    ------
    FolderGoneError
        If it is not; the message says what has become of it.
    """
    ours = os.fstat(fd)
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        gone = path
        while not gone.parent.exists():
            gone = gone.parent
        what = f"{gone} is not there: it was moved or deleted"
    except OSError as error:
        what = f"{path} is not found any more ({error.strerror})"
    else:
        if (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino):
            return
        what = f"{path} was replaced by another file"
    raise FolderGoneError(
        f"{what} while the run is written, the run cannot continue: put it back, or "
        "open a session on another folder"
    )


@dataclass(frozen=True, init=False)
class DataFolder:
    """The paths of a data folder.

    Parameters
    ----------
    root
        The folder; made absolute. Nothing is created before `create`.

    Examples
    --------
    >>> folder = DataFolder("data").create()
    >>> folder.journal_file(uid)
    """

    root: Path

    def __init__(self, root: Path | str) -> None:
        object.__setattr__(self, "root", Path(root).expanduser().resolve())

    def create(self) -> "DataFolder":
        """Make the folders that are missing.

        Returns
        -------
        DataFolder
            This folder, so that the call can be chained.
        """
        inner = self.journal, self.traces, self.arrays, self.acknowledged, self.refused
        for path in inner:
            path.mkdir(parents=True, exist_ok=True)
        return self

    @property
    def journal(self) -> Path:
        """The folder of the journals, one file per run."""
        return self.root / "journal"

    @property
    def traces(self) -> Path:
        """The folder of the HDF5 files, one per run."""
        return self.root / "traces"

    @property
    def catalogue(self) -> Path:
        """The folder of the catalogue."""
        return self.root / "catalogue"

    @property
    def database(self) -> Path:
        """The catalogue's own database (SQLite); it exists only when complete."""
        return self.catalogue / "catalog.db"

    @property
    def has_catalogue(self) -> bool:
        """Whether the catalogue has been made.

        An empty file is none: SQLite leaves one where somebody looked too early.
        """
        return self.database.exists() and self.database.stat().st_size > 0

    @property
    def tables(self) -> Path:
        """The database with the scalars of the events (SQLite)."""
        return self.catalogue / "storage.db"

    @property
    def arrays(self) -> Path:
        """The folder for arrays that stand in the events themselves (zarr)."""
        return self.catalogue / "data"

    @property
    def acknowledged(self) -> Path:
        """The folder with one empty file per run that the catalogue has whole."""
        return self.catalogue / "acknowledged"

    @property
    def refused(self) -> Path:
        """The folder with a file per run that the catalogue cannot take: why not."""
        return self.catalogue / "refused"

    @property
    def session_lock(self) -> Path:
        """Locked while a session is open on this folder."""
        return self.root / "session.lock"

    @property
    def writer_lock(self) -> Path:
        """Locked by the process that writes the catalogue."""
        return self.root / "writer.lock"

    @property
    def writer_log(self) -> Path:
        """What that process says."""
        return self.root / "writer.log"

    def journal_file(self, uid: str) -> Path:
        """Name the journal of a run.

        Parameters
        ----------
        uid
            The whole uid of the run.

        Raises
        ------
        ValueError
            If it is no uid: nothing else becomes the name of a file.
        """
        return self.journal / f"{_checked(uid)}.jsonl"

    def lines_file(self, uid: str) -> Path:
        """Name the file that makes hops which an IOC still holds into events of a run.

        Parameters
        ----------
        uid
            The whole uid of the run.

        Raises
        ------
        ValueError
            As `journal_file`.
        """
        return self.traces / f"{_checked(uid)}{LINES}"

    def acknowledgement(self, uid: str) -> Path:
        """Name the file that says that the catalogue has all of a run.

        Parameters
        ----------
        uid
            The whole uid of the run.

        Raises
        ------
        ValueError
            As `journal_file`.
        """
        return self.acknowledged / _checked(uid)

    def refusal(self, uid: str) -> Path:
        """Name the file that says why the catalogue cannot take a run.

        Parameters
        ----------
        uid
            The whole uid of the run.

        Raises
        ------
        ValueError
            As `journal_file`.
        """
        return self.refused / _checked(uid)


def _checked(uid: str) -> str:
    if not is_uid(uid):
        raise ValueError(f"{uid!r:.80} is no uid: up to 64 letters, digits, - and _")
    return uid
