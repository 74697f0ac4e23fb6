"""What the amplifier holds on the cell between acquisitions, and what it shows live."""

import asyncio
from operator import is_not
from typing import Any

from ..epics.pvs import RefusedError, array, choice, put, reader, readout, setting
from ..physics.current_input import CurrentInput
from ..physics.electronics import current_offset
from .acquisition import Acquisition
from .amplifier_pvs import AmplifierPVs
from .conditions import Conditions
from .held_cell import HeldCell
from .input_pvs import current_input

__all__ = ["MODES", "HeldClamp"]

MODES = ("VCLAMP", "ICLAMP", "I0")

_PA = 1e-12


class HeldClamp(AmplifierPVs):
    """Mode, what is held in it, cut-offs; live potential and current.

    Attributes
    ----------
    offset
        Error of the current, measured or imposed (A).
    cell
        What is held, and what that does to it.
    """

    mode = choice("Mode", MODES, "what is imposed: potential, current, 0 A")
    holding_potential = setting(
        "HoldingPotential", 0.0, "V", 4, (-2.0, 2.0), "held between acquisitions"
    )
    holding_current = setting(
        "HoldingCurrent", 0.0, "pA", 3, (-20000.0, 20000.0), "held in current clamp"
    )
    cutoffs = array(
        "Cutoffs",
        [-2.0, 2.0],
        2,
        "V",
        4,
        (-10.0, 10.0),
        "potentials that end a current clamp",
    )
    potential = readout("Potential", 0.0, "V", 4, "live potential of the sample")
    current = readout("Current", 0.0, "pA", 3, "live current")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offset = current_offset(self.ioc.rng("amplifier"))
        self._read_acting = reader(
            self.mode,
            self.holding_potential,
            self.holding_current,
            self.cutoffs,
            self.compliance,
            self.gain,
            self.filter_cutoff,
        )
        self._acted: list[Any] = [None] * 7  # what no PV has
        self._conditions: Conditions
        self.cell = HeldCell(self.ioc.clock, self.conditions)
        self._acquiring = asyncio.Lock()
        self._running: tuple[Acquisition, float] | None = None  # and when it began (s)
        self._live_noise = self.ioc.rng("live")

    @property
    def current_input(self) -> CurrentInput:
        """The input at the present gain and filter."""
        return self.conditions().signal

    def conditions(self) -> Conditions:
        """Return what acts on the cell now."""
        acting = self._read_acting()
        if any(map(is_not, acting, self._acted)):
            mode, potential, current, cutoffs, compliance, gain, cutoff = acting
            self._acted = acting
            self._conditions = Conditions(
                mode=mode,
                potential=potential,
                current=current * _PA,
                cutoffs=tuple(cutoffs),
                compliance=compliance,
                signal=current_input(gain, cutoff),
                offset=self.offset,
            )
        return self._conditions

    @property
    def is_acquiring(self) -> bool:
        """Whether an acquisition runs."""
        return self._acquiring.locked()

    @property
    def is_safe(self) -> bool:
        """Whether it holds the safe potential."""
        holds = self.holding_potential.value == self.safe_potential.value
        return holds and self.mode.value == "VCLAMP"

    async def refresh(self) -> None:
        """Publish the live potential and current."""
        if self._running is None:
            potential, current = self.cell.live(self._live_noise)
        else:
            acquisition, start = self._running
            potential, current = acquisition.live(self.ioc.clock.now - start)
        await put(self.potential, potential)
        await put(self.current, current / _PA)

    async def _read_live(self, _instance: Any) -> None:
        """Have a reader see the values of now, not those of the last update."""
        await self.refresh()

    potential.getter(_read_live)
    current.getter(_read_live)

    async def _work_out_first(self, instance: Any, value: Any) -> Any:
        """Have what was held so far act; refuse in an acquisition or a descent."""
        if self.is_acquiring:
            raise RefusedError(f"{instance.pvname}: an acquisition is running")
        self.ioc.z.check_not_lowering(instance)
        self.cell.follow()
        return value

    mode.putter(_work_out_first)
    holding_potential.putter(_work_out_first)
    holding_current.putter(_work_out_first)

    @cutoffs.putter
    async def _put_cutoffs(self, instance: Any, value: Any) -> Any:
        """Set both cut-offs."""
        if len(value) != 2 or not value[0] < value[1]:
            raise RefusedError(f"{instance.pvname}: not a lower and an upper potential")
        return value

    async def _hold_safe_potential(self) -> None:
        self.cell.follow()
        await put(self.mode, "VCLAMP")
        await put(self.holding_potential, self.safe_potential.value)
