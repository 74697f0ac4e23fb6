"""Cost of the physics that the simulator runs, in one process and without EPICS."""

import numpy as np

from seccm_ophyd.sim_devices.physics.approach import LOOP_RATE, Descent
from seccm_ophyd.sim_devices.physics.current_input import CurrentInput
from seccm_ophyd.sim_devices.physics.keyed_rng import keyed_rng
from seccm_ophyd.sim_devices.physics.meniscus.contact import Contact
from seccm_ophyd.sim_devices.physics.meniscus.pipette import Pipette
from seccm_ophyd.sim_devices.physics.samples import make_sample

from .timing import Result, seconds

__all__ = ["measure"]

_HELD, _THRESHOLD = 0.65, 2e-12  # V, A
_SETTLED = 20e-3  # s after contact
_TIP, _INPUT = Pipette(), CurrentInput(gain=5e9, cutoff=1e3)  # 5 mV/pA


def measure(repeats: int = 25) -> list[Result]:
    """Measure a landing, the current map's contact, a voltammogram, a charge.

    Parameters
    ----------
    repeats
        How often to measure each; the median counts.

    Returns
    -------
    list of Result
        Durations in the units of their names.
    """
    sample = make_sample("film", seed=0, size=5e-6, memory=False)
    rng = keyed_rng(0, "benchmark")

    def touch() -> Contact:
        return Contact(sample.site(0.0, 0.0), _TIP, rng)

    def land() -> None:
        descent = _descent(touch(), rng)
        descent.curve(descent.sample)

    def hop() -> None:
        contact = touch()
        contact.hold(_HELD, _SETTLED)
        contact.potentiostatic(np.full(10, _HELD), 5e-6)
        contact.release()

    E = np.interp(np.linspace(0, 16, 5000), [0, 8, 16], [0, 0.8, 0])

    def sweep() -> None:
        contact = touch()
        contact.hold(0.0, _SETTLED)
        contact.potentiostatic(E, 16 / len(E))

    def charge() -> None:
        contact = touch()
        contact.hold(_HELD, _SETTLED)
        contact.galvanostatic(np.full(60, 5e-12), 10e-3)

    return [
        Result("landing_ms", 1e3 * seconds(land, repeats), at_most=1.5),
        Result("contact_ms", 1e3 * seconds(hop, repeats), at_most=0.7),
        Result("cyclic_voltammogram_5000_ms", 1e3 * seconds(sweep, repeats), at_most=5),
        Result("galvanostatic_600ms_ms", 1e3 * seconds(charge, repeats), at_most=1),
    ]


def _descent(contact: Contact, rng: np.random.Generator) -> Descent:
    """Make the paper's descent: 4 um at 20 um/s, stopped by 2 pA."""
    dt = 1 / LOOP_RATE
    return Descent(
        z_start=4e-6,
        z_end=-20e-6,
        rate=20e-6,
        z_touch=25e-9,
        z_crash=-100e-9,
        threshold=_THRESHOLD,
        above_baseline=False,
        debounce=3,
        offset=0.0,
        noise_rms=_INPUT.noise_rms,
        noise=lambda _block, n: _INPUT.noise(n, dt, rng),
        onset=lambda n: _INPUT.filter(contact.onset(_HELD, dt, n), dt),
        digitise=lambda i: _INPUT.digitise(i)[0],
    )
