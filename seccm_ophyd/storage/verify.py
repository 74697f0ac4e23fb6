"""Checks stored runs: journal, traces and catalogue; nothing is changed."""

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import DamagedFileError
from .addresses import path_of
from .catalogue.compare import Entry, difference, entries
from .catalogue.compare_values import values_differ
from .catalogue.soundness import what_is_wrong
from .data_folder import DataFolder
from .journal.damage import damage_of
from .journal.ends import JournalError
from .journal.info import JournalInfo
from .journal.lines import Document
from .journal.reader import JournalContent, read_journal
from .locks import held
from .traces.trace_reader import check_traces

__all__ = ["Part", "RunCheck", "verify"]

RIGHT, DAMAGED, UNCHECKED = "right", "damaged", "no checksum"
MISSING, WAITING, NONE = "missing", "being written", "none"

_SEALED = re.compile(rb', "[0-9a-f]{8}"\]\n')
_LONGEST = 1 << 26


@dataclass(frozen=True)
class Part:
    """What is known of one part of a run.

    Parameters
    ----------
    state
        ``right``, ``no checksum``, ``being written``, ``none`` (it has no such part),
        ``damaged`` or ``missing``.
    why
        What is wrong with it; empty if nothing is.
    """

    state: str
    why: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.state not in (DAMAGED, MISSING)


@dataclass(frozen=True)
class RunCheck:
    """What is known of a run.

    Parameters
    ----------
    uid
        Of the run.
    scan_id
        Its scan number, if it has one.
    journal, traces, catalogue
        Its parts.
    advice
        What to do next; empty if nothing is wrong.
    """

    uid: str
    scan_id: int | None
    journal: Part
    traces: Part
    catalogue: Part
    advice: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.journal.ok and self.traces.ok and self.catalogue.ok

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return {**asdict(self), "ok": self.ok}


def verify(
    folder: DataFolder, runs: Sequence[JournalInfo], values: bool = False
) -> Iterator[RunCheck]:
    """Check runs of a data folder.

    Parameters
    ----------
    folder
        The data folder; a session may be open on it.
    runs
        The runs.
    values
        Compare each value of the events in the catalogue with the journal, too;
        otherwise the number of events.

    Yields
    ------
    RunCheck
        Of each run, in the order of `runs`.
    """
    wrong = what_is_wrong(folder, thorough=True)
    found: dict[str, Entry] = {}
    if not wrong:
        try:
            found = entries(folder)
        except sqlite3.Error as error:
            wrong = str(error)
    for info in runs:
        yield _check(folder, info, found.get(info.uid), wrong, values)


def _check(
    folder: DataFolder, info: JournalInfo, entry: Entry | None, wrong: str, values: bool
) -> RunCheck:
    running = held(info.path)
    try:
        content = read_journal(info.path)
    except (OSError, JournalError) as error:
        part = Part(DAMAGED, getattr(error, "strerror", None) or str(error))
        advice = f"copy {info.path} from a backup"
        return RunCheck(info.uid, info.scan_id, part, Part(NONE), Part(NONE), advice)
    journal = _check_journal(info, content, running)
    traces = _check_files(folder, info, content.documents)
    if wrong:
        catalogue = Part(DAMAGED, f"its databases are damaged ({wrong})")
    else:
        catalogue = _check_catalogue(folder, info, entry, running)
        if values and catalogue.state == RIGHT:
            why = values_differ(folder, info.uid, content.documents)
            catalogue = Part(DAMAGED, why) if why else catalogue
    again = "" if wrong else info.uid[:8]
    advice = "; ".join(_advice(again, journal, traces, catalogue))
    return RunCheck(info.uid, info.scan_id, journal, traces, catalogue, advice)


def _advice(again: str, journal: Part, traces: Part, catalogue: Part) -> Iterator[str]:
    if not (journal.ok and catalogue.ok):
        run = again if journal.ok and catalogue.state == DAMAGED else ""
        command = f"seccm recover {run}".strip()
        yield f"close the session, if one is open, and type `{command}`"
    if not traces.ok:
        yield (
            "copy the file of the traces from a backup; the hops that are not named "
            "can be read with hop_traces(run, hops=[...])"
        )


def _check_journal(info: JournalInfo, content: JournalContent, running: bool) -> Part:
    if content.damaged:
        return Part(DAMAGED, str(damage_of(content)))
    if running:
        return Part(WAITING)
    if content.cut is not None or info.stop is None:
        return Part(DAMAGED, "it has no end: the session ended before the run did")
    with info.path.open("rb") as file:
        sealed = _SEALED.search(file.readline(_LONGEST)[-16:])
    why = f"set aside earlier: {damage_of(content)}" if content.notes else ""
    return Part(RIGHT if sealed else UNCHECKED, why)


def _check_files(
    folder: DataFolder, info: JournalInfo, found: Sequence[Document]
) -> Part:
    """Check the files of traces that a run names."""
    rows: dict[Path, dict[str, int]] = defaultdict(dict)
    places = {}
    for name, doc in found:
        if name == "stream_resource" and doc.get("mimetype") == "application/x-hdf5":
            path = path_of(doc["uri"], folder.root)
            if path.parent.name == folder.traces.name:
                place = path, str(doc["parameters"]["dataset"]).strip("/")
                places[doc["uid"]] = place
                rows[path].setdefault(place[1], 0)
        elif name == "stream_datum" and doc["stream_resource"] in places:
            path, dataset = places[doc["stream_resource"]]
            rows[path][dataset] = max(rows[path][dataset], doc["indices"]["stop"])
    parts = [_check_file(p, wanted, info.uid) for p, wanted in rows.items()]
    for state in (MISSING, DAMAGED, UNCHECKED, RIGHT):
        if chosen := [part for part in parts if part.state == state]:
            return Part(state, "; ".join(part.why for part in chosen if part.why))
    return Part(NONE)


def _check_file(path: Path, wanted: dict[str, int], uid: str) -> Part:
    try:
        found = check_traces(path, f"run {uid[:8]}")
    except FileNotFoundError:
        return Part(MISSING, f"{path} is not there")
    except DamagedFileError as error:
        return Part(DAMAGED, str(error).partition("; type")[0])
    except OSError as error:
        return Part(DAMAGED, f"{path} cannot be read: {error.strerror or error}")
    lost = [
        f"rows {found.rows.get(name, 0)} to {count - 1} of {name!r}"
        for name, count in wanted.items()
        if count > found.rows.get(name, 0)
    ]
    if lost:
        return Part(DAMAGED, f"{path} does not have {', '.join(lost)}")
    return Part(UNCHECKED if found.unchecked else RIGHT)


def _check_catalogue(
    folder: DataFolder, info: JournalInfo, entry: Entry | None, running: bool
) -> Part:
    if (refusal := folder.refusal(info.uid)).exists():
        why = refusal.read_text(errors="replace").strip()
        return Part(MISSING, f"the catalogue cannot take it ({why})")
    if not folder.acknowledgement(info.uid).exists():
        if running or (held(folder.writer_lock) and info.stop is not None):
            return Part(WAITING)
        return Part(MISSING, "the catalogue does not have all of it")
    if info.stop is None:
        return Part(RIGHT)  # it had an end once, which the journal has lost since
    why = difference(folder, info, entry)
    return Part(MISSING if entry is None else DAMAGED, why) if why else Part(RIGHT)
