"""Timing of one call, and what it may take."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter

__all__ = ["Result", "seconds"]


@dataclass(frozen=True)
class Result:
    """One measured number.

    Parameters
    ----------
    name
        Key in the report; ends with the unit.
    value
        What was measured.
    at_most
        What is asked; infinite for a number that others are compared with.
    """

    name: str
    value: float
    at_most: float = math.inf


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Time a call.

    Parameters
    ----------
    call
        What to time; called once before, to warm up.
    repeats
        How often to measure.

    Returns
    -------
    float
        Median duration (s).
    """
    call()
    durations = []
    for _ in range(repeats):
        start = perf_counter()
        call()
        durations.append(perf_counter() - start)
    return median(durations)
