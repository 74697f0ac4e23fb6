"""One acquisition: what the amplifier imposes on the cell, and what it makes of it.

SI units; no PV here. An acquisition is built chunk by chunk, so that it can be stopped,
and read as a whole.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ..electronics import potential_noise
from ..epics.clock import Clock
from ..meniscus.contact import Contact
from .current_input import CurrentInput

__all__ = ["Acquisition", "CurrentClamp", "History", "Recording", "VoltageClamp"]

_PA = 1e-12
_CHUNK = 0.02  # s of instrument time that are worked out at once when time runs
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
    rng
        Source of the noise of the potential.
    """

    contact: Contact
    limits: tuple[float, float]
    offset: float
    rng: np.random.Generator

    def apply(self, drive: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
        """Impose currents (A)."""
        potential = self.contact.galvanostatic(drive + self.offset, dt, self.limits)
        n = len(potential)
        noise = potential_noise(n, dt, self.contact.site.area, self.rng)
        return potential + noise, drive[:n].copy()


@dataclass
class Acquisition:
    """Samples of potential and current, taken in chunks.

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
    offset
        Of the current input (A).
    history
        Current before the first sample.
    rng
        Source of the noise of the current.
    """

    clamp: _Clamp
    drive: np.ndarray
    dt: float
    signal: CurrentInput
    offset: float
    history: History
    rng: np.random.Generator
    _potential: list[np.ndarray] = field(default_factory=list, repr=False)
    _current: list[np.ndarray] = field(default_factory=list, repr=False)
    applied: int = 0
    taken: int = 0
    is_stopped: bool = False
    at_cutoff: bool = False

    @property
    def is_over(self) -> bool:
        """Whether all samples are taken, a cut-off was reached, or it was stopped."""
        return self.is_stopped or self.at_cutoff or self.taken >= len(self.drive)

    def advance(self, n: int) -> None:
        """Take the next `n` samples, or fewer at the end and at a cut-off."""
        drive = self.drive[self.taken : self.taken + n]
        potential, current = self.clamp.apply(drive, self.dt)
        self._potential.append(potential)
        self._current.append(current)
        self.applied = self.taken = self.taken + len(potential)
        self.at_cutoff = len(potential) < len(drive)

    async def play(self, clock: Clock, start: float, halt: asyncio.Event) -> None:
        """Take all samples, from instrument time `start` (s), unless it is stopped.

        Where time runs, the cell is worked out some samples ahead of it.
        """
        chunk = len(self.drive) if clock.is_discrete else max(1, int(_CHUNK / self.dt))
        while not self.is_over:
            self.advance(chunk)
            if not await clock.wait_until(start + self.applied * self.dt, halt):
                self.stop(clock.now - start)

    def stop(self, elapsed: float) -> None:
        """End it `elapsed` seconds after its start; later samples are dropped."""
        self.is_stopped = True
        self.taken = max(0, min(self.taken, int(elapsed / self.dt)))

    def read(self) -> "Recording":
        """Read what has been taken."""
        n = self.taken
        if n == 0:
            return Recording(self.dt, np.zeros(0), np.zeros(0), overload=False)
        potential = np.concatenate(self._potential)[:n]
        current = np.concatenate(self._current)[:n]
        before = self.history.resampled(self.dt)
        filtered = self.signal.filter(np.concatenate([before, current]), self.dt)
        noise = self.signal.noise(n, self.dt, self.rng)
        current = filtered[len(before) :] + self.offset + noise
        overload = self.signal.overloads(current)
        return Recording(self.dt, potential, self.signal.digitise(current), overload)


@dataclass(frozen=True)
class Recording:
    """What an acquisition recorded.

    Parameters
    ----------
    dt
        Sample interval (s).
    potential, current
        V and A, of one length.
    overload
        Whether the current left the range.
    """

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
        t = np.arange(n) * self.dt
        return np.concatenate([[number, 0, n], t, self.potential, self.current / _PA])
