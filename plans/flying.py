"""A scan in flight: the instrument hops by itself, the engine collects."""

import logging
import time
from collections.abc import Sequence
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import Msg, MsgGenerator

from seccm_ophyd.errors import (
    NoContactError,
    SeccmError,
    StoppedError,
    TrippedError,
)
from seccm_ophyd.schema import (
    CONTACT_HEIGHT,
    HOP_OUTCOME,
    PRIMARY,
    HopOutcome,
    find_key,
)
from seccm_ophyd.techniques import Technique

from .input_range import Overloads
from .lines import KnownSurface, Point, lines
from .misses import Misses, check_overload
from .options import HopOptions
from .preprocessors import safe
from .protocols import HoppingMicroscope
from .stubs import own_errors

__all__ = ["fly_along"]

logger = logging.getLogger(__name__)

_LONGEST_S, _SHORTEST_S = 1.0, 0.1  # between two collections from a line that goes on
_COLLECTED = 60  # hops each of them is to give: little is left when the line ends
_END_S, _LOOK_S = 5.0, 0.1  # longest wait for what a line that ends has made
_AT_ONCE = 2000  # hops that the instrument is given, and ...
_SAMPLES_AT_ONCE = 5_000_000  # ... samples of them that it may have to keep


def fly_along(
    microscope: HoppingMicroscope,
    points: Sequence[Point],
    techniques: Sequence[Technique],
    options: HopOptions,
) -> MsgGenerator[None]:
    """Let the instrument hop to points, many of them at a time.

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

    flying = _fly(microscope, points, techniques, options)
    yield from bpp.contingency_wrapper(flying, except_plan=end)


def _fly(
    microscope: HoppingMicroscope,
    points: Sequence[Point],
    techniques: Sequence[Technique],
    options: HopOptions,
) -> MsgGenerator[None]:
    """Hop to points, many of them at a time."""
    made = _Made(microscope, techniques, options)
    yield from bps.prepare(microscope.line, options.max_misses, wait=True)
    yield Msg("declare_stream", None, microscope.line, name=PRIMARY, collect=True)
    samples = sum(technique.acquisition.samples for technique in techniques)
    most = min(max(_SAMPLES_AT_ONCE // samples, 1), _AT_ONCE)
    # who learns from a line needs its heights before the next; else lines join
    for line in lines(points) if options.adaptive else [list(points)]:
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

    def __init__(
        self,
        microscope: HoppingMicroscope,
        techniques: Sequence[Technique],
        options: HopOptions,
    ) -> None:
        self._overloads = Overloads(microscope, techniques)
        self.misses = Misses(microscope, options)
        self.surface = KnownSurface(options)
        self.period_s = _LONGEST_S  # until the next collection
        self._options = options

    def take(
        self, pages: Sequence[dict[str, Any]], points: Sequence[Sequence[float]]
    ) -> MsgGenerator[int]:
        """Count the hops of some event pages, the first of which are at `points`."""
        count = 0
        for page in pages:
            data = page["data"]
            outcomes = data[find_key(data, HOP_OUTCOME)]
            heights = data[find_key(data, CONTACT_HEIGHT)]
            for k, (outcome, height) in enumerate(zip(outcomes, heights, strict=True)):
                _, x, y, *_ = points[count]
                count += 1
                self.surface.note(height)
                if outcome == HopOutcome.OVERLOAD.label:
                    found = {key: values[k] for key, values in data.items()}
                    yield from self._overloads.report(found, x, y)
                    check_overload(self._options, x, y)
                yield from self.misses.count(outcome, x, y, height)
        return count

    def pace(self, count: int) -> None:
        """Collect sooner or later next time, after so many hops in one period."""
        sought = self.period_s * _COLLECTED / max(count, 1)
        self.period_s = min(max(sought, _SHORTEST_S), _LONGEST_S)


def _part(
    microscope: HoppingMicroscope, points: Sequence[tuple], made: _Made
) -> MsgGenerator[None]:
    """Hop along some points, and collect what they give while it goes on."""
    group, taken, done = object(), 0, False
    failure: SeccmError | None = None
    yield Msg("checkpoint")
    yield Msg("set", microscope.line, tuple(points), group=group)
    while not done:
        try:
            with own_errors():
                ended = yield Msg(
                    "wait",
                    None,
                    group=group,
                    timeout=made.period_s,
                    error_on_timeout=False,
                )
            # None: the plan is only looked at, or was resumed while it waited here
            done = ended is not False and microscope.line.run.awaited is None
        except NoContactError:
            done = True  # what it has made tells of too many misses in a row
        except (StoppedError, TrippedError) as error:
            failure, done = error, True  # what it has made before is kept
        yield Msg("collect", microscope.line, name=PRIMARY, return_payload=False)
        pages = microscope.line.take_given()
        new = yield from made.take(pages, points[taken:])
        taken += new
        if not done:
            made.pace(new)
    if failure is not None:
        raise failure


def _end(microscope: HoppingMicroscope) -> MsgGenerator[None]:
    """End a line that goes on, and collect all that it has made.

    Whatever it was that ends the scan must be heard of, not what fails in here.
    """
    line = microscope.line
    deadline = time.monotonic() + _END_S
    if line.run.is_pending:
        try:
            yield from safe(microscope)
        except Exception as error:
            logger.error("the line of hops could not be ended: %s", error)
    while line.is_ending and time.monotonic() < deadline:
        yield from bps.sleep(_LOOK_S)
    # who has just lost the lease is refused until its next heartbeat
    while line.is_incomplete:
        try:
            yield Msg("collect", line, name=PRIMARY, return_payload=False)
        except Exception as error:
            if time.monotonic() > deadline:
                logger.error("hops that were made could not be collected: %s", error)
                return
            yield from bps.sleep(_LOOK_S)
