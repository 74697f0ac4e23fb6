"""Whether the instrument is there: its connection, its boot number and its clock."""

import contextlib
import functools
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

from ophyd import Component as Cpt
from ophyd import Device, DeviceStatus, EpicsSignalRO, get_cl
from ophyd.signal import EpicsSignalBase
from ophyd.utils.errors import InvalidState

from ..errors import CommandTimeoutError, InstrumentLostError
from .named import Named
from .watchdog import SILENCE_S, now, watchdog

__all__ = ["SILENCE_S", "InstrumentLink", "Linked"]

READ_TIMEOUT_S = 2.0
LONGEST_ROUND_TRIP_S = SILENCE_S  # with a longer one no lease can be kept
MEASURED = 4  # round trips that are remembered
ALLOWED_ROUND_TRIPS = 4  # by which time-outs are longer


class InstrumentLink(Device):
    """Reports at once when the IOC is lost, has restarted, or does not answer any more.

    A device gives its pending statuses to `watch`; they fail with `InstrumentLostError`
    when the connection drops, ``IOC:BootId`` changes, or ``IOC:Time`` is not published
    for `SILENCE_S`, and with `CommandTimeoutError` when their time is over. After a
    loss every status fails until `accept`: nothing continues by itself with a tip
    whose place is unknown.
    """

    boot_id = Cpt(EpicsSignalRO, "IOC:BootId", auto_monitor=True, kind="omitted")
    clock = Cpt(EpicsSignalRO, "IOC:Time", auto_monitor=True, kind="omitted")
    # ".VAL$": the whole text; a plain Channel Access string ends after 40 characters
    error_message = Cpt(
        EpicsSignalRO,
        "IOC:ErrorMessage.VAL$",
        string=True,
        auto_monitor=True,
        kind="omitted",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pending: weakref.WeakKeyDictionary[DeviceStatus, tuple[float, str]]
        self._pending = weakref.WeakKeyDictionary()  # until when, and what it says then
        self._boot: int | None = None
        self._lost = ""
        self.not_driving: Callable[[bool], str] = lambda ask: ""
        """Says why this client does not drive any more, as the end of a sentence; the
        session sets it. Asks the IOC if that is not known and the argument is true."""
        self.went_on: Callable[[], None] = lambda: None
        """Called where the IOC has answered in the middle of a longer exchange; the
        session sets it, and beats there if a heartbeat is due."""
        self._answers = True  # to questions; it may be heard and not hear
        self._heard: float | None = None
        self._round_trips: deque[float] = deque([0.0], maxlen=MEASURED)
        self._is_measuring = threading.Lock()
        self._stood_still_s = 0.0
        self._stands_since = now()  # no earlier standstill matters
        self._messages = 0
        self._lock = threading.Lock()
        self.boot_id.subscribe(self._boot_changed)
        self.boot_id.subscribe(self._connection_changed, event_type="meta")
        self.clock.subscribe(self._clock_ticked, run=False)
        self.error_message.subscribe(self._message_came, run=False)
        watchdog.add(self)

    @property
    def lost(self) -> str:
        """Why the instrument was lost; empty when it is not, or `accept` was called."""
        return self._lost

    @property
    def round_trip_s(self) -> float:
        """Time (s) from a question to its answer: the least of the last few.

        A computer that is busy makes one of them long, a slow network all of them.
        """
        return min(self._round_trips)

    def measure(self) -> None:
        """Measure the round trip; the time-outs of the instrument are widened by it.

        Without an answer they stay: others report an IOC that does not answer.
        """
        if not self.boot_id.connected:
            return
        begun = time.monotonic()
        try:
            self.boot_id.get(use_monitor=False, timeout=LONGEST_ROUND_TRIP_S)
        except (TimeoutError, ConnectionError):
            return
        round_trip_s = time.monotonic() - begun
        if round_trip_s > LONGEST_ROUND_TRIP_S:
            return  # this process stood still meanwhile
        if len(self._round_trips) == 1 and not self._round_trips[0]:
            self._round_trips.clear()
        self._round_trips.append(round_trip_s)
        timeout_s = READ_TIMEOUT_S + self.allowance_s
        for signal in self._signals_of_instrument:
            # ophyd's own is 2 s, and is not to be changed once there are signals
            signal._timeout = timeout_s  # noqa: SLF001

    @functools.cached_property  # each heartbeat comes by
    def _signals_of_instrument(self) -> list[EpicsSignalBase]:
        device = self if self.parent is None else self.parent
        walked = (walk.item for walk in device.walk_signals())
        return [signal for signal in walked if isinstance(signal, EpicsSignalBase)]

    def keep_measuring(self) -> None:
        """Measure it in a thread, unless that runs already."""
        if self._is_measuring.acquire(blocking=False):
            get_cl().thread_class(target=self._measure_again, daemon=True).start()

    def _measure_again(self) -> None:
        try:
            self.measure()
        finally:
            self._is_measuring.release()

    @property
    def allowance_s(self) -> float:
        """By how much (s) each time-out is widened: some of the longest round trips."""
        return ALLOWED_ROUND_TRIPS * max(self._round_trips)

    def watch(
        self, status: DeviceStatus, timeout_s: float, *, even_if_lost: bool = False
    ) -> DeviceStatus:
        """Make `status` fail as soon as the instrument is lost; returns it.

        Parameters
        ----------
        status
            Of what is going to be started. It needs no separate time-out, for which
            ophyd would start a thread each time.
        timeout_s
            Time (s) after which it fails in any case, up to 0.25 s later, and some
            round trips.
        even_if_lost
            Whether it may begin although the instrument was lost before.
        """
        timeout_s += self.allowance_s
        with self._lock:
            done = [s for s in self._pending if s.done]
            for old in done:
                del self._pending[old]
            late = f"{status.device.name} has not ended within {timeout_s:.1f} s"
            self._pending[status] = time.monotonic() + timeout_s, late
        if trouble := self.trouble(even_if_lost=even_if_lost):
            self._fail(trouble)
        return status

    def trouble(self, *, even_if_lost: bool = False) -> str:
        """Say why nothing can be started now, as the end of a sentence, or nothing.

        Parameters
        ----------
        even_if_lost
            As in `watch`.
        """
        if barred := self.barred(even_if_lost=even_if_lost):
            return barred
        return "" if self.answers else self._lost

    def barred(self, *, even_if_lost: bool = False) -> str:
        """Say why nothing may be written now, as the end of a sentence, or nothing.

        An IOC that is silent may hear what is written all the same.

        Parameters
        ----------
        even_if_lost
            As in `watch`.
        """
        if not self.boot_id.connected:
            return "is not connected"
        if why := self.not_driving(even_if_lost):
            self._lost = self._lost or why
            return why
        return "" if even_if_lost else self._lost

    def check_driving(self) -> None:
        """Raise `InstrumentLostError` if this client has lost the lease."""
        if why := self.not_driving(False):
            self.lose(why)
            raise self._error(why)

    def check(self) -> None:
        """Raise `InstrumentLostError` if nothing can be started now."""
        if trouble := self.trouble():
            raise self._error(trouble)

    def _error(self, what: str) -> InstrumentLostError:
        return InstrumentLostError(f"the IOC {self.prefix} {what}: tip state unknown")

    def begin(self) -> None:
        """Take the IOC as it is now: no client has relied on it before.

        What an earlier session of this process has heard of it may still be in the
        memory of the EPICS library.
        """
        self._boot = int(self.boot_id.get(use_monitor=False))
        self.accept()

    def accept(self) -> None:
        """Continue with the instrument as it is now: its state is known again."""
        self._lost = ""
        self.ask_again()

    def ask_again(self) -> None:
        """Wait for answers again, after `lose_answers`."""
        self._answers = True

    def last_error(self) -> str:
        """Return the last refusal or fault as the IOC reports it, or why it cannot."""
        try:
            return str(
                self.error_message.get(
                    timeout=1.0 + self.allowance_s, use_monitor=False
                )
            )
        except (TimeoutError, ConnectionError) as error:
            return f"(its ErrorMessage cannot be read: {error})"

    @property
    def messages(self) -> int:
        """Number of refusals and faults that the IOC has reported so far."""
        return self._messages

    def error_since(self, messages: int, about: str) -> str:
        """Return the last refusal or fault, unless it is an old one about other things.

        Empty then.

        Parameters
        ----------
        messages
            What `messages` was before.
        about
            PV that it is asked for.
        """
        said = self.last_error()
        if self._messages == messages and about not in said:
            return ""
        return said

    def _message_came(self, **kwargs: Any) -> None:
        self._messages += 1

    def is_silent(self, longest_s: float = SILENCE_S) -> bool:
        """Return whether the clock of a connected IOC has not been heard of for long.

        Parameters
        ----------
        longest_s
            For how long (s).
        """
        heard = self._heard
        return heard is not None and time.monotonic() - heard > longest_s

    @property
    def answers(self) -> bool:
        """Whether it can be asked: it is heard of, and has answered so far."""
        return self._answers and not self.is_silent()

    def standstill_s(self) -> float:
        """Longest time (s) for which nothing of this process ran, if not forgotten.

        Known at once to what runs first after that.
        """
        return max(self._stood_still_s, self._of_this(watchdog.late_s()))

    def _of_this(self, standstill_s: float) -> float:
        return min(standstill_s, now() - self._stands_since)

    def forget_standstill(self) -> None:
        """Forget that this process has stood still: what came of it is known."""
        self._stands_since = now()
        self._stood_still_s = 0.0

    def forgive(self, late_s: float) -> None:
        """Count the silence anew: this process has not listened for so long (s)."""
        self._stood_still_s = max(self._stood_still_s, self._of_this(late_s))
        if self._heard is not None:
            self._heard = time.monotonic()

    def lose(self, what: str) -> None:
        """Take the instrument as lost: make everything that is pending fail.

        Parameters
        ----------
        what
            How, as the end of a sentence about the IOC.
        """
        self._lost = self._lost or what
        self._fail(what)

    def lose_answers(self, what: str) -> InstrumentLostError:
        """Take the instrument as lost that is heard, and does not answer.

        What is written to it from now on may reach it: no client waits for its end.

        Parameters
        ----------
        what
            As in `lose`.

        Returns
        -------
        InstrumentLostError
            To be raised.
        """
        self._answers = False
        self.lose(what)
        return self._error(what)

    def _boot_changed(self, value: Any = None, **kwargs: Any) -> None:
        if value is None or not int(value):
            return
        before, self._boot = self._boot, int(value)
        if before is not None and before != self._boot:
            self.lose("has restarted")

    def _connection_changed(self, connected: bool = True, **kwargs: Any) -> None:
        if not connected:
            self._heard = None
            if self._boot is not None:
                self.lose("is not connected any more")

    def _clock_ticked(self, **kwargs: Any) -> None:
        self._heard = time.monotonic()

    def end_late(self) -> None:
        """Make the statuses fail whose time is over."""
        at = time.monotonic()
        with self._lock:
            late = [(s, why) for s, (end, why) in self._pending.items() if at > end]
            for status, _ in late:
                del self._pending[status]
        for status, why in late:
            if self._lost:  # it is heard, perhaps, and does not hear
                _end(status, self.lose_answers(self._lost))
            else:
                _end(status, CommandTimeoutError(why))

    def _fail(self, what: str) -> None:
        with self._lock:
            pending = list(self._pending)
            self._pending.clear()
        for status in pending:
            _end(status, self._error(what))


def _end(status: DeviceStatus, error: Exception) -> None:
    with contextlib.suppress(InvalidState):  # it has ended in this moment
        if not status.done:
            status.set_exception(error)


class Linked(Named, Device):
    """A part of an instrument: it is lost when the whole is."""

    _own_link: InstrumentLink | None = None

    @property
    def link(self) -> InstrumentLink:
        """The link of the instrument; without a parent, a separate one."""
        if self.parent is not None:
            return self.parent.link
        if self._own_link is None:
            self._own_link = InstrumentLink(self.prefix, name=f"{self.name}_link")
        return self._own_link
