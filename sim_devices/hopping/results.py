"""What the hops of a line gave, kept until a client has them, handed out in parts."""

import math
import time
from dataclasses import dataclass, field

import numpy as np

from ..clamp.acquisition import Recording
from ..physics.approach import CURVE_SAMPLES
from ..stages.landing import BLANK

__all__ = ["Hop", "LineResults"]

LANDING, SUMMARY = 2 + len(BLANK), 10  # elements of Z:Landing and Clamp:Summary
_PA = 1e-12


@dataclass
class Hop:
    """One hop.

    Parameters
    ----------
    landing
        As in ``Z:Landing``.
    curve
        As in ``Z:ApproachCurve`` after the number.
    summaries, recordings
        ``Clamp:Summary`` and trace of each acquisition that was taken.
    ended_at
        When it ended (s since the epoch).
    """

    landing: list[float]
    curve: np.ndarray
    summaries: list[list[float]] = field(default_factory=list)
    recordings: list[Recording] = field(default_factory=list)
    ended_at: float = field(default_factory=time.time)


class LineResults:
    """The hops of one line.

    Parameters
    ----------
    number
        Of the command.
    samples
        Of each acquisition of a contact.
    most
        Doubles that one part may have.
    """

    def __init__(self, number: int, samples: list[int], most: int) -> None:
        self.number, self.samples = number, samples
        self._hops: list[Hop] = []  # those that are not acknowledged
        self.received = self.acknowledged = 0
        turns = len(samples)
        self._row = LANDING + SUMMARY * turns + 1 + 3 * sum(samples) + 2 * CURVE_SAMPLES
        self._head = 5 + turns
        self._at_once = max(1, (most - self._head) // self._row)

    def add(self, hop: Hop) -> None:
        """Take the next hop, which is complete."""
        self._hops.append(hop)

    @property
    def done(self) -> int:
        """How many hops have been made."""
        return self.acknowledged + len(self._hops)

    @property
    def waiting(self) -> int:
        """How many of them no client has acknowledged."""
        return len(self._hops)

    def acknowledge(self, hops: int) -> None:
        """Forget a number of the first hops: a client has them safely."""
        new = min(hops, self.done) - self.acknowledged
        if new > 0:
            del self._hops[:new]
            self.acknowledged += new

    def part(self, first: int, most: int = 0) -> np.ndarray:
        """Hand out hops from number `first` on; none acknowledged.

        Parameters
        ----------
        first
            Number of the first.
        most
            How many at most; 0: as many as fit.

        Returns
        -------
        numpy.ndarray
            number, first, hops n, turns k, samples of a curve, samples of each turn;
            then of each of the n hops, one after the other: landing, summaries,
            ended_at, the traces (t, E, i of each turn), the curve (z, i). NaN where
            nothing was measured.
        """
        start = first - self.acknowledged
        most = min(most or self._at_once, self._at_once)
        hops = self._hops[start : start + most] if start >= 0 else []
        head = [self.number, first, len(hops), len(self.samples), CURVE_SAMPLES]
        rows = [self._flat(hop) for hop in hops]
        return np.concatenate([head, self.samples, *rows])

    def _flat(self, hop: Hop) -> np.ndarray:
        row = np.full(self._row, math.nan)
        row[:LANDING] = hop.landing
        at = LANDING
        for k in range(len(self.samples)):
            if k < len(hop.summaries):
                row[at : at + SUMMARY] = hop.summaries[k]
            at += SUMMARY
        row[at] = hop.ended_at
        at += 1
        for k, samples in enumerate(self.samples):
            if k < len(hop.recordings):
                trace = row[at : at + 3 * samples].reshape(3, samples)
                recording = hop.recordings[k]
                n = len(recording.current)
                trace[0, :n] = recording.times
                trace[1, :n] = recording.potential
                trace[2, :n] = recording.current / _PA
            at += 3 * samples
        row[at:] = hop.curve[1:]
        return row
