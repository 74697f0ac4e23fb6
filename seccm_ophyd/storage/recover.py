"""Brings the catalogue up to date with the journals after a session has died."""

import logging
import math
import os
import uuid
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ..schema import HOPS, PRIMARY
from .catalogue.compare import differences, entries
from .catalogue.soundness import set_aside_if_corrupt
from .catalogue.tiled_client import close_catalogue, open_catalogue
from .catalogue.writer.ordering import order_catalogue
from .data_folder import DataFolder
from .interrupted import LeftHops, is_of_hops
from .journal.damage import NO_DAMAGE, Damage, damage_of, set_aside
from .journal.follower import Follower
from .journal.hop_counter import count_events, totals
from .journal.index import acknowledge, journals, unfinished
from .journal.info import JournalInfo
from .journal.journal import append_line, encode
from .journal.lines import Document
from .journal.reader import documents
from .locks import SessionLock, WriterLock, held

__all__ = ["Recovered", "end_journal", "recover"]

logger = logging.getLogger(__name__)

Fetch: TypeAlias = Callable[[DataFolder], Iterable[LeftHops]]


@dataclass(frozen=True)
class Recovered:
    """What `recover` did with one run.

    Parameters
    ----------
    uid
        Of the run.
    interrupted
        Whether its journal had no stop document and was given one.
    num_events
        By stream.
    error
        Why the run is still not in the catalogue; None if it is.
    damage
        What was damaged in its journal, and is set aside.
    rebuilt
        Why it was written again although the catalogue had had it; empty if it was not.
    known
        Whether the catalogue has had the run since before that: it may have more than
        is left in the journal, and nothing of it was changed.
    left
        What became of hops that only the IOC had; None if there were none.
    """

    uid: str
    interrupted: bool
    num_events: dict[str, int]
    error: str | None = None
    damage: Damage = NO_DAMAGE
    rebuilt: str = ""
    known: bool = False
    left: LeftHops | None = None


def recover(
    folder: DataFolder,
    wait_s: float = 30.0,
    fetch: Fetch | None = None,
    again: Collection[str] = (),
) -> list[Recovered]:
    """Put all missing runs into the catalogue; end and mark the interrupted ones.

    The catalogue is compared with the journals: what is missing in it, or differs, is
    written again. Databases that are damaged are set aside, as
    ``catalogue.corrupt-1``, and made anew.

    Parameters
    ----------
    folder
        The data folder; no session may be open on it.
    wait_s
        How long (s) to wait for a writer that is finishing its work.
    fetch
        Fetches what interrupted runs have left in their IOC; see
        `seccm_ophyd.session.left_hops.fetch_left_hops`.
    again
        Uids of runs that are written again in any case, also if the catalogue has them.

    Returns
    -------
    list of Recovered
        One per run that was missing from the catalogue, oldest first.

    Raises
    ------
    LockedError
        If a session is open on the folder, or a writer still at work; names its pid.
    """
    SessionLock(folder).check()
    lock = WriterLock(folder)
    lock.acquire(wait_s)  # first: a writer at work would take us for a session
    try:
        with SessionLock(folder, {"purpose": "recover"}):
            before = set(os.listdir(folder.acknowledged))
            damaged = set_aside_if_corrupt(folder, thorough=True) is not None
            aside = _set_aside(folder)
            left = {hops.run: hops for hops in (fetch(folder) if fetch else ())}
            lost = _compared(folder, before, damaged, again)
            client = open_catalogue(folder, create=True)
            try:
                found = [
                    _recover(
                        folder,
                        client,
                        info,
                        aside.pop(info.uid, NO_DAMAGE),
                        lost.get(info.uid, ""),
                        left.get(info.uid),
                    )
                    for info in unfinished(folder)
                ]
                known = {result.uid for result in found} | aside.keys()
                return [
                    *found,
                    *(_in_catalogue(folder, uid, why) for uid, why in aside.items()),
                    *(
                        _in_catalogue(folder, uid, NO_DAMAGE, hops)
                        for uid, hops in left.items()
                        if hops and uid not in known
                    ),
                ]
            finally:
                order_catalogue(folder)
                close_catalogue(client)
    finally:
        lock.release()


def _set_aside(folder: DataFolder) -> dict[str, Damage]:
    """Set aside what is damaged in journals; by uid of the run, oldest first."""
    found = {}
    for info in journals(folder)[::-1]:
        if held(info.path):
            continue
        try:
            damage = set_aside(info.path)
        except OSError as error:  # the catalogue gets what is intact anyway
            logger.warning("%s is left as it is: %s", info.path, error.strerror)
            damage = damage_of(info.path)
        if damage:
            found[info.uid] = damage
    return found


def _compared(
    folder: DataFolder, before: set[str], damaged: bool, again: Collection[str]
) -> dict[str, str]:
    """Find runs that the catalogue has lost, to be written again: why, by uid.

    Parameters
    ----------
    folder
        The data folder.
    before
        Uids of the runs that had been acknowledged.
    damaged
        Whether the catalogue was damaged, and is set aside.
    again
        Uids of runs that are written again in any case.
    """
    runs = {info.uid: info for info in journals(folder)[::-1] if info.uid in before}
    wrong = differences(folder, runs, entries(folder))
    wrong |= {uid: "as asked for" for uid in again if uid in runs and uid not in wrong}
    for uid in wrong:
        folder.acknowledgement(uid).unlink(missing_ok=True)
    return dict.fromkeys(wrong, "the catalogue was damaged") if damaged else wrong


def _in_catalogue(
    folder: DataFolder, uid: str, damage: Damage, left: LeftHops | None = None
) -> Recovered:
    """Report a run that the catalogue has as far as it is on the disk."""
    num_events = count_events(documents(folder.journal_file(uid)))
    return Recovered(uid, False, num_events, damage=damage, known=True, left=left)


def _recover(
    folder: DataFolder,
    client: Any,
    info: JournalInfo,
    damage: Damage,
    lost: str,
    left: LeftHops | None,
) -> Recovered:
    # they import tiled: not when the package is imported
    from .catalogue.refusal import first_line, refuse_run
    from .catalogue.writer.ingest import write_run

    interrupted = info.stop is None
    num_events: dict[str, int] = {}
    if interrupted and left is not None and left.later:  # before that it has no end
        counts = count_events(documents(info.path))
        return Recovered(info.uid, True, counts, f"it waits, {left}", damage, left=left)
    try:
        if interrupted:
            end_journal(info.path, damage, left)
            folder.lines_file(info.uid).unlink(missing_ok=True)
        found = documents(info.path)
        num_events = count_events(found)
        write_run(client, found, folder)
        acknowledge(folder, info.uid)
    except Exception as error:  # one bad run must not keep back the others
        logger.debug("run %s cannot be recovered", info.uid, exc_info=True)
        why = first_line(error)
        refuse_run(folder, client, JournalInfo.read(info.path) or info, why)
        return Recovered(info.uid, interrupted, num_events, why, damage, lost)
    return Recovered(
        info.uid, interrupted, num_events, damage=damage, rebuilt=lost, left=left
    )


def end_journal(
    path: Path, damage: Damage = NO_DAMAGE, left: LeftHops | None = None
) -> None:
    """Give the journal of an interrupted run a stop document.

    A last line that is cut is removed. The run ends at the time of its last document.

    Parameters
    ----------
    path
        The journal; no other process may be writing it.
    damage
        What was set aside of it: the stop document, perhaps.
    left
        What became of hops that only the IOC had.
    """
    follower = Follower(path)
    found, _ = follower.read_rest()
    why = "interrupted: the session ended before the run did"
    if damage:
        why = f"its journal was damaged, with no stop document left: {damage.short}"
    counts = count_events(found)
    stop = {
        "uid": str(uuid.uuid4()),
        "time": _last_time(found),
        "run_start": found[0][1]["uid"],
        "exit_status": "abort",
        "reason": why,
        "num_events": counts,
        "interrupted": True,
    }
    if any(name == "descriptor" and is_of_hops(doc) for name, doc in found):
        stop[HOPS] = totals(counts[PRIMARY], 0)
        if left is not None and left.why:
            stop[HOPS] |= {"lost_at_most": left.lost}
            stop["reason"] = f"{why}; up to {left.lost} hops may be lost: {left.why}"
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW)
    try:
        os.ftruncate(fd, follower.offset)
        whole = os.pread(fd, 1, follower.offset - 1) == b"\n"
        append_line(fd, (b"" if whole else b"\n") + encode("stop", stop))
    finally:
        os.close(fd)


def _last_time(found: list[Document]) -> float:
    """Find the time of the newest document."""
    times = [doc["time"] for _, doc in found if "time" in doc]
    ends = [max(time) if isinstance(time, list) else time for time in times]
    return float(max(time for time in ends if math.isfinite(time)))
