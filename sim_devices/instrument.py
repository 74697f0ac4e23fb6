"""The instrument as its parts see it: what each of them may ask of the whole.

A part (stages, clamp, line, faults...) knows no class of another part. It knows
`Instrument`, a typed protocol that `ioc.SeccmIOC` fulfils, and by it what the other
parts offer: `parts`. mypy holds all of them against the classes. What is in no protocol
is a part's own affair.
"""

from functools import cached_property
from typing import Any, Protocol

import numpy as np
from caproto.server import PVGroup

from .epics.clock import Clock
from .epics.commands import Outcome
from .parts import Clamp, Disturbances, Line, SimulatorPart, XYPart, ZPart
from .physics.mechanics import Mechanics
from .physics.meniscus.pipette import Pipette
from .physics.sample import Sample

__all__ = ["Instrument", "Part"]


class Instrument(Protocol):
    """The whole instrument: one sample, one probe, one clock, and the parts."""

    clock: Clock
    sample: Sample
    pipette: Pipette
    mechanics: Mechanics
    seed: int

    @property
    def xy(self) -> XYPart:
        """The XY stage."""

    @property
    def z(self) -> ZPart:
        """The Z stage."""

    @property
    def clamp(self) -> Clamp:
        """The clamp amplifier."""

    @property
    def line(self) -> Line:
        """Hops that it makes by itself."""

    @property
    def sim(self) -> SimulatorPart:
        """What only a simulator has."""

    @property
    def faults(self) -> Disturbances:
        """What goes wrong, on demand."""

    @property
    def is_tripped(self) -> bool:
        """Whether a trip waits for an operator."""

    @property
    def is_active(self) -> bool:
        """Whether anything moves or runs, or it is not SAFE."""

    def rng(self, *key: str | int) -> np.random.Generator:
        """Make the source of randomness of a key, the same for one seed."""

    def check_ready(self, what: str) -> None:
        """Refuse to start something while tripped, or on the way to SAFE."""

    def halt(self) -> None:
        """Stop all that moves or runs."""

    def note(self, what: str, **values: Any) -> None:
        """Write down what truly happens, where that is wanted."""

    async def report(self, message: str) -> None:
        """Publish a refusal or a fault."""

    async def trip(self, reason: str) -> None:
        """Stop everything, go SAFE, and have nothing start until it is reset."""


class Part(PVGroup):
    """PVs of one part of the instrument."""

    @cached_property
    def ioc(self) -> Instrument:
        """The whole instrument."""
        return self.parent.ioc

    @property
    def stopped(self) -> Outcome:
        """What became of a command that did not come to its end."""
        return Outcome.TRIPPED if self.ioc.is_tripped else Outcome.STOPPED
