"""Settings of the amplifier, kept and taken up again without a client."""

from dataclasses import dataclass
from typing import Any

from ..epics.pvs import put
from ..parts import Clamp
from ..physics.current_input import CurrentInput
from .input_pvs import current_input

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """What the amplifier is set to: PV and value, in the order of setting them.

    Parameters
    ----------
    passive
        What does not act on the cell.
    acting
        What is held, and last the mode.
    samples
        Of an acquisition.
    """

    passive: list[tuple[Any, Any]]
    acting: list[tuple[Any, Any]]
    samples: int

    @classmethod
    def of(cls, clamp: Clamp, mode: str, hold: float) -> "Settings":
        """Keep how it samples, with a mode and what is held in it (V or pA)."""
        held = clamp.holding_potential if mode == "VCLAMP" else clamp.holding_current
        passive = (
            clamp.sample_rate, clamp.samples, clamp.settle_time, clamp.waveform,
            clamp.cutoffs, clamp.compliance, clamp.filter_cutoff,
        )  # fmt: skip
        return cls(
            [(pv, pv.value) for pv in passive],
            [(held, hold), (clamp.mode, mode)],
            clamp.samples.value,
        )

    def held(self, clamp: Clamp) -> tuple[str, float, CurrentInput]:
        """Give its mode, what is held in it (V or pA), and its current input."""
        (_, hold), (_, mode) = self.acting
        cutoff = dict(self.passive)[clamp.filter_cutoff]
        return mode, hold, current_input(clamp.gain.value, cutoff)

    async def take_up(self, clamp: Clamp) -> None:
        """Set what was kept: nothing is checked again, and what is so already stays."""
        for pv, value in self.passive:
            if pv.value is value:
                continue
            if pv is clamp.filter_cutoff and pv.value != value:
                await clamp.publish_input(pv, value)
            await put(pv, value)
        for pv, value in self.acting:
            if pv.value != value:
                clamp.cell.follow()
                await put(pv, value)
