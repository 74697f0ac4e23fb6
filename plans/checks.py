"""Arguments refused before anything moves and before a run opens."""

import math
from collections.abc import Sequence
from numbers import Real

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator
from ophyd.utils import LimitError

from seccm_ophyd.errors import DiskSpaceError, ParameterError
from seccm_ophyd.techniques import Technique

from .protocols import HoppingMicroscope

__all__ = [
    "check_finite",
    "check_number",
    "check_points",
    "check_space",
    "check_threshold",
    "signed_threshold",
]

DEFAULT_THRESHOLD_PA = 2.0  # Takahashi et al., Nat. Commun. 5:5450 (2014), Methods
NOISE_FACTOR = 4.0  # a threshold below 4 rms is passed by noise every few seconds
STEP_FACTOR = 2.0


def check_number(name: str, number: int) -> int:
    """Check a number of points.

    Raises
    ------
    ParameterError
        If it is not a whole number of at least 1.
    """
    if not _is_finite(number) or number < 1 or number % 1:
        raise ParameterError(f"{name}={number!r} is not allowed: a whole number from 1")
    return int(number)


def check_finite(name: str, value: float) -> None:
    """Check a position.

    Raises
    ------
    ParameterError
        If it is NaN, infinite, or no number.
    """
    if not _is_finite(value):
        raise ParameterError(f"{name}={value!r} is not a finite number of um")


def _is_finite(value: object) -> bool:
    number = isinstance(value, Real) and not isinstance(value, bool)
    return number and math.isfinite(value)  # type: ignore[arg-type]


def check_points(
    microscope: HoppingMicroscope, points: Sequence[tuple[int, float, float]]
) -> None:
    """Check that every point is a number within the limits of the stage.

    Parameters
    ----------
    microscope
        Its axes know their limits.
    points
        Index, x and y (um) of each hop.

    Raises
    ------
    ParameterError
        If there is no point, or at the first that is NaN or outside; the message names
        axis and limits.
    """
    if not points:
        raise ParameterError("there is no point to hop to: at least one is needed")
    for axis, place in ((microscope.xy.x, 1), (microscope.xy.y, 2)):
        for value in dict.fromkeys(point[place] for point in points):
            _check_position(axis, value)


def _check_position(axis: object, value: float) -> None:
    name = getattr(axis, "name", "position")
    check_finite(name, value)
    if not getattr(axis, "connected", True):
        return  # it has no limits to tell: the plan can be looked at, but not run
    try:
        axis.check_value(value)  # type: ignore[attr-defined]
    except (LimitError, ValueError) as error:
        low, high = axis.limits  # type: ignore[attr-defined]
        raise ParameterError(
            f"{name}={value:g} is not allowed: {low:g} to {high:g} um"
        ) from error


def signed_threshold(
    threshold_pa: float | None,
    techniques: Sequence[Technique],
    rest_potential_v: float,
) -> float:
    """Return the contact threshold (pA), with the sign of the current waited for.

    Parameters
    ----------
    threshold_pa
        As the user gave it; None takes 2 pA in the right direction.
    techniques
        The first one's potential of approach decides the direction of the current.
    rest_potential_v
        Potential at which the sample passes no current (V).

    Raises
    ------
    ParameterError
        If the threshold is zero, not finite, or of the wrong sign: no current would
        ever pass it, and the probe would be driven into the sample.
    """
    potential = techniques[0].acquisition.approach_potential_v
    anodic = potential >= rest_potential_v
    if threshold_pa is None:
        return DEFAULT_THRESHOLD_PA if anodic else -DEFAULT_THRESHOLD_PA
    if not _is_finite(threshold_pa) or threshold_pa == 0:
        raise ParameterError(
            f"threshold_pa={threshold_pa!r} is not allowed: a finite current, not zero"
        )
    if (threshold_pa > 0) != anodic:
        direction, side = ("anodic (> 0)", "above") if anodic else ("< 0", "below")
        raise ParameterError(
            f"threshold_pa={threshold_pa:g} has the wrong sign: at {potential:g} V, "
            f"{side} the rest potential of {rest_potential_v:g} V, the contact current "
            f"is {direction}"
        )
    return threshold_pa


def check_threshold(
    microscope: HoppingMicroscope, threshold_pa: float
) -> MsgGenerator[None]:
    """Check the threshold against noise and digitiser of the prepared amplifier.

    Raises
    ------
    ParameterError
        If it is below 4 times the rms noise, or below two steps of the digitiser.
    """
    noise = yield from bps.rd(microscope.clamp.current_noise, default_value=0.0)
    step = yield from bps.rd(microscope.clamp.current_step, default_value=0.0)
    least = max(NOISE_FACTOR * noise, STEP_FACTOR * step)
    if abs(threshold_pa) < least:
        raise ParameterError(
            f"threshold_pa={threshold_pa:g} is not allowed: at least {least:.3g} pA in "
            f"magnitude ({NOISE_FACTOR:g} x {noise:.3g} pA rms noise, "
            f"{STEP_FACTOR:g} x {step:.3g} pA digitiser step)"
        )


def check_space(
    microscope: HoppingMicroscope, needed_bytes: float
) -> MsgGenerator[None]:
    """Check that what a plan is expected to store fits into the data folder.

    Raises
    ------
    DiskSpaceError
        If it would leave less than the reserve; the message tells all three sizes.
    """
    traces = microscope.traces
    free = yield from bps.rd(traces.free_space, default_value=math.inf)
    reserve = yield from bps.rd(traces.reserve, default_value=0.0)
    if needed_bytes > free - reserve:
        raise DiskSpaceError(
            f"this plan stores about {needed_bytes / 1e6:.1f} MB, but there are "
            f"{free / 1e6:.1f} MB free in {traces.folder.get()}, of which "
            f"{reserve / 1e6:.1f} MB are kept in reserve"
        )
