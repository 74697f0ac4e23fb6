"""Which threshold can stop a descent: no probe is lowered that no current would stop.

Pure numbers in V and pA; `ZStage` asks before each descent.
"""

import math
from dataclasses import dataclass

from ..epics.pvs import RefusedError
from ..physics.approach import LOOP_RATE
from ..physics.current_input import CurrentInput

__all__ = ["ContactGuard"]

_PA = 1e-12
_NOISES, _STEPS = 4.0, 2.0  # rms and digitiser steps that a threshold has to exceed
_USABLE = 0.9  # of the range; what lies above is for offset and noise
_ROUNDING = 1 + 1e-9
_DEEPEST = 0.05  # um, between contact and trigger: half of what breaks the pipette
_BARE = 0.1  # V below the rest potential up to which a bare surface may pass no current


@dataclass(frozen=True)
class ContactGuard:
    """What is known of the current that a contact passes.

    Parameters
    ----------
    rest_potential
        Potential (V) at which the sample passes no current.
    least_contact
        Smallest current of a contact for each volt from there (pA/V).
    debounce
        Samples of the control loop in a row that make a contact.
    """

    rest_potential: float
    least_contact: float
    debounce: int

    def least_current(self, potential: float) -> float:
        """Give the magnitude (pA) that each contact passes at a potential (V).

        Two kinds of surface lie on one sample: bare carbon and platinum have their rest
        potential 0.08 V below that of LiFePO4.
        """
        above = potential - self.rest_potential
        away = above if above >= 0 else max(-above - _BARE, 0.0)
        return self.least_contact * away

    def check_rate(self, rate: float) -> None:
        """Refuse a descent (um/s) that is too deep when it knows of the contact.

        Raises
        ------
        RefusedError
            The message says how many samples, and how fast, are allowed.
        """
        deep = self.debounce / LOOP_RATE * rate
        if deep > _DEEPEST * _ROUNDING:
            raise RefusedError(
                f"{self.debounce} samples (Z:Debounce) at {rate:g} um/s take the probe "
                f"{deep:.3g} um into the sample: at most {_DEEPEST:g} um, which is "
                f"{_DEEPEST * LOOP_RATE / self.debounce:.3g} um/s, or "
                f"{math.floor(_DEEPEST * LOOP_RATE / rate)} samples"
            )

    def check(self, threshold: float, potential: float, signal: CurrentInput) -> None:
        """Refuse a threshold that no contact is sure to pass.

        Parameters
        ----------
        threshold
            Contact current (pA), signed.
        potential
            Held during the descent (V).
        signal
            The current input.

        Raises
        ------
        RefusedError
            The message says what is wrong with it, and what is allowed.
        """
        given, size = f"Z:Threshold of {threshold:g} pA", abs(threshold)
        rest = f"the rest potential of {self.rest_potential:g} V"
        anodic = potential >= self.rest_potential
        if (threshold > 0) != anodic:
            side, sign = ("above", "positive") if anodic else ("below", "negative")
            raise RefusedError(
                f"{given} has the wrong sign: at {potential:g} V, {side} {rest}, the "
                f"current of a contact is {sign}: give it the other sign, or hold "
                "another potential (Clamp:HoldingPotential)"
            )
        most = _USABLE * signal.range / _PA
        if size > most:
            raise RefusedError(
                f"{given} is beyond the current range: at most {most:g} pA at this gain"
            )
        least = max(_NOISES * signal.noise_rms, _STEPS * signal.step) / _PA
        if size < least:
            raise RefusedError(
                f"{given} is below the noise of the current input: at least "
                f"{least:.3g} pA at this gain and filter"
            )
        sure = self.least_current(potential)
        if size > sure * _ROUNDING:
            raise RefusedError(
                f"{given} may not be reached: at {potential:g} V a contact is sure of "
                f"{sure:.3g} pA only ({self.least_contact:g} pA for each volt from "
                f"{rest}, Z:LeastContact): hold a potential further away, or lower it"
            )
