"""What a picture keeps of each hop: a few numbers in columns that grow."""

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..analysis.maps import outcome_codes
from ..schema import (
    CONTACT_HEIGHT,
    HOP_INDEX,
    HOP_OUTCOME,
    X_SET,
    Y_SET,
    X,
    Y,
    find_key,
)

__all__ = ["MAPPED_VALUE", "HopColumns"]

MAPPED_VALUE = "mapped"  # column of what the second panel shows
_NAMES = (HOP_INDEX, HOP_OUTCOME, X_SET, Y_SET, CONTACT_HEIGHT)
_DTYPES: dict[str, Any] = {HOP_INDEX: np.intp, HOP_OUTCOME: np.int8}


class HopColumns:
    """The hops of a run, by the names of `seccm_ophyd.schema`.

    Parameters
    ----------
    data_keys
        Keys of the events.
    mapped
        End of the key of what is mapped.
    rows
        How many hops there will be, as far as is known.

    Raises
    ------
    KeyError
        If these are no events of hops.
    """

    def __init__(self, data_keys: Mapping[str, Any], mapped: str, rows: int) -> None:
        self.keys = {name: find_key(data_keys, name) for name in _NAMES}
        for name in (X, Y):  # as read back
            with contextlib.suppress(KeyError):
                self.keys[name] = find_key(data_keys, name)
        self.keys[MAPPED_VALUE] = find_key(data_keys, mapped)
        self._columns = {
            name: np.empty(max(rows, 1), _DTYPES.get(name, np.float64))
            for name in self.keys
        }
        self._hops = 0

    def __len__(self) -> int:
        return self._hops

    def append(self, data: Mapping[str, Any]) -> None:
        """Take in the data of an event."""
        row: dict[str, Any] = {name: data[key] for name, key in self.keys.items()}
        row[HOP_OUTCOME] = outcome_codes([row[HOP_OUTCOME]])[0]
        for name, column in self._columns.items():
            if self._hops == len(column):  # repeated hops come on top
                self._columns[name] = np.concatenate([column, np.empty_like(column)])
            self._columns[name][self._hops] = row[name]
        self._hops += 1

    def extend(self, table: xr.Dataset) -> None:
        """Take in the hops of a `hop_table`."""
        for name, column in self._columns.items():
            values = table[self.keys[name]].values
            if name == HOP_OUTCOME:
                values = outcome_codes(values)
            joined = [column[: self._hops], values, column[self._hops + len(values) :]]
            self._columns[name] = np.concatenate(joined).astype(column.dtype)
        self._hops += table.sizes["hop"]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the hops so far, an array for each name."""
        return {name: column[: self._hops] for name, column in self._columns.items()}
