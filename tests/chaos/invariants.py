"""What must hold after each step, however it went: each checker names what does not."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from .stored import StoredRun
from .truth import HopKey, Truth, hop_key, is_completed

__all__ = [
    "Balance",
    "balance",
    "check_balance",
    "check_harm",
    "check_indices",
    "check_memory",
    "check_safe",
    "check_stop",
]

MOST_MB = 700.0
"""Resident memory (MB) that the IOC may have: 2000 hops with traces, twice over."""


@dataclass
class Balance:
    """The hops of a step.

    Parameters
    ----------
    made
        How many the instrument has completed.
    stored
        How many the journals hold.
    lost
        Completed and in no journal.
    surplus
        In a journal, and never made, or made once and stored twice.
    """

    made: int = 0
    stored: int = 0
    lost: list[HopKey] = field(default_factory=list)
    surplus: list[HopKey] = field(default_factory=list)


def balance(
    truth: Truth, runs: Sequence[StoredRun], orders: Sequence[float] = ()
) -> Balance:
    """Compare what was made with what is stored.

    A landing that a client has commanded makes a completed hop when the probe has moved
    on to another place in the same run; one that was interrupted may be done again.

    Parameters
    ----------
    truth
        What the simulator has written down.
    runs
        What the journals hold.
    orders
        Monotonic times (s) at which a run was begun or resumed.
    """
    stored = Counter(key for run in runs for key in run.keys)
    landings = truth.landings
    completed = Counter(truth.flown)
    for line, next_ in pairwise(landings):
        went_on = not any(line["at"] < order <= next_["at"] for order in orders)
        moved = hop_key(line)[:2] != hop_key(next_)[:2]
        if went_on and moved and is_completed(line):
            completed[hop_key(line)] += 1
    all_made = Counter(truth.flown) + Counter(map(hop_key, landings))
    return Balance(
        made=(completed | (stored & all_made)).total(),
        stored=stored.total(),
        lost=list((completed - stored).elements()),
        surplus=list((stored - all_made).elements()),
    )


def check_balance(found: Balance, bound: int) -> list[str]:
    """See that no hop is lost beyond a bound, and none is stored twice or made up."""
    problems = []
    if len(found.lost) > bound:
        problems.append(
            f"{len(found.lost)} completed hops are lost, {bound} may be: "
            f"first {found.lost[0]}"
        )
    if found.surplus:
        problems.append(
            f"{len(found.surplus)} hops are stored twice or were never made: "
            f"first {found.surplus[0]}"
        )
    return problems


def check_indices(runs: Iterable[StoredRun]) -> list[str]:
    """See that each run has each of its hops once."""
    return [
        f"run {run.uid[:8]}: hop {index} is stored {count} times"
        for run in runs
        for index, count in Counter(run.indices).most_common(1)
        if count > 1
    ]


def check_stop(
    stop: dict[str, Any] | None, stored: int, planned: int, *, complete: bool
) -> list[str]:
    """See that a run has ended, and is whole if nothing was to end it.

    Parameters
    ----------
    stop
        Its stop document.
    stored, planned
        Hops.
    complete
        Whether no fault was to end it.
    """
    if stop is None:
        return ["the run has no stop document"]
    problems = []
    if complete and stop["exit_status"] != "success":
        reason = stop.get("reason") or stop["exit_status"]
        problems.append(f"the scan was to go on, it ended: {reason}"[:300])
    elif complete and stored != planned:
        problems.append(f"the scan ended well with {stored} of {planned} hops")
    counted = stop.get("hops")
    if counted and counted["stored"] != stored:
        problems.append(f"the stop document counts {counted}, {stored} are stored")
    return problems


def check_harm(truth: Truth) -> list[str]:
    """See that the probe was never dragged, nor in a contact that no approach made."""
    kinds = Counter(truth.harm)
    return [f"{count} x {kind}" for kind, count in kinds.items()]


def check_safe(seconds: float, bound: float) -> list[str]:
    """See that it was SAFE in time (s)."""
    if math.isinf(seconds):
        return ["it did not become SAFE"]
    if seconds > bound:
        return [f"SAFE after {seconds:.2f} s, {bound:g} s are allowed"]
    return []


def check_memory(megabytes: float) -> list[str]:
    """See that the memory of the IOC is bounded (MB)."""
    if megabytes > MOST_MB:
        return [f"the IOC holds {megabytes:.0f} MB, {MOST_MB:.0f} MB are allowed"]
    return []
