"""Current at a fixed potential, the paper's step 6."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .base import (
    FILTER_LIMITS_HZ,
    POTENTIAL_LIMITS_V,
    SAMPLE_RATE_LIMITS_HZ,
    SAMPLES_LIMITS,
    SETTLE_LIMITS_S,
    Acquisition,
    Scalar,
    Technique,
    check_range,
    check_whole,
)

__all__ = ["CurrentSample"]


@dataclass(frozen=True, kw_only=True)
class CurrentSample(Technique):
    """Current at a fixed potential: the redox activity under the meniscus.

    The defaults are the paper's: 20 ms after contact, the mean of 10 samples at 200 kHz
    behind a 1 kHz filter (Takahashi et al., Nat. Commun. 5:5450 (2014), Methods).
    Behind that filter the ten samples are one independent value: the mean does not
    reduce the noise by sqrt(10).

    Parameters
    ----------
    potential_v
        Potential of the sample versus the QRCE (V), held from the approach on.
    settle_s
        Wait between contact and the first sample (s).
    samples, sample_rate_hz
        Number of samples and their rate (Hz).
    filter_hz
        Cut-off of the low pass (Hz).

    Raises
    ------
    ParameterError
        If a value is NaN or out of range.
    """

    label: ClassVar[str] = "current_sample"
    scalars: ClassVar[tuple[Scalar, ...]] = (
        Scalar(name="current", units="pA", doc="mean current", hinted=True),
        Scalar(name="current_sd", units="pA", doc="its standard deviation"),
        Scalar(name="potential", units="V", doc="mean potential of the sample"),
    )

    potential_v: float = 0.65
    settle_s: float = 0.020
    samples: int = 10
    sample_rate_hz: float = 200e3
    filter_hz: float = 1000.0

    def __post_init__(self) -> None:
        check_range("potential_v", self.potential_v, *POTENTIAL_LIMITS_V, "V")
        check_range("settle_s", self.settle_s, *SETTLE_LIMITS_S, "s")
        check_whole("samples", self.samples, *SAMPLES_LIMITS, "samples")
        check_range("sample_rate_hz", self.sample_rate_hz, *SAMPLE_RATE_LIMITS_HZ, "Hz")
        check_range("filter_hz", self.filter_hz, *FILTER_LIMITS_HZ, "Hz")

    @property
    def acquisition(self) -> Acquisition:
        """What the clamp amplifier is asked for."""
        return Acquisition(
            mode="VCLAMP",
            approach_potential_v=self.potential_v,
            hold=self.potential_v,
            sample_rate_hz=self.sample_rate_hz,
            samples=int(self.samples),
            settle_s=self.settle_s,
            filter_hz=self.filter_hz,
            approach_filter_hz=self.filter_hz,
        )

    def summarise(self, trace: NDArray[np.float64]) -> dict[str, Any]:
        """Mean and standard deviation of the current, mean potential."""
        _, potential, current = trace
        return {
            "current": float(current.mean()),
            "current_sd": float(current.std()),
            "potential": float(potential.mean()),
        }
