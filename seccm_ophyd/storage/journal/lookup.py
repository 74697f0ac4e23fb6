"""How people name a run, and which run that is: the one look-up of all commands."""

import re
from collections.abc import Sequence
from numbers import Integral
from typing import Any, Protocol, TypeVar

from ...errors import RunNotFoundError

__all__ = ["UID_PREFIX", "NamedRun", "choose"]

UID_PREFIX = "uid:"  # in front of the beginning of a uid that is made of digits
_DIGITS_OF_A_UID = 5  # a number this long, and no scan number, may be a uid
_NUMBER = re.compile("-?[0-9]{1,18}")
_NAMED = 4  # of several runs that begin alike, the message names this many


class NamedRun(Protocol):
    """What a run is found by."""

    @property
    def uid(self) -> str:
        """The whole uid."""
        ...

    @property
    def scan_id(self) -> int | None:
        """The scan number, if the run has one."""
        ...


Run = TypeVar("Run", bound=NamedRun)


def choose(runs: Sequence[Run], run: object, where: str) -> Run:
    """Find a run as people name runs.

    Parameters
    ----------
    runs
        Those to choose from, the newest first.
    run
        A scan number (of several runs with that number, the newest is meant); -1 for
        the newest run, -2 for the one before; the uid or the beginning of it. Numbers
        may be given as text. Digits alone are a scan number; where no run has it, five
        or more of them are the beginning of a uid. ``uid:`` in front makes any text
        the beginning of a uid.
    where
        Where the runs are, for the message.

    Returns
    -------
    NamedRun
        One of `runs`.

    Raises
    ------
    RunNotFoundError
        If there is none, or several begin so; the message names those.
    """
    if isinstance(run, bool) or not isinstance(run, str | Integral):
        raise RunNotFoundError(
            f"run={run!r:.80} names no run: give a uid, a scan number, or -1 for the "
            "newest"
        )
    text = str(run)
    if not _NUMBER.fullmatch(text):
        prefix = text.removeprefix(UID_PREFIX)
        return _by_uid(runs, prefix, f"no run {text!r:.80} {_among(runs, where)}")
    number = int(text)
    if number < 0:
        if -number <= len(runs):
            return runs[-number - 1]
        raise RunNotFoundError(f"no run {number} {_among(runs, where)}")
    for candidate in runs:
        if candidate.scan_id == number:
            return candidate
    missing = f"no scan {number} {_among(runs, where)}"
    if isinstance(run, str) and len(text) >= _DIGITS_OF_A_UID:
        return _by_uid(runs, text, missing)
    if any(candidate.uid.startswith(text) for candidate in runs):
        missing += f"; a run whose uid begins so is {UID_PREFIX}{text}"
    raise RunNotFoundError(missing)


def _by_uid(runs: Sequence[Run], prefix: str, missing: str) -> Run:
    found = [run for run in runs if prefix and run.uid.startswith(prefix)]
    if len(found) == 1:
        return found[0]
    same = [run for run in found if run.uid == prefix]
    if same:
        return same[0]
    if not found:
        raise RunNotFoundError(missing)
    shown = max(8, len(prefix) + 4)
    named = [f"{run.uid[:shown]} (scan {_number(run)})" for run in found[:_NAMED]]
    more = ["..."] if len(found) > _NAMED else []
    raise RunNotFoundError(
        f"{len(found)} runs begin with {prefix!r:.80}: {', '.join(named + more)}; give "
        "more of the uid"
    )


def _number(run: NamedRun) -> Any:
    return "-" if run.scan_id is None else run.scan_id


def _among(runs: Sequence[NamedRun], where: str) -> str:
    count = f"{len(runs)} run{'' if len(runs) == 1 else 's'}"
    return f"among the {count} of {where}"
