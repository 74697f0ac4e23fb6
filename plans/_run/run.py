"""One run of hops: checked, estimated, prepared, recorded, left SAFE."""

from dataclasses import replace
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import Msg, MsgGenerator

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.schema import PROGRESS, UNKNOWN_HEIGHT_UM

from ..estimate import estimate_hops, is_only_estimated
from ..protocols import HoppingMicroscope
from .checks import check_points, check_space
from .contact_threshold import check_threshold, contact_threshold, read_rest_potential
from .fly import fly_along
from .input_range import chosen_gain, warn_of_range
from .request import HopRequest
from .step import step_along
from .withdrawals import HIGHEST_UM, check_withdrawal
from .wrappers import safe_wrapper, settings_wrapper

__all__ = ["check_request", "hop_run", "run_around"]

LONG_S = 5.0  # longer measurements are followed while they run


def check_request(
    microscope: HoppingMicroscope, request: HopRequest
) -> MsgGenerator[HopRequest]:
    """Check what a plan was asked for, and estimate what it takes; it only reads.

    Parameters
    ----------
    microscope
        The microscope.
    request
        As the plan was called.

    Yields
    ------
    Msg
        Reads settings.

    Returns
    -------
    HopRequest
        The same, complete.

    Raises
    ------
    ParameterError
        If an argument is refused.
    """
    path, techniques, options = request.path, request.techniques, request.options
    if path is not None:
        check_points(microscope, *path.ends)
        check_withdrawal(path.pattern, options.withdraw_um, request.known)
    elif options.withdraw_um < HIGHEST_UM:
        raise ParameterError(
            f"withdraw_um={options.withdraw_um:g} is too little where the points are "
            f"not known beforehand: give at least {HIGHEST_UM:g} um"
        )
    approach_v = techniques[0].acquisition.approach_potential_v
    threshold = yield from contact_threshold(
        microscope, options.threshold_pa, approach_v
    )
    rest = yield from read_rest_potential(microscope)
    gain = yield from chosen_gain(microscope, options)
    yield from warn_of_range(microscope, techniques, gain)
    expected = request.expected
    if path is not None:
        expected = yield from estimate_hops(microscope, path, techniques, options)
    return replace(
        request,
        options=replace(options, threshold_pa=threshold),
        rest_potential_v=rest,
        gain_mv_pa=gain,
        expected=expected,
    )


def hop_run(microscope: HoppingMicroscope, request: HopRequest) -> MsgGenerator[str]:
    """Hop to points and measure at each; the instrument is SAFE afterwards.

    Parameters
    ----------
    microscope
        The microscope.
    request
        What the plan was asked for, with a path.

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
    TooManyMissesError
        After ``max_misses`` hops in a row without a good pixel.
    OverloadError
        After an overload, if ``overload`` is "stop".
    """
    checked = yield from check_request(microscope, request)
    checked.expected.check(force=checked.options.force)
    if (yield from is_only_estimated(checked.expected)):
        return ""
    yield from check_space(microscope, checked.expected.bytes)
    along = fly_along if checked.fly else step_along
    return (yield from run_around(along(microscope, checked), microscope, checked))


def run_around(
    plan: MsgGenerator[Any], microscope: HoppingMicroscope, request: HopRequest
) -> MsgGenerator[str]:
    """Open a run around a plan that hops, prepared for it; SAFE afterwards.

    Parameters
    ----------
    plan
        Its hops.
    microscope
        The microscope.
    request
        What it was asked for, checked.

    Returns
    -------
    str
        uid of the run.
    """

    @bpp.stage_decorator([microscope])
    @bpp.subs_decorator(microscope.hop.note)
    @bpp.run_decorator(md=request.start(microscope))
    def hops() -> MsgGenerator[None]:
        long = any(t.acquisition.sampling_s > LONG_S for t in request.techniques)
        if long and not request.fly:
            # a separate event for each part of a trace that takes long
            yield Msg("monitor", microscope.clamp.progress, name=PROGRESS)
        yield from plan

    def prepared() -> MsgGenerator[str]:
        yield from forget_heights()
        yield from bps.prepare(microscope.clamp, request.techniques, wait=True)
        yield from check_threshold(microscope, settings[microscope.z.threshold])
        return str((yield from hops()))

    def forget_heights() -> MsgGenerator[None]:
        z = microscope.z
        for height in (z.travel_height, z.slow_height):
            yield from bps.mv(height, UNKNOWN_HEIGHT_UM)

    settings = _settings(microscope, request)
    wrapped = bpp.finalize_wrapper(
        settings_wrapper(prepared(), settings), forget_heights
    )
    return str((yield from safe_wrapper(wrapped, microscope)))


def _settings(microscope: HoppingMicroscope, request: HopRequest) -> dict[Any, Any]:
    """List what a run sets; None: changed by the run itself, and put back."""
    z, options = microscope.z, request.options
    settings = {
        z.withdraw_distance: options.withdraw_um,
        z.approach_rate: options.approach_rate_um_s,
        z.threshold: options.threshold_pa,
        z.travel_limit: None,  # set after the first landing
    }
    if request.gain_mv_pa is not None:
        settings[microscope.clamp.gain] = request.gain_mv_pa
    return settings
