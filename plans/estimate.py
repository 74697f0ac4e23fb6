"""How long a plan will take and how much it will store, before anything moves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import bluesky.plan_stubs as bps
import numpy as np
from bluesky.utils import Msg, MsgGenerator

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.schema import ESTIMATE
from seccm_ophyd.techniques import TRACE_CHANNELS, Technique

from .options import HopOptions
from .protocols import HoppingMicroscope

__all__ = ["LIMITS", "Estimate", "check_size", "estimate", "estimate_hops"]

_EVENT_BYTES = 3000  # journal line and catalogue rows of a hop
_APPROACH_BYTES = 2 * 1000 * 8


@dataclass(frozen=True)
class Estimate:
    """What a plan will take.

    Parameters
    ----------
    hops
        Number of landings.
    duration_s
        Time of the instrument (s), without that of the software.
    bytes
        On disk.
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
        """Tell it in a line."""
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
            The message tells the estimate, the limits, and how to go on.
        """
        beyond = self.duration_s > LIMITS.duration_s or self.bytes > LIMITS.bytes
        if beyond and not force:
            raise ParameterError(
                f"{self} is not allowed: at most {LIMITS.duration_s / 3600:g} h and "
                f"{LIMITS.bytes / 1e9:g} GB; force=True goes on nevertheless"
            )


LIMITS = Estimate(hops=4_000_000, duration_s=86400.0, bytes=10e9)
"""Beyond a day or 10 GB a plan needs ``force=True``; no grid has more hops."""


def check_size(hops: int, techniques: Sequence[Technique], options: HopOptions) -> None:
    """Refuse what is too much, by its number of hops, before their list is made.

    Parameters
    ----------
    hops
        Number of landings.
    techniques
        What is done in each contact.
    options
        How it hops.

    Raises
    ------
    ParameterError
        If the landings alone are beyond `LIMITS`, and it is not forced; or if there
        are more of them than a list can sensibly hold, forced or not.
    """
    least = _landings(hops, techniques, options)
    least.check(force=options.force)
    if hops > LIMITS.hops:
        raise ParameterError(f"{least} is not allowed: at most {LIMITS.hops} hops")


def estimate(plan: Iterable[Msg]) -> Estimate:
    """Tell how long a plan will take, without running it.

    Parameters
    ----------
    plan
        What would be given to the RunEngine, e.g. ``hop_scan(seccm, ...)``. It is used
        up: make it anew to run it.

    Returns
    -------
    Estimate
        Sum of the runs that the plan opens. Settings of the instrument are read where
        it is connected.

    Raises
    ------
    ParameterError
        If the plan refuses its arguments.

    Examples
    --------
    >>> print(estimate(hop_scan(seccm, CurrentSample(), -5, 5, 64, -5, 5, 64)))
    ... # doctest: +SKIP
    4096 hops, about 18 min, 78.9 MB
    """
    total = Estimate(0, 0.0, 0.0)
    messages = iter(plan)
    answer, is_asking = None, True
    while True:
        try:
            message = messages.send(answer)  # type: ignore[attr-defined]
        except StopIteration:
            return total
        answer = None
        if message.command == "open_run":
            found = message.kwargs.get(ESTIMATE)
            total += Estimate(**found) if found else Estimate(0, 0.0, 0.0)
        # From here on the instrument would not be as it is now; and what a run reads
        # need not be read.
        if message.command in ("prepare", "open_run", "close_run"):
            is_asking = message.command == "close_run"
        elif message.command == "read" and is_asking and message.obj.connected:
            answer = message.obj.read()


def estimate_hops(
    microscope: HoppingMicroscope,
    points: Sequence[tuple[int, float, float]],
    techniques: Sequence[Technique],
    options: HopOptions,
) -> MsgGenerator[Estimate]:
    """Work out what hops over `points` will take.

    Parameters
    ----------
    microscope
        Its rates and settle times are read.
    points
        Index, x and y (um) of each hop.
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
        the surface rises it falls again.
    """
    xy, z = microscope.xy, microscope.z
    withdraw_rate = yield from bps.rd(z.withdraw_rate, default_value=200.0)
    start = yield from bps.rd(z.axis.user_readback, default_value=50.0)
    settle = yield from bps.rd(xy.x.settle, default_value=0.02)
    verify = yield from bps.rd(z.verify_time, default_value=0.012)
    steps = np.diff(np.array([(x, y) for _, x, y in points]), axis=0, prepend=0.0)
    per_axis = []
    for axis, distance in ((xy.x, steps[:, 0]), (xy.y, steps[:, 1])):
        velocity = yield from bps.rd(axis.velocity, default_value=2000.0)
        ramp = yield from bps.rd(axis.acceleration, default_value=0.0)
        per_axis.append(np.where(distance != 0, np.abs(distance) / velocity + ramp, 0))
    moves = float(np.maximum(*per_axis).sum())
    between_s = options.withdraw_um / withdraw_rate + settle
    between_s += max(verify - techniques[0].acquisition.settle_s, 0.0)
    first = max(start - options.withdraw_um, 0.0) / options.approach_rate_um_s
    travel = Estimate(0, first + moves + between_s * len(points), 0.0)
    return _landings(len(points), techniques, options) + travel


def _landings(
    hops: int, techniques: Sequence[Technique], options: HopOptions
) -> Estimate:
    """Estimate landings and what is measured in them, without what is between."""
    acquisitions = [technique.acquisition for technique in techniques]
    landing_s = options.withdraw_um / options.approach_rate_um_s
    measured_s = sum(acquisition.duration_s for acquisition in acquisitions)
    samples = sum(acquisition.samples for acquisition in acquisitions)
    stored = _EVENT_BYTES + _APPROACH_BYTES + 8 * len(TRACE_CHANNELS) * samples
    return Estimate(hops, (landing_s + measured_s) * hops, float(stored * hops))
