"""How long a plan will take and how much it will store, before anything moves."""

import math
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import bluesky.plan_stubs as bps
import numpy as np
from bluesky.utils import Msg, MsgGenerator, ensure_generator

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.schema import ESTIMATE
from seccm_ophyd.techniques import TRACE_CHANNELS, Technique

from ._run.heights import STEEPEST, Adaptive
from ._run.hop_plan import HopPlan, check_unused
from ._run.path import Path
from .options import HopOptions
from .protocols import HoppingMicroscope

__all__ = [
    "LIMITS",
    "UNKNOWN",
    "Estimate",
    "estimate",
    "estimate_hops",
    "is_only_estimated",
]

_EVENT_BYTES = 3000  # journal line and catalogue rows of a hop
_APPROACH_BYTES = 2 * 1000 * 8
_BELOW_UM = 0.2  # how far points lie below the highest contact of their neighbourhood
_MOST_MESSAGES = 100_000  # a plan that has opened no run by then may never do


@dataclass(frozen=True)
class Estimate:
    """What a plan will take.

    Parameters
    ----------
    hops
        Number of landings.
    duration_s
        Time of the instrument (s), without that of the software; NaN if unknown.
    bytes
        On disk; NaN if unknown.
    """

    hops: int
    duration_s: float
    bytes: float

    def __add__(self, other: "Estimate") -> "Estimate":
        """Sum up the runs of one plan."""
        return Estimate(
            self.hops + other.hops,
            self.duration_s + other.duration_s,
            self.bytes + other.bytes,
        )

    def __str__(self) -> str:
        """Return it as one line."""
        if math.isnan(self.duration_s):
            return "unknown: only hopping plans, e.g. current_map, can be estimated"
        seconds = self.duration_s
        if seconds < 120:
            time = f"{seconds:.0f} s"
        elif seconds < 7200:
            time = f"{seconds / 60:.0f} min"
        else:
            time = f"{seconds / 3600:.1f} h"
        size = self.bytes / 1e6
        shown = f"{size:.1f} MB" if size < 1000 else f"{size / 1000:.1f} GB"
        return f"{self.hops} hop{'s' * (self.hops != 1)}, about {time}, {shown}"

    def check(self, *, force: bool) -> None:
        """Refuse what is beyond `LIMITS`, unless it is forced.

        Raises
        ------
        ParameterError
            The message names the estimate, the limits, and how to continue; more hops
            than can sensibly be listed are refused even if forced.
        """
        beyond = self.duration_s > LIMITS.duration_s or self.bytes > LIMITS.bytes
        if beyond and not force:
            raise ParameterError(
                f"{self} is more than {LIMITS.duration_s / 3600:g} h or "
                f"{LIMITS.bytes / 1e9:g} GB: give force=True to run it anyway"
            )
        if self.hops > LIMITS.hops:
            raise ParameterError(
                f"{self} is too much: at most {LIMITS.hops} hops are possible"
            )


LIMITS = Estimate(hops=4_000_000, duration_s=86400.0, bytes=10e9)
"""Beyond a day or 10 GB a plan needs ``force=True``; no scan has more hops."""

UNKNOWN = Estimate(hops=0, duration_s=math.nan, bytes=math.nan)
"""Of a plan that is not one of ours: what it measures shows only when it runs."""


def is_only_estimated(expected: Estimate) -> MsgGenerator[bool]:
    """Report what a run will take, before anything moves; a plan ends here if asked to.

    Parameters
    ----------
    expected
        What the run, or all runs of the plan, will take.

    Yields
    ------
    Msg
        One that an engine answers with None, and `estimate` with True.

    Returns
    -------
    bool
        Whether `estimate` has asked: the plan is not going to run.
    """
    return bool((yield Msg("null", None, **{ESTIMATE: expected})))


def estimate(plan: Iterable[Msg]) -> Estimate:
    """Work out how long a plan will take, without running it.

    Parameters
    ----------
    plan
        What would be given to the RunEngine, e.g. ``hop_scan(seccm, ...)``. Such a plan
        can be run afterwards. A plan of your own that is made of them is used up: make
        it anew to run it.

    Returns
    -------
    Estimate
        Sum of the runs that the plan opens; unknown for plans that do not hop. Settings
        of the instrument are read where it is connected.

    Raises
    ------
    ParameterError
        If `plan` is no plan, or has been used up, or refuses its arguments.

    Examples
    --------
    >>> plan = hop_scan(seccm, CurrentSample(), -5, 5, 64, -5, 5, 64)
    >>> print(estimate(plan))
    4096 hops, about 18 min, 78.8 MB
    >>> RE(plan)
    """
    if isinstance(plan, HopPlan):
        messages = plan.again()
    else:
        check_unused(plan, "estimate")
        messages = ensure_generator(plan)
    try:
        return _walk(messages)
    finally:
        messages.close()


def _walk(messages: Generator[Msg, Any, Any]) -> Estimate:
    """Ask a plan for its estimates, and answer what it reads before."""
    total: Estimate | None = None
    answer: Any = None
    for _ in range(_MOST_MESSAGES):
        try:
            message = messages.send(answer)
        except StopIteration:
            return total or UNKNOWN
        answer = None
        if message.command == "open_run":
            return UNKNOWN
        if message.command == "null" and ESTIMATE in message.kwargs:
            found = message.kwargs[ESTIMATE]
            total = total + found if total else found
            answer = True
        elif message.command == "read" and getattr(message.obj, "connected", False):
            answer = message.obj.read()
    return UNKNOWN


def estimate_hops(
    microscope: HoppingMicroscope,
    path: Path,
    techniques: Sequence[Technique],
    options: HopOptions,
) -> MsgGenerator[Estimate]:
    """Work out what hops along `path` will take.

    Parameters
    ----------
    microscope
        Its rates and settle times are read.
    path
        Where it hops to.
    techniques
        What is done in each contact.
    options
        How it hops.

    Yields
    ------
    Msg
        Reads the settings.

    Returns
    -------
    Estimate
        A landing takes as long as the withdrawal before it at the approach rate: what
        the surface rises it falls again. An adaptive scan withdraws by its margin from
        the second line on, see `_Hop`.
    """
    xy, z = microscope.xy, microscope.z
    withdraw_rate = yield from bps.rd(z.withdraw_rate, default_value=200.0)
    fast_rate = yield from bps.rd(z.fast_rate, default_value=Adaptive.fast_rate_um_s)
    start = yield from bps.rd(z.axis.user_readback, default_value=50.0)
    settle = yield from bps.rd(xy.x.settle, default_value=0.02)
    verify = yield from bps.rd(z.verify_time, default_value=0.012)
    x, y, times = path.moves.T
    per_axis = []
    for axis, distance in ((xy.x, x), (xy.y, y)):
        velocity = yield from bps.rd(axis.velocity, default_value=2000.0)
        ramp = yield from bps.rd(axis.acceleration, default_value=0.0)
        per_axis.append(np.where(distance != 0, np.abs(distance) / velocity + ramp, 0))
    acquisitions = [technique.acquisition for technique in techniques]
    waits = settle + max(verify - acquisitions[0].settle_s, 0.0)
    waits += sum(acquisition.duration_s for acquisition in acquisitions)
    hop = _Hop(withdraw_rate, fast_rate, options)
    known, pitch = path.follow_ups if options.adaptive else (0, 0.0)
    duration_s = (
        max(start - options.withdraw_um, 0.0) / options.approach_rate_um_s
        + float((np.maximum(*per_axis) * times).sum())
        + waits * path.size
        + hop.plain_s * (path.size - known)
        + (hop.adaptive_s(pitch) * known if known else 0.0)
    )
    samples = sum(acquisition.samples for acquisition in acquisitions)
    stored = _EVENT_BYTES + _APPROACH_BYTES + 8 * len(TRACE_CHANNELS) * samples
    return Estimate(path.size, duration_s, float(stored * path.size))


@dataclass(frozen=True)
class _Hop:
    """Time of a withdrawal and the descent after it (s)."""

    withdraw_rate: float
    fast_rate: float
    options: HopOptions

    @property
    def plain_s(self) -> float:
        """By the set distance, and slowly back."""
        way, rate = self.options.withdraw_um, self.options.approach_rate_um_s
        return way / self.withdraw_rate + way / rate

    def adaptive_s(self, pitch: float) -> float:
        """By the margin above the highest contact near by, and fast to just above it.

        A point lies `_BELOW_UM` below the highest contact of its neighbourhood, as on
        the simulated composite; on rougher samples it takes longer.
        """
        margin = max(self.options.margin_um, STEEPEST * pitch)
        slow = min(Adaptive.slow_um, margin) + _BELOW_UM
        fast_s = max(margin - Adaptive.slow_um, 0.0) / self.fast_rate
        way = margin + _BELOW_UM
        slow_s = slow / self.options.approach_rate_um_s
        return way / self.withdraw_rate + fast_s + slow_s
