"""Wrappers around your own plans: a run for their hops, an instrument left SAFE."""

from collections.abc import Sequence
from typing import Any

from bluesky.utils import MsgGenerator, make_decorator

from seccm_ophyd.techniques import TechniqueLike, as_techniques

from ._run.request import HopRequest, as_given
from ._run.run import check_request, run_around
from ._run.wrappers import safe_after_failure, safe_wrapper, settings_wrapper
from .options import HopOptions
from .protocols import HoppingMicroscope

__all__ = [
    "hop_run_decorator",
    "hop_run_wrapper",
    "safe_after_failure",
    "safe_wrapper",
    "settings_wrapper",
]


def hop_run_wrapper(
    plan: MsgGenerator[Any],
    microscope: HoppingMicroscope,
    technique: TechniqueLike | Sequence[TechniqueLike],
    options: HopOptions | None = None,
    *,
    md: dict[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Open a run around a plan that hops, as `hop_scan` does; SAFE afterwards.

    Threshold, gain and rates are checked and set before, and put back after it; the
    amplifier is prepared. Nothing counts misses: the plan sees the outcome of
    each `hop`.

    Parameters
    ----------
    plan
        Its messages; it calls `hop` as often as it likes, and opens no run.
    microscope
        The microscope.
    technique
        What is measured at each contact: a technique, its dict, or a list of them.
    options
        How to hop; None: as `hop_scan` by default. ``withdraw_um`` is at least 3, since
        the points are not known beforehand.
    md
        Metadata for the start document.

    Yields
    ------
    Msg
        Messages to the RunEngine.

    Returns
    -------
    str
        uid of the run.

    Raises
    ------
    ParameterError
        If an argument is refused; nothing has moved and no run was opened.

    Examples
    --------
    >>> def diagonal():
    ...     for k in range(5):
    ...         yield from hop(seccm, HopPoint(k, 0.5 * k, 0.5 * k))
    >>> RE(hop_run_wrapper(diagonal(), seccm, CurrentSample()))
    """
    techniques = as_techniques(technique)
    request = HopRequest(
        plan_name=getattr(plan, "__name__", "hop_run_wrapper"),
        plan_args={"technique": as_given(technique, techniques)},
        path=None,
        techniques=techniques,
        options=options or HopOptions(),
        md=md,
    )
    checked = yield from check_request(microscope, request)
    return (yield from run_around(plan, microscope, checked))


hop_run_decorator = make_decorator(hop_run_wrapper)
"""`hop_run_wrapper` as a decorator of a generator function."""
