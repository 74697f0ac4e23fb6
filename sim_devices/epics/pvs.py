"""Building blocks of the PV groups: settings that check what clients write.

A client's write is checked here, before anything of the instrument sees it: NaN, values
outside the limits and unknown choices are refused. A refused write leaves the PV as it
was, says why in ``IOC:ErrorMessage`` and fails, so that put-completion sees it too.
"""

import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np
from caproto import (
    CaprotoConversionError,
    CaprotoValueError,
    SubscriptionType,
    TimeStamp,
)
from caproto.server import (
    PvpropertyChar,
    PvpropertyCharRO,
    PvpropertyDouble,
    PvpropertyDoubleRO,
    PvpropertyEnum,
    PvpropertyEnumRO,
    PvpropertyInteger,
    PvpropertyIntegerRO,
    pvproperty,
)

__all__ = [
    "RefusedError",
    "SettingDouble",
    "array",
    "choice",
    "command",
    "count",
    "counter",
    "hold_updates",
    "limits",
    "outside",
    "put",
    "reader",
    "readout",
    "result",
    "setting",
    "shown",
    "status",
    "text",
]


class RefusedError(CaprotoValueError):
    """A write or a command that is not carried out; the message is why."""


class _Bounded:
    """A number or an array of numbers within its control limits."""

    pvname: str

    async def verify_value(self, value: Any) -> Any:
        """Refuse what is not a finite number within the limits."""
        low, high = self.lower_ctrl_limit, self.upper_ctrl_limit  # type: ignore[attr-defined]
        numbers = np.atleast_1d(value)
        if not np.isfinite(numbers).all():
            bounds = f"; limits {low:g} to {high:g}" if low != high else ""
            raise RefusedError(f"{self.pvname}: {shown(value)} is not finite{bounds}")
        if low != high and not ((low <= numbers) & (numbers <= high)).all():
            raise RefusedError(f"{self.pvname}: {outside(self, value)}")
        return await super().verify_value(value)  # type: ignore[misc]


def outside(pv: Any, value: Any) -> str:
    """Say that a value is outside the limits of a PV, with both and the unit."""
    low, high = pv.lower_ctrl_limit, pv.upper_ctrl_limit
    unit = f" {pv.units}" if pv.units else ""
    return f"{shown(value)} is outside {low:g} to {high:g}{unit}"


def shown(value: Any) -> str:
    """Write a value as it stands in an error message."""
    array = np.atleast_1d(value)
    if array.size != 1:
        return f"an element of the {array.size}"
    return f"{array[0]:g}" if array.dtype.kind in "iuf" else f"{array[0]!r:.80}"


class SettingDouble(_Bounded, PvpropertyDouble):
    """A double that clients set."""


class _SettingLong(_Bounded, PvpropertyInteger):
    """A whole number that clients set."""


class _Choice(PvpropertyEnum):
    """One of some words."""

    async def write_from_dbr(self, *args: Any, **kwargs: Any) -> Any:
        """Take a word or its number, as it comes from the wire."""
        try:
            return await super().write_from_dbr(*args, **kwargs)
        except CaprotoConversionError:
            choices = ", ".join(self.enum_strings)
            raise RefusedError(f"{self.pvname}: not one of {choices}") from None


class _Text(PvpropertyChar):
    """Text of up to 400 characters: 40 as a string, all of it as ``NAME.VAL$``."""


def limits(low: float, high: float) -> dict[str, float]:
    """Give the metadata that shows clients the range of a PV."""
    return {
        "lower_ctrl_limit": low,
        "upper_ctrl_limit": high,
        "lower_disp_limit": low,
        "upper_disp_limit": high,
    }


def setting(
    name: str,
    value: float,
    unit: str,
    precision: int,
    bounds: tuple[float, float],
    doc: str,
) -> pvproperty:
    """Declare a double that clients set within `bounds`."""
    return pvproperty(
        name=name,
        dtype=SettingDouble,
        value=value,
        units=unit,
        precision=precision,
        doc=doc,
        **limits(*bounds),
    )


def count(name: str, value: int, bounds: tuple[int, int], doc: str) -> pvproperty:
    """Declare a whole number that clients set within `bounds`."""
    return pvproperty(
        name=name, dtype=_SettingLong, value=value, doc=doc, **limits(*bounds)
    )


def array(
    name: str,
    value: Sequence[float],
    length: int,
    unit: str,
    precision: int,
    bounds: tuple[float, float],
    doc: str,
) -> pvproperty:
    """Declare up to `length` doubles that clients set within `bounds`."""
    return pvproperty(
        name=name,
        dtype=SettingDouble,
        value=list(value),
        max_length=length,
        max_subscription_backlog=_backlog(length),
        units=unit,
        precision=precision,
        doc=doc,
        **limits(*bounds),
    )


def choice(name: str, words: Sequence[str], doc: str) -> pvproperty:
    """Declare one of some words that clients set."""
    return pvproperty(
        name=name, dtype=_Choice, value=words[0], enum_strings=words, doc=doc
    )


def command(name: str, doc: str) -> pvproperty:
    """Declare a whole number whose writing starts something."""
    return pvproperty(name=name, dtype=PvpropertyInteger, value=0, doc=doc)


def readout(name: str, value: float, unit: str, precision: int, doc: str) -> pvproperty:
    """Declare a double that only the IOC writes."""
    return pvproperty(
        name=name,
        dtype=PvpropertyDoubleRO,
        value=value,
        units=unit,
        precision=precision,
        doc=doc,
    )


def counter(name: str, doc: str) -> pvproperty:
    """Declare a whole number that only the IOC writes."""
    return pvproperty(name=name, dtype=PvpropertyIntegerRO, value=0, doc=doc)


def status(name: str, words: Sequence[str], doc: str) -> pvproperty:
    """Declare one of some words that only the IOC writes."""
    return pvproperty(
        name=name, dtype=PvpropertyEnumRO, value=words[0], enum_strings=words, doc=doc
    )


def text(name: str, doc: str, *, read_only: bool = True) -> pvproperty:
    """Declare a text."""
    return pvproperty(
        name=name,
        dtype=PvpropertyCharRO if read_only else _Text,
        value="",
        max_length=400,
        report_as_string=True,
        doc=doc,
    )


def result(name: str, length: int, doc: str) -> pvproperty:
    """Declare the array that a command leaves: number, outcome and what it found."""
    return pvproperty(
        name=name,
        dtype=PvpropertyDoubleRO,
        value=[0.0] * min(length, 3),
        max_length=length,
        max_subscription_backlog=_backlog(length),
        doc=doc,
    )


def _backlog(length: int) -> int:
    """Return how many updates may wait for a slow client: fewer of long arrays."""
    return 1000 if length <= 100 else 10


_NEW = SubscriptionType.DBE_LOG | SubscriptionType.DBE_VALUE

_held: ContextVar[dict[Any, None] | None] = ContextVar("held", default=None)


async def put(pv: Any, value: Any) -> None:
    """Write a PV from inside: no limits, no putter; nothing if it has that value.

    Most PVs of a hop have neither fields nor alarms that depend on their value: of what
    caproto does at each write they need value and time alone.
    """
    is_number = isinstance(value, (int, float))
    if (is_number or isinstance(value, str)) and pv.value == value:
        return
    held = _held.get()
    if held is None and pv.field_inst is not None:
        await pv.write(value, verify_value=False)
        return
    kept = value if is_number else pv.preprocess_value(value)
    pv._data["value"] = kept  # noqa: SLF001 (no other way)
    if held is not None:
        held[pv] = None
        return
    pv._data["timestamp"] = TimeStamp.now()  # noqa: SLF001
    await pv.publish(_NEW)


def reader(*pvs: Any) -> Callable[[], list[Any]]:
    """Make what reads the values of some PVs at once, at a tenth of the cost."""
    kept = [pv._data for pv in pvs]  # noqa: SLF001 (no other way)
    return lambda: [data["value"] for data in kept]


@contextlib.contextmanager
def hold_updates() -> Iterator[Callable[[], Awaitable[None]]]:
    """Have `put` change PVs without an update to clients, in this task alone.

    Who reads a PV sees what it is; monitors hear of it when what this gives is called:
    a line of hops would else send thousands of updates a second that no client needs.
    """
    held: dict[Any, None] = {}
    token = _held.set(held)

    async def publish() -> None:
        changed = list(held)
        held.clear()
        for pv in changed:
            await pv.write(pv.value, verify_value=False)

    try:
        yield publish
    finally:
        _held.reset(token)
