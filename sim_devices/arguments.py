"""Arguments of a command line: numbers in a range, prefixes of PVs."""

import argparse
import math
import re
from collections.abc import Callable

__all__ = ["MOST_RADIUS_UM", "client", "number", "prefix", "whole_number"]

MOST_RADIUS_UM = 19.9
"""Largest secondary particle in the centre of a composite of 60 um."""


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Make an argument type: a whole number between two bounds, themselves allowed."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(
                f"{text!r:.80} must be a whole number between {low} and {high}"
            )
        return value

    return parse


def number(
    low: float,
    high: float,
    unit: str = "",
    *,
    above: bool = False,
    below: bool = False,
) -> Callable[[str], float]:
    """Make an argument type: a number between two bounds.

    Parameters
    ----------
    low, high
        The bounds.
    unit
        Their unit, for the message.
    above, below
        Whether `low`, or `high`, itself is not allowed.
    """
    allowed = (
        f"{'above' if above else 'at least'} {low:.15g} and "
        f"{'below' if below else 'at most'} {high:.15g} {unit}"
    ).rstrip()

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        outside = not low <= value <= high
        if outside or (above and value == low) or (below and value == high):
            raise argparse.ArgumentTypeError(f"{text!r:.80} must be {allowed}")
        return value

    return parse


def prefix(text: str) -> str:
    """Check the prefix of PVs."""
    if not re.fullmatch(r"[A-Za-z0-9_:.<>;\[\]-]{1,40}", text):
        raise argparse.ArgumentTypeError(
            f"{text!r:.80} must be the beginning of a PV name, 1 to 40 of A-Z a-z 0-9 "
            "_ : . < > ; [ ] -"
        )
    return text


def client(text: str) -> str:
    """Check the name of a client: a user and a host, or its address."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        raise argparse.ArgumentTypeError(
            f"{text!r:.80} must be USER@HOST, e.g. operator@lab-pc"
        )
    return text
