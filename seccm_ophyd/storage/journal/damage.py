"""What is damaged in journals: in words, and set aside."""

import contextlib
import itertools
import os
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from .ends import open_journal
from .journal import encode
from .lines import DAMAGE_NOTE, LONGEST, DamagedLine, Document, looks_intact
from .reader import JournalContent, read_journal

__all__ = [
    "NO_DAMAGE",
    "Damage",
    "damage_of",
    "gaps",
    "may_be_damaged",
    "set_aside",
    "without_gaps",
]

_NAMED = 8  # of many lines a message names at most this many


@dataclass(frozen=True)
class Damage:
    """What is damaged in the journal of a run.

    Parameters
    ----------
    lines
        Numbers of the damaged lines, and what is wrong with each.
    lost
        By stream, how many events are missing, as far as others show.
    made_up
        Names of documents whose line is lost, and that are made up.
    aside
        Name of the file that `seccm recover` has kept the damaged journal as; empty if
        it is the journal itself.
    """

    lines: tuple[tuple[int, str], ...] = ()
    lost: tuple[tuple[str, int], ...] = ()
    made_up: tuple[str, ...] = ()
    aside: str = ""

    def __bool__(self) -> bool:
        """Return whether there is any."""
        return bool(self.lines)

    @property
    def short(self) -> str:
        """In a few words, e.g. ``2 damaged lines``."""
        return f"{len(self.lines)} damaged line{'' if len(self.lines) == 1 else 's'}"

    def __str__(self) -> str:
        """Describe it in one sentence, for people."""
        if not self.lines:
            return "no line is damaged"
        shown = ", ".join(str(number) for number, _ in self.lines[:_NAMED])
        more = f" and {len(self.lines) - _NAMED} more" if self.lines[_NAMED:] else ""
        plural = len(self.lines) > 1
        text = f"line{'s' * plural} {shown}{more} {'are' if plural else 'is'} damaged"
        whys = list(dict.fromkeys(why for _, why in self.lines if why))
        if whys:
            text += f" ({'; '.join(whys[:2])}{'; ...' if whys[2:] else ''})"
        for stream, count in self.lost:
            text += f", {count} event{'' if count == 1 else 's'} of {stream} lost"
        for name in self.made_up:
            text += f", the {name} document is made up of those that follow"
        return text + (f"; set aside in {self.aside}" if self.aside else "")


NO_DAMAGE = Damage()


def damage_of(journal: Path | str | JournalContent) -> Damage:
    """Find what is damaged in a journal, or was when `seccm recover` set it aside.

    Parameters
    ----------
    journal
        Its path, or what has been read of it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    JournalError
        If it is no regular file.
    """
    found = journal if isinstance(journal, JournalContent) else read_journal(journal)
    if found.damaged:
        lost = tuple(_lost(found.documents).items())
        lines = tuple(_by_number(found.damaged).items())
        return Damage(lines, lost, tuple(found.made_up))
    for note in reversed(found.notes):
        with contextlib.suppress(KeyError, TypeError, ValueError):
            return Damage(
                tuple((int(number), str(why)) for number, why in note["lines"]),
                tuple((str(name), int(n)) for name, n in note["lost"].items()),
                tuple(map(str, note["made_up"])),
                str(note["original"]),
            )
    return Damage()


def may_be_damaged(path: Path) -> bool:
    """Return quickly whether a journal has to be read for its damage.

    Parameters
    ----------
    path
        The journal.

    Returns
    -------
    bool
        False if every line has its checksum and nothing was set aside. Lines without
        one are not read as JSON: they pass if they begin and end as documents do.
    """
    with open_journal(path) as file:
        return not all(map(looks_intact, iter(lambda: file.readline(LONGEST), b"")))


def _by_number(damaged: Iterable[DamagedLine]) -> dict[int, str]:
    found: dict[int, str] = {}
    for line in damaged:
        found.setdefault(line.number, line.why)
    return found


def _lost(found: Sequence[Document]) -> dict[str, int]:
    """Count the events that others show to be missing, by stream."""
    streams = {doc["uid"]: doc["name"] for name, doc in found if name == "descriptor"}
    there: dict[str, set[int]] = defaultdict(set)
    planned: Counter[str] = Counter()
    for name, doc in found:
        if name in ("event", "event_page"):
            there[streams[doc["descriptor"]]].update(_numbers(name, doc))
        elif name == "stop":
            planned.update(doc.get("num_events", {}))
    missing = {
        stream: max(planned[stream], max(there[stream], default=0)) - len(there[stream])
        for stream in [*there, *(name for name in planned if name not in there)]
    }
    return {stream: count for stream, count in missing.items() if count > 0}


def _numbers(name: str, doc: dict[str, Any]) -> list[int]:
    return doc["seq_num"] if name == "event_page" else [doc["seq_num"]]


def gaps(found: Sequence[Document]) -> set[str]:
    """Name the streams whose events do not follow each other without a gap.

    Parameters
    ----------
    found
        Documents of a run.
    """
    streams = {doc["uid"]: doc["name"] for name, doc in found if name == "descriptor"}
    numbers: dict[str, list[int]] = {name: [0] for name in streams.values()}
    data: dict[str, dict[str, int]] = {name: {} for name in streams.values()}
    for name, doc in found:
        if name in ("event", "event_page"):
            numbers[streams[doc["descriptor"]]] += _numbers(name, doc)
        elif name == "stream_datum":
            rows = data[streams[doc["descriptor"]]]
            count = doc["seq_nums"]["stop"] - doc["seq_nums"]["start"]
            resource = doc["stream_resource"]
            rows[resource] = rows.get(resource, 0) + count
    return {
        stream
        for stream, of_stream in numbers.items()
        if any(b != a + 1 for a, b in pairwise(of_stream))
        or any(count != len(of_stream) - 1 for count in data[stream].values())
    }


def without_gaps(found: Sequence[Document]) -> tuple[list[Document], set[str]]:
    """Leave external arrays out of streams that have gaps.

    A catalogue takes row n of an array for that of event n: after a gap it would show
    the wrong ones. The journal records which row belongs to which event.

    Parameters
    ----------
    found
        Documents of a run.

    Returns
    -------
    documents, streams : list of (str, dict), set of str
        What a catalogue can take, and the streams of which it does not get all.
    """
    streams = gaps(found)
    if not streams:
        return list(found), streams
    of = {doc["uid"]: doc["name"] for name, doc in found if name == "descriptor"}
    linked = {
        doc["stream_resource"]
        for name, doc in found
        if name == "stream_datum" and of[doc["descriptor"]] in streams
    }
    return list(_inner(found, streams, of, linked)), streams


def _inner(
    found: Iterable[Document], streams: set[str], of: dict[str, str], linked: set[str]
) -> Iterator[Document]:
    for name, doc in found:
        if name == "stream_resource" and doc["uid"] in linked:
            continue
        if name == "stream_datum" and of[doc["descriptor"]] in streams:
            continue
        if name == "descriptor" and doc["name"] in streams:
            keys = {
                key: about
                for key, about in doc["data_keys"].items()
                if "external" not in about
            }
            inner = {
                device: [key for key in of_device if key in keys]
                for device, of_device in doc.get("object_keys", {}).items()
            }
            yield name, {**doc, "data_keys": keys, "object_keys": inner}
        else:
            yield name, doc


def set_aside(path: Path) -> Damage:
    """Put what is intact of a damaged journal in its place; keep the damaged one.

    Parameters
    ----------
    path
        The journal; no process may be writing it. It is kept beside, as
        ``<uid>.jsonl.damaged-1``, and what is set aside is noted in the new one.

    Returns
    -------
    Damage
        What was damaged; none if there was nothing to do.

    Raises
    ------
    JournalError
        If it is no regular file.
    OSError
        If the folder cannot be written; the journal is as it was then.
    """
    content = read_journal(path)
    found = damage_of(content)
    if not content.damaged:
        return Damage()
    number = itertools.count(1)
    while (aside := path.with_name(f"{path.name}.damaged-{next(number)}")).exists():
        pass
    found = Damage(found.lines, found.lost, found.made_up, aside.name)
    new = path.with_name(f"{path.name}.new")
    with new.open("wb") as file:
        for line in _rewritten(content, found):
            file.write(line)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(path, aside)
    except OSError:  # not on every disk
        shutil.copy2(path, aside)
    new.replace(path)
    return found


def _rewritten(content: JournalContent, found: Damage) -> Iterator[bytes]:
    note = {
        "run_start": content.documents[0][1]["uid"] if content.documents else "",
        "time": time.time(),
        "lines": [list(line) for line in found.lines],
        "lost": dict(found.lost),
        "made_up": list(found.made_up),
        "original": found.aside,
    }
    notes = [*content.notes, note]
    for count, (name, doc) in enumerate(content.documents):
        yield encode(name, doc)
        if count == 0:
            yield from (encode(DAMAGE_NOTE, one) for one in notes)
