"""Hops of a line as the IOC hands them out: decoded, judged, turned into columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SeccmError
from ..techniques import Measurement
from .command import NO_CONTACT
from .hop_record import outcome_of
from .measured import SAMPLES, Measured
from .z_stage import CURVE_SAMPLES, is_bad, is_suspect

__all__ = ["LinePart"]

LANDING, SUMMARY = 13, 10  # elements of Z:Landing and Clamp:Summary
OUTCOME, HEIGHT, CURRENT, BASELINE, VERIFIED, VERIFIED_NOISE = 1, 2, 5, 6, 10, 11


@dataclass(frozen=True)
class LinePart:
    """Some hops on end.

    Parameters
    ----------
    number, first
        Of the line, and of the first hop in it.
    landings : ndarray, shape (hops, 13)
        As ``Z:Landing``.
    summaries : ndarray, shape (hops, turns, 10)
        As ``Clamp:Summary``; NaN for what was not measured.
    ended_at : ndarray, shape (hops,)
        When each ended (s since the epoch).
    traces : list of ndarray, shape (hops, 3, samples)
        One for each turn.
    curves : ndarray, shape (hops, 2, curve samples)
        z (um) and current (pA) of the descents.
    """

    number: int
    first: int
    landings: NDArray[np.float64]
    summaries: NDArray[np.float64]
    ended_at: NDArray[np.float64]
    traces: list[NDArray[np.float64]]
    curves: NDArray[np.float64]

    @classmethod
    def decode(cls, flat: NDArray[np.float64], number: int, first: int) -> "LinePart":
        """Decode ``Hop:Part``.

        Parameters
        ----------
        flat
            Its value.
        number, first
            Of the command, and of the hop that was asked for.

        Raises
        ------
        SeccmError
            If it is another part, or not as long as it should be.
        """
        head = flat[:5].astype(int) if flat.size >= 5 else np.zeros(5, int)
        hops, turns, curve = head[2:5]
        samples = flat[5 : 5 + turns].astype(int)
        row = LANDING + SUMMARY * turns + 1 + 3 * int(samples.sum()) + 2 * curve
        if tuple(head[:2]) != (number, first) or flat.size != 5 + turns + hops * row:
            raise SeccmError(
                f"Hop:Part holds {flat.size} numbers, {hops} hops of line {head[0]} "
                f"from {head[1]} on, not those of line {number} from {first} on"
            )
        rows = flat[5 + turns :].reshape(hops, row)
        lengths = [LANDING, SUMMARY * turns, 1, *(3 * samples), 2 * curve]
        columns = np.split(rows, np.cumsum(lengths)[:-1], axis=1)
        return cls(
            number=number,
            first=first,
            landings=columns[0],
            summaries=columns[1].reshape(hops, turns, SUMMARY),
            ended_at=columns[2][:, 0],
            traces=[
                c.reshape(hops, 3, n)
                for c, n in zip(columns[3:-1], samples, strict=True)
            ],
            curves=columns[-1].reshape(hops, 2, curve),
        )

    @classmethod
    def join(cls, parts: Sequence["LinePart"]) -> "LinePart":
        """Make one of parts that follow each other in a line.

        Parameters
        ----------
        parts
            At least one.
        """
        if len(parts) == 1:
            return parts[0]
        traces = zip(*(part.traces for part in parts), strict=True)
        return cls(
            number=parts[0].number,
            first=parts[0].first,
            landings=np.concatenate([part.landings for part in parts]),
            summaries=np.concatenate([part.summaries for part in parts]),
            ended_at=np.concatenate([part.ended_at for part in parts]),
            traces=[np.concatenate(of_turn) for of_turn in traces],
            curves=np.concatenate([part.curves for part in parts]),
        )

    @staticmethod
    def hop_bytes(measurements: Sequence[Measurement]) -> int:
        """Return the size of one hop in ``Hop:Part``, but for what is short in it.

        Parameters
        ----------
        measurements
            What is measured in each contact.
        """
        samples = sum(m.technique.acquisition.samples for m in measurements)
        return 8 * (3 * samples + 2 * CURVE_SAMPLES)

    @property
    def hops(self) -> int:
        """How many hops there are."""
        return len(self.landings)

    def judge(
        self, measurements: Sequence[Measurement], noise_pa: float
    ) -> tuple[list[str], NDArray[np.float64], dict[str, list[Any]]]:
        """Draw from the traces what stands in events.

        Parameters
        ----------
        measurements
            What was measured in each contact.
        noise_pa
            Rms of the current without contact (pA).

        Returns
        -------
        tuple
            Outcome of each hop; time from contact to the first sample (s), NaN for a
            miss; the scalars of all techniques by name, a list with one for each hop.
        """
        outcomes, ages = [], []
        columns: dict[str, list[Any]] = {n: [] for m in measurements for n in m.nothing}
        for k, landing in enumerate(self.landings):
            results = self._measured(k, measurements, noise_pa)
            missed = landing[OUTCOME] == NO_CONTACT
            outcomes.append(
                outcome_of(
                    missed=missed,
                    bad=any(r.bad for r in results)
                    or is_bad(landing[HEIGHT], landing[CURRENT]),
                    overload=any(r.overload for r in results),
                    lost=any(r.lost for r in results),
                    suspect=is_suspect(
                        landing[VERIFIED], landing[BASELINE], landing[VERIFIED_NOISE]
                    ),
                ).label
            )
            ages.append(results[0].contact_age if results else np.nan)
            for number, measurement in enumerate(measurements):
                scalars = measurement.nothing
                if number < len(results):
                    scalars = results[number].scalars
                for name, value in scalars.items():
                    columns[name].append(value)
        return outcomes, np.array(ages), columns

    def _measured(
        self, k: int, measurements: Sequence[Measurement], noise_pa: float
    ) -> list[Measured]:
        """Results of one hop, up to the acquisition that ended it."""
        results: list[Measured] = []
        zero = float(self.landings[k, BASELINE])
        for number, measurement in enumerate(measurements):
            summary = self.summaries[k, number]
            if np.isnan(summary[SAMPLES]):
                break
            rows = self.traces[number][k][:, : int(summary[SAMPLES])]
            result = Measured.of(
                measurement,
                summary,
                rows,
                float(self.ended_at[k]),
                noise_pa=noise_pa,
                zero_pa=0.0 if np.isnan(zero) else zero,
            )
            results.append(result)
            if result.lost or result.overload:
                break
        return results
