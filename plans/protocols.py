"""What a plan expects of a microscope: attributes, not a class.

`seccm_ophyd.devices.Microscope` is one; a facility's own device, or a fake, may be
another.
"""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from bluesky.protocols import Checkable, Movable, Preparable, Readable, Triggerable

from seccm_ophyd.techniques import Technique

__all__ = ["XY", "Amplifier", "Axis", "HoppingMicroscope", "Line", "Setting", "Z"]


class Setting(Readable[Any], Movable[Any], Protocol):
    """What is set, or only read."""


class Axis(Readable[float], Movable[float], Checkable[float], Protocol):
    """An axis of the XY stage (um)."""

    connected: bool
    limits: tuple[float, float]
    velocity: Readable[float]
    acceleration: Readable[float]
    settle: Readable[float]


class XY(Readable[float], Protocol):
    """The stage that moves the sample below the probe, or the probe above it."""

    x: Axis
    y: Axis


class ZAxis(Protocol):
    """The motor of the Z stage."""

    user_readback: Readable[float]


class Z(Readable[float], Movable[tuple[float, float]], Protocol):
    """The stage that approaches and withdraws; it is set to heights (um) of travel."""

    axis: ZAxis
    approach: Triggerable
    withdraw: Triggerable
    leave: Triggerable
    contact_height: Readable[float]
    withdraw_distance: Setting
    withdraw_rate: Setting
    approach_rate: Setting
    fast_rate: Setting
    threshold: Setting
    least_contact: Setting
    travel_limit: Setting
    travel_height: Setting
    slow_height: Setting
    verify_time: Setting


class Amplifier(Readable[Any], Movable[Any], Preparable, Protocol):
    """The amplifier; it is prepared for techniques, and set to one of them."""

    prepared: tuple[Technique, ...]
    acquire: Triggerable
    progress: Readable[Any]
    gain: Setting
    mode: Setting
    holding_potential: Setting
    safe_potential: Setting
    current_range: Readable[float]
    current_step: Readable[float]
    present_noise: Readable[float]


class Hop(Readable[Any], Movable[int], Protocol):
    """What an event records of its hop; it is set to the index of the hop."""

    outcome: Readable[str]

    def note(self, name: str, doc: dict[str, Any]) -> None:
        """Take a document of the run."""


class Traces(Readable[Any], Protocol):
    """Where the traces of a hop are written."""

    folder: Any
    free_space: Readable[float]
    reserve: Readable[float]


class Command(Protocol):
    """What the instrument is doing by itself."""

    is_pending: bool


class Line(Readable[Any], Movable[Any], Preparable, Triggerable, Protocol):
    """A flyer: it is set to points, and hops along them by itself."""

    run: Command
    is_ending: bool
    is_incomplete: bool
    failure: Exception | None

    def take_given(self) -> Sequence[dict[str, Any]]:
        """Give the event pages that were collected since it was last asked."""


@runtime_checkable
class HoppingMicroscope(Protocol):
    """The parts of an SECCM that plans talk to."""

    name: str
    xy: XY
    z: Z
    clamp: Amplifier
    hop: Hop
    traces: Traces
    line: Line
    safe: Triggerable
    arm_approach: Triggerable
    arm_hop: Triggerable
    rest_potential: Setting

    def abandon(self) -> None:
        """Have what is pending end without error: no plan waits for it any more."""
