"""What a separate approach needs: a withdrawn probe, a potential, a threshold."""

from collections.abc import Sequence

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.techniques import CurrentSample, TechniqueLike, as_techniques

from ..protocols import HoppingMicroscope
from .contact_threshold import check_threshold, contact_threshold
from .messages import set_and_wait, trigger_and_wait

__all__ = ["get_ready"]


def get_ready(
    microscope: HoppingMicroscope,
    call: str,
    technique: TechniqueLike | Sequence[TechniqueLike] | None,
    potential_v: float | None,
    threshold_pa: float | None,
) -> MsgGenerator[None]:
    """Withdraw, and set potential and threshold for an approach.

    What is refused by its value is refused before anything moves or is set. A contact
    that there is is left first: it is not to feel the potential of the next one.
    """
    if technique is not None and potential_v is not None:
        raise ParameterError(
            f"potential_v={potential_v!r} must not come with a technique, which has "
            "its own potential: give one of them"
        )
    techniques = None
    if technique is not None:
        techniques = as_techniques(technique)
    elif potential_v is not None:
        techniques = (CurrentSample(potential_v=potential_v),)
    if techniques is None:
        approach_v = yield from _held_potential(microscope, call)
    else:
        approach_v = techniques[0].acquisition.approach_potential_v
    threshold = yield from contact_threshold(microscope, threshold_pa, approach_v)
    yield from trigger_and_wait(microscope.z.withdraw)
    if techniques is not None:
        yield from bps.prepare(microscope.clamp, techniques, wait=True)
        yield from bps.unstage(microscope.clamp)  # what follows may change it
    yield from check_threshold(microscope, threshold)
    yield from set_and_wait((microscope.z.threshold, threshold))


def _held_potential(microscope: HoppingMicroscope, call: str) -> MsgGenerator[float]:
    """Tell the potential (V) that somebody has chosen to hold the cell at."""
    clamp = microscope.clamp
    mode = yield from bps.rd(clamp.mode, default_value="VCLAMP")
    held = yield from bps.rd(clamp.holding_potential, default_value=0.65)
    safe = yield from bps.rd(clamp.safe_potential, default_value=None)
    if mode == "VCLAMP" and held != safe:
        return float(held)
    idle = f"idles at its safe potential of {held:g} V"
    if mode != "VCLAMP":
        idle = f"is in current clamp ({mode}), in which no contact shows"
    raise ParameterError(
        f"the cell {idle}: give the potential or the technique to land with, e.g. "
        f"{call}, potential_v=0.65)"
    )
