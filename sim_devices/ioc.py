"""The simulated instrument: PV groups around one sample, one probe and one clock."""

from pathlib import Path
from typing import Any

import numpy as np
from caproto.server import PVGroup, SubGroup

from .clamp.amplifier import ClampAmplifier
from .epics.clock import Clock
from .epics.pvs import RefusedError
from .faults import Faults
from .hop_log import HopLog
from .hopping.line import HopLine
from .instrument import Instrument
from .physics.keyed_rng import keyed_rng
from .physics.mechanics import STAGES
from .physics.meniscus.pipette import Pipette
from .physics.sample import Sample
from .physics.samples import load_surface, make_sample
from .simulation import Simulation
from .stages.xy_stage import XYStage
from .stages.z_stage import ZStage
from .supervisor import Supervisor

__all__ = ["SeccmIOC", "open_sample"]


def open_sample(name: str, *, seed: int, electrolyte: str, **options: Any) -> Sample:
    """Make a sample, or take a measured surface.

    Parameters
    ----------
    name
        A name that `make_sample` knows, or a file ``*.npz``.
    seed
        Seed of what is random in it.
    electrolyte
        "LiCl" or "KCl".
    **options
        Further ones of `make_sample`; a measured surface takes none.

    Raises
    ------
    ValueError
        If there is no such sample, or the file is not a surface.
    OSError
        If the file cannot be read.
    """
    if Path(name).suffix == ".npz":
        if options:
            raise ValueError(f"{', '.join(options)} cannot be chosen for {name}")
        return load_surface(name, seed=seed, electrolyte=electrolyte)
    return make_sample(name, seed=seed, electrolyte=electrolyte, **options)


class SeccmIOC(PVGroup):
    """A scanning electrochemical cell microscope.

    The groups ``XY:``, ``Z:``, ``Clamp:``, ``Hop:``, ``IOC:`` and ``Sim:`` of the PV
    interface.
    It boots SAFE: probe withdrawn, V-clamp at the safe potential, nothing running.

    Parameters
    ----------
    prefix
        Prefix of all PVs.
    sample
        What lies under the probe.
    seed
        Seed of the noise.
    time_scale
        Wall seconds per simulated second; 0 for as fast as it computes.
    stage
        "ideal", or "real": with drift, tilt and open-loop piezos.
    hop_log
        File to which what truly happens is appended; None for none.

    Raises
    ------
    OSError
        If the file cannot be written.
    """

    xy: XYStage = SubGroup(XYStage, prefix="XY:")
    z: ZStage = SubGroup(ZStage, prefix="Z:")
    clamp: ClampAmplifier = SubGroup(ClampAmplifier, prefix="Clamp:")
    line: HopLine = SubGroup(HopLine, prefix="Hop:")
    supervisor: Supervisor = SubGroup(Supervisor, prefix="IOC:")
    sim: Simulation = SubGroup(Simulation, prefix="Sim:")
    faults: Faults = SubGroup(Faults, prefix="Sim:")

    def __init__(
        self,
        prefix: str,
        *,
        sample: Sample,
        seed: int,
        time_scale: float,
        stage: str = "ideal",
        hop_log: Path | None = None,
    ) -> None:
        self.sample, self.seed = sample, seed
        self.pipette = Pipette()
        self.mechanics = STAGES[stage]()
        self.clock = Clock(time_scale)
        self._hop_log = HopLog(hop_log)
        super().__init__(prefix)
        self.report = self.supervisor.report
        self.trip = self.supervisor.trip

    @property
    def ioc(self) -> Instrument:
        """Itself, where the parts end that ask their parents."""
        return self

    async def prepare(self) -> None:
        """Put all PVs into the state that the first client finds."""
        for group in (self.xy, self.z, self.clamp, self.supervisor, self.sim):
            await group.prepare()
        self._hop_log.begin(self, self.supervisor.boot_id.value)

    def note(self, what: str, **values: Any) -> None:
        """Write down what truly happens, where that is wanted; see `HopLog.note`."""
        self._hop_log.note(what, self.clock.now, **values)

    def rng(self, *key: str | int) -> np.random.Generator:
        """Make the source of randomness of a key, the same for one seed."""
        return keyed_rng(self.seed, *key)

    @property
    def is_tripped(self) -> bool:
        """Whether a trip waits for an operator."""
        return self.supervisor.tripped.value == "yes"

    @property
    def is_active(self) -> bool:
        """Whether anything moves or runs, or it is not SAFE."""
        return (
            self.z.state.value != "WITHDRAWN"
            or not self.clamp.is_safe
            or self.xy.is_moving
            or self.clamp.is_acquiring
            or self.line.is_running
        )

    def check_ready(self, what: str) -> None:
        """Refuse to start something while tripped, or on the way to SAFE.

        A command that arrives just before MakeSafe may begin just after it.

        Raises
        ------
        RefusedError
            The message says why.
        """
        if self.is_tripped:
            reason = self.supervisor.trip_reason.value
            raise RefusedError(f"{what} refused: tripped, {reason}; see IOC:Reset")
        if self.supervisor.is_going_safe:
            raise RefusedError(f"{what} refused: the instrument is being made SAFE")

    def halt(self) -> None:
        """Stop all that moves or runs."""
        self.line.halt()
        self.xy.halt()
        self.z.halt()
        self.clamp.halt()
