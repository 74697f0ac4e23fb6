"""A scan in flight: the instrument hops by itself, the engine collects."""

import logging
import time
from collections.abc import Sequence
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import Msg, MsgGenerator

from seccm_ophyd.errors import NoContactError
from seccm_ophyd.schema import (
    CONTACT_HEIGHT,
    HOP_OUTCOME,
    PRIMARY,
    HopOutcome,
    find_key,
)

from ..protocols import HoppingMicroscope
from .input_range import Overloads
from .misses import Misses, check_overload
from .path import Points
from .request import HopRequest
from .surface import KnownSurface
from .wrappers import safe

__all__ = ["fly_along"]

logger = logging.getLogger(__name__)

_LONGEST_S = 0.8  # to wait for hops: they are collected at least every second
_END_S, _LOOK_S = 5.0, 0.1  # longest wait for what a line that ends has made
_AT_ONCE = 2000  # hops that the instrument is given, and ...
_SAMPLES_AT_ONCE = 5_000_000  # ... samples of them that it may have to keep


def fly_along(microscope: HoppingMicroscope, request: HopRequest) -> MsgGenerator[None]:
    """Have the instrument hop to points by itself, many of them at a time.

    A pause or a fault ends the line between two hops: what has been made is collected,
    and after a pause the rest of the line is made.

    Raises
    ------
    TooManyMissesError
        After ``max_misses`` hops in a row without a good pixel.
    OverloadError
        After an overload, if ``overload`` is "stop".
    """

    def end(error: Exception) -> MsgGenerator[None]:
        # not rewindable: a pause in here must not begin the line again
        yield from bpp.rewindable_wrapper(_end(microscope), False)

    yield from bpp.contingency_wrapper(_fly(microscope, request), except_plan=end)


def _fly(microscope: HoppingMicroscope, request: HopRequest) -> MsgGenerator[None]:
    """Hop to points, many of them at a time."""
    made = _Made(microscope, request)
    yield from bps.prepare(microscope.line, request.options.max_misses, wait=True)
    yield Msg("declare_stream", None, microscope.line, name=PRIMARY, collect=True)
    samples = sum(technique.acquisition.samples for technique in request.techniques)
    most = min(max(_SAMPLES_AT_ONCE // samples, 1), _AT_ONCE)
    for line in made.surface.lines(request.points):
        planned = made.surface.plan(line)
        while planned:
            # until there is a contact, one by one: the next has not as far to search
            count = 1 if made.misses.first_height is None else most
            part, planned = planned[:count], planned[count:]
            yield from _part(microscope, part, made)
        made.surface.learn(line)
    # a pause that comes while the run is closed goes back no further: nothing can be
    # collected then
    yield Msg("checkpoint")


class _Made:
    """The hops of a scan that were collected: counted, and learnt from."""

    def __init__(self, microscope: HoppingMicroscope, request: HopRequest) -> None:
        self._overloads = Overloads(microscope, request.techniques)
        self.misses = Misses(microscope, request.options)
        self.surface = KnownSurface(request.options)
        self._options = request.options

    def take(
        self, pages: Sequence[dict[str, Any]], points: Points
    ) -> MsgGenerator[int]:
        """Count the hops of some event pages, the first of which are at `points`."""
        count = 0
        for page in pages:
            data = page["data"]
            outcomes = data[find_key(data, HOP_OUTCOME)]
            heights = data[find_key(data, CONTACT_HEIGHT)]
            for k, (outcome, height) in enumerate(zip(outcomes, heights, strict=True)):
                x, y = points[count].x, points[count].y
                count += 1
                self.surface.note(height)
                if outcome == HopOutcome.OVERLOAD.label:
                    found = {key: values[k] for key, values in data.items()}
                    yield from self._overloads.report(found, x, y)
                    check_overload(self._options, x, y)
                yield from self.misses.count(outcome, x, y, height)
        return count


def _part(
    microscope: HoppingMicroscope, points: Points, made: _Made
) -> MsgGenerator[None]:
    """Hop along some points, and collect what they give while it runs."""
    line, group, taken = microscope.line, object(), 0
    due: object | None = None
    done = False
    yield Msg("checkpoint")
    yield Msg("set", line, tuple(points), group=group)
    while not done:
        if due is None:
            due = object()
            yield Msg("trigger", line, group=due)
        come = yield Msg(
            "wait", None, group=due, timeout=_LONGEST_S, error_on_timeout=False
        )
        due = due if come is False else None
        done = not line.run.is_pending
        if done:
            yield Msg("wait", None, group=group)
        while True:
            yield Msg("collect", line, name=PRIMARY, return_payload=False)
            taken += yield from made.take(line.take_given(), points[taken:])
            if not (done and line.is_incomplete):  # else there is more than one part
                break
    # too many misses have been reported by now
    if line.failure is not None and not isinstance(line.failure, NoContactError):
        raise line.failure


def _end(microscope: HoppingMicroscope) -> MsgGenerator[None]:
    """End a line that still runs, and collect all that it has made.

    Whatever it was that ends the scan must be heard of, not what fails in here.
    """
    line = microscope.line
    deadline = time.monotonic() + _END_S
    if line.run.is_pending or line.is_incomplete:  # nothing waits for what follows
        try:
            yield from safe(microscope)
        except Exception as error:
            logger.error("the line of hops could not be ended: %s", error)
    while line.is_ending and time.monotonic() < deadline:
        yield from bps.sleep(_LOOK_S)
    # who has just lost the lease is refused until its next heartbeat
    failed: Exception | None = None
    while line.is_incomplete and (failed is None or time.monotonic() < deadline):
        try:
            yield Msg("collect", line, name=PRIMARY, return_payload=False)
            failed = None
        except Exception as error:
            failed = error
            if _is_of_storage(error):  # which has had its second chance
                break
            yield from bps.sleep(_LOOK_S)
    if failed is not None:
        logger.error("hops that were made could not be collected: %s", failed)


def _is_of_storage(error: Exception) -> bool:
    of_network = TimeoutError | ConnectionError
    return isinstance(error, OSError) and not isinstance(error, of_network)
