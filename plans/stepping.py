"""A scan step by step: the engine makes each hop, message by message."""

from collections.abc import Sequence

import bluesky.plan_stubs as bps
from bluesky.utils import Msg, MsgGenerator

from seccm_ophyd.schema import HopOutcome
from seccm_ophyd.techniques import Technique, turns_of

from .input_range import Overloads
from .lines import KnownSurface, Point, lines
from .misses import Misses, check_overload
from .options import HopOptions
from .per_hop import hop
from .protocols import HoppingMicroscope
from .stubs import make_safe

__all__ = ["step_along"]


def step_along(
    microscope: HoppingMicroscope,
    points: Sequence[Point],
    techniques: Sequence[Technique],
    options: HopOptions,
) -> MsgGenerator[None]:
    """Hop to points one by one.

    Raises
    ------
    TooManyMissesError
        After ``max_misses`` hops in a row without a good pixel.
    OverloadError
        After an overload, if ``overload`` is "stop".
    """
    misses = Misses(microscope, options)
    overloads = Overloads(microscope, techniques)
    surface = KnownSurface(options)
    before: tuple[float, float] | None = None
    turns = turns_of(techniques)
    for line in lines(points):
        planned = surface.plan(line)
        for k, (index, x, y, *heights) in enumerate(planned):
            leave: Sequence[float] | None = ()
            if options.adaptive or index == points[-1][0]:
                # at the end of a line its heights tell those of the next
                leave = planned[k + 1][3:] if k + 1 < len(planned) else None
            outcome = yield from hop(
                microscope, index, x, y, before=before, turns=turns, heights=heights,
                leave=leave,
            )  # fmt: skip
            before = x, y
            if outcome == HopOutcome.OVERLOAD.label:
                yield from make_safe(microscope)
                reading = yield Msg("read", microscope.clamp)
                data = {key: read["value"] for key, read in (reading or {}).items()}
                yield from overloads.report(data, x, y)
                check_overload(options, x, y)
                yield from bps.prepare(microscope.clamp, techniques, wait=True)
            yield from misses.count(outcome, x, y)
            if options.adaptive:
                height = yield Msg("read", microscope.z.contact_height)
                surface.note(height and next(iter(height.values()))["value"])
        surface.learn(line)
