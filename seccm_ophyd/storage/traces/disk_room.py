"""Room on the disk for a file of traces, taken before HDF5 writes into it."""

import os
from pathlib import Path

import h5py

__all__ = ["DiskRoom"]

# what HDF5 may write beside a row: its index of the chunks grows in blocks
_OVERHEAD_BYTES = 128_000
# room that is taken from the disk at a time, so that not every row asks for it
_AHEAD_BYTES = 2_000_000


class DiskRoom:
    """Takes the room for rows from the disk, before HDF5 writes them.

    A write that the disk refuses leaves HDF5 in a state in which it cannot close the
    file, and the process crashes later.

    Parameters
    ----------
    file
        Open for writing.
    path
        Where it is.

    Attributes
    ----------
    fd : int
        A second descriptor of the file.
    """

    def __init__(self, file: h5py.File, path: Path) -> None:
        self._file, self._path = file, path
        self.fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._reserved = os.fstat(self.fd).st_size  # bytes that are certainly there
        self._is_full = False

    def reserve(self, size: int) -> None:
        """Take room for rows.

        Parameters
        ----------
        size
            Of the rows (bytes).

        Raises
        ------
        OSError
            If the disk does not have it.
        """
        needed = self._file.id.get_filesize() + size + _OVERHEAD_BYTES
        if needed <= self._reserved:
            return
        refused = self._take(needed + _AHEAD_BYTES) and self._take(needed)
        if refused:
            self._is_full = True
            why = (
                f"{refused.strerror}: no room for more traces, the run cannot continue"
            )
            raise OSError(refused.errno, why, str(self._path)) from refused

    def release(self) -> None:
        """Give back what was not needed, before the file is closed."""
        if not self._is_full:  # else HDF5 needs what was reserved, to close
            os.ftruncate(self.fd, self._file.id.get_filesize())
        os.close(self.fd)

    def _take(self, size: int) -> OSError | None:
        """Take room for a file of a size (bytes), or return why that cannot be."""
        try:
            os.posix_fallocate(self.fd, self._reserved, size - self._reserved)
        except OSError as error:
            return error
        self._reserved = size
        return None
