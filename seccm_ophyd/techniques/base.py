"""What is measured while the meniscus touches the sample.

A technique is a frozen, keyword-only dataclass: its arguments are numbers with their
unit in the name, it validates itself when it is made, it goes into the start document
as a dict and comes back from it. It knows two things: the `Acquisition` that the clamp
amplifier is asked for, and the scalars that are drawn from the trace that comes back.

Examples
--------
>>> CurrentSample(potential_v=0.65).to_dict()["potential_v"]
0.65
>>> Technique.from_dict({"technique": "CurrentSample", "potential_v": 0.1}).samples
10
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .errors import ParameterError

__all__ = [
    "TRACE_CHANNELS",
    "TRACE_UNITS",
    "Acquisition",
    "CurrentSample",
    "Scalar",
    "Technique",
    "TechniqueLike",
    "as_technique",
    "blank_scalars",
    "check_range",
]

TRACE_CHANNELS = ("t", "E", "i")
TRACE_UNITS = ("s", "V", "pA")

# What the amplifiers of the field can do (MultiClamp 700B with a 16-bit digitiser); the
# IOC enforces the limits of the instrument that is really there.
POTENTIAL_LIMITS_V = (-2.0, 2.0)
SAMPLE_RATE_LIMITS_HZ = (1.0, 500e3)
FILTER_LIMITS_HZ = (10.0, 100e3)
SAMPLES_LIMITS = (1, 20_000)
SETTLE_LIMITS_S = (0.0, 3600.0)


def check_range(name: str, value: float, low: float, high: float, unit: str) -> None:
    """Refuse a number that is not within [low, high].

    Raises
    ------
    ParameterError
        If `value` is no number, NaN, or outside the range; the message names all three.
    """
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        raise ParameterError(
            f"{name}={value!r} is not allowed: {low:g} to {high:g} {unit}".rstrip()
        )


@dataclass(frozen=True, kw_only=True)
class Scalar:
    """A number that a technique draws from its trace: one key of an event.

    Parameters
    ----------
    name
        Key behind the amplifier's name, e.g. ``current``.
    units
        As in the data key.
    doc
        What it is, in a few words.
    hinted
        Whether live tables and plots show it unasked.
    """

    name: str
    units: str
    doc: str
    hinted: bool = False


@dataclass(frozen=True, kw_only=True)
class Acquisition:
    """What the clamp amplifier is asked to do once the meniscus touches.

    Parameters
    ----------
    mode
        ``VCLAMP``, ``ICLAMP`` or ``I0``.
    holding_potential_v
        Potential of the sample during the approach and until the first sample (V).
    sample_rate_hz, samples
        Rate (Hz) and number of samples.
    settle_s
        Wait between contact and the first sample (s).
    filter_hz
        Cut-off of the low pass (Hz).
    """

    mode: str
    holding_potential_v: float
    sample_rate_hz: float
    samples: int
    settle_s: float
    filter_hz: float

    @property
    def duration_s(self) -> float:
        """Time from contact to the last sample (s)."""
        return self.settle_s + self.samples / self.sample_rate_hz


@dataclass(frozen=True, kw_only=True)
class Technique:
    """Base class of everything that can be measured in one contact."""

    label: ClassVar[str]
    scalars: ClassVar[tuple[Scalar, ...]]
    _registry: ClassVar[dict[str, type["Technique"]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Technique._registry[cls.__name__] = cls

    @property
    def acquisition(self) -> Acquisition:
        """What the clamp amplifier is asked for."""
        raise NotImplementedError

    def summarise(self, trace: NDArray[np.float64]) -> dict[str, float]:
        """Draw the scalars of this technique from a trace.

        Parameters
        ----------
        trace : ndarray, shape (3, samples)
            Time since the first sample (s), potential (V), current (pA).

        Returns
        -------
        dict
            One value for each of `scalars`, by name.
        """
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Return the technique as plain data, for documents and queues."""
        return {"technique": type(self).__name__, **asdict(self)}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> "Technique":
        """Make a technique from plain data, as `to_dict` gives it.

        Raises
        ------
        ParameterError
            If the name of the technique or one of its arguments is unknown, or a value
            is refused.
        """
        arguments = dict(data)
        name = arguments.pop("technique", None)
        cls = Technique._registry.get(name) if isinstance(name, str) else None
        if cls is None:
            known = ", ".join(sorted(Technique._registry))
            raise ParameterError(f"technique={name!r} is unknown, known are: {known}")
        allowed = [f.name for f in fields(cls)]
        unknown = sorted(set(arguments) - set(allowed))
        if unknown:
            raise ParameterError(
                f"{name} has no argument {', '.join(unknown)}: it takes "
                f"{', '.join(allowed)}"
            )
        return cls(**arguments)


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
        check_range("samples", self.samples, *SAMPLES_LIMITS, "samples")
        if self.samples != int(self.samples):
            raise ParameterError(f"samples={self.samples!r} is not a whole number")
        check_range("sample_rate_hz", self.sample_rate_hz, *SAMPLE_RATE_LIMITS_HZ, "Hz")
        check_range("filter_hz", self.filter_hz, *FILTER_LIMITS_HZ, "Hz")

    @property
    def acquisition(self) -> Acquisition:
        """What the clamp amplifier is asked for."""
        return Acquisition(
            mode="VCLAMP",
            holding_potential_v=self.potential_v,
            sample_rate_hz=self.sample_rate_hz,
            samples=int(self.samples),
            settle_s=self.settle_s,
            filter_hz=self.filter_hz,
        )

    def summarise(self, trace: NDArray[np.float64]) -> dict[str, float]:
        """Mean and standard deviation of the current, mean potential."""
        _, potential, current = trace
        return {
            "current": float(current.mean()),
            "current_sd": float(current.std()),
            "potential": float(potential.mean()),
        }


TechniqueLike = Technique | dict[str, Any]


def as_technique(technique: TechniqueLike) -> Technique:
    """Accept a technique or its dict.

    Raises
    ------
    ParameterError
        If it is neither.
    """
    if isinstance(technique, Technique):
        return technique
    if isinstance(technique, Mapping):
        return Technique.from_dict(technique)
    raise ParameterError(
        f"technique={technique!r} is no technique: give for instance "
        "CurrentSample(potential_v=0.65), or its dict"
    )


def blank_scalars(technique: Technique) -> dict[str, float]:
    """Return the scalars of a hop in which nothing was measured: all NaN."""
    return {scalar.name: math.nan for scalar in technique.scalars}
