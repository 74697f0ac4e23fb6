"""What the server and a PV agree on when a client writes."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from caproto import ChannelType, native_type

from .pvs import RefusedError, shown

__all__ = ["AnswersRefusal", "Ended", "check_field", "check_kind"]

_NUMBERS = (ChannelType.DOUBLE, ChannelType.FLOAT)
_WHOLE = {
    ChannelType.CHAR: (0, 2**8 - 1),
    ChannelType.INT: (-(2**15), 2**15 - 1),
    ChannelType.LONG: (-(2**31), 2**31 - 1),
}
_ACKNOWLEDGE = (ChannelType.PUT_ACKT, ChannelType.PUT_ACKS)

Ended: TypeAlias = Callable[[], Awaitable[None]]
"""Waits for the end of what a write has started; a PV's `auth_write` may return it."""


@runtime_checkable
class AnswersRefusal(Protocol):
    """A PV that shows its clients, too, that a write of it was refused."""

    async def answer_refusal(self) -> None:
        """Show it, once the reason is reported."""


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


def check_kind(name: str, pv: Any, value: Any, kind: ChannelType) -> None:
    """Refuse what cannot be made a value of a PV: caproto would keep some of it.

    Parameters
    ----------
    name, pv, value
        As for `check_field`.
    kind
        As what type the client writes it.

    Raises
    ------
    RefusedError
        For anything but a plain value; for a number that is none of the states of an
        enum, or does not fit into a whole number; and for a number written to a text.
    """
    if kind in _ACKNOWLEDGE:
        return
    if kind != native_type(kind):
        raise RefusedError(f"{name}: a write takes a plain value, not {kind.name}")
    if pv.data_type == ChannelType.ENUM:
        _check_enum(name, pv, value, kind)
    elif pv.data_type in _WHOLE and kind != ChannelType.STRING:
        low, high = _WHOLE[pv.data_type]
        if not _are_whole(np.atleast_1d(value), low, high):
            raise RefusedError(
                f"{name}: {shown(value)} must be a whole number between {low} and "
                f"{high}"
            )
    elif pv.data_type == ChannelType.STRING and kind not in (
        ChannelType.STRING,
        ChannelType.CHAR,
    ):
        raise RefusedError(f"{name}: {shown(value)} is no text")


def _check_enum(name: str, pv: Any, value: Any, kind: ChannelType) -> None:
    words = pv.enum_strings
    allowed = f"{name}: not one of {', '.join(words)}"
    values = np.atleast_1d(value)
    is_number = kind != ChannelType.STRING
    if values.size != 1 or (is_number and not _are_whole(values, 0, len(words) - 1)):
        raise RefusedError(allowed)


def _are_whole(numbers: np.ndarray, low: int, high: int) -> bool:
    """Return whether all are whole numbers between two; NaN is none."""
    inside = (low <= numbers) & (numbers <= high)
    return bool(inside.all() and (numbers == np.floor(numbers)).all())
