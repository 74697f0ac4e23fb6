"""Lines of a journal: a document and its checksum, found again beside damage.

A line is a JSON list, ``["event", {...}, "1c291ca3"]``. The third element is the CRC-32
(as `zlib.crc32` gives it, 8 hexadecimal digits) of the bytes of the line in front of
it, from the opening bracket to the brace that closes the document. Journals of earlier
versions have no checksums: there a line is intact if it is a document.
"""

import contextlib
import json
import re
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

__all__ = [
    "COPY_OF",
    "DAMAGE_NOTE",
    "LONGEST",
    "DamagedLine",
    "Document",
    "Line",
    "last_in",
    "looks_intact",
    "parse",
    "read_lines",
    "seal",
]

Document = tuple[str, dict[str, Any]]

COPY_OF = "copy of "
"""In front of the name: a document that others refer to, written a second time."""

DAMAGE_NOTE = "damage"
"""Name of the line in which `seccm recover` notes what it has set aside."""

LONGEST = 1 << 26  # bytes of a line; what is longer is skipped, and is no document
_LONGEST_UNSUMMED = 1 << 24  # JSON that nothing vouches for may take 20 times its bytes
_SKIPPED = 1 << 30  # ... up to this many bytes, then the rest of the file
_BLOCK = 1 << 20

_NAMES = frozenset(
    {
        *("start", "descriptor", "event", "event_page", "stop"),
        *("resource", "datum", "datum_page", "stream_resource", "stream_datum"),
        *("bulk_events", "bulk_datum"),
        *(f"{COPY_OF}{name}" for name in ("start", "descriptor", "resource")),
        f"{COPY_OF}stream_resource",
        DAMAGE_NOTE,
    }
)
_SEAL = 13  # bytes of `, "1c291ca3"]`
_SEALED = re.compile(rb', "([0-9a-f]{8})"\]')
_OPENED = re.compile(rb'\["[a-z_ ]{4,32}", \{')
_DECODER = json.JSONDecoder()
_ENDS = 16  # possible ends that are tried for each possible beginning
_CHECKED = 1 << 28  # bytes that are looked at for what is intact in one damaged line


@dataclass(frozen=True)
class DamagedLine:
    """A line of a journal, or a piece of one, that holds nothing that can be used.

    Parameters
    ----------
    number
        Of the line in its file, from 1.
    offset, size
        Where it is (bytes).
    why
        What is wrong with it, after "line 7: ".
    """

    number: int
    offset: int
    size: int
    why: str


class Line(NamedTuple):
    """A line of a journal, or a piece of a damaged one.

    Parameters
    ----------
    number
        Of the line in its file, from 1.
    offset, size
        Where it is (bytes), with its newline.
    document
        Name and document; None if it is none.
    why
        Why not.
    ended
        Whether it has a newline: the last line of a file that is being written has
        none yet.
    """

    number: int
    offset: int
    size: int
    document: Document | None
    why: str = ""
    ended: bool = True

    @property
    def damaged(self) -> DamagedLine:
        """The line as a damaged one."""
        return DamagedLine(self.number, self.offset, self.size, self.why)


def seal(text: str) -> bytes:
    """Make a line of a document that is written as JSON.

    Parameters
    ----------
    text
        A list of name and document.

    Returns
    -------
    bytes
        The line with checksum and newline.
    """
    body = text[:-1].encode()
    return b'%b, "%08x"]\n' % (body, zlib.crc32(body))


def parse(line: bytes) -> Document:
    """Read the document of a line.

    Parameters
    ----------
    line
        With or without its newline.

    Returns
    -------
    (str, dict)
        Name and document.

    Raises
    ------
    ValueError
        If the line is damaged, or no document.
    """
    line = line.removesuffix(b"\n")
    sealed = _SEALED.fullmatch(line, max(0, len(line) - _SEAL))
    if sealed is not None:
        if int(sealed[1], 16) != zlib.crc32(memoryview(line)[:-_SEAL]):
            raise ValueError("its checksum is wrong")
    elif len(line) > _LONGEST_UNSUMMED:
        raise ValueError(f"{len(line) / 1e6:.0f} MB without a checksum")
    try:
        text = line.decode()
        content, end = _DECODER.raw_decode(text)
    except UnicodeDecodeError:
        raise ValueError("it is no text") from None
    except RecursionError:
        raise ValueError("it holds lists in lists without end") from None
    if text[end:].strip():
        raise ValueError("something stands after its document")
    if isinstance(content, list) and len(content) == (2 if sealed is None else 3):
        name, doc = content[:2]
        if isinstance(doc, dict) and isinstance(name, str) and name in _NAMES:
            return name, doc
    raise ValueError("it is no [name, document] list")


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


def looks_intact(line: bytes) -> bool:
    """Return quickly whether a line holds a document and no note of damage.

    Parameters
    ----------
    line
        With its newline; without one, at the end of a file, it passes.
    """
    if not line.endswith(b"\n"):
        return len(line) < LONGEST
    if line.startswith(b'["damage"'):
        return False
    end = len(line) - 1
    sealed = _SEALED.fullmatch(line, max(0, end - _SEAL), end)
    if sealed is None:
        return line.startswith(b'["') and line.endswith(b"}]\n") and b"\0" not in line
    return int(sealed[1], 16) == zlib.crc32(memoryview(line)[: end - _SEAL])


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
    ends = [match.end() for match in _SEALED.finditer(raw)]
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
    if len(raw) - begin > _LONGEST_UNSUMMED:
        return begin, None
    text = raw[begin:].decode("latin-1")  # a byte each, to know where it ends
    try:
        _, size = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return len(raw), None
    end = begin + size
    if not (at_line or end == len(raw)):
        return end, None
    found = _document(raw[begin:end])
    return end, found
