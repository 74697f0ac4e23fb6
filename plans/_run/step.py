"""A scan step by step: the engine makes each hop, message by message."""

from bluesky.utils import Msg, MsgGenerator

from seccm_ophyd.schema import HopOutcome

from ..protocols import HoppingMicroscope
from ..stubs import hop
from .input_range import Overloads
from .misses import Misses, check_overload
from .path import HopPoint
from .request import HopRequest
from .surface import KnownSurface

__all__ = ["step_along"]


def step_along(
    microscope: HoppingMicroscope, request: HopRequest
) -> MsgGenerator[None]:
    """Hop to points one by one.

    Raises
    ------
    TooManyMissesError
        After ``max_misses`` hops in a row without a good pixel.
    OverloadError
        After an overload, if ``overload`` is "stop".
    """
    options, per_hop = request.options, request.per_hop or hop
    misses = Misses(microscope, options)
    overloads = Overloads(microscope, request.techniques)
    surface = KnownSurface(options)
    before: HopPoint | None = None
    for line in surface.lines(request.points):
        planned = surface.plan(line)
        for point, following in zip(planned, [*planned[1:], None], strict=True):
            outcome = yield from per_hop(
                microscope, point, request.techniques,
                before=before, following=following,
            )  # fmt: skip
            before = point
            if outcome == HopOutcome.OVERLOAD.label:
                reading = yield Msg("read", microscope.clamp)
                data = {key: read["value"] for key, read in (reading or {}).items()}
                yield from overloads.report(data, point.x, point.y)
                check_overload(options, point.x, point.y)
            yield from misses.count(outcome, point.x, point.y)
            if options.adaptive:
                height = yield Msg("read", microscope.z.contact_height)
                surface.note(height and next(iter(height.values()))["value"])
        surface.learn(line)
