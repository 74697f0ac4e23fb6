"""Potential sweeps: cyclic and linear sweep voltammetry."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from .base import (
    APPROACH_V,
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
    usual_filter_hz,
)
from .peak_search import search_peaks

__all__ = ["CyclicVoltammetry", "LinearSweepVoltammetry"]

SCAN_RATE_LIMITS_V_S = (1e-4, 1000.0)
STEP_LIMITS_V = (1e-5, 0.05)
STEP_V = 1e-3  # between samples, unless the amplifier cannot
CYCLES_LIMITS = (1, 100)
FEWEST_SAMPLES = 2  # a direction of the sweep can be seen then
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class _Sweep(Technique):
    """A potential that runs straight from corner to corner at one scan rate."""

    scan_rate_v_s: float = 0.1
    step_v: float | None = None
    rest_s: float = 1.0
    approach_potential_v: float = APPROACH_V
    filter_hz: float | None = None

    @property
    def corners_v(self) -> tuple[float, ...]:
        """Potentials between which it runs (V)."""
        raise NotImplementedError

    @property
    def _length(self) -> float:
        return float(np.abs(np.diff(self.corners_v)).sum())

    @property
    def _samples_limits(self) -> tuple[int, int]:
        """Fewest and most samples that the amplifier can take along the sweep."""
        slowest, fastest = SAMPLE_RATE_LIMITS_HZ
        duration = self._length / self.scan_rate_v_s
        fewest = math.ceil(duration * slowest * (1 - _ROUNDING))
        most = math.floor(duration * fastest * (1 + _ROUNDING))
        return max(fewest, FEWEST_SAMPLES), min(most, SAMPLES_LIMITS[1])

    @property
    def _samples(self) -> int:
        if self.step_v is not None:
            return round(self._length / self.step_v)
        fewest, most = self._samples_limits
        return min(max(round(self._length / STEP_V), fewest), most)

    @property
    def step_used_v(self) -> float:
        """Change of the potential from sample to sample (V)."""
        return self._length / self._samples

    def __post_init__(self) -> None:
        check_range("scan_rate_v_s", self.scan_rate_v_s, *SCAN_RATE_LIMITS_V_S, "V/s")
        check_range("rest_s", self.rest_s, *SETTLE_LIMITS_S, "s")
        approach = self.approach_potential_v
        check_range("approach_potential_v", approach, *POTENTIAL_LIMITS_V, "V")
        if self.filter_hz is not None:
            check_range("filter_hz", self.filter_hz, *FILTER_LIMITS_HZ, "Hz")
        if self._length == 0:
            raise ParameterError(
                f"the potential stays at {self.corners_v[0]:g} V: a sweep needs two "
                "potentials that differ"
            )
        if self.step_v is not None:
            check_range("step_v", self.step_v, *STEP_LIMITS_V, "V")
        self._check_sampling()

    def _check_sampling(self) -> None:
        """Refuse a path or a step that the amplifier cannot sample."""
        slowest, fastest = SAMPLE_RATE_LIMITS_HZ
        fewest, most = self._samples_limits
        if fewest > most:
            low = self.scan_rate_v_s * FEWEST_SAMPLES / fastest
            high = self.scan_rate_v_s * SAMPLES_LIMITS[1] / slowest
            raise ParameterError(
                f"a sweep over {self._length:g} V at scan_rate_v_s="
                f"{self.scan_rate_v_s:g} must be between {low:g} and {high:g} V"
            )
        if not fewest <= self._samples <= most:
            low = max(self._length / most, STEP_LIMITS_V[0])
            high = min(self._length / fewest, STEP_LIMITS_V[1])
            raise ParameterError(
                f"step_v={self.step_v:g} must be between {low:g} and {high:g} V, for "
                f"at most {most} samples of this sweep and at least {fewest}"
            )

    @property
    def _driven(self) -> NDArray[np.float64]:
        """Potential of each sample (V)."""
        corners, n = np.array(self.corners_v, float), self._samples
        path = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(corners)))])
        at = np.arange(1, n + 1) * (path[-1] / n)
        return np.asarray(np.interp(at, path, corners), float)

    @property
    def acquisition(self) -> Acquisition:
        """What the clamp amplifier is asked for: the sweep, sample by sample."""
        rate = self._samples * self.scan_rate_v_s / self._length
        return Acquisition(
            mode="VCLAMP",
            approach_potential_v=self.approach_potential_v,
            hold=float(self.corners_v[0]),
            # rounding must not carry it past a limit
            sample_rate_hz=float(np.clip(rate, *SAMPLE_RATE_LIMITS_HZ)),
            samples=self._samples,
            settle_s=self.rest_s,
            filter_hz=self.filter_hz or usual_filter_hz(self.scan_rate_v_s),
            waveform=self._driven,
        )


@dataclass(frozen=True, kw_only=True)
class CyclicVoltammetry(_Sweep):
    """Current while the potential runs to one vertex, to the other, and on to the end.

    The defaults are the paper's slowest: 0, +0.8, -0.2, 0 V at 0.1 V/s (Takahashi et
    al., Nat. Commun. 5:5450 (2014), Fig. 1c).

    Parameters
    ----------
    e_start_v, e_vertex1_v, e_vertex2_v, e_end_v
        Potentials (V versus the QRCE); the potential runs between them in this order.
    scan_rate_v_s
        Scan rate (V/s), 0.0001 to 1000.
    cycles
        How often both vertices are visited.
    step_v
        Change from sample to sample (V); None: 1 mV, more where the amplifier needs it.
    rest_s
        Rest at `e_start_v` in contact, before the sweep (s).
    approach_potential_v
        Potential at which the contact is looked for (V).
    filter_hz
        Cut-off of the low pass (Hz); None: 1 kHz, above 1 V/s 10 kHz.

    Raises
    ------
    ParameterError
        If a value is NaN or out of range, or the sweep has too many samples.
    """

    label: ClassVar[str] = "cyclic_voltammetry"
    scalars: ClassVar[tuple[Scalar, ...]] = (
        Scalar(
            name="anodic_current",
            units="pA",
            doc="largest current while the potential rises, last cycle",
            hinted=True,
        ),
        Scalar(
            name="cathodic_current",
            units="pA",
            doc="smallest current while the potential falls, last cycle",
        ),
        Scalar(
            name="anodic_peak_current",
            units="pA",
            doc="height of the peak above its baseline; NaN without a peak",
            hinted=True,
        ),
        Scalar(name="anodic_peak_potential", units="V", doc="where the peak is"),
        Scalar(
            name="cathodic_peak_current",
            units="pA",
            doc="height of the peak from its baseline; NaN without a peak",
        ),
        Scalar(name="cathodic_peak_potential", units="V", doc="where the peak is"),
        Scalar(name="peak_separation", units="V", doc="anodic minus cathodic peak"),
    )

    e_start_v: float = 0.0
    e_vertex1_v: float = 0.8
    e_vertex2_v: float = -0.2
    e_end_v: float = 0.0
    cycles: int = 1

    def __post_init__(self) -> None:
        for name in ("e_start_v", "e_vertex1_v", "e_vertex2_v", "e_end_v"):
            check_range(name, getattr(self, name), *POTENTIAL_LIMITS_V, "V")
        check_whole("cycles", self.cycles, *CYCLES_LIMITS, "cycles")
        super().__post_init__()

    @property
    def corners_v(self) -> tuple[float, ...]:
        """Potentials between which it runs (V)."""
        vertices = (self.e_vertex1_v, self.e_vertex2_v) * int(self.cycles)
        return (self.e_start_v, *vertices, self.e_end_v)

    def summarise(self, trace: NDArray[np.float64]) -> dict[str, Any]:
        """Find currents and peaks as `seccm_ophyd.analysis.peaks` does."""
        _, potential, current = trace
        found = search_peaks(potential, current)
        return {
            "anodic_current": found.anodic.extreme,
            "cathodic_current": found.cathodic.extreme,
            "anodic_peak_current": found.anodic.current,
            "anodic_peak_potential": found.anodic.potential,
            "cathodic_peak_current": found.cathodic.current,
            "cathodic_peak_potential": found.cathodic.potential,
            "peak_separation": found.separation,
        }


@dataclass(frozen=True, kw_only=True)
class LinearSweepVoltammetry(_Sweep):
    """Current while the potential runs once from the start to the end.

    Parameters
    ----------
    e_start_v, e_end_v
        Potentials (V versus the QRCE).
    scan_rate_v_s, step_v, rest_s, approach_potential_v, filter_hz
        As in `CyclicVoltammetry`.

    Raises
    ------
    ParameterError
        If a value is NaN or out of range, or the sweep has too many samples.
    """

    label: ClassVar[str] = "linear_sweep"
    scalars: ClassVar[tuple[Scalar, ...]] = (
        Scalar(
            name="sweep_current",
            units="pA",
            doc="largest current in the direction of the sweep",
            hinted=True,
        ),
        Scalar(
            name="sweep_peak_current",
            units="pA",
            doc="height of the peak from its baseline; NaN without a peak",
            hinted=True,
        ),
        Scalar(name="sweep_peak_potential", units="V", doc="where the peak is"),
    )

    e_start_v: float = 0.0
    e_end_v: float = 0.8

    def __post_init__(self) -> None:
        for name in ("e_start_v", "e_end_v"):
            check_range(name, getattr(self, name), *POTENTIAL_LIMITS_V, "V")
        super().__post_init__()

    @property
    def corners_v(self) -> tuple[float, ...]:
        """Potentials between which it runs (V)."""
        return (self.e_start_v, self.e_end_v)

    def summarise(self, trace: NDArray[np.float64]) -> dict[str, Any]:
        """Find the current and the peak, as `seccm_ophyd.analysis.peaks` does."""
        _, potential, current = trace
        found = search_peaks(potential, current)
        peak = found.anodic if self.e_end_v > self.e_start_v else found.cathodic
        return {
            "sweep_current": peak.extreme,
            "sweep_peak_current": peak.current,
            "sweep_peak_potential": peak.potential,
        }
