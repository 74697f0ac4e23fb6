"""Lines of a journal: a document and its checksum, as they are written.

A line is a JSON list, ``["event", {...}, "1c291ca3"]``. The third element is the CRC-32
(as `zlib.crc32` gives it, 8 hexadecimal digits) of the bytes of the line in front of
it, from the opening bracket to the brace that closes the document. Journals of earlier
versions have no checksums: there a line is intact if it is a document.
"""

import json
import re
import zlib
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = [
    "COPY_OF",
    "DAMAGE_NOTE",
    "DECODER",
    "LONGEST",
    "LONGEST_UNSUMMED",
    "SEALED",
    "DamagedLine",
    "Document",
    "Line",
    "looks_intact",
    "parse",
    "seal",
]

Document = tuple[str, dict[str, Any]]

COPY_OF = "copy of "
"""In front of the name: a document that others refer to, written a second time."""

DAMAGE_NOTE = "damage"
"""Name of the line in which `seccm recover` notes what it has set aside."""

LONGEST = 1 << 26  # bytes of a line; what is longer is skipped, and is no document
LONGEST_UNSUMMED = 1 << 24  # JSON that nothing vouches for may take 20 times its bytes

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
SEALED = re.compile(rb', "([0-9a-f]{8})"\]')
DECODER = json.JSONDecoder()


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
    sealed = SEALED.fullmatch(line, max(0, len(line) - _SEAL))
    if sealed is not None:
        if int(sealed[1], 16) != zlib.crc32(memoryview(line)[:-_SEAL]):
            raise ValueError("its checksum is wrong")
    elif len(line) > LONGEST_UNSUMMED:
        raise ValueError(f"{len(line) / 1e6:.0f} MB without a checksum")
    try:
        text = line.decode()
        content, end = DECODER.raw_decode(text)
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
    sealed = SEALED.fullmatch(line, max(0, end - _SEAL), end)
    if sealed is None:
        return line.startswith(b'["') and line.endswith(b"}]\n") and b"\0" not in line
    return int(sealed[1], 16) == zlib.crc32(memoryview(line)[: end - _SEAL])
