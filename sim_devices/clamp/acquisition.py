"""One acquisition: what the amplifier imposes on the cell, and what it makes of it.

SI units; no PV here. An acquisition is built chunk by chunk, so that it can be stopped,
and read as a whole.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ..epics.clock import Clock
from ..meniscus.contact import Contact
from .current_input import CurrentInput

__all__ = ["Acquisition", "CurrentClamp", "History", "Recording", "VoltageClamp"]

_PA = 1e-12
_CHUNK = 0.02  # wall seconds that are worked out ahead when time runs
_LONG = 1.0  # s of instrument time above which an acquisition in discrete time ...
_PARTS = 50  # ... is worked out in so many parts
_ROUNDING = 1e-3  # samples by which an elapsed time may be rounded down
_C_STRAY = 0.05e-12  # F, of an open pipette after compensation


@dataclass(frozen=True)
class History:
    """Current (A) of the time before an acquisition, which its filter remembers.

    Parameters
    ----------
    current
        Evenly spaced samples, the last one at the start of the acquisition.
    duration
        Time they span (s).
    """

    current: np.ndarray
    duration: float

    def resampled(self, dt: float) -> np.ndarray:
        """Return it in steps of `dt` (s)."""
        n = int(self.duration / dt)
        if n < 2 or not len(self.current):
            return self.current[-1:]
        ages = np.linspace(-self.duration, 0, len(self.current))
        return np.interp(np.arange(-n + 1, 1) * dt, ages, self.current)


class _Clamp(Protocol):
    """What is imposed on the cell, sample by sample."""

    at_cutoff: bool

    def apply(self, drive: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
        """Impose `drive` and return potential (V) and current (A), maybe of fewer."""


@dataclass
class VoltageClamp:
    """The potential is imposed, the current flows.

    Parameters
    ----------
    contact
        The landed meniscus, None for an open circuit.
    held
        Potential before the first sample (V).
    """

    contact: Contact | None
    held: float
    at_cutoff: bool = field(default=False, init=False)  # it has none

    def apply(self, drive: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
        """Impose potentials (V)."""
        if self.contact is not None:
            current = self.contact.potentiostatic(drive, dt)
        else:
            current = _C_STRAY * np.diff(drive, prepend=self.held) / dt
        self.held = float(drive[-1])
        return drive, current


@dataclass
class CurrentClamp:
    """The current is imposed, the potential follows, up to a cut-off.

    Parameters
    ----------
    contact
        The landed meniscus.
    limits
        Lower and upper potential (V) at which it ends.
    offset
        Current (A) that the amplifier adds to what it is told.
    noise
        Noise of the potential (V) of all samples to come.

    Attributes
    ----------
    at_cutoff
        Whether the last sample was beyond a limit.
    """

    contact: Contact
    limits: tuple[float, float]
    offset: float
    noise: np.ndarray
    at_cutoff: bool = field(default=False, init=False)

    def apply(self, drive: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
        """Impose currents (A)."""
        potential = self.contact.galvanostatic(drive + self.offset, dt, self.limits)
        n = len(potential)
        self.at_cutoff = not self.limits[0] <= potential[-1] <= self.limits[1]
        noise, self.noise = self.noise[:n], self.noise[n:]
        return potential + noise, drive[:n].copy()


class Acquisition:
    """Samples of potential and current, taken in chunks.

    What a chunk is, is nothing to filter and noise: the noise of all samples is given
    beforehand, and the filter acts on what has been taken as a whole.

    Parameters
    ----------
    clamp
        Imposes the drive on the cell.
    drive
        What to impose: V or A for each sample.
    dt
        Sample interval (s).
    signal
        The current input.
    added
        What the current input adds to each sample: offset, noise, disturbances (A).

    Attributes
    ----------
    history
        Current before the first sample.
    applied
        Samples that the cell has been through.
    taken
        Samples that count: fewer when it was stopped amid a chunk.
    is_stopped
        Whether it was stopped.
    """

    def __init__(
        self,
        clamp: _Clamp,
        drive: np.ndarray,
        dt: float,
        signal: CurrentInput,
        added: np.ndarray,
    ) -> None:
        self.clamp, self.drive, self.dt = clamp, drive, dt
        self.signal, self.added = signal, added
        self.history = History(np.zeros(1), 0.0)
        self.applied = self.taken = 0
        self.is_stopped = False
        self._potential, self._current = np.empty((2, len(drive)))

    @property
    def is_over(self) -> bool:
        """Whether all samples are taken, a cut-off was reached, or it was stopped."""
        finished = self.taken >= len(self.drive)
        return finished or self.is_stopped or self.clamp.at_cutoff

    def advance(self, n: int) -> None:
        """Take the next `n` samples, or fewer at the end and at a cut-off."""
        first = self.taken
        potential, current = self.clamp.apply(self.drive[first : first + n], self.dt)
        self.applied = self.taken = first + len(potential)
        self._potential[first : self.taken] = potential
        self._current[first : self.taken] = current

    async def play(
        self,
        clock: Clock,
        start: float,
        halt: asyncio.Event,
        tick: Callable[[], Awaitable[None]],
    ) -> None:
        """Take all samples, unless it is stopped.

        Where time runs, the cell is worked out some samples ahead of it.

        Parameters
        ----------
        clock
            Instrument time.
        start
            When it begins (s).
        halt
            Stops it.
        tick
            Called between two chunks.
        """
        while await clock.wait_until(start + self.applied * self.dt, halt):
            if self.is_over:
                return
            if self.applied:
                await tick()
            if not halt.is_set():
                self.advance(self._chunk(clock))
        self.stop(clock.now - start)

    def _chunk(self, clock: Clock) -> int:
        """Tell how many samples to work out at once."""
        if not clock.is_discrete:
            return max(1, int(_CHUNK / clock.time_scale / self.dt))
        n = len(self.drive)
        return -(-n // _PARTS) if n * self.dt > _LONG else n

    def stop(self, elapsed: float) -> None:
        """End it `elapsed` seconds after its start; later samples are dropped."""
        self.is_stopped = True
        self.taken = max(0, min(self.taken, int(elapsed / self.dt + _ROUNDING)))

    def live(self, elapsed: float) -> tuple[float, float]:
        """Tell potential (V) and current (A) `elapsed` seconds after its start."""
        number = max(1, min(self.taken, int(elapsed / self.dt + _ROUNDING)))
        sample = self.read(number - 1, number)
        return float(sample.potential[0]), float(sample.current[0])

    def read(self, first: int = 0, stop: int | None = None) -> "Recording":
        """Read samples that have been taken.

        Parameters
        ----------
        first, stop
            Number of the first sample, and of the one behind the last; all of them by
            default.
        """
        stop = self.taken if stop is None else stop
        if stop <= first:
            return Recording(first, self.dt, np.zeros(0), np.zeros(0), overload=False)
        lead = first - min(first, self.signal.memory(self.dt))
        before = self.history.resampled(self.dt) if lead == 0 else np.zeros(0)
        raw = np.concatenate([before, self._current[lead:stop]])
        filtered = self.signal.filter(raw, self.dt)[len(before) + first - lead :]
        current = filtered + self.added[first:stop]
        overload = self.signal.overloads(current)
        potential = self._potential[first:stop].copy()
        current = self.signal.digitise(current)
        return Recording(first, self.dt, potential, current, overload)


@dataclass(frozen=True)
class Recording:
    """What an acquisition recorded.

    Parameters
    ----------
    first
        Number of the first sample.
    dt
        Sample interval (s).
    potential, current
        V and A, of one length.
    overload
        Whether the current left the range.
    """

    first: int
    dt: float
    potential: np.ndarray
    current: np.ndarray
    overload: bool

    @property
    def charge(self) -> float:
        """Integral of the current (C)."""
        return float(self.current.sum()) * self.dt

    def means(self) -> list[float]:
        """List mean potential (V), mean current and its standard deviation (pA)."""
        if not len(self.current):
            return [np.nan] * 3
        i = self.current / _PA
        return [float(self.potential.mean()), float(i.mean()), float(i.std())]

    def trace(self, number: int) -> np.ndarray:
        """List the trace as ``Clamp:Trace`` has it: t (s), E (V) and i (pA)."""
        n = len(self.current)
        t = np.arange(self.first, self.first + n) * self.dt
        head = [number, self.first, n]
        return np.concatenate([head, t, self.potential, self.current / _PA])
