"""What a plan expects of a microscope: attributes, not a class."""

from typing import Any, Protocol, runtime_checkable

__all__ = ["HoppingMicroscope"]


@runtime_checkable
class HoppingMicroscope(Protocol):
    """The parts of an SECCM that plans talk to.

    `seccm_ophyd.devices.Microscope` is one; a facility's own device, or a fake, may be
    another. ``z.approach``, ``z.withdraw``, ``z.leave``, ``clamp.acquire``, ``safe``,
    ``arm_approach`` and ``arm_hop`` are triggerable; ``xy.x``, ``xy.y``, ``hop`` and
    the settings, among them ``rest_potential`` and ``z.least_contact``, are movable;
    ``xy``, ``z``, ``clamp``, ``hop`` and ``traces`` are readable. ``line`` is a flyer
    that is set to points, and whose ``take_given`` gives the pages that were collected
    from it.
    """

    name: str
    xy: Any
    z: Any
    clamp: Any
    hop: Any
    traces: Any
    line: Any
    safe: Any
    arm_approach: Any
    arm_hop: Any
    rest_potential: Any

    def abandon(self) -> None:
        """Let what is pending end without error: nobody waits for it any more."""
