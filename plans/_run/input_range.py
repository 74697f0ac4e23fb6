"""The range of the current input: chosen for a run, and left by a current."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import bluesky.plan_stubs as bps
import numpy as np
from bluesky.utils import MsgGenerator

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.schema import TECHNIQUE_OUTCOME, HopOutcome
from seccm_ophyd.techniques import Measurement, Technique

from ..options import HopOptions
from ..protocols import HoppingMicroscope

__all__ = ["Overloads", "chosen_gain", "warn_of_range"]

logger = logging.getLogger(__name__)

# of a plan that is only looked at, and of a MultiClamp 700B
_GAIN, _RANGE_PA, _GAINS = 5.0, 2000.0, (0.5, 500.0)
_ROUNDING = 1 + 1e-9


def chosen_gain(
    microscope: HoppingMicroscope, options: HopOptions
) -> MsgGenerator[float | None]:
    """Work out the gain (mV/pA) that the options ask for; None: as it is set.

    Raises
    ------
    ParameterError
        If the instrument does not have it; the message gives what it has.
    """
    gain, wanted = options.gain_mv_pa, options.range_pa
    if gain is None and wanted is None:
        return None
    now, reach = yield from _input(microscope)
    full_mv = now * reach
    low, high = _limits(microscope)
    if gain is None:
        gain = min(full_mv / wanted, high)  # type: ignore[operator]
    if low <= gain * _ROUNDING and gain <= high * _ROUNDING:
        return gain
    if wanted is not None:
        raise ParameterError(
            f"range_pa={wanted:g} must be at most {full_mv / low:g} pA, the range of "
            f"the amplifier at its lowest gain of {low:g} mV/pA"
        )
    raise ParameterError(
        f"gain_mv_pa={gain:g} must be between {low:g} and {high:g} mV/pA, ranges of "
        f"{full_mv / low:g} to {full_mv / high:g} pA"
    )


def warn_of_range(
    microscope: HoppingMicroscope, techniques: Sequence[Technique], gain: float | None
) -> MsgGenerator[None]:
    """Warn of a current that a technique imposes beyond the range of the input.

    Parameters
    ----------
    microscope
        Its gain and range are read.
    techniques
        What is done in each contact.
    gain
        What the gain is going to be (mV/pA); None: as it is.
    """
    now, reach = yield from _input(microscope)
    reach *= now / (gain or now)
    for measurement in Measurement.of(techniques):
        wanted = measurement.technique.acquisition
        if wanted.mode != "ICLAMP":
            continue
        imposed = [wanted.hold] if wanted.waveform is None else wanted.waveform
        largest = float(np.abs(imposed).max())
        if largest > reach:
            logger.warning(
                "%s imposes %g pA, beyond the range of %g pA at the gain of %g mV/pA: "
                "give range_pa=%g",
                measurement.label, largest, reach, gain or now, largest,
            )  # fmt: skip


class Overloads:
    """Writes to the terminal which technique left the range: once for each.

    Parameters
    ----------
    microscope
        Its gain and range are read.
    techniques
        What is done in each contact.
    """

    def __init__(
        self, microscope: HoppingMicroscope, techniques: Sequence[Technique]
    ) -> None:
        self._microscope = microscope
        self._labels = [m.label for m in Measurement.of(techniques)]
        self._reported: set[str] = set()

    def report(self, data: Mapping[str, Any], x: float, y: float) -> MsgGenerator[None]:
        """Report a hop that overloaded.

        Parameters
        ----------
        data
            Values of its event, by key.
        x, y
            Where it was (um).
        """
        label = self._overloaded(data)
        if label in self._reported:
            return
        self._reported.add(label)
        gain, reach = yield from _input(self._microscope)
        low, _ = _limits(self._microscope)
        next_gain = max(gain / 10, low)
        logger.warning(
            "%s at x=%g um, y=%g um: the current reached the end of the range, %g pA "
            "at the gain of %g mV/pA; %s. Further ones are recorded only.",
            label, x, y, reach, gain,
            f"gain_mv_pa={next_gain:g} measures up to {reach * gain / next_gain:g} pA"
            if next_gain < gain
            else "the amplifier has no larger range",
        )  # fmt: skip

    def _overloaded(self, data: Mapping[str, Any]) -> str:
        """Find the technique; of a single one the event has no separate outcome."""
        return next(
            (
                label
                for label in self._labels
                for key, value in data.items()
                if key.endswith(f"_{label}_{TECHNIQUE_OUTCOME}")
                and value == HopOutcome.OVERLOAD.label
            ),
            self._labels[0],
        )


def _input(microscope: HoppingMicroscope) -> MsgGenerator[tuple[float, float]]:
    """Read gain (mV/pA) and range (pA)."""
    gain = yield from bps.rd(microscope.clamp.gain, default_value=_GAIN)
    reach = yield from bps.rd(microscope.clamp.current_range, default_value=_RANGE_PA)
    return float(gain), float(reach)


def _limits(microscope: HoppingMicroscope) -> tuple[float, float]:
    """Give the lowest and the highest gain (mV/pA), as far as they are known."""
    low, high = getattr(microscope.clamp.gain, "limits", None) or (None, None)
    if low is None or high is None or not 0 < low < high:
        return _GAINS
    return float(low), float(high)
