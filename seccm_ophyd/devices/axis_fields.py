"""The fields of a motor record that a client writes."""

import sys
from typing import Any

import numpy as np
from ophyd import Component as Cpt
from ophyd import EpicsSignal
from ophyd.status import Status

from .bounds import Bounds
from .setting import PUT_TIMEOUT_S, Setting

__all__ = ["AxisSetting", "Setpoint", "Switch", "number"]


class Setpoint(EpicsSignal):
    """The VAL field: its limits are those of the record, as they are now."""

    @property
    def limits(self) -> Bounds:
        """Lowest and highest position (um)."""
        return self.parent.limits

    def check_value(self, value: Any) -> None:
        """Refuse a position outside the limits of the record."""
        self.parent.check_value(value)

    def set(self, value: Any, *, timeout: float | None = None, **_: Any) -> Status:
        """Move the axis: a setpoint that the record refuses would be waited for."""
        return self.parent.set(value, timeout=timeout)


class AxisSetting(Setting):
    """A number of a motor record that is 0 or more; a speed is more."""

    def _bounds(self) -> Bounds:
        low, high = super()._bounds()
        lowest = sys.float_info.min if self.pvname.endswith(".VELO") else 0.0
        return max(low, lowest), high


class Switch(Setting):
    """A field that is 0 or 1; an array of none in caproto, where it is 0."""

    def _bounds(self) -> Bounds:
        return 0, 1

    def _is_same(self, found: Any, value: Any) -> bool:
        return bool(np.any(found)) == bool(value)


def number(
    field: str, doc: str, cls: type[Setting] = AxisSetting, **kwargs: Any
) -> Cpt:
    """Declare a number of the record; a set that is refused ends."""
    kwargs = {"kind": "config", "limits": True, **kwargs}
    return Cpt(
        cls, field, auto_monitor=True, write_timeout=PUT_TIMEOUT_S, doc=doc, **kwargs
    )
