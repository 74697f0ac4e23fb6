"""Commands of the IOC and the link to it: numbers, echoes, and what is lost with it.

docs/reference/pv_interface.md tells the protocol. Put-completion is never trusted: with
pyepics it reports success when the IOC dies, with caproto it may never end.
"""

import itertools
import logging
import random
import threading
import time
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ophyd import Component as Cpt
from ophyd import Device, DeviceStatus, EpicsSignal, EpicsSignalRO, Signal
from ophyd import FormattedComponent as FCpt
from ophyd.status import StatusBase

from ..errors import (
    CommandRefusedError,
    InstrumentLostError,
    NoContactError,
    StoppedError,
    TrippedError,
)

__all__ = ["Command", "InstrumentLink", "ResultScalar"]

logger = logging.getLogger(__name__)

OK, NO_CONTACT, STOPPED, TRIPPED, REFUSED = 1, 2, 3, 4, 5
_ERRORS: dict[int, type[Exception]] = {
    NO_CONTACT: NoContactError,
    STOPPED: StoppedError,
    TRIPPED: TrippedError,
    REFUSED: CommandRefusedError,
}
# Numbers of commands: they start at random, so that two clients, or a client before and
# after its restart, do not write the same one.
_numbers = itertools.count(random.randrange(1, 2**29))


class InstrumentLink(Device):
    """Tells at once when the IOC is lost or has restarted.

    A device gives its pending statuses to `watch`; they fail with `InstrumentLostError`
    when the connection drops or ``IOC:BootId`` changes.
    """

    boot_id = Cpt(EpicsSignalRO, "IOC:BootId", auto_monitor=True, kind="omitted")
    # ".VAL$": the whole text; a plain Channel Access string ends after 40 characters
    error_message = Cpt(
        EpicsSignalRO, "IOC:ErrorMessage.VAL$", string=True, kind="omitted"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pending: weakref.WeakSet[StatusBase] = weakref.WeakSet()
        self._boot: int | None = None
        self._lock = threading.Lock()
        self.boot_id.subscribe(self._boot_changed)
        self.boot_id.subscribe(self._connection_changed, event_type="meta")

    def watch(self, status: StatusBase) -> StatusBase:
        """Let `status` fail as soon as the instrument is lost; returns it."""
        with self._lock:
            self._pending = weakref.WeakSet(s for s in self._pending if not s.done)
            self._pending.add(status)
        if not self.boot_id.connected:
            self._fail("is not connected")
        return status

    def last_error(self) -> str:
        """Return the last refusal or fault as the IOC tells it, or why it cannot."""
        try:
            return str(self.error_message.get(timeout=1.0))
        except (TimeoutError, ConnectionError) as error:
            return f"(its ErrorMessage cannot be read: {error})"

    def _boot_changed(self, value: Any = None, **kwargs: Any) -> None:
        if value is None or not int(value):
            return
        before, self._boot = self._boot, int(value)
        if before is not None and before != self._boot:
            self._fail("has restarted")

    def _connection_changed(self, connected: bool = True, **kwargs: Any) -> None:
        if not connected:
            self._fail("is not connected any more")

    def _fail(self, what: str) -> None:
        with self._lock:
            pending, self._pending = list(self._pending), weakref.WeakSet()
        for status in pending:
            if not status.done:
                status.set_exception(
                    InstrumentLostError(
                        f"the IOC {self.prefix} {what}: tip state unknown"
                    )
                )


class Command(Device):
    """One command of the IOC.

    `start` writes a fresh number; the `Status` settles when the result array comes back
    with that number. It succeeds only on outcome OK; otherwise it fails with the error
    of `seccm_ophyd.errors` that belongs to the outcome. It fails at once when the
    instrument is lost, and after its time-out in any case.

    Parameters
    ----------
    prefix
        The command PV, relative to the parent's prefix.
    result
        The array PV that holds the result, relative to the parent's prefix; element 0
        is the number, element 1 the outcome.
    """

    request = Cpt(EpicsSignal, "", kind="omitted")
    result = FCpt(
        EpicsSignalRO,
        "{self.parent.prefix}{self._result}",
        auto_monitor=True,
        kind="omitted",
    )

    def __init__(self, prefix: str, *, result: str, **kwargs: Any) -> None:
        self._result = result
        self._waiting: tuple[int, DeviceStatus] | None = None
        self._values: NDArray[np.float64] | None = None
        self.timestamp = time.time()
        self._settling = threading.Lock()
        super().__init__(prefix, **kwargs)
        self.result.subscribe(self._result_changed, run=False)

    @property
    def values(self) -> NDArray[np.float64] | None:
        """The result array of the last command of this client; None when forgotten."""
        return self._values

    @property
    def number(self) -> int | None:
        """The number of the command that `values` belong to."""
        return None if self._values is None else int(self._values[0])

    @property
    def awaited(self) -> int | None:
        """The number of the command that has not ended yet; None without one."""
        waiting = self._waiting
        return None if waiting is None else waiting[0]

    def forget(self) -> None:
        """Drop the last result: until a new one comes, its scalars read NaN."""
        self._values = None

    def trigger(self) -> DeviceStatus:
        """Start the command with the time-out that its device computes for it."""
        return self.start(self.parent.command_timeout_s(self.attr_name))

    def start(self, timeout_s: float) -> DeviceStatus:
        """Write a fresh number to the command PV.

        Parameters
        ----------
        timeout_s
            Longest physical duration, with its margin (s).

        Returns
        -------
        DeviceStatus
            Done when the IOC reports the end of exactly this command.
        """
        status = DeviceStatus(self, timeout=timeout_s, call_stop_on_failure=False)
        number = next(_numbers)
        with self._settling:
            self.forget()
            self._waiting = (number, status)
        self.parent.link.watch(status)
        self.request.put(number, wait=False)
        return status

    def abandon(self) -> None:
        """Let a pending status end without error: its command is going to be redone.

        As in bluesky's ``stop(success=True)`` of a paused move: the engine replays the
        hop from its withdrawal, so a failure here would only end a scan that goes on.
        """
        with self._settling:
            waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting[1].done:
            waiting[1].set_finished()

    def _result_changed(self, value: Any = None, **kwargs: Any) -> None:
        values = np.atleast_1d(np.asarray(value, dtype=float))
        with self._settling:
            if self._waiting is None or values[0] != self._waiting[0]:
                return
            _, status = self._waiting
            self._waiting = None
            self._values, self.timestamp = values, time.time()
        if status.done:
            return
        outcome = int(values[1])
        if outcome == OK:
            status.set_finished()
        else:
            error = _ERRORS.get(outcome, CommandRefusedError)
            said = "" if outcome == NO_CONTACT else f": {self.parent.link.last_error()}"
            status.set_exception(error(f"{self.dotted_name} of {self.prefix}{said}"))


class ResultScalar(Signal):
    """One element of a command's result array, as a readable signal.

    Parameters
    ----------
    command
        Attribute name of the `Command` in the parent device.
    index
        Element of its result array.
    units, precision
        As in docs/reference/pv_interface.md.
    """

    def __init__(
        self, *, command: str, index: int, units: str, precision: int = 4, **kwargs: Any
    ) -> None:
        super().__init__(value=np.nan, **kwargs)
        self._command = command
        self._index = index
        self._units, self._precision = units, precision

    @property
    def timestamp(self) -> float:
        """When the command ended (s since the epoch)."""
        return float(getattr(self.parent, self._command).timestamp)

    def get(self, **kwargs: Any) -> float:
        """Return the element; NaN when nothing was measured."""
        values = getattr(self.parent, self._command).values
        return float("nan") if values is None else float(values[self._index])

    def put(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: a result is not written."""
        raise CommandRefusedError(f"{self.name} is a result and cannot be written")

    def describe(self) -> dict[str, dict[str, Any]]:
        """Describe the element with its units."""
        command = getattr(self.parent, self._command)
        return {
            self.name: {
                "source": f"PV:{command.result.pvname}[{self._index}]",
                "dtype": "number",
                "shape": [],
                "units": self._units,
                "precision": self._precision,
            }
        }
