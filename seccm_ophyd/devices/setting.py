"""One way to declare a setting: monitored, limited, bounded in time, in the config."""

import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ophyd import Component as Cpt
from ophyd import EpicsSignal
from ophyd.status import Status

__all__ = ["PUT_TIMEOUT_S", "Setting", "WorkedOut", "array_setting", "setting"]

T = TypeVar("T")

PUT_TIMEOUT_S = 5.0
_POLL_S = 0.005


class Setting(EpicsSignal):
    """A signal that may be set again right after a pause has cut its last `set`."""

    def set(self, value: Any, **kwargs: Any) -> Status:
        """Set it, once an earlier `set` has ended; see `ophyd.EpicsSignal.set`."""
        going_on = self._set_thread
        if going_on is not None:
            going_on.join(PUT_TIMEOUT_S)
        return super().set(value, **kwargs)

    def _set_and_wait(self, value: Any, timeout: float | None, **kwargs: Any) -> None:
        """Write it, and wait until the IOC has it, by a clock that nobody sets."""
        limit_s = PUT_TIMEOUT_S if timeout is None else timeout
        deadline = time.monotonic() + limit_s
        self.put(value, **kwargs)
        while not self._reads(value):
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{self.setpoint_pvname} was set to {value!r} and reads "
                    f"{self.get()!r} after {limit_s:g} s"
                )
            time.sleep(_POLL_S)

    def _reads(self, value: Any) -> bool:
        # asked, not monitored: ophyd takes what it has written for what is there
        found = self.get(use_monitor=False)
        if isinstance(found, str):
            return found == (value if isinstance(value, str) else self.enum_strs[value])
        return bool(abs(found - value) <= (self.tolerance or 0.0))


class WorkedOut(Generic[T]):
    """What is worked out of settings: anew only when one of them has changed.

    Parameters
    ----------
    work_out
        Works it out.
    signals
        What it asks.
    """

    def __init__(self, work_out: Callable[[], T], *signals: EpicsSignal) -> None:
        self._work_out = work_out
        self._changes = 0
        self._known: tuple[int, T] | None = None
        for signal in signals:
            signal.subscribe(self._changed, run=False)

    def _changed(self, **kwargs: Any) -> None:
        self._changes += 1

    def get(self) -> T:
        """Return it as it is now."""
        changes, known = self._changes, self._known
        if known is None or known[0] != changes:
            known = self._known = changes, self._work_out()
        return known[1]


def setting(suffix: str, doc: str, **kwargs: Any) -> Cpt:
    """Declare a setting of the instrument.

    Numbers are checked against the limits of their PV, which also refuses NaN; a write
    that the IOC does not take fails after `PUT_TIMEOUT_S` instead of never.

    Parameters
    ----------
    suffix
        The PV behind the prefix of the instrument.
    doc
        What it is, with its unit.
    """
    return Cpt(
        Setting,
        suffix,
        limits=not kwargs.get("string", False),
        auto_monitor=True,
        write_timeout=PUT_TIMEOUT_S,
        kind="config",
        doc=doc,
        **kwargs,
    )


def array_setting(suffix: str, doc: str) -> Cpt:
    """Declare a setting that is an array: not monitored, not in the config.

    Parameters
    ----------
    suffix
        The PV behind the prefix of the instrument.
    doc
        What it is, with its unit.
    """
    return Cpt(
        EpicsSignal,
        suffix,
        auto_monitor=False,
        write_timeout=PUT_TIMEOUT_S,
        kind="omitted",
        doc=doc,
    )
