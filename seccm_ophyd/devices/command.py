"""Commands of the IOC: numbers, echoes, results.

docs/reference/pv_interface.md describes the protocol. Put-completion is never trusted:
with pyepics it reports success when the IOC dies, with caproto it may never end.
"""

import contextlib
import itertools
import logging
import random
import re
import threading
import time
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ophyd import Component as Cpt
from ophyd import Device, DeviceStatus, EpicsSignal, EpicsSignalRO, Signal
from ophyd import FormattedComponent as FCpt
from ophyd.status import Status
from ophyd.utils.errors import InvalidState

from ..errors import (
    CommandRefusedError,
    NoContactError,
    StoppedError,
    TrippedError,
)
from .named import Named
from .setting import Push

__all__ = [
    "Command",
    "ResultScalar",
    "belonging_to",
    "finished",
    "note_start",
    "start_ahead",
]

logger = logging.getLogger(__name__)

LOST_TIMEOUT_S = 5.0  # of a command that is tried although the IOC hardly answers

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


class _Starts:
    """What this process has started on any device."""

    count = 0


def finished(device: Device) -> Status:
    """Give a status that is done already, for what acts at once."""
    status = Status(device)
    status.set_finished()
    return status


def note_start() -> None:
    """Note that a command or a move is started."""
    _Starts.count += 1


class Command(Named, Device):
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
    even_if_lost
        Whether it is tried also when the instrument was lost and has not been accepted
        again yet; other commands fail at once then and nothing is written.
    redo
        Whether it is started anew when it was started ahead and has failed.
    """

    request = Cpt(Push, "", kind="omitted")
    result = FCpt(
        EpicsSignalRO,
        "{self.parent.prefix}{self._result}",
        auto_monitor=True,
        kind="omitted",
    )

    def __init__(
        self,
        prefix: str,
        *,
        result: str,
        even_if_lost: bool = False,
        redo: bool = False,
        **kwargs: Any,
    ) -> None:
        self._result, self._even_if_lost, self._redo = result, even_if_lost, redo
        self._waiting: dict[int, DeviceStatus] = {}  # by number
        self._ahead: tuple[DeviceStatus, int] | None = None
        self._messages = 0  # of the IOC, when the last one was started
        self._issued: deque[int] = deque(maxlen=16)
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
    def outcome(self) -> int | None:
        """How it ended."""
        return None if self._values is None else int(self._values[1])

    @property
    def awaited(self) -> int | None:
        """The number of the command that has not ended yet; None without one."""
        return next(reversed(self._waiting), None)

    @property
    def is_pending(self) -> bool:
        """Whether something waits for its end."""
        return any(not status.done for status in list(self._waiting.values()))

    def is_own(self, number: int) -> bool:
        """Return whether this client has lately started the command of that number."""
        return number in self._issued

    def forget(self) -> None:
        """Drop the last result: until a new one comes, its scalars read NaN."""
        self._values = None

    def trigger(self) -> DeviceStatus:
        """Start the command with the time-out that its device computes for it.

        Or take the one that was started ahead, if nothing else was started since.
        """
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[1] == _Starts.count:
            status, _ = ahead
            if not (self._redo and status.done and not status.success):
                return status
        return self.start(self.timeout_s())

    def timeout_s(self) -> float:
        """Longest duration (s), as its device computes it."""
        timeout_s = LOST_TIMEOUT_S
        link = self.parent.link
        if not link.trouble(even_if_lost=self._even_if_lost):
            try:
                timeout_s = self.parent.command_timeout_s(self.attr_name)
            except (TimeoutError, ConnectionError):  # settings cannot be read
                link.lose("does not answer")
        return timeout_s

    def note_ahead(self, status: DeviceStatus) -> None:
        """Note that it was started ahead, with nothing started since."""
        self._ahead = status, _Starts.count

    def start(self, timeout_s: float, by: EpicsSignal | None = None) -> DeviceStatus:
        """Write a fresh number to the command PV.

        Parameters
        ----------
        timeout_s
            Longest physical duration, with its margin (s).
        by
            Another PV that starts the same command; its own by default.

        Returns
        -------
        DeviceStatus
            Done when the IOC reports the end of exactly this command.
        """
        status = DeviceStatus(self, call_stop_on_failure=False)
        number = next(_numbers)
        note_start()
        with self._settling:
            self.forget()
            pending = {n: old for n, old in self._waiting.items() if not old.done}
            self._waiting = {**pending, number: status}
            self._issued.append(number)
        link = self.parent.link
        self._messages = link.messages
        link.watch(status, timeout_s, even_if_lost=self._even_if_lost)
        if not link.barred(even_if_lost=self._even_if_lost):
            try:
                (by or self.request).put(number, wait=False)
            except (TimeoutError, ConnectionError):
                link.lose("does not answer")
        return status

    def abandon(self) -> None:
        """Have a pending status end without error: its command is going to be redone.

        As in bluesky's ``stop(success=True)`` of a paused move: the engine replays the
        hop from its withdrawal, so a failure here would only end a scan that continues.
        """
        for status in self._taken():
            status.set_finished()

    def fail(self, error: Exception) -> None:
        """Make a pending status fail: what it waits for has become useless."""
        for status in self._taken():
            status.set_exception(error)

    def _taken(self) -> list[DeviceStatus]:
        """Take what is pending: nothing else settles it then."""
        self._ahead = None
        with self._settling:
            waiting, self._waiting = self._waiting, {}
        return [status for status in waiting.values() if not status.done]

    def _result_changed(self, value: Any = None, **kwargs: Any) -> None:
        values = np.atleast_1d(np.asarray(value, dtype=float))
        with self._settling:
            status = self._waiting.pop(int(values[0]), None)
            if status is None:
                return
            self._values, self.timestamp = values, time.time()
        with contextlib.suppress(InvalidState):  # lost, or too late, in this moment
            self._settle(status, int(values[1]))

    def _settle(self, status: DeviceStatus, outcome: int) -> None:
        if outcome == OK:
            status.set_finished()
            return
        error = _ERRORS.get(outcome, CommandRefusedError)
        said = "" if outcome == NO_CONTACT else f": {self._last_error()}"
        status.set_exception(error(f"{self.dotted_name} of {self.prefix}{said}"))

    def _last_error(self) -> str:
        """Return what the IOC has said since the start, without the name of this."""
        said = self.parent.link.error_since(self._messages, self.prefix)
        said = re.sub(rf"^{re.escape(self.prefix)}( \d+)?: ", "", said)
        return said or "it was ended from outside, the IOC gave no reason"


def start_ahead(*commands: tuple[Command, EpicsSignal | None], wait_s: float) -> None:
    """Start commands that the IOC carries out one after the other.

    The next `Command.trigger` of each waits for its end, unless anything else is
    started in between.

    Parameters
    ----------
    *commands
        In their order, each with the PV that starts it; None for its own.
    wait_s
        How long the first may have to wait until it begins (s).
    """
    started = []
    for command, by in commands:
        wait_s += command.timeout_s()
        started.append((command, command.start(wait_s, by)))
    for command, status in started:
        command.note_ahead(status)


def belonging_to(command: Command, array: EpicsSignalRO) -> NDArray[np.float64]:
    """Give an array that a command left, of which element 0 is its number.

    The IOC publishes it ahead of the result, so that it is here already; if not, it is
    asked for.
    """
    flat = np.atleast_1d(np.asarray(array.get(), dtype=float))
    if not flat.size or flat[0] != command.number:
        flat = np.atleast_1d(np.asarray(array.get(use_monitor=False), dtype=float))
    return flat


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
    def index(self) -> int:
        """Which element it is."""
        return self._index

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
