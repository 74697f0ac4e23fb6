"""What only a simulator can show or be set to: PVs that no real instrument has."""

from typing import Any

from .epics.pvs import choice, command, counter, put, readout, setting, text
from .instrument import Part
from .physics.meniscus.pipette import Pipette

__all__ = ["Simulation"]

_UM, _NM, _MRAD, _MOHM = 1e-6, 1e-9, 1e-3, 1e6
_NO_YES = ("no", "yes")


def _drift(axis: str) -> Any:
    doc = f"velocity of the sample along {axis.lower()}"
    return setting(f"Drift{axis}", 0.0, "nm/s", 3, (-1000.0, 1000.0), doc)


def _tilt(axis: str) -> Any:
    doc = f"slope of the sample along {axis.lower()}"
    return setting(f"Tilt{axis}", 0.0, "mrad", 3, (-50.0, 50.0), doc)


class Simulation(Part):
    """PVs of the simulator only.

    ``TimeScale``, ``Seed``, ``Sample``, ``LateralTouches``, ``UnguardedContacts``,
    ``DraggedMenisci``;
    ``DriftX``, ``DriftY``, ``DriftZ``, ``TiltX``, ``TiltY``, ``OpenLoop``, ``ProbeX``,
    ``ProbeY``; ``TipRadius``, ``PipetteResistance``, ``NewPipette``, ``DetachHeight``.
    """

    time_scale = setting(
        "TimeScale", 0.0, "", 3, (0.0, 100.0), "wall seconds per simulated second"
    )
    seed = counter("Seed", "seed of sample and noise")
    sample = text("Sample", "name or file of the sample")
    lateral_touches = counter("LateralTouches", "XY moves that touched the surface")
    unguarded_contacts = counter("UnguardedContacts", "contacts made by no approach")
    dragged_menisci = counter("DraggedMenisci", "XY moves with an unbroken meniscus")
    drift_x, drift_y, drift_z = _drift("X"), _drift("Y"), _drift("Z")
    tilt_x, tilt_y = _tilt("X"), _tilt("Y")
    open_loop = choice("OpenLoop", _NO_YES, "whether X and Y are bare piezos")
    probe_x = readout("ProbeX", 0.0, "um", 4, "where the probe is over the sample")
    probe_y = readout("ProbeY", 0.0, "um", 4, "where the probe is over the sample")
    tip_radius = readout("TipRadius", 0.0, "nm", 1, "inner radius of the pipette")
    pipette_resistance = readout("PipetteResistance", 0.0, "MOhm", 2, "of the pipette")
    new_pipette = command("NewPipette", "put a new pipette in")
    detach_height = setting(
        "DetachHeight", 0.6, "um", 3, (0.05, 50.0), "at which a meniscus breaks, median"
    )

    async def prepare(self) -> None:
        """Publish what the simulator was started with."""
        mechanics = self.ioc.mechanics
        await put(self.time_scale, self.ioc.clock.time_scale)
        await put(self.seed, self.ioc.seed)
        await put(self.sample, self.ioc.sample.name)
        for pv, velocity in zip(self._drifts, mechanics.drift, strict=True):
            await put(pv, round(velocity / _NM, 6))
        for pv, slope in zip(self._tilts, mechanics.tilt, strict=True):
            await put(pv, round(slope / _MRAD, 6))
        await put(self.open_loop, _NO_YES[mechanics.open_loop])
        await self.fit(self.ioc.pipette)

    @property
    def _drifts(self) -> tuple[Any, Any, Any]:
        return self.drift_x, self.drift_y, self.drift_z

    @property
    def _tilts(self) -> tuple[Any, Any]:
        return self.tilt_x, self.tilt_y

    @time_scale.putter
    async def _put_time_scale(self, instance: Any, value: float) -> float:
        """Make time go faster or slower from now on."""
        self.ioc.clock.time_scale = value
        return value

    async def _put_drift(self, instance: Any, value: float) -> float:
        """Make the sample drift faster or slower from now on."""
        new = [value if pv is instance else pv.value for pv in self._drifts]
        x, y, z = (velocity * _NM for velocity in new)
        self.ioc.mechanics.set_drift((x, y, z), self.ioc.clock.now)
        return value

    drift_x.putter(_put_drift)
    drift_y.putter(_put_drift)
    drift_z.putter(_put_drift)

    async def _put_tilt(self, instance: Any, value: float) -> float:
        """Tilt the sample."""
        x, y = (value if pv is instance else pv.value for pv in self._tilts)
        self.ioc.mechanics.tilt = (x * _MRAD, y * _MRAD)
        return value

    tilt_x.putter(_put_tilt)
    tilt_y.putter(_put_tilt)

    @open_loop.putter
    async def _put_open_loop(self, instance: Any, value: Any) -> Any:
        """Switch the position sensors of X and Y off or on."""
        self.ioc.mechanics.open_loop = value in (1, "yes")
        return value

    @new_pipette.putter
    async def _put_new_pipette(self, instance: Any, value: int) -> int:
        """Put a new pipette in when anything but 0 is written; it lands next time."""
        if value:
            await self.fit(Pipette())
        return 0

    async def refresh(self) -> None:
        """Publish where the probe is."""
        x, y = self.ioc.mechanics.over_sample(self.ioc.clock.now)
        await put(self.probe_x, x / _UM)
        await put(self.probe_y, y / _UM)

    async def _read_probe(self, _instance: Any) -> None:
        """Have a reader see the place of now, not that of the last update."""
        await self.refresh()

    probe_x.getter(_read_probe)
    probe_y.getter(_read_probe)

    async def fit(self, pipette: Pipette) -> None:
        """Use another pipette, or another state of it, from the next landing on."""
        self.ioc.pipette = pipette
        await put(self.tip_radius, round(pipette.radius / _NM, 6))
        await put(self.pipette_resistance, pipette.resistance / _MOHM)

    async def count_lateral_touch(self) -> None:
        """Count a touch by an XY move, which is an unguarded contact as well."""
        self.ioc.note("harm", kind="lateral touch")
        await put(self.lateral_touches, self.lateral_touches.value + 1)
        await self.count_unguarded_contact()

    async def count_dragged_meniscus(self) -> None:
        """Count an XY move that dragged a meniscus along until it tore."""
        self.ioc.note("harm", kind="dragged meniscus")
        await put(self.dragged_menisci, self.dragged_menisci.value + 1)

    async def count_unguarded_contact(self) -> None:
        """Count a contact that no approach made."""
        self.ioc.note("harm", kind="unguarded contact")
        await put(self.unguarded_contacts, self.unguarded_contacts.value + 1)
