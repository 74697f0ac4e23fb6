"""Potential sweeps: cyclic and linear sweep voltammetry."""

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

__all__ = ["CyclicVoltammetry", "LinearSweepVoltammetry"]

SCAN_RATE_LIMITS_V_S = (0.01, 1000.0)
STEP_LIMITS_V = (1e-5, 0.05)
STEP_V = 1e-3  # between samples, unless the amplifier cannot
CYCLES_LIMITS = (1, 100)
_SMOOTH_V = 5e-3  # peaks are sought in a current averaged over this


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
    def step_used_v(self) -> float:
        """Change of the potential from sample to sample (V)."""
        if self.step_v is not None:
            return self.step_v
        fastest = self.scan_rate_v_s / SAMPLE_RATE_LIMITS_HZ[1]
        return max(STEP_V, fastest, self._length / SAMPLES_LIMITS[1])

    @property
    def _samples(self) -> int:
        return max(round(self._length / self.step_used_v), 1)

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
        """Refuse a step that the amplifier cannot sample."""
        fastest = SAMPLE_RATE_LIMITS_HZ[1]
        low = max(self.scan_rate_v_s / fastest, self._length / SAMPLES_LIMITS[1])
        if self.step_used_v < low * (1 - 1e-9):
            raise ParameterError(
                f"step_v={self.step_v:g} is not allowed: at least {low:g} V, for at "
                f"most {SAMPLES_LIMITS[1]} samples and {fastest:g} samples a second"
            )

    @property
    def acquisition(self) -> Acquisition:
        """What the clamp amplifier is asked for: the sweep, sample by sample."""
        corners, n = np.array(self.corners_v, float), self._samples
        path = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(corners)))])
        reached = np.arange(1, n + 1) * (path[-1] / n)
        return Acquisition(
            mode="VCLAMP",
            approach_potential_v=self.approach_potential_v,
            hold=float(corners[0]),
            sample_rate_hz=n * self.scan_rate_v_s / path[-1],
            samples=n,
            settle_s=self.rest_s,
            filter_hz=self.filter_hz or usual_filter_hz(self.scan_rate_v_s),
            waveform=np.interp(reached, path, corners),
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
        Scan rate (V/s), 0.01 to 1000.
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
            name="anodic_peak_current",
            units="pA",
            doc="largest current while the potential rises, last cycle",
            hinted=True,
        ),
        Scalar(name="anodic_peak_potential", units="V", doc="where it flows"),
        Scalar(
            name="cathodic_peak_current",
            units="pA",
            doc="smallest current while the potential falls, last cycle",
        ),
        Scalar(name="cathodic_peak_potential", units="V", doc="where it flows"),
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
        """Extremes of the smoothed current in the last cycle."""
        _, potential, current = trace
        lengths = np.abs(np.diff(self.corners_v))
        before = lengths[: 2 * (int(self.cycles) - 1)].sum() / lengths.sum()
        last = slice(int(before * len(current)), None)
        smooth = _smooth(current, self.step_used_v)[last]
        rising = np.gradient(potential)[last] > 0
        anodic = _extreme(
            potential[last], np.where(rising, smooth, np.nan), np.nanargmax
        )
        cathodic = _extreme(
            potential[last], np.where(~rising, smooth, np.nan), np.nanargmin
        )
        return {
            "anodic_peak_current": anodic[1],
            "anodic_peak_potential": anodic[0],
            "cathodic_peak_current": cathodic[1],
            "cathodic_peak_potential": cathodic[0],
            "peak_separation": anodic[0] - cathodic[0],
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
            name="sweep_peak_current",
            units="pA",
            doc="largest current in the direction of the sweep",
            hinted=True,
        ),
        Scalar(name="sweep_peak_potential", units="V", doc="where it flows"),
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
        """Find the extreme of the smoothed current."""
        _, potential, current = trace
        rises = self.e_end_v > self.e_start_v
        smooth = _smooth(current, self.step_used_v)
        at, peak = _extreme(potential, smooth, np.nanargmax if rises else np.nanargmin)
        return {"sweep_peak_current": peak, "sweep_peak_potential": at}


def _smooth(current: NDArray[np.float64], step_v: float) -> NDArray[np.float64]:
    """Average over some millivolts, so that noise does not choose the peak."""
    n = max(int(_SMOOTH_V / step_v), 1)
    if n == 1 or len(current) < n:
        return current
    n += 1 - n % 2
    padded = np.pad(current, n // 2, mode="edge")
    return np.convolve(padded, np.full(n, 1 / n), mode="valid")


def _extreme(
    potential: NDArray[np.float64], current: NDArray[np.float64], find: Any
) -> tuple[float, float]:
    """Potential and current of an extreme; NaN where there is no current at all."""
    if np.isnan(current).all():
        return np.nan, np.nan
    k = int(find(current))
    return float(potential[k]), float(current[k])
