"""Techniques that impose a current and measure the potential."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from .base import (
    APPROACH_V,
    COMPLIANCE_LIMITS_V,
    CURRENT_LIMITS_PA,
    CURRENT_STEP_PA,
    FILTER_LIMITS_HZ,
    POTENTIAL_LIMITS_V,
    SETTLE_LIMITS_S,
    Acquisition,
    Scalar,
    Technique,
    check_duration,
    check_range,
    intervals_s,
)

__all__ = ["Galvanostatic", "ZeroCurrentPotential"]

_PC_PER_PAH = 3600.0
_ROUNDING = 1e-10  # of the sum of many intervals


@dataclass(frozen=True, kw_only=True)
class ZeroCurrentPotential(Technique):
    """Potential of the sample while no current flows, and whether it is steady.

    The contact is found in voltage clamp, then the amplifier imposes I = 0
    (Takahashi et al., Nat. Commun. 5:5450 (2014), Fig. 3).

    Parameters
    ----------
    duration_s
        How long the potential is followed (s).
    interval_s
        Between samples (s).
    approach_potential_v
        Potential at which the contact is looked for (V).
    filter_hz
        Cut-off of the low pass (Hz).

    Raises
    ------
    ParameterError
        If a value is NaN or out of range, or there are too many samples.
    """

    label: ClassVar[str] = "zero_current_potential"
    scalars: ClassVar[tuple[Scalar, ...]] = (
        Scalar(
            name="zero_current_potential",
            units="V",
            doc="mean potential of the second half",
            hinted=True,
        ),
        Scalar(
            name="potential_drift",
            units="V/s",
            doc="slope of the potential in the second half: 0 where it is steady",
        ),
    )

    duration_s: float = 0.1
    interval_s: float = 0.001
    approach_potential_v: float = APPROACH_V
    filter_hz: float = 1e3

    def __post_init__(self) -> None:
        approach = self.approach_potential_v
        check_range("approach_potential_v", approach, *POTENTIAL_LIMITS_V, "V")
        check_range("filter_hz", self.filter_hz, *FILTER_LIMITS_HZ, "Hz")
        check_duration(self.duration_s, self.interval_s)

    @property
    def acquisition(self) -> Acquisition:
        """What the clamp amplifier is asked for."""
        return Acquisition(
            mode="I0",
            approach_potential_v=self.approach_potential_v,
            hold=0.0,
            sample_rate_hz=1 / self.interval_s,
            samples=round(self.duration_s / self.interval_s),
            settle_s=0.0,
            filter_hz=self.filter_hz,
        )

    def summarise(self, trace: NDArray[np.float64]) -> dict[str, Any]:
        """Mean and slope of the second half."""
        time, potential = (row[len(row) // 2 :] for row in trace[:2])
        return {
            "zero_current_potential": float(potential.mean()),
            "potential_drift": _slope(time, potential),
        }


@dataclass(frozen=True, kw_only=True)
class Galvanostatic(Technique):
    """Potential while a constant current charges or discharges the sample.

    The defaults are the paper's: +5 pA for 600 ms, a potential each 10 ms (Takahashi
    et al., Nat. Commun. 5:5450 (2014), Fig. 4). It ends at the time or at a cut-off,
    whichever comes first.

    Parameters
    ----------
    current_pa
        Current (pA), at least 0.01 of either sign; positive takes lithium out: charge.
    duration_s
        Longest time (s).
    interval_s
        Between samples (s).
    e_upper_v, e_lower_v
        Potentials (V versus the QRCE) at which it ends.
    rest_s
        Rest at zero current in contact, before the current (s). A long charge needs a
        soak of a minute or more, in which the electrolyte creeps into the particle.
    compliance_v
        Largest potential that the amplifier may apply to drive the current (V).
    approach_potential_v
        Potential at which the contact is looked for (V); it lies between the cut-offs.
    filter_hz
        Cut-off of the low pass (Hz).

    Raises
    ------
    ParameterError
        If a value is NaN or out of range, a cut-off lies on the wrong side, or there
        are too many samples.
    """

    label: ClassVar[str] = "galvanostatic"
    scalars: ClassVar[tuple[Scalar, ...]] = (
        Scalar(name="end_potential", units="V", doc="last potential", hinted=True),
        Scalar(
            name="end_reason",
            units="",
            doc="time, upper cut-off, lower cut-off, compliance or contact lost",
            dtype="string",
        ),
        Scalar(name="mid_potential", units="V", doc="potential at half the time"),
        Scalar(name="potential_slope", units="V/s", doc="slope of the second half"),
        Scalar(name="charge_time", units="s", doc="how long the current flowed"),
        Scalar(name="passed_charge", units="pC", doc="integral of the current"),
        Scalar(name="capacity", units="pAh", doc="magnitude of the charge"),
    )
    when_lost: ClassVar[dict[str, Any]] = {"end_reason": "contact lost"}

    current_pa: float = 5.0
    duration_s: float = 0.6
    interval_s: float = 0.01
    e_upper_v: float = 1.2
    e_lower_v: float = -0.4
    rest_s: float = 0.1
    compliance_v: float = 10.0
    approach_potential_v: float = APPROACH_V
    filter_hz: float = 1e3

    def __post_init__(self) -> None:
        check_range("current_pa", self.current_pa, *CURRENT_LIMITS_PA, "pA")
        if self.current_pa == 0:
            raise ParameterError(
                "current_pa=0 imposes no current: use ZeroCurrentPotential"
            )
        if abs(self.current_pa) < CURRENT_STEP_PA:
            raise ParameterError(
                f"current_pa={self.current_pa!r} pA is less than one step of the "
                f"current source: give {CURRENT_STEP_PA:g} to "
                f"{CURRENT_LIMITS_PA[1]:g} pA of either sign"
            )
        for name in ("e_upper_v", "e_lower_v", "approach_potential_v"):
            check_range(name, getattr(self, name), *POTENTIAL_LIMITS_V, "V")
        if not self.e_lower_v < self.approach_potential_v < self.e_upper_v:
            raise ParameterError(
                f"e_lower_v={self.e_lower_v:g}, e_upper_v={self.e_upper_v:g} are not "
                f"allowed: approach_potential_v={self.approach_potential_v:g} V must "
                "lie between them, or the measurement would end where it begins"
            )
        check_range("rest_s", self.rest_s, *SETTLE_LIMITS_S, "s")
        check_range("compliance_v", self.compliance_v, *COMPLIANCE_LIMITS_V, "V")
        check_range("filter_hz", self.filter_hz, *FILTER_LIMITS_HZ, "Hz")
        check_duration(self.duration_s, self.interval_s)

    @property
    def _samples(self) -> int:
        return round(self.duration_s / self.interval_s)

    @property
    def acquisition(self) -> Acquisition:
        """What the clamp amplifier is asked for: rest at I = 0, then the current."""
        return Acquisition(
            mode="ICLAMP",
            approach_potential_v=self.approach_potential_v,
            hold=0.0,
            sample_rate_hz=1 / self.interval_s,
            samples=self._samples,
            settle_s=self.rest_s,
            filter_hz=self.filter_hz,
            waveform=np.full(self._samples, float(self.current_pa)),
            cutoffs_v=(self.e_lower_v, self.e_upper_v),
            compliance_v=self.compliance_v,
        )

    def summarise(self, trace: NDArray[np.float64]) -> dict[str, Any]:
        """How it ended, how far it came, how steady the potential was."""
        time, potential, current = trace
        n = len(potential)
        lasted = intervals_s(time, self.interval_s)
        charge = float(current @ lasted)
        return {
            "end_potential": float(potential[-1]),
            "end_reason": self._reason(float(lasted.sum()), float(potential[-1])),
            "mid_potential": float(potential[n // 2]),
            "potential_slope": _slope(time[n // 2 :], potential[n // 2 :]),
            "charge_time": float(lasted.sum()),
            "passed_charge": charge,
            "capacity": abs(charge) / _PC_PER_PAH,
        }

    def _reason(self, lasted_s: float, end_v: float) -> str:
        """Say what ended it; the noise may hide that a cut-off was passed."""
        if lasted_s > self._samples * self.interval_s * (1 - _ROUNDING):
            return "time"
        reach = self.compliance_v
        low, high = max(self.e_lower_v, -reach), min(self.e_upper_v, reach)
        upper = end_v > (low + high) / 2
        if abs(self.e_upper_v if upper else self.e_lower_v) > reach:
            return "compliance"
        return f"{'upper' if upper else 'lower'} cut-off"


def _slope(time: NDArray[np.float64], potential: NDArray[np.float64]) -> float:
    """Slope (V/s) of the straight line through a potential; NaN for one sample."""
    if len(time) < 2:
        return float("nan")
    return float(np.polyfit(time - time[0], potential, 1)[0])
