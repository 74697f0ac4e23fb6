"""Rows of a chunk whose checksum is wrong because a process died as it wrote them.

A chunk holds several rows and is written anew, whole, with each of them. A process that
is killed in the middle leaves the beginning of the new chunk and the end of the old
one, with the checksum of the old: of the rows that were there before, and NaN
after them.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["fletcher32", "rows_before"]

_MODULUS = 65535
_WORDS = 1 << 15  # the number that is summed in 64 bits at once


def fletcher32(data: bytes) -> tuple[int, int]:
    """Compute the two sums of the checksum that HDF5's filter ``fletcher32`` stores.

    Parameters
    ----------
    data
        An even number of bytes.

    Returns
    -------
    (int, int)
        Of the words, and of their sums, modulo 65535.
    """
    first = second = 0
    words = np.frombuffer(data, ">u2").astype(np.int64)
    for start in range(0, len(words), _WORDS):
        part = words[start : start + _WORDS]
        weights = np.arange(len(part), 0, -1)
        second = (second + len(part) * first + int(part @ weights)) % _MODULUS
        first = (first + int(part.sum())) % _MODULUS
    return first, second


def rows_before(
    raw: bytes, shape: tuple[int, ...], dtype: np.dtype
) -> NDArray[np.float64] | None:
    """Find the rows that a chunk had before it was written in part.

    Parameters
    ----------
    raw
        The chunk as it is in the file, with its checksum.
    shape, dtype
        Of the chunk.

    Returns
    -------
    ndarray or None
        The chunk as its checksum says, the other rows NaN; None if it fits to none.
    """
    size = int(np.prod(shape)) * dtype.itemsize
    if len(raw) != size + 4:
        return None
    stored = int.from_bytes(raw[size:], "little")
    wanted = (stored & 0xFFFF) % _MODULUS, (stored >> 16) % _MODULUS
    rows = np.frombuffer(raw[:size], dtype).reshape(shape).copy()
    for count in range(shape[0] - 1, 0, -1):
        rows[count] = np.nan
        if fletcher32(rows.tobytes()) == wanted:
            return rows
    return None
