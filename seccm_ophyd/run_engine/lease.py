"""The lease of a session: while it beats, this process drives the instrument.

What ends it is decided in the IOC: by `sim_devices.supervisor` in the simulator.
"""

import asyncio
import functools
import getpass
import itertools
import logging
import math
import os
import secrets
import socket
import threading
import time
from typing import Any

from ..devices import Microscope
from ..errors import SeccmError
from ..terminal import clean
from .stuck import where_is

__all__ = ["Lease"]

logger = logging.getLogger(__name__)

TIMEOUT_S = 5.0
BEATS_PER_LEASE = 8
UNHEARD_S = 2.0
"""An owner that has not heard the IOC for this long does not beat (s): it cannot know
what the probe does, and the end of its lease makes the instrument SAFE."""
BUSY_S = 60.0
"""For so long (s) the lease is kept while the engine's loop stands still, and the probe
is withdrawn: a plan that computes, or reads files, does no harm there."""
SAY_BUSY_S = 2.0
WAITED_ROUND_TRIPS = 10
"""This many more may pass, on a slow network, until a busy loop is worth a warning."""
SETTLE_S = 1.0
ASK_TIMEOUT_S = 2.0


class Lease:
    """Takes the lease of an instrument, keeps it, and gives it back.

    The IOC makes itself SAFE when the process that has it dies, hangs, or loses its
    connection.

    Parameters
    ----------
    microscope
        The instrument, connected.
    """

    def __init__(self, microscope: Microscope) -> None:
        self._microscope = microscope
        who, where = getpass.getuser(), socket.gethostname()
        # the token distinguishes two sessions of one process
        self.name = f"{who}@{where} pid {os.getpid()} {secrets.token_hex(2)}"
        self._told = ""
        self._beats = itertools.count(1)
        self._lease_s = math.inf
        self._awake: float | None = None  # since when, after it stood still
        self._beating = threading.RLock()
        self._turned = time.monotonic()  # when the loop has last been seen to turn
        self._loop_thread = 0
        self._said_busy = False
        self._given_back = threading.Event()

    def take(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take the lease, and keep it as long as an event loop runs.

        Parameters
        ----------
        loop
            The engine's own. If that hangs, the beats stop and the lease lapses: at
            once while the probe is not withdrawn, after `BUSY_S` where it is.

        Raises
        ------
        SeccmError
            If another client has it; the message names it.
        """
        m = self._microscope
        m.link.forget_standstill()  # that came before, as while libraries were loaded
        m.claim.put(self.name, wait=False)
        # asked: what is monitored may still be the owner of before
        owner = m.owner.get(use_monitor=False)
        if owner != self.name:
            raise SeccmError(
                f"{m.prefix} is driven by {owner or 'no client'}, and this "
                f"session ({self.name}) does not get it: {m.link.last_error()}"
            )
        self._wait_until_told()
        m.driver = self.name
        self._lease_s = float(m.lease_time.get())
        period_s = self._lease_s / BEATS_PER_LEASE
        m.link.not_driving = self.not_driving
        m.link.went_on = functools.partial(self._beat_if_due, period_s)
        asyncio.run_coroutine_threadsafe(self._keep(period_s), loop)
        self._turned = time.monotonic()
        self._standing_in = threading.Thread(
            target=self._stand_in, args=(period_s,), name="lease", daemon=True
        )
        self._standing_in.start()
        m.owner.subscribe(functools.partial(self._owner_changed, loop), run=False)

    def _wait_until_told(self) -> None:
        """Wait for the monitor; give the lease back if it stays silent."""
        m = self._microscope
        deadline = time.monotonic() + TIMEOUT_S + m.link.allowance_s
        while m.owner_told != self.name:
            if time.monotonic() > deadline:
                m.claim.put("", wait=False)
                raise SeccmError(
                    f"{m.prefix} has given the lease to this session and does not "
                    f"publish it within {TIMEOUT_S:g} s: check its IOC, then try again"
                )
            time.sleep(0.01)

    @property
    def is_held(self) -> bool:
        """Whether the lease was taken and has not been given back."""
        return bool(self._microscope.driver)

    def give_back(self) -> None:
        """Give the lease back; a failure is logged, the lease lapses then by itself."""
        if not self.is_held:
            return
        self._given_back.set()
        self._standing_in.join(2 * ASK_TIMEOUT_S)
        is_mine = self._microscope.owner_told == self.name
        self._microscope.driver = ""
        try:
            if is_mine and self._microscope.connected:
                self._microscope.claim.put("", wait=True, timeout=TIMEOUT_S)
        except (TimeoutError, ConnectionError) as error:
            prefix = self._microscope.prefix
            logger.error("%s: the lease was not given back: %s", prefix, error)

    def not_driving(self, ask: bool) -> str:
        """Return why this session does not drive any more, as the end of a sentence.

        Empty while it does, and where it never did. A session that has stood still for
        longer than its lease does not drive, even if it has heard otherwise before.

        Parameters
        ----------
        ask
            Whether to ask the IOC where that is not known: what makes it SAFE is kept
            back only if another client drives.
        """
        if not self.is_held:
            return ""
        stood_still_s = self._standstill_s()
        owner = self._microscope.owner_told
        if ask and (stood_still_s or owner is None):
            owner = self._ask()
        why = f"this session stood still for {stood_still_s:.0f} s"
        if owner not in (None, "", self.name):
            return f"is driven by {owner} now" + (f", {why}" if stood_still_s else "")
        if stood_still_s and not ask:
            return f"may be driven by another client now, {why}"
        return ""

    def _standstill_s(self) -> float:
        """Time (s) for which nothing of this process ran; 0 if shorter than a lease.

        Until it is known who has the lease since.
        """
        lasted = self._microscope.link.standstill_s()
        return lasted if lasted > self._lease_s else 0.0

    def _ask(self) -> str | None:
        """Ask the IOC who drives; None if it does not answer."""
        link, owner = self._microscope.link, self._microscope.owner
        if not owner.connected or link.is_silent(UNHEARD_S):
            return None
        try:
            longest_s = ASK_TIMEOUT_S + link.allowance_s
            return str(owner.get(use_monitor=False, timeout=longest_s))
        except (TimeoutError, ConnectionError):
            return None

    def _owner_changed(
        self, loop: asyncio.AbstractEventLoop, value: Any = None, **kwargs: Any
    ) -> None:
        """See at once who has it."""
        if self.is_held and value != self.name and loop.is_running():
            loop.call_soon_threadsafe(self._beat)

    async def _keep(self, period_s: float) -> None:
        self._loop_thread = threading.get_ident()
        while True:
            self._turned = time.monotonic()
            self._beat()
            await asyncio.sleep(period_s)

    def _stand_in(self, period_s: float) -> None:
        """Beat for a loop that stands still, while that does no harm.

        It may be waiting for two answers, one after the other.
        """
        while not self._given_back.wait(period_s):
            busy_s = time.monotonic() - self._turned
            if busy_s < 2 * period_s:
                self._said_busy = False
                continue
            where = where_is(self._loop_thread)
            round_trip_s = self._microscope.link.round_trip_s
            waits_for_answers = busy_s < 2 * (period_s + round_trip_s)
            keeps = waits_for_answers or (busy_s < BUSY_S and self._is_at_rest())
            waits_s = WAITED_ROUND_TRIPS * round_trip_s
            if busy_s > SAY_BUSY_S + waits_s and not self._said_busy:
                self._said_busy = True
                self._say_busy(busy_s, where, keeps)
            if keeps:
                self._beat()

    def _is_at_rest(self) -> bool:
        try:
            return self._microscope.is_at_rest(ASK_TIMEOUT_S)
        except (TimeoutError, ConnectionError):
            return False

    def _say_busy(self, busy_s: float, where: str, keeps: bool) -> None:
        """Log what the loop stands still in, and what comes of it."""
        logger.warning(
            "the engine has been busy for %.0f s in %s: %s",
            busy_s,
            where,
            f"the lease is kept for at most {BUSY_S:g} s, the probe is withdrawn"
            if keeps
            else "the probe is not withdrawn, so no heartbeat is sent until it "
            f"continues: the IOC makes it SAFE {self._lease_s:g} s after the last one",
        )

    def _beat_if_due(self, period_s: float) -> None:
        """Beat while settings are exchanged in the engine's loop on a slow network.

        For as long as a loop that hangs may take: what hangs gets no answers.
        """
        busy_s = time.monotonic() - self._turned
        if threading.get_ident() == self._loop_thread and period_s < busy_s < BUSY_S:
            self._beat()

    def _beat(self) -> None:
        """Renew the lease, or take it again after the IOC has ended it."""
        with self._beating:
            if self._given_back.is_set():
                return
            try:
                self._renew()
            except (TimeoutError, ConnectionError) as error:
                self._tell(f"heartbeat not sent: {error}")

    def _renew(self) -> None:
        m = self._microscope
        if not self._is_settled():
            return  # what the IOC has reported meanwhile is coming in
        if not (m.owner.connected and m.heartbeat.connected):
            self._tell("connection lost")
            return
        if m.link.is_silent(UNHEARD_S):
            self._tell("is not heard: no heartbeat is sent until it is")
            return
        owner = m.owner_told
        if owner is None:
            return
        if owner in ("", self.name):
            self._awake = None
            m.link.forget_standstill()
        if owner == self.name:
            m.heartbeat.put(next(self._beats) % 2**30, wait=False)
            m.link.keep_measuring()
            self._tell("")
        elif not owner:
            self._tell("the lease had ended, it is taken again")
            m.claim.put(self.name, wait=False)
        else:
            self._tell(f"is driven by {owner} now")

    def _is_settled(self) -> bool:
        """Return whether any standstill of this process is some time ago."""
        if self._awake is None and self._standstill_s():
            self._awake = time.monotonic()
            self._microscope.link.lose(self.not_driving(False))
        return self._awake is None or time.monotonic() - self._awake > SETTLE_S

    def _tell(self, what: str) -> None:
        """Log what is wrong, once."""
        if what and what != self._told:
            logger.error("%s: %s", self._microscope.prefix, clean(what))
        self._told = what
