"""Potential step: the current that follows a sudden change of the potential."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .base import (
    APPROACH_V,
    FILTER_LIMITS_HZ,
    POTENTIAL_LIMITS_V,
    SAMPLE_RATE_LIMITS_HZ,
    SETTLE_LIMITS_S,
    Acquisition,
    Scalar,
    Technique,
    check_duration,
    check_range,
    intervals_s,
)

__all__ = ["Chronoamperometry"]

_END_SHARE = 0.1  # of the samples that make the final current


@dataclass(frozen=True, kw_only=True)
class Chronoamperometry(Technique):
    """Current after a step of the potential.

    Parameters
    ----------
    potential_v
        Potential (V versus the QRCE) during the measurement.
    duration_s
        How long it is measured (s).
    e_initial_v, rest_s
        Potential held in contact before the step (V), and for how long (s). From near
        the rest potential of LiFePO4, as by default, the charging of the double layer
        stays within the range of the amplifier.
    sample_rate_hz
        Samples per second (Hz).
    approach_potential_v
        Potential at which the contact is looked for (V).
    filter_hz
        Cut-off of the low pass (Hz).

    Raises
    ------
    ParameterError
        If a value is NaN or out of range, or there are too many samples.
    """

    label: ClassVar[str] = "chronoamperometry"
    scalars: ClassVar[tuple[Scalar, ...]] = (
        Scalar(
            name="final_current",
            units="pA",
            doc="mean of the last tenth of the transient",
            hinted=True,
        ),
        Scalar(name="transient_charge", units="pC", doc="integral of the current"),
    )

    potential_v: float = 0.65
    duration_s: float = 0.1
    e_initial_v: float = 0.4
    rest_s: float = 0.02
    sample_rate_hz: float = 10e3
    approach_potential_v: float = APPROACH_V
    filter_hz: float = 1e3

    def __post_init__(self) -> None:
        for name in ("potential_v", "e_initial_v", "approach_potential_v"):
            check_range(name, getattr(self, name), *POTENTIAL_LIMITS_V, "V")
        check_range("rest_s", self.rest_s, *SETTLE_LIMITS_S, "s")
        check_range("sample_rate_hz", self.sample_rate_hz, *SAMPLE_RATE_LIMITS_HZ, "Hz")
        check_range("filter_hz", self.filter_hz, *FILTER_LIMITS_HZ, "Hz")
        check_duration(self.duration_s, 1 / self.sample_rate_hz)

    @property
    def acquisition(self) -> Acquisition:
        """What the clamp amplifier is asked for."""
        samples = round(self.duration_s * self.sample_rate_hz)
        return Acquisition(
            mode="VCLAMP",
            approach_potential_v=self.approach_potential_v,
            hold=self.e_initial_v,
            sample_rate_hz=self.sample_rate_hz,
            samples=samples,
            settle_s=self.rest_s,
            filter_hz=self.filter_hz,
            waveform=np.full(samples, self.potential_v),
        )

    def summarise(self, trace: NDArray[np.float64]) -> dict[str, Any]:
        """Average the end and integrate the whole."""
        time, _, current = trace
        last = max(int(_END_SHARE * len(current)), 1)
        return {
            "final_current": float(current[-last:].mean()),
            "transient_charge": float(
                current @ intervals_s(time, 1 / self.sample_rate_hz)
            ),
        }
