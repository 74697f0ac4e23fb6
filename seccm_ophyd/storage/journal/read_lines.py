"""Reads the lines of a journal; in a damaged line, what is intact of it."""

import contextlib
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import BinaryIO

from .lines import DECODER, LONGEST, LONGEST_UNSUMMED, SEALED, Document, Line, parse

__all__ = ["last_in", "read_lines"]

_SKIPPED = 1 << 30  # bytes of a long line that are skipped, then the rest of the file
_BLOCK = 1 << 20
_OPENED = re.compile(rb'\["[a-z_ ]{4,32}", \{')
_ENDS = 16  # possible ends that are tried for each possible beginning
_CHECKED = 1 << 28  # bytes that are looked at for what is intact in one damaged line


def read_lines(file: BinaryIO, number: int = 1) -> Iterator[Line]:
    """Read lines from where a file stands to its end.

    A damaged line is searched for intact ones, such as two that have lost the newline
    between them. The memory that is taken does not grow with the file.

    Parameters
    ----------
    file
        The journal, opened in binary mode.
    number
        Of the line that is read first.

    Yields
    ------
    Line
        In the order of the file.
    """
    offset = file.tell()
    while raw := file.readline(LONGEST + 1):
        ended = raw.endswith(b"\n")
        size = len(raw)
        if not ended and size > LONGEST:
            size, ended, whole = _skip(file, size)
            why = f"longer than {LONGEST / 1e6:.0f} MB"
            yield Line(number, offset, size, None, why, ended)
            if not whole:
                return
        else:
            try:
                yield Line(number, offset, size, parse(raw), ended=ended)
            except ValueError as error:
                yield from _pieces(Line(number, offset, size, None, str(error)), raw)
        offset += size
        number += 1


def last_in(line: bytes) -> Document | None:
    """Read the last document of a line, which may be damaged.

    Parameters
    ----------
    line
        Without its newline.

    Returns
    -------
    (str, dict) or None
        None if nothing of it is intact.
    """
    with contextlib.suppress(ValueError):
        return parse(line)
    found = [document for _, _, document in _intact(line)]
    return found[-1] if found else None


def _skip(file: BinaryIO, size: int) -> tuple[int, bool, bool]:
    """Go to the end of a long line: its size, its newline, and whether it was found."""
    while size < _SKIPPED:
        raw = file.readline(_BLOCK)
        size += len(raw)
        if raw.endswith(b"\n") or not raw:
            return size, bool(raw), True
    return size, False, False


def _pieces(line: Line, raw: bytes) -> Iterator[Line]:
    """Give what is intact in a damaged line, and what is not, in order."""
    ended = raw.endswith(b"\n")
    done = 0
    for begin, end, document in _intact(raw.removesuffix(b"\n")):
        if begin > done:
            yield _piece(line, done, begin, None)
        yield _piece(line, begin, end, document)
        done = end
    rest = len(raw) - done
    if rest > 1 or (rest and not ended) or not done:
        why = _as_text(line.why, raw)
        yield Line(line.number, line.offset + done, rest, None, why, ended)


def _piece(line: Line, begin: int, end: int, document: Document | None) -> Line:
    return Line(line.number, line.offset + begin, end - begin, document, line.why)


def _as_text(why: str, raw: bytes) -> str:
    """Say of zeros that they are zeros: a block that was never written, or erased."""
    return f"{why}; {raw.count(0)} zero bytes" if b"\0" in raw else why


def _intact(raw: bytes) -> Iterator[tuple[int, int, Document]]:
    """Find documents in a damaged line: where each begins and ends."""
    ends = [match.end() for match in SEALED.finditer(raw)]
    left, done = _CHECKED, 0
    for opened in _OPENED.finditer(raw):
        begin = opened.start()
        if begin < done:
            continue
        first = bisect_right(ends, begin)
        for end in ends[first : first + _ENDS]:
            left -= end - begin
            if left < 0:
                return
            found = _document(raw[begin:end])
            if found is not None:
                yield begin, end, found
                done = end
                break
        else:
            left -= len(raw) - begin
            end, found = _unsealed(raw, begin, at_line=begin == done)
            if found is not None:
                yield begin, end, found
                done = end


def _document(raw: bytes) -> Document | None:
    try:
        return parse(raw)
    except ValueError:
        return None


def _unsealed(raw: bytes, begin: int, at_line: bool) -> tuple[int, Document | None]:
    """Read a document without a checksum, if it begins or ends a line.

    A list in the metadata of a document may look like one, but does neither.
    """
    if len(raw) - begin > LONGEST_UNSUMMED:
        return begin, None
    text = raw[begin:].decode("latin-1")  # a byte each, to know where it ends
    try:
        _, size = DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return len(raw), None
    end = begin + size
    if not (at_line or end == len(raw)):
        return end, None
    found = _document(raw[begin:end])
    return end, found
