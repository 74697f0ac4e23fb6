"""What goes wrong in a real instrument, on demand: for tests of what is built upon it.

Whether a fault strikes is drawn from the seed of the simulator and the number of the
landing or acquisition: a run with the same seed and rates goes wrong at the same hops.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from caproto.server import SubGroup

from .epics.pvs import choice, put, reader, setting, text
from .instrument import Part
from .parts import Acquiring, LandingFault

__all__ = ["Fault", "Faults", "LandingFault"]

_UM = 1e-6
_SPIKE = 100e-12  # A, peak of a spike in an acquisition
_DECAY = 5e-3  # s
_BEYOND = 2.0  # ranges by which a saturated input is driven, to either side
_GARBLED = 5  # samples in a row that read no number


class Fault(Part):
    """PVs of one fault: ``Rate``, ``Next``."""

    rate = setting("Rate", 0.0, "", 3, (0.0, 1.0), "how often it strikes, 0 to 1")
    next = choice("Next", ("no", "yes"), "yes: it strikes at the next occasion")

    @property
    def word(self) -> str:
        """What it is called, as in the names of its PVs."""
        return str(self.prefix).rpartition(":")[2]

    async def strikes(self, chance: float) -> bool:
        """Return whether it strikes now; `chance` is drawn evenly from 0 to 1."""
        if self.next.value == "yes":
            await put(self.next, "no")
            return True
        return chance < self.rate.value


class Faults(Part):
    """PVs of what goes wrong.

    ``...Rate`` and ``...Next`` of ``NoContact``, ``FalseContact``, ``Crash``,
    ``Blockage``, ``Jump``, ``Stuck``, ``Runaway``, ``Spike``, ``Saturation``,
    ``BadReading``, ``Break``; ``JumpSize``, ``StuckLength``, ``Freeze``, ``LastFault``.
    """

    no_contact = SubGroup(Fault, prefix="NoContact")
    false_contact = SubGroup(Fault, prefix="FalseContact")
    crash = SubGroup(Fault, prefix="Crash")
    blockage = SubGroup(Fault, prefix="Blockage")
    jump = SubGroup(Fault, prefix="Jump")
    stuck = SubGroup(Fault, prefix="Stuck")
    runaway = SubGroup(Fault, prefix="Runaway")
    spike = SubGroup(Fault, prefix="Spike")
    saturation = SubGroup(Fault, prefix="Saturation")
    bad_reading = SubGroup(Fault, prefix="BadReading")
    breaking = SubGroup(Fault, prefix="Break")
    jump_size = setting("JumpSize", 0.2, "um", 4, (0.0, 10.0), "length of a jump")
    stuck_length = setting(
        "StuckLength", 6.0, "um", 3, (0.1, 100.0), "at which a stuck meniscus comes off"
    )
    freeze = setting("Freeze", 0.0, "s", 1, (0.0, 60.0), "the IOC answers nothing")
    last_fault = text("LastFault", "what went wrong last, and when")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._of_landings = (
            self.no_contact,
            self.false_contact,
            self.crash,
            self.blockage,
            self.jump,
            self.stuck,
        )
        self._of_motions = (self.runaway,)
        self._of_acquisitions = (
            self.spike,
            self.saturation,
            self.bad_reading,
            self.breaking,
        )
        self._readers: dict[tuple[Fault, ...], Callable[[], list[Any]]] = {
            kinds: reader(*(pv for kind in kinds for pv in (kind.rate, kind.next)))
            for kinds in (self._of_landings, self._of_motions, self._of_acquisitions)
        }

    def _armed(self, kinds: tuple[Fault, ...]) -> bool:
        """Return whether one of them can strike at the next occasion."""
        return self._readers[kinds]() != [0.0, "no"] * len(kinds)

    @freeze.putter
    async def _put_freeze(self, instance: Any, value: float) -> float:
        """Block the event loop: nothing is answered, sent or moved meanwhile."""
        time.sleep(value)
        return 0.0

    async def in_landing(self, number: int) -> LandingFault:
        """Make happen what goes wrong before the descent of a landing.

        Parameters
        ----------
        number
            Counts the landings since the start of the IOC.

        Returns
        -------
        LandingFault
            What goes wrong in the descent itself.
        """
        kinds = self._of_landings
        if not self._armed(kinds):
            return LandingFault()
        rng = self.ioc.rng("landing fault", number)
        struck = await self._draw(kinds, rng, f"landing {number}")
        if self.blockage in struck:
            await self.ioc.sim.fit(replace(self.ioc.pipette, blocked=True))
        way = rng.standard_normal(3)
        if self.jump in struck:
            size = self.jump_size.value * _UM
            self.ioc.mechanics.jump(size * way / np.linalg.norm(way))
        return LandingFault(
            dry=self.no_contact in struck,
            deep=self.crash in struck,
            burst=rng.uniform() if self.false_contact in struck else None,
            stuck=self.stuck in struck,
        )

    async def in_motion(self, number: int, longest: float) -> float:
        """Make Z stand still in a motion.

        Parameters
        ----------
        number
            Counts the motions of Z since the start of the IOC.
        longest
            Up to when it matters (s).

        Returns
        -------
        float
            How long Z follows its setpoint (s).
        """
        kinds = self._of_motions
        if longest <= 0 or not self._armed(kinds):
            return math.inf
        rng = self.ioc.rng("motion fault", number)
        struck = await self._draw(kinds, rng, f"motion {number}")
        return longest * rng.uniform() if struck else math.inf

    async def in_acquisition(self, number: int, acquisition: Acquiring) -> None:
        """Make an acquisition see a current that is not there, or lose its contact.

        Parameters
        ----------
        number
            Counts the acquisitions since the start of the IOC.
        acquisition
            One that has not begun.
        """
        kinds = self._of_acquisitions
        if not self._armed(kinds):
            return
        rng = self.ioc.rng("acquisition fault", number)
        struck = await self._draw(kinds, rng, f"acquisition {number}")
        at, sign = rng.integers(len(acquisition.added), size=3), rng.choice([-1, 1])
        if self.spike in struck:
            after = acquisition.added[at[0] :]
            t = np.arange(len(after)) * acquisition.dt
            after += _SPIKE * np.exp(-t / _DECAY)
        if self.saturation in struck:
            acquisition.added += sign * _BEYOND * acquisition.signal.range
        if self.bad_reading in struck:
            garbled = rng.choice([math.nan, math.inf, -math.inf])
            acquisition.garbled[at[1] : at[1] + _GARBLED] = garbled
        if self.breaking in struck:
            acquisition.breaks_at = int(at[2])

    async def _draw(
        self, kinds: Sequence[Fault], rng: np.random.Generator, when: str
    ) -> list[Fault]:
        """Draw which faults strike; each draws, so that one does not shift another."""
        chances = rng.random(len(kinds)).tolist()
        drawn = zip(kinds, chances, strict=True)
        struck = [kind for kind, chance in drawn if await kind.strikes(chance)]
        for kind in struck:
            await put(self.last_fault, f"{kind.word} at {when}")
        return struck
