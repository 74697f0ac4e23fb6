"""What one acquisition gave: its trace, and what is drawn from it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import SeccmError
from ..techniques import Measurement
from .command import Command

__all__ = ["CONTACT_AGE", "Measured"]

OVERLOAD, CONTACT_AGE = 2, 9  # elements of ``Clamp:Summary``


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
    contact_age
        Time from contact to the first sample (s).
    timestamp
        When it ended (s since the epoch).
    """

    number: int
    trace: NDArray[np.float64]
    scalars: dict[str, Any]
    overload: bool
    contact_age: float
    timestamp: float

    @classmethod
    def read(
        cls, measurement: Measurement, acquire: Command, trace: ArrayLike
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

        Raises
        ------
        SeccmError
            If `trace` is not that of the command, or is incomplete.
        """
        values, number = acquire.values, acquire.number
        if values is None or number is None:
            raise SeccmError(f"{acquire.dotted_name} has measured nothing")
        flat = np.asarray(trace, dtype=float)
        size = int(flat[2]) if flat.size > 2 else 0
        if size < 1 or flat.size < 3 + 3 * size or flat[0] != number:
            raise SeccmError(
                f"Clamp:Trace holds {flat.size} numbers of acquisition "
                f"{flat[0]:.0f}, not a trace of {number}"
            )
        rows = flat[3 : 3 + 3 * size].reshape(3, size)
        return cls(
            number=number,
            trace=rows,
            scalars=measurement.summarise(rows),
            overload=bool(values[OVERLOAD]),
            contact_age=float(values[CONTACT_AGE]),
            timestamp=acquire.timestamp,
        )
