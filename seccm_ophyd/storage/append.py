"""Appending to a file so that it is on the disk, whole or not at all."""

import os

__all__ = ["append_line"]


def append_line(fd: int, line: bytes) -> None:
    """Append a line to a file and see it safely on the disk.

    Parameters
    ----------
    fd
        Descriptor of a file opened for appending.
    line
        The whole line.

    Raises
    ------
    OSError
        If the disk does not take it; no part of the line stays in the file then, so
        that documents that follow do not stand after half of it.
    """
    size = os.fstat(fd).st_size
    rest = memoryview(line)
    try:
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.fsync(fd)
    except OSError:
        os.ftruncate(fd, size)
        raise
