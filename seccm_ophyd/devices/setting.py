"""One way to declare a setting: monitored, limited, bounded in time, in the config."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from ophyd import Component as Cpt
from ophyd import EpicsSignal, Signal
from ophyd.status import Status

from ..errors import CommandRefusedError
from .bounds import Bounds, OutOfRangeError, check_number

__all__ = [
    "PUT_TIMEOUT_S",
    "ArraySetting",
    "Number",
    "OfLease",
    "OptionalSetting",
    "Push",
    "Setting",
    "WorkedOut",
    "array_setting",
    "setting",
]

T = TypeVar("T")

PUT_TIMEOUT_S = 5.0
_REPORT_S = 0.2  # in which an update comes that was sent before the answer to a read


class Setting(EpicsSignal):
    """A signal whose `set` ends: with the value that the IOC has, or with an error.

    What the limits of its PV forbid is refused before it is written.
    """

    _setting: threading.Thread | None = None
    _of_owner = True  # not to be written by a session that has lost the lease

    def put(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Write it; see `ophyd.EpicsSignal.put`.

        Raises
        ------
        InstrumentLostError
            If this session drove the instrument and does not any more.
        """
        link = self._link()
        if link is not None:
            if self._of_owner:
                link.check_driving()
            if kwargs.get("timeout"):
                kwargs["timeout"] += link.allowance_s
        return super().put(value, *args, **kwargs)

    def check_value(self, value: Any) -> None:
        """Refuse what cannot be.

        Raises
        ------
        OutOfRangeError
            For a number that is not finite or outside the limits of the PV, for what is
            no number, and for a word that is none of its choices.
        """
        words = self.enum_strs
        if words:
            if not (value in words or value in range(len(words))):
                raise OutOfRangeError(
                    f"{self.name} = {value!r}: it must be one of {', '.join(words)}"
                )
        elif self._string:
            if not isinstance(value, str):
                raise OutOfRangeError(f"{self.name} = {value!r}: it must be a text")
        else:
            check_number(
                self.name,
                value,
                self._bounds(),
                self.metadata.get("units"),
                ask_again=self._ask_bounds,
            )

    def _bounds(self) -> Bounds:
        low, high = self.limits
        if low is None or high is None or low >= high:
            return -math.inf, math.inf
        return low, high

    def _ask_bounds(self) -> Bounds:
        """Ask the IOC for the limits: a monitor does not report a change."""
        if self.connected:
            self.get(form="ctrl", use_monitor=False)
        return self._bounds()

    def set(
        self,
        value: Any,
        *,
        timeout: float | None = None,
        settle_time: float | None = None,
    ) -> Status:
        """Set it, once an earlier `set` has ended.

        Parameters
        ----------
        value
            What to set it to.
        timeout
            Longest time (s) until the IOC has it; `PUT_TIMEOUT_S` by default.
        settle_time
            Time (s) to wait after that.

        Returns
        -------
        Status
            Done when the IOC has it; fails with `CommandRefusedError` if it has not
            taken it, and with TimeoutError if it has not answered.

        Raises
        ------
        OutOfRangeError
            As `check_value`.
        """
        self.check_value(value)
        going_on = self._setting
        if going_on is not None:
            going_on.join(PUT_TIMEOUT_S)
        status = Status(self, settle_time=settle_time)
        limit_s = PUT_TIMEOUT_S if timeout is None else timeout

        def set_and_tell() -> None:
            try:
                self._set_and_wait(value, limit_s)
            except Exception as error:
                status.set_exception(error)
            else:
                status.set_finished()

        thread = self.cl.thread_class(target=set_and_tell, daemon=True)
        self._setting = thread
        thread.start()
        return status

    def _set_and_wait(self, value: Any, timeout: float | None, **kwargs: Any) -> None:
        """Write it, and ask what the IOC has then."""
        limit_s = PUT_TIMEOUT_S if timeout is None else timeout
        self.put(value, wait=True, timeout=limit_s, **kwargs)
        # asked, not monitored: ophyd takes what it has written for what is there
        found = self.get(use_monitor=False)
        if self._is_same(found, value):
            return
        # for who has subscribed: the IOC has nothing new to report
        Signal.put(self, found, force=True)
        raise CommandRefusedError(
            f"{self.name} was set to {value!r} and is {found!r}{self._why()}"
        )

    def _is_same(self, found: Any, value: Any) -> bool:
        if words := self.enum_strs:
            return self._word(words, found) == self._word(words, value)
        if isinstance(found, str):
            return bool(found == value)
        return bool(abs(float(found) - value) <= (self.tolerance or 0.0))

    @staticmethod
    def _word(words: Sequence[str], value: Any) -> str:
        return value if isinstance(value, str) else words[int(value)]

    def _why(self) -> str:
        """Say what the IOC says of it, as the end of a sentence."""
        link = self._link()
        said = "" if link is None else link.last_error()
        return f": {said}" if self.setpoint_pvname in said else ""

    def _link(self) -> Any:
        """Give the link of the instrument that it belongs to."""
        device = self.parent
        while device is not None and not hasattr(device, "link"):
            device = device.parent
        return None if device is None else device.link


class ArraySetting(Setting):
    """A setting of several numbers, each within the limits of the PV."""

    def check_value(self, value: Any) -> None:
        """Refuse it when one of the numbers cannot be; see `Setting.check_value`."""
        try:
            numbers = np.ravel(np.asarray(value, dtype=float))
        except (TypeError, ValueError):
            raise OutOfRangeError(
                f"{self.name} = {value!r:.60}: it must be numbers"
            ) from None
        low, high = self._bounds()
        wrong = numbers[~((low <= numbers) & (numbers <= high) & np.isfinite(numbers))]
        for number in wrong[:1]:
            super().check_value(float(number))

    def _is_same(self, found: Any, value: Any) -> bool:
        return np.array_equal(np.ravel(found), np.ravel(value))


class Push(Setting):
    """A PV that starts something when it is written, and keeps no value.

    A `set` has ended when the IOC has taken it; it fails when the IOC says why not.
    """

    def _set_and_wait(self, value: Any, timeout: float | None, **kwargs: Any) -> None:
        """Write it, and look whether the IOC refuses it."""
        link = self._link()
        before = 0 if link is None else link.messages
        limit_s = PUT_TIMEOUT_S if timeout is None else timeout
        self.put(value, wait=True, timeout=limit_s, **kwargs)
        if link is None or not (said := self._why()):
            return
        # it may have said so before; what is new is reported a little after the read
        deadline = time.monotonic() + _REPORT_S
        while link.messages == before:
            if time.monotonic() > deadline:
                return
            time.sleep(_REPORT_S / 20)
        raise CommandRefusedError(f"{self.name} was not set to {value!r}{said}")


class OfLease(Push):
    """A PV that decides who drives: written whoever drives."""

    _of_owner = False


class OptionalSetting(ArraySetting):
    """Numbers for a PV that not every IOC has: look first whether it is connected.

    What it says is no order: the IOC itself refuses it of a client that has lost the
    lease.
    """

    _of_owner = False


class Number(Signal):
    """A number of this side of the wire, within bounds: a `set` of NaN would not end.

    Parameters
    ----------
    bounds, unit
        What is allowed, and its unit.
    """

    def __init__(self, *args: Any, bounds: Bounds, unit: str, **kwargs: Any) -> None:
        self._bounds, self._unit = bounds, unit
        super().__init__(*args, **kwargs)

    def check_value(self, value: Any) -> None:
        """Refuse what is no number within the bounds; see `check_number`."""
        check_number(self.name, value, self._bounds, self._unit)

    def set(self, value: Any, **kwargs: Any) -> Status:
        """Set it; see `ophyd.Signal.set`."""
        self.check_value(value)
        return super().set(value, **kwargs)


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
    that the IOC does not take fails at once, one that it does not answer after
    `PUT_TIMEOUT_S`.

    Parameters
    ----------
    suffix
        The PV after the prefix of the instrument.
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
        The PV after the prefix of the instrument.
    doc
        What it is, with its unit.
    """
    return Cpt(
        ArraySetting,
        suffix,
        auto_monitor=False,
        write_timeout=PUT_TIMEOUT_S,
        kind="omitted",
        doc=doc,
    )
