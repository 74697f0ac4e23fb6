"""What every technique is: validated numbers, an acquisition, scalars from a trace."""

import inspect
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError

__all__ = [
    "TRACE_CHANNELS",
    "TRACE_UNITS",
    "Acquisition",
    "Scalar",
    "Technique",
    "check_duration",
    "check_range",
    "check_whole",
    "intervals_s",
    "usual_filter_hz",
]

TRACE_CHANNELS = ("t", "E", "i")
TRACE_UNITS = ("s", "V", "pA")

# What the amplifiers of the field can do (MultiClamp 700B with a 16-bit digitiser); the
# IOC enforces the limits of the instrument that is really there.
POTENTIAL_LIMITS_V = (-2.0, 2.0)
CURRENT_LIMITS_PA = (-20e3, 20e3)
CURRENT_STEP_PA = 0.01  # of the source in its finest range: +-400 pA in 16 bit
SAMPLE_RATE_LIMITS_HZ = (0.01, 500e3)
FILTER_LIMITS_HZ = (10.0, 100e3)
SAMPLES_LIMITS = (1, 20_000)
SETTLE_LIMITS_S = (0.0, 3600.0)
COMPLIANCE_LIMITS_V = (0.1, 10.0)

# at which the contact is looked for: Takahashi et al., Nat. Commun. 5:5450 (2014)
APPROACH_V = 0.65
APPROACH_FILTER_HZ = 1e3


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
            f"{name}={value!r} must be between {low:g} and {high:g} {unit}".rstrip()
        )


def check_whole(name: str, value: float, low: int, high: int, unit: str) -> None:
    """Refuse what is not a whole number within [low, high].

    Raises
    ------
    ParameterError
        As `check_range`, and for a fraction.
    """
    check_range(name, value, low, high, unit)
    if value != int(value):
        raise ParameterError(f"{name}={value!r} is not a whole number of {unit}")


def check_duration(duration_s: float, interval_s: float) -> None:
    """Refuse a duration or interval that gives no sample, or too many.

    Raises
    ------
    ParameterError
        The message names the range that goes with the other.
    """
    low, high = (1 / rate for rate in reversed(SAMPLE_RATE_LIMITS_HZ))
    check_range("interval_s", interval_s, low, high, "s")
    longest = SAMPLES_LIMITS[1] * interval_s
    unit = f"s with interval_s={interval_s:g}"
    check_range("duration_s", duration_s, interval_s, longest, unit)


def intervals_s(
    time: NDArray[np.float64], usual_s: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how long each sample lasted (s): from the one before it to itself.

    The first one has lasted as long as the second, unless that is the last, which a
    cut-off may have ended; then its usual time. The time of a first sample that a
    cut-off has ended is negative by the rest.

    Parameters
    ----------
    time : ndarray, shape (..., samples)
        When each was taken (s); NaN after the last.
    usual_s
        What a sample usually lasts (s), for all or for each trace.
    """
    lasted = np.diff(time)
    first = usual_s + np.minimum(time[..., 0], 0.0)
    if time.shape[-1] > 2:
        first = np.where(np.isfinite(time[..., 2]), lasted[..., 0], first)
    return np.concatenate([first[..., None], lasted], axis=-1)


def usual_filter_hz(scan_rate_v_s: float = 0.0) -> float:
    """Cut-off of the low pass (Hz): 1 kHz, for sweeps above 1 V/s 10 kHz.

    Takahashi et al., Nat. Commun. 5:5450 (2014), Methods.
    """
    return 10e3 if scan_rate_v_s > 1.0 else 1e3


@dataclass(frozen=True, kw_only=True)
class Scalar:
    """A number or word that a technique draws from its trace: one key of an event.

    Parameters
    ----------
    name
        Key after the amplifier's name, e.g. ``current``.
    units
        As in the data key.
    doc
        What it is, in a few words.
    hinted
        Whether live tables and plots show it unasked.
    dtype
        "number" or "string".
    """

    name: str
    units: str
    doc: str
    hinted: bool = False
    dtype: str = "number"

    @property
    def blank(self) -> float | str:
        """What stands in an event when nothing was measured."""
        return math.nan if self.dtype == "number" else ""


@dataclass(frozen=True, kw_only=True)
class Acquisition:
    """What the clamp amplifier is asked to do once the meniscus touches.

    Parameters
    ----------
    mode
        ``VCLAMP``, ``ICLAMP`` or ``I0``.
    approach_potential_v, approach_filter_hz
        Potential of the sample (V) and cut-off of the low pass (Hz) during the
        approach.
    hold
        What is held from the contact to the first sample: V in voltage clamp, pA in
        current clamp.
    sample_rate_hz, samples
        Rate (Hz) and number of samples.
    settle_s
        Wait before the first sample, from contact or from the end of the acquisition
        before it in the same contact (s).
    filter_hz
        Cut-off of the low pass during the measurement (Hz).
    waveform
        What is imposed on each sample (V or pA), shape (samples,); None keeps `hold`.
    cutoffs_v
        Lower and upper potential at which a current clamp ends (V).
    compliance_v
        Largest potential that the current clamp may apply (V).
    """

    mode: str
    approach_potential_v: float
    hold: float
    sample_rate_hz: float
    samples: int
    settle_s: float
    filter_hz: float
    waveform: NDArray[np.float64] | None = None
    cutoffs_v: tuple[float, float] = (-10.0, 10.0)
    compliance_v: float = 10.0
    approach_filter_hz: float = APPROACH_FILTER_HZ

    @property
    def switches(self) -> bool:
        """Whether the clamp is set differently in contact than during the approach."""
        return (
            self.mode != "VCLAMP"
            or self.hold != self.approach_potential_v
            or self.filter_hz != self.approach_filter_hz
        )

    @property
    def sampling_s(self) -> float:
        """Time from the first sample to the end of the last (s)."""
        return self.samples / self.sample_rate_hz

    @property
    def duration_s(self) -> float:
        """Time from contact to the last sample (s)."""
        return self.settle_s + self.sampling_s


class _SignatureOfInit:
    """Shows the arguments of a class, not those of its `__new__`, in help."""

    def __get__(self, instance: Any, owner: type) -> inspect.Signature:
        signature = inspect.signature(owner.__dict__["__init__"])
        return signature.replace(parameters=list(signature.parameters.values())[1:])


@dataclass(frozen=True, kw_only=True)
class Technique:
    """Base class of everything that can be measured in one contact."""

    label: ClassVar[str]
    """Name of its trace in files."""
    scalars: ClassVar[tuple[Scalar, ...]]
    """What `summarise` draws from a trace."""
    when_lost: ClassVar[dict[str, Any]] = {}
    """Scalars that say so when the contact was lost before the end."""
    _registry: ClassVar[dict[str, type["Technique"]]] = {}

    __signature__ = _SignatureOfInit()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__name__.startswith("_"):
            Technique._registry[cls.__name__] = cls

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Refuse arguments without a name, or with one that is not known."""
        cls._check_names(args, kwargs)
        return super().__new__(cls)

    @classmethod
    def _check_names(cls, values: Sequence[Any], named: Collection[str]) -> None:
        own = inspect.get_annotations(cls)
        known = [f.name for f in fields(cls) if f.init]
        names = sorted(known, key=lambda name: name not in own)  # its own first
        if values:
            pairs = zip(names, values, strict=False)
            typed = ", ".join(f"{name}={value!r}" for name, value in pairs)
            raise ParameterError(
                f"{cls.__name__} takes its arguments by name: type "
                f"{cls.__name__}({typed})"
            )
        unknown = sorted(set(named) - set(known))
        if unknown:
            raise ParameterError(
                f"{cls.__name__} has no argument {', '.join(unknown)}: it takes "
                f"{', '.join(names)}"
            )

    @property
    def acquisition(self) -> Acquisition:
        """What the clamp amplifier is asked for."""
        raise NotImplementedError

    def summarise(self, trace: NDArray[np.float64]) -> dict[str, Any]:
        """Draw the scalars of this technique from a trace.

        Parameters
        ----------
        trace : ndarray, shape (3, samples)
            Time since the first sample (s), potential (V), current (pA); fewer samples
            than asked for when a cut-off was reached or the contact was lost.

        Returns
        -------
        dict
            One value for each of `scalars`, by name.
        """
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Return the technique as plain data, for documents and queues."""
        plain = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in asdict(self).items()
        }
        return {"technique": type(self).__name__, **plain}

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
        return cls(**arguments)
