"""Opens an HDF5 file that may be damaged, or that a killed process left open.

HDF5 opens a file that is being written, or was when its process died, for readers of
"SWMR" only. These try again and again where the checksum of an index is wrong, with a
pause that doubles each time: in a damaged file for ever. They also read zeros where a
file has been cut off. So every file is opened as one that is complete; of one that is
marked as being written a copy of the first 48 bytes is shown to HDF5 without the mark.
"""

import io
import os
import struct
from pathlib import Path
from typing import Any

import h5py

from ...errors import DamagedFileError

__all__ = ["checksum", "is_marked", "open_traces"]

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_OLDEST = 0
_SIZE = 48  # bytes of a superblock of version 2 or 3 with addresses of 8 bytes
_SUMMED = 44  # its first bytes, of which the last 4 are the checksum
_FLAGS = 11
_END = 28  # where the address of the end of the file stands
_MASK = 0xFFFFFFFF


def open_traces(path: Path) -> h5py.File:
    """Open a file for reading; bounded in time for any content.

    Parameters
    ----------
    path
        The file; another process may be writing it.

    Returns
    -------
    h5py.File
        To be closed by the caller.

    Raises
    ------
    FileNotFoundError
        If there is none.
    DamagedFileError
        If its first bytes are not those of an HDF5 file.
    OSError
        If HDF5 finds something else wrong.
    """
    head = _head(path)
    if not head[_FLAGS]:
        return h5py.File(path, "r", libver="latest", locking=False)
    return _MarkedFile(_Unmarked(path, head))


def is_marked(path: Path) -> bool:
    """Return whether a file is being written, or was when its process died."""
    return bool(_head(path)[_FLAGS])


class _MarkedFile(h5py.File):
    """An `h5py.File` that closes what it reads from."""

    def __init__(self, source: "_Unmarked") -> None:
        self._source = source
        try:
            super().__init__(source, "r", libver="latest")
        except BaseException:
            source.close()
            raise

    def close(self) -> None:
        super().close()
        self._source.close()


class _Unmarked(io.RawIOBase):
    """A file as bytes, with a superblock that has no mark and the true size."""

    def __init__(self, path: Path, head: bytes) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._at = 0
        self._size = os.fstat(self._fd).st_size
        new = bytearray(head[:_SUMMED])
        new[_FLAGS] = 0
        new[_END : _END + 8] = struct.pack("<Q", self._size)
        self._head = bytes(new) + struct.pack("<I", checksum(bytes(new)))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}
        self._at = start[whence] + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        count = os.preadv(self._fd, [view], self._at)
        if self._at < _SIZE:
            part = self._head[self._at : self._at + len(view)]
            view[: len(part)] = part
        self._at += count
        return count

    def close(self) -> None:
        if not self.closed:
            os.close(self._fd)
        super().close()


def _head(path: Path) -> bytes:
    """Read the superblock, and see that it is whole."""
    with path.open("rb") as file:
        head = file.read(_SIZE)
    if len(head) < _SIZE or head[:8] != _SIGNATURE:
        raise DamagedFileError("its first bytes are not those of an HDF5 file")
    if head[8] == _OLDEST:  # of another program, such as h5repack: without checksum
        return head[:_FLAGS] + b"\0" + head[_FLAGS + 1 :]
    if head[8] not in (2, 3) or head[9:11] != b"\x08\x08":
        raise DamagedFileError("its first 48 bytes (superblock) are damaged")
    if struct.unpack("<I", head[_SUMMED:])[0] != checksum(head[:_SUMMED]):
        raise DamagedFileError("its first 48 bytes (superblock) are damaged")
    return head


def checksum(data: bytes) -> int:
    """Compute the checksum that HDF5 gives what is not data.

    It is ``lookup3`` of Bob Jenkins (2006).

    Parameters
    ----------
    data
        At least one byte.
    """
    a = b = c = (0xDEADBEEF + len(data)) & _MASK
    blocks = [
        struct.unpack("<3I", data[k : k + 12].ljust(12, b"\0"))
        for k in range(0, len(data), 12)
    ]
    for x, y, z in blocks[:-1]:
        a, b, c = _mix((a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK)
    x, y, z = blocks[-1]
    a, b, c = (a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK
    for turn in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _turned(b, turn)) & _MASK
        a, b, c = b, c, a  # c is changed by b, then a by c, then b by a, and so on
    return int(b)


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for turn in (4, 6, 8, 16, 19, 4):
        # the three take their turns: a from c, b from a, c from b
        a = ((a - c) & _MASK) ^ _turned(c, turn)
        c = (c + b) & _MASK
        a, b, c = b, c, a
    return a, b, c


def _turned(word: int, turn: int) -> int:
    return ((word << turn) | (word >> (32 - turn))) & _MASK
