"""What a function of this package may be given: its data, or a run to make them from.

Each kind of data is an `Input`, for instance a map. ``MAP.of(given, "classify")``
returns a map as it is, makes one from a run of any kind, and refuses anything else
in one sentence.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import xarray as xr

from .runs import RUN_KINDS, described, is_run, is_table

__all__ = ["Input", "has"]

T = TypeVar("T")


@dataclass(frozen=True)
class Input(Generic[T]):
    """One kind of data that functions take.

    Parameters
    ----------
    name
        What it is and which function makes it, for messages: ``a map (hop_map)``.
    fits
        Whether something is data of this kind.
    make
        Makes them from a run of any kind.

    Examples
    --------
    >>> CURVES = Input("voltammograms", has("E", "i", dim="sample"), voltammograms)
    >>> curves = CURVES.of(run, "peaks")
    """

    name: str
    fits: Callable[[Any], bool]
    make: Callable[[Any], T]

    def of(self, given: Any, function: str) -> T:
        """Return the data: `given` itself, or made from it.

        Parameters
        ----------
        given
            The data, or a run of any kind (see `seccm_ophyd.analysis.runs`).
        function
            Who takes them, for the message.

        Raises
        ------
        TypeError
            If it is neither.
        """
        if self.fits(given):
            return cast(T, given)
        if is_run(given) or is_table(given):
            return self.make(given)
        raise TypeError(
            f"{function} takes {self.name}, or a run ({RUN_KINDS}); it was given "
            f"{described(given)}"
        )


def has(*names: str, dim: str) -> Callable[[Any], bool]:
    """Make the test for a dataset with variables of these names along a dimension."""

    def fits(given: Any) -> bool:
        return (
            isinstance(given, xr.Dataset)
            and set(names) <= set(given)
            and dim in given.dims
        )

    return fits
