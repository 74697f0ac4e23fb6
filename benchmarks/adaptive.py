"""What adaptive hops save on a composite, and whether they find the same surface.

Each of ten seeds is scanned twice, on separate simulators: 64 x 64 hops over
10 x 10 um by the paper's hop, and adaptive.
"""

from dataclasses import dataclass

import numpy as np
from ophyd import EpicsSignalRO

from seccm_ophyd.analysis import hop_map, hop_table
from seccm_ophyd.plans import hop_fly
from seccm_ophyd.techniques import CurrentSample

from .sessions import scratch_session
from .timing import Result

__all__ = ["Scan", "compare", "measure"]

SEEDS = 10
SIDE_UM, PIXELS = 10.0, 64
TOUCHES = ("LateralTouches", "DraggedMenisci")


@dataclass(frozen=True)
class Scan:
    """A map, and what the simulator says about it.

    Parameters
    ----------
    seconds
        From the first contact to the last, by the clock of the instrument (s).
    topography : ndarray, shape (y, x)
        Contact heights (um).
    touches
        XY moves in which the probe touched the surface, or dragged its meniscus along.
    """

    seconds: float
    topography: np.ndarray
    touches: int


def measure(seeds: int = SEEDS, pixels: int = PIXELS) -> list[Result]:
    """Compare adaptive hops with the paper's.

    Parameters
    ----------
    seeds
        Number of samples.
    pixels
        Along x and y; fewer scan a smaller square with the same pitch.

    Returns
    -------
    list of Result
        Mean ratio of the times, sum of the lateral touches, and the topographies' worst
        difference (nm rms).
    """
    pairs = [compare(seed, pixels) for seed in range(1, seeds + 1)]
    ratios = [adaptive.seconds / fixed.seconds for fixed, adaptive in pairs]
    touches = sum(scan.touches for pair in pairs for scan in pair)
    differences = [a.topography - f.topography for f, a in pairs]
    rms = max(float(np.sqrt(np.mean(d**2))) for d in differences)
    return [
        Result("adaptive_time_ratio", float(np.mean(ratios)), at_most=0.33),
        Result("adaptive_lateral_touches", touches, at_most=0),
        Result("adaptive_topography_rms_nm", 1e3 * rms, at_most=10),
    ]


def compare(seed: int, pixels: int = PIXELS) -> tuple[Scan, Scan]:
    """Scan the sample of a seed by the paper's hop, and adaptive."""
    return _scan(seed, pixels, adaptive=False), _scan(seed, pixels, adaptive=True)


def _scan(seed: int, pixels: int, *, adaptive: bool) -> Scan:
    half_um = SIDE_UM / 2 * (pixels - 1) / (PIXELS - 1)
    grid = (-half_um, half_um, pixels)
    with scratch_session(seed=seed, time_scale=0) as session:
        plan = hop_fly(session.seccm, CurrentSample(), *grid, *grid, adaptive=adaptive)
        session.RE(plan)
        run = session.catalog[-1]
        contacts = hop_table(run)["seccm_z_contact_time"].values
        return Scan(
            seconds=float(contacts[-1] - contacts[0]),
            topography=hop_map(run).topography.values,
            touches=sum(_count(session.seccm.prefix, name) for name in TOUCHES),
        )


def _count(prefix: str, name: str) -> int:
    counter = EpicsSignalRO(f"{prefix}Sim:{name}", name="counter")
    counter.wait_for_connection(timeout=10)
    return int(counter.get())
