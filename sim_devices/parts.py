"""What each part of the instrument offers to the others, as typed protocols."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from .epics.commands import Outcome
from .physics.approach import Descent
from .physics.current_input import CurrentInput
from .physics.meniscus.contact import Contact
from .physics.meniscus.pipette import Pipette
from .physics.recording import Recording

__all__ = [
    "PV",
    "Acquiring",
    "Axis",
    "Cell",
    "Clamp",
    "Disturbances",
    "LandingFault",
    "Line",
    "SimulatorPart",
    "XYPart",
    "ZPart",
]


class PV(Protocol):
    """A PV of another part: read by `value`, written by `epics.pvs.put`."""

    pvname: str
    value: Any


@dataclass(frozen=True)
class LandingFault:
    """What goes wrong in one landing.

    Parameters
    ----------
    dry
        No current flows at contact.
    deep
        The loop overlooks the contact and pushes the pipette into the sample.
    burst
        Where on the way to the surface the current bursts, 0 to 1; None for nowhere.
    stuck
        The meniscus follows the probe when it is withdrawn.
    """

    dry: bool = False
    deep: bool = False
    burst: float | None = None
    stuck: bool = False


class Axis(Protocol):
    """An axis of a stage."""

    @property
    def user(self) -> float:
        """Where it is, with the user offset (um)."""


class XYPart(Protocol):
    """The XY stage."""

    @property
    def motors(self) -> tuple[Axis, Axis]:
        """Both axes."""

    @property
    def is_moving(self) -> bool:
        """Whether any axis moves."""

    async def rest(self, halt: asyncio.Event) -> bool:
        """Wait until no axis moves, unless halted; return whether that was reached."""

    def check_point(self, x: float, y: float) -> None:
        """Refuse a point (um) that an axis cannot go to."""

    async def go(self, x: float, y: float, halt: asyncio.Event) -> bool:
        """Move both axes to a point (um); return whether they got there."""


class ZPart(Protocol):
    """The Z stage."""

    threshold: PV
    threshold_mode: PV
    debounce: PV
    verify_time: PV
    travel_height: PV
    slow_height: PV
    detach_height: PV
    state: PV

    @property
    def position(self) -> float:
        """Height of the probe (um)."""

    @property
    def changed_at(self) -> float:
        """Instrument time at which Z came to rest (s)."""

    @property
    def is_moving(self) -> bool:
        """Whether Z moves."""

    @property
    def descent_rate(self) -> float:
        """Highest rate of an approach (um/s)."""

    def check_not_lowering(self, instance: Any) -> None:
        """Refuse a setting that decides whether a descent can be stopped, amid one."""

    def check_stoppable(
        self, mode: str, potential: float, signal: CurrentInput, rate: float
    ) -> None:
        """Refuse a descent that no current of a contact is sure to stop."""

    async def land(self, what: str) -> tuple[Outcome, list[float], np.ndarray]:
        """Lower the probe until the meniscus closes the cell."""

    async def lift(self) -> tuple[Outcome, Sequence[float]]:
        """Withdraw from a contact."""

    async def landed(self) -> Outcome:
        """Wait for an approach that is running; return how the last one ended."""

    async def retreat(self) -> tuple[Outcome, Sequence[float]]:
        """Stop, then withdraw as far as SAFE demands."""


class Cell(Protocol):
    """The cell between tip and sample, closed by a contact."""

    @property
    def contact(self) -> Contact | None:
        """The landed meniscus, None while the circuit is open."""

    @property
    def is_open(self) -> bool:
        """Whether nothing closes the circuit."""

    def land(self, descent: Descent, contact: Contact) -> None:
        """Close the circuit, unless it was not the surface that stopped the probe."""

    def stretch(self, begun: float, speed: float) -> None:
        """Draw the meniscus out from now on."""

    def stop_stretching(self, begun: float) -> None:
        """Keep the meniscus drawn out as far as it is."""

    def tear(self) -> bool:
        """Open the circuit; return whether there was a meniscus to tear."""

    def break_shows_after(self) -> float:
        """Return how long after it a break shows in the current (s)."""

    def feels_contact(self) -> bool:
        """Whether a current flows that an open circuit does not have."""

    def follow(self) -> object:
        """Apply what is held up to now."""


class Clamp(Protocol):
    """The clamp amplifier."""

    offset: float
    mode: PV
    holding_potential: PV
    holding_current: PV
    gain: PV
    filter_cutoff: PV
    sample_rate: PV
    samples: PV
    settle_time: PV
    waveform: PV
    cutoffs: PV
    compliance: PV

    @property
    def cell(self) -> Cell:
        """What it is connected to."""

    @property
    def current_input(self) -> CurrentInput:
        """The input at the present gain and filter."""

    @property
    def is_acquiring(self) -> bool:
        """Whether an acquisition runs."""

    async def publish_input(self, instance: Any, value: float) -> float:
        """Publish range, step and noise with a new gain or filter."""

    async def refresh(self) -> None:
        """Publish the live potential and current."""

    async def interrupt(self) -> None:
        """End the acquisition and wait until it has ended."""

    async def make_safe(self) -> None:
        """End the acquisition and hold the safe potential."""

    async def measured(self) -> Outcome:
        """Wait for an acquisition that is running; return how it ended."""

    async def record(self) -> tuple[Outcome, Recording, list[float]]:
        """Take one acquisition with the settings as they are."""


class Line(Protocol):
    """Hops that the instrument makes by itself."""

    def check_idle(self, what: str) -> None:
        """Refuse what a client wants to start amid a line."""

    def halt(self) -> None:
        """End the line as soon as can be."""

    async def wait(self) -> None:
        """Wait until no line is being hopped along."""


class Acquiring(Protocol):
    """An acquisition that has not begun, as far as a fault may spoil it."""

    added: np.ndarray
    garbled: np.ndarray
    breaks_at: int | None

    @property
    def dt(self) -> float:
        """Sample interval (s)."""

    @property
    def signal(self) -> CurrentInput:
        """The current input."""


class Disturbances(Protocol):
    """What goes wrong, on demand."""

    stuck_length: PV

    async def in_landing(self, number: int) -> LandingFault:
        """Cause what goes wrong before a descent; return what goes wrong in it."""

    async def in_motion(self, number: int, longest: float) -> float:
        """Return how long Z follows its setpoint in a motion (s)."""

    async def in_acquisition(self, number: int, acquisition: Acquiring) -> None:
        """Spoil an acquisition."""


class SimulatorPart(Protocol):
    """What only a simulator has."""

    detach_height: PV

    async def refresh(self) -> None:
        """Publish where the probe is."""

    async def fit(self, pipette: Pipette) -> None:
        """Use another pipette from the next landing on."""

    async def count_lateral_touch(self) -> None:
        """Count a touch by an XY move."""

    async def count_dragged_meniscus(self) -> None:
        """Count an XY move that dragged a meniscus along until it tore."""

    async def count_unguarded_contact(self) -> None:
        """Count a contact that no approach made."""
