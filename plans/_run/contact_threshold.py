"""The current that stops a landing: its sign, and whether each contact passes it."""

import math

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.techniques import check_range

from ..protocols import HoppingMicroscope

__all__ = [
    "THRESHOLD_PA",
    "check_threshold",
    "contact_threshold",
    "least_contact_pa",
    "read_rest_potential",
    "signed_threshold",
]

THRESHOLD_PA = (-20e3, 20e3)  # the range of the amplifiers of the field
REST_POTENTIAL_V, LEAST_CONTACT_PA_V = 0.38, 20.0  # of a plan that is only looked at
DEFAULT_THRESHOLD_PA = 2.0  # Takahashi et al., Nat. Commun. 5:5450 (2014), Methods
NOISE_FACTOR = 4.0  # a threshold below 4 rms is passed by noise every few seconds
STEP_FACTOR = 2.0
USABLE = 0.9  # of the range; what lies above is for offset and noise
BARE_V = 0.1  # below the rest potential, in which a bare surface may pass no current
ROUNDING = 1 + 1e-9


def least_contact_pa(
    potential_v: float, rest_potential_v: float, least_contact_pa_v: float
) -> float:
    """Give the magnitude of the current that each contact passes (pA).

    docs/explanations/hopping.md has the measurements behind it: the smallest current
    is the one that charges a bare surface, whose rest potential lies lower.

    Parameters
    ----------
    potential_v, rest_potential_v
        Potential of the approach, and the one at which the sample passes no current
        (V).
    least_contact_pa_v
        Smallest current of a contact for each volt from there (pA/V).
    """
    above = potential_v - rest_potential_v
    away = above if above >= 0 else max(-above - BARE_V, 0.0)
    return least_contact_pa_v * away


def signed_threshold(
    threshold_pa: float | None,
    potential_v: float,
    rest_potential_v: float,
    least_contact_pa_v: float,
) -> float:
    """Return the contact threshold (pA), with the sign of the current waited for.

    Parameters
    ----------
    threshold_pa
        As the user gave it; None takes 2 pA in the right direction.
    potential_v, rest_potential_v, least_contact_pa_v
        As in `least_contact_pa`.

    Raises
    ------
    ParameterError
        If the threshold is zero, not finite, of the wrong sign, or more than each
        contact passes: the probe would be driven into the sample.
    """
    anodic = potential_v >= rest_potential_v
    given = threshold_pa
    if given is None:
        given = DEFAULT_THRESHOLD_PA if anodic else -DEFAULT_THRESHOLD_PA
    check_range("threshold_pa", given, *THRESHOLD_PA, "pA")
    rest = f"the rest potential of {rest_potential_v:g} V"
    if given == 0:
        raise ParameterError(f"threshold_pa={given!r} must have a sign: 0 has none")
    if (given > 0) != anodic:
        direction, side = ("anodic (> 0)", "above") if anodic else ("< 0", "below")
        raise ParameterError(
            f"threshold_pa={given:g} has the wrong sign: at {potential_v:g} V, "
            f"{side} {rest}, the contact current is {direction}"
        )
    sure = least_contact_pa(potential_v, rest_potential_v, least_contact_pa_v)
    if abs(given) <= sure * ROUNDING:
        return float(given)
    away = abs(given) / least_contact_pa_v
    if threshold_pa is not None and sure >= DEFAULT_THRESHOLD_PA:
        raise ParameterError(
            f"threshold_pa={given:g} is too much at {potential_v:g} V: give at most "
            f"{sure:.3g} pA in magnitude, which each contact passes "
            f"({least_contact_pa_v:g} pA for each volt from {rest}, "
            "least_contact_pa_v in seccm.toml)"
        )
    raise ParameterError(
        f"an approach at {potential_v:g} V is too close to {rest} for a threshold of "
        f"{given:g} pA: give at least {rest_potential_v + away:.3g} V, or at most "
        f"{rest_potential_v - BARE_V - away:.3g} V"
    )


def read_rest_potential(microscope: HoppingMicroscope) -> MsgGenerator[float]:
    """Return the potential at which the sample passes no current (V)."""
    signal = microscope.rest_potential
    return float((yield from bps.rd(signal, default_value=REST_POTENTIAL_V)))


def contact_threshold(
    microscope: HoppingMicroscope, threshold_pa: float | None, potential_v: float
) -> MsgGenerator[float]:
    """Return the contact threshold for an approach at a potential; it only reads.

    Parameters
    ----------
    microscope
        The microscope, which knows the sample.
    threshold_pa
        As the user gave it (pA); None takes 2 pA in the right direction.
    potential_v
        Potential of the approach (V).

    Raises
    ------
    ParameterError
        As `signed_threshold`.
    """
    rest = yield from read_rest_potential(microscope)
    least_contact = microscope.z.least_contact
    least = yield from bps.rd(least_contact, default_value=LEAST_CONTACT_PA_V)
    return signed_threshold(threshold_pa, potential_v, rest, least)


def check_threshold(
    microscope: HoppingMicroscope, threshold_pa: float
) -> MsgGenerator[None]:
    """Check the threshold against noise, digitiser and range of the amplifier.

    Raises
    ------
    ParameterError
        If it is below 4 times the rms noise, below two steps of the digitiser, or
        beyond 90 % of the range.
    """
    clamp = microscope.clamp
    noise = yield from bps.rd(clamp.present_noise, default_value=0.0)
    step = yield from bps.rd(clamp.current_step, default_value=0.0)
    full = yield from bps.rd(clamp.current_range, default_value=math.inf)
    least = max(NOISE_FACTOR * noise, STEP_FACTOR * step)
    if abs(threshold_pa) < least:
        raise ParameterError(
            f"threshold_pa={threshold_pa:g} is below the noise: give at least "
            f"{least:.3g} pA in magnitude ({NOISE_FACTOR:g} x {noise:.3g} pA rms "
            f"noise, {STEP_FACTOR:g} x {step:.3g} pA digitiser step)"
        )
    if abs(threshold_pa) > USABLE * full:
        raise ParameterError(
            f"threshold_pa={threshold_pa:g} is beyond the range: give at most "
            f"{USABLE * full:.4g} pA in magnitude ({USABLE:.0%} of the current range "
            "at this gain)"
        )
