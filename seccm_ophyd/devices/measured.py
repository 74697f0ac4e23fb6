"""What one acquisition gave: its trace, and what is drawn from it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import SeccmError
from ..techniques import Measurement, contact_loss
from .command import Command
from .hop_record import outcome_of

__all__ = ["CONTACT_AGE", "Measured"]

OVERLOAD, SAMPLES, CONTACT_AGE = 2, 3, 9  # elements of ``Clamp:Summary``


@dataclass(frozen=True)
class Measured:
    """One acquisition of a contact.

    Parameters
    ----------
    number
        Of the command.
    trace : ndarray, shape (3, samples)
        Time since the first sample (s), potential (V), current (pA).
    scalars
        What the technique draws from it, by name.
    overload
        Whether the current left the range.
    lost
        Whether the contact was lost; the scalars describe the time before.
    bad
        Whether a reading is no finite number; the scalars are NaN then.
    contact_age
        Time from contact to the first sample (s).
    timestamp
        When it ended (s since the epoch).
    """

    number: int
    trace: NDArray[np.float64]
    scalars: dict[str, Any]
    overload: bool
    lost: bool
    bad: bool
    contact_age: float
    timestamp: float

    @classmethod
    def read(
        cls,
        measurement: Measurement,
        acquire: Command,
        trace: ArrayLike,
        *,
        noise_pa: float,
        zero_pa: float,
    ) -> "Measured":
        """Make it from the PVs.

        Parameters
        ----------
        measurement
            What was measured.
        acquire
            The command that has ended.
        trace
            Value of ``Clamp:Trace``.
        noise_pa, zero_pa
            Rms and mean of the current without contact (pA).

        Raises
        ------
        SeccmError
            If `trace` is not that of the command, or not as long as it should be.
        """
        values, number = acquire.values, acquire.number
        if values is None or number is None:
            raise SeccmError(f"{acquire.dotted_name} has measured nothing")
        flat = np.asarray(trace, dtype=float)
        size = int(flat[2]) if flat.size > 2 else 0
        taken = int(values[SAMPLES])
        if not 1 <= size == taken or flat.size != 3 + 3 * size or flat[0] != number:
            raise SeccmError(
                f"Clamp:Trace holds {flat.size} numbers of acquisition "
                f"{flat[0]:.0f}, not a trace of {number} with {taken} samples"
            )
        return cls.of(
            measurement,
            values,
            flat[3:].reshape(3, size),
            acquire.timestamp,
            noise_pa=noise_pa,
            zero_pa=zero_pa,
        )

    @classmethod
    def of(
        cls,
        measurement: Measurement,
        summary: ArrayLike,
        rows: NDArray[np.float64],
        timestamp: float,
        *,
        noise_pa: float,
        zero_pa: float,
    ) -> "Measured":
        """Make it from a summary and a trace that belong together.

        Parameters
        ----------
        measurement, noise_pa, zero_pa
            As in `read`.
        summary
            As in ``Clamp:Summary``.
        rows : ndarray, shape (3, samples)
            The trace.
        timestamp
            When it ended (s since the epoch).
        """
        values = np.asarray(summary, dtype=float)
        overload = bool(values[OVERLOAD])
        bad = not np.isfinite(rows).all()
        end = None
        if not (bad or overload):
            wanted = measurement.technique.acquisition
            end = contact_loss(rows, wanted, noise_pa, zero_pa)
        blank = bad or end == 0
        lost = end is not None
        outcome = outcome_of(
            missed=False, bad=bad, overload=overload, lost=lost, suspect=False
        )
        scalars = (
            measurement.blanks
            if blank
            else measurement.summarise(rows[:, :end], lost=lost)
        )
        return cls(
            number=int(values[0]),
            trace=rows,
            scalars=scalars | measurement.ended(outcome.label),
            overload=overload,
            lost=lost,
            bad=bad,
            contact_age=float(values[CONTACT_AGE]),
            timestamp=timestamp,
        )
