"""One landing: the control loop above a spot, and the contact that it makes."""

import math
from typing import Any

import numpy as np

from ..instrument import Instrument
from ..parts import LandingFault
from ..physics.approach import CURVE_SAMPLES, LOOP_RATE, Descent
from ..physics.meniscus.contact import Contact

__all__ = ["BLANK", "NO_CURVE", "Landing"]

_UM, _PA = 1e-6, 1e-12
_CRASH = 2.0  # tip radii below the surface at which the pipette breaks
_DRY_DEPTH = 1e-6  # m below the surface at which a descent without contact is given up

BLANK = [math.nan] * 11
"""What ``Z:Landing`` says of an approach that was not even begun."""

NO_CURVE = np.concatenate([[CURVE_SAMPLES], np.full(2 * CURVE_SAMPLES, math.nan)])
"""What ``Z:ApproachCurve`` says of it."""


class Landing:
    """A descent of the probe at its place over the sample.

    All that chance decides is drawn here, from the seed and the number of the landing:
    what was done between landings has no part in it.

    Parameters
    ----------
    ioc
        The instrument; its settings are taken as they are now.
    number
        Counts the landings since the start of the IOC.
    floor
        Where the descent ends without contact (um).
    rate
        Rate of descent (um/s).
    fault
        What goes wrong.
    slow
        Rate (um/s) down to a height (um) from which `rate` holds; None: from the start.

    Attributes
    ----------
    detach_height
        Height above the contact at which its meniscus breaks (um).
    """

    def __init__(
        self,
        ioc: Instrument,
        number: int,
        floor: float,
        rate: float,
        fault: LandingFault,
        slow: tuple[float, float] | None = None,
    ) -> None:
        rng, now, pipette = ioc.rng("landing", number), ioc.clock.now, ioc.pipette
        self.fault = fault
        self.x, self.y = (motor.user for motor in ioc.xy.motors)
        x, y = ioc.mechanics.over_sample(now)
        surface = ioc.mechanics.surface(ioc.sample, x, y, now)
        self._detached_at = ioc.z.detach_height.value  # um, of the contact before
        signal, held = ioc.clamp.current_input, ioc.clamp.holding_potential.value
        self._cutoff = signal.cutoff
        self._verified = [math.nan, math.nan]  # mean current, its noise (pA)
        speeds: dict[str, Any] = {}
        if slow is not None:
            speeds = {"fast_rate": slow[0] * _UM, "z_slow": slow[1] * _UM}
        dt = 1 / LOOP_RATE
        self.contact = Contact(ioc.sample.site(x, y, pipette.footprint), pipette, rng)
        z_touch = surface + pipette.jump_gap(rng)
        typical = ioc.sim.detach_height.value * _UM
        self.detach_height = pipette.detach_height(typical, rng) / _UM
        if fault.stuck:
            self.detach_height = ioc.faults.stuck_length.value
        end, crash = floor * _UM, surface - _CRASH * pipette.radius
        if fault.dry:  # given up below the surface, where the pipette only bends
            end = max(end, surface - _DRY_DEPTH)
            crash = end - _DRY_DEPTH

        def onset(n: int) -> np.ndarray:
            if fault.dry or fault.deep:
                return np.zeros(n)
            return signal.filter(self.contact.onset(held, dt, n), dt)

        self.descent = Descent(
            z_start=ioc.z.position * _UM,
            z_end=end,
            rate=rate * _UM,
            z_touch=z_touch,
            z_crash=crash,
            threshold=ioc.z.threshold.value * _PA,
            above_baseline=ioc.z.threshold_mode.value == "above baseline",
            debounce=ioc.z.debounce.value,
            offset=ioc.clamp.offset,
            noise_rms=signal.noise_rms,
            noise=lambda block, n: signal.noise(
                n, dt, ioc.rng("approach noise", number, block % 2**32)
            ),
            onset=onset,
            digitise=lambda i: signal.digitise(i)[0],
            burst=fault.burst,
            watched=int(ioc.z.verify_time.value * LOOP_RATE),
            **speeds,
        )

    def z(self, since: float) -> float:
        """Height of the probe (um) at a time since the start of the descent (s)."""
        return float(self.descent.z(since)) / _UM

    def verify(self, seconds: float) -> None:
        """Watch the current for so long (s), held where the probe stopped."""
        averaged = int(seconds * LOOP_RATE / 2)
        if averaged:
            current = self.descent.held(2 * averaged)[averaged:].mean()
            independent = max(self._cutoff * averaged / LOOP_RATE, 1.0)
            noise = self.descent.baseline[1] / math.sqrt(independent)
            self._verified = [float(current) / _PA, noise / _PA]

    def values(self, sample: int, time: float) -> list[float]:
        """List what stands in ``Z:Landing`` after number and outcome.

        Parameters
        ----------
        sample
            Sample of the loop at which the descent ended.
        time
            Instrument time of a contact (s), NaN if none was made.
        """
        landed = not math.isnan(time)
        baseline, noise = self.descent.baseline
        z = self.z(sample / LOOP_RATE)
        current = self.descent.current(sample, sample + 1)[0] / _PA
        return [
            z if landed else math.nan,
            self.x,
            self.y,
            current if landed else math.nan,
            baseline / _PA,
            noise / _PA,
            self.z(0) - z,
            time,
            *self._verified,
            self._detached_at,
        ]

    def curve(self, sample: int) -> np.ndarray:
        """List what stands in ``Z:ApproachCurve`` after the number."""
        listed = np.empty(1 + 2 * CURVE_SAMPLES)
        z, i = self.descent.curve(sample)
        listed[0] = CURVE_SAMPLES
        np.divide(z, _UM, out=listed[1 : 1 + CURVE_SAMPLES])
        np.divide(i, _PA, out=listed[1 + CURVE_SAMPLES :])
        return listed
