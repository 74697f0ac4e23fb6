"""The sequence of scans and faults of a seed."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .damage import BETWEEN
from .faults import Injection, draw_faults
from .scans import Scan, draw_scan

__all__ = ["Step", "draw_step", "steps"]


@dataclass(frozen=True)
class Step:
    """A scan with its faults.

    Parameters
    ----------
    number
        Of the step; with the seed it tells all.
    scan
        What is done.
    injections
        What breaks meanwhile.
    goes_on
        How a pause ends: ``resume``, ``abort``, ``stop`` or ``halt``.
    resumed
        Whether a map that was interrupted is finished by ``resume_scan``.
    reopened
        Whether the session is closed after it, and another one opened.
    between
        What happens after it to what is stored, or idle: a key of `BETWEEN`.
    """

    number: int
    scan: Scan
    injections: tuple[Injection, ...]
    goes_on: str = "resume"
    resumed: bool = False
    reopened: bool = False
    between: str = ""


def draw_step(seed: int, number: int) -> Step:
    """Draw one step; it depends on nothing but seed and number.

    Parameters
    ----------
    seed, number
        Whole numbers, 0 or more.
    """
    rng = np.random.default_rng([seed, number])
    scan = draw_scan(rng)
    return Step(
        number=number,
        scan=scan,
        injections=tuple(draw_faults(rng, scan)),
        goes_on=str(
            rng.choice(["resume", "abort", "stop", "halt"], p=[0.7, 0.1, 0.1, 0.1])
        ),
        resumed=bool(rng.uniform() < 0.4),
        reopened=bool(rng.uniform() < 0.15),
        between=str(rng.choice(list(BETWEEN))) if rng.uniform() < 0.3 else "",
    )


def steps(seed: int) -> Iterator[Step]:
    """Draw one step after the other, without end."""
    number = 1
    while True:
        yield draw_step(seed, number)
        number += 1
