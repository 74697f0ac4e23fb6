"""What the server and a PV agree on when a client writes."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from caproto import ChannelType

from .pvs import RefusedError, shown

__all__ = ["AnswersRefusal", "Ended", "check_field"]

_NUMBERS = (ChannelType.DOUBLE, ChannelType.FLOAT)

Ended: TypeAlias = Callable[[], Awaitable[None]]
"""Waits for the end of what a write has started; a PV's `auth_write` may return it."""


@runtime_checkable
class AnswersRefusal(Protocol):
    """A PV that shows its clients, too, that a write of it was refused."""

    async def answer_refusal(self) -> None:
        """Show it, once it is told why."""


def check_field(pvdb: Mapping[str, Any], name: str, pv: Any, value: Any) -> None:
    """Refuse what no record takes.

    Parameters
    ----------
    pvdb
        PVs by name.
    name
        What is written: a record, or one of its fields.
    pv
        The same as an object.
    value
        What it is to be.

    Raises
    ------
    RefusedError
        For a field that is to be no finite number; and for any of a record that its
        ``.DISP`` disables, but for this one.
    """
    record, _, field = name.rpartition(".")
    if record not in pvdb:  # none; the prefix may have dots, too
        record, field = name, ""
    fields = getattr(pvdb.get(record), "field_inst", None)
    if fields is None or field == "DISP":
        return
    if field not in ("", "VAL") and pv.data_type in _NUMBERS:
        numbers = np.atleast_1d(value)
        is_free = pv.lower_ctrl_limit == pv.upper_ctrl_limit
        if is_free and numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
            raise RefusedError(f"{name}: {shown(value)} is not finite")
    if np.any(fields.disable_putfield.value):
        raise RefusedError(
            f"{name}: {record}.DISP is 1: write 0 to it before anything else"
        )
