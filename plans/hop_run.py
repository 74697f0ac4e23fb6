"""One run of hops: checked, estimated, prepared, recorded, left SAFE."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import Msg, MsgGenerator

from seccm_ophyd.schema import ESTIMATE, PROGRESS, REST_POTENTIAL, TECHNIQUES
from seccm_ophyd.techniques import Technique, TechniqueLike, as_techniques

from .checks import check_points, check_space
from .contact_threshold import check_threshold, contact_threshold, read_rest_potential
from .estimate import Estimate, estimate_hops, is_only_estimated
from .flying import fly_along
from .input_range import chosen_gain, warn_of_range
from .metadata import check_metadata
from .options import HopOptions
from .path import Path, Points
from .preprocessors import safe_wrapper, settings_wrapper
from .protocols import HoppingMicroscope
from .stepping import step_along
from .withdrawals import check_withdrawal

__all__ = ["Checked", "Named", "check_run", "hop_run"]

LONG_S = 5.0  # measurements that take longer are followed while they go on


@dataclass(frozen=True)
class Named:
    """What a plan was called with, for its start document.

    Parameters
    ----------
    plan_name
        Of the plan that the user called.
    plan_args
        Its own arguments, points as found; those of every hopping plan are added.
    hop
        Its `HopOptions`.
    md
        The metadata of the user.
    linked
        What the run is a part of, or resumes: metadata of the plan itself.

    Raises
    ------
    ParameterError
        If the metadata are refused; see `check_metadata`.
    """

    plan_name: str
    plan_args: dict[str, Any]
    hop: dict[str, Any]
    md: dict[str, Any] | None
    linked: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_metadata(self.md)


@dataclass(frozen=True)
class Checked:
    """The arguments of a run, as they are used, and what it will take."""

    options: HopOptions
    techniques: tuple[Technique, ...]
    threshold_pa: float
    rest_potential_v: float
    expected: Estimate
    gain_mv_pa: float | None


def check_run(
    front: Named,
    microscope: HoppingMicroscope,
    technique: TechniqueLike | Sequence[TechniqueLike],
    path: Path,
    known: Points = (),
) -> MsgGenerator[Checked]:
    """Check the arguments of a run and estimate what it takes; it only reads.

    Parameters
    ----------
    front, microscope, technique, path, known
        As in `hop_run`.

    Yields
    ------
    Msg
        Reads settings.

    Returns
    -------
    Checked
        What was asked for, complete.

    Raises
    ------
    ParameterError
        If an argument is refused.
    """
    options = HopOptions(**front.hop)
    techniques = as_techniques(technique)
    check_points(microscope, *path.ends)
    check_withdrawal(path.pattern, options.withdraw_um, known)
    approach_v = techniques[0].acquisition.approach_potential_v
    threshold = yield from contact_threshold(
        microscope, options.threshold_pa, approach_v
    )
    rest = yield from read_rest_potential(microscope)
    gain = yield from chosen_gain(microscope, options)
    yield from warn_of_range(microscope, techniques, gain)
    expected = yield from estimate_hops(microscope, path, techniques, options)
    return Checked(options, techniques, threshold, rest, expected, gain)


def hop_run(
    front: Named,
    microscope: HoppingMicroscope,
    technique: TechniqueLike | Sequence[TechniqueLike],
    path: Path,
    *,
    fly: bool = False,
    known: Points = (),
) -> MsgGenerator[str]:
    """Hop to points and measure at each; the instrument is SAFE afterwards.

    Parameters
    ----------
    front
        The plan that this is a part of.
    microscope
        The microscope.
    technique
        What is measured in each contact: one technique, or several in their order.
    path
        Where to.
    fly
        Let the instrument hop by itself, many points at a time.
    known
        Points of the same surface that another run has landed on.

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
    checked = yield from check_run(front, microscope, technique, path, known)
    options, techniques = checked.options, checked.techniques
    threshold, expected = checked.threshold_pa, checked.expected
    expected.check(force=options.force)
    if (yield from is_only_estimated(expected)):
        return ""
    yield from check_space(microscope, expected.bytes)
    points = path.points
    _md = {
        "plan_name": front.plan_name,
        "detectors": [microscope.name],
        TECHNIQUES: [made.to_dict() for made in techniques],
        REST_POTENTIAL: checked.rest_potential_v,
        ESTIMATE: asdict(expected),
        "num_points": len(points),
        "num_intervals": len(points) - 1,
        **path.metadata(microscope),
        "plan_args": {
            "microscope": microscope.name,
            **front.plan_args,
            **asdict(options),
            "threshold_pa": threshold,
        },
        **front.linked,
        **(front.md or {}),
    }

    @bpp.stage_decorator([microscope])
    @bpp.subs_decorator(microscope.hop.note)
    @bpp.run_decorator(md=_md)
    def hops() -> MsgGenerator[None]:
        long = any(made.acquisition.sampling_s > LONG_S for made in techniques)
        if long and not fly:
            # an event of its own for each part of a trace that takes long
            yield Msg("monitor", microscope.clamp.progress, name=PROGRESS)
        if fly:
            yield from fly_along(microscope, points, techniques, options)
        else:
            yield from step_along(microscope, points, techniques, options)

    def prepared() -> MsgGenerator[str]:
        yield from bps.prepare(microscope.clamp, techniques, wait=True)
        yield from check_threshold(microscope, threshold)
        return (yield from hops())

    settings = _settings(microscope, options, threshold, checked.gain_mv_pa)
    wrapped = settings_wrapper(prepared(), settings)
    return (yield from safe_wrapper(wrapped, microscope))


def _settings(
    microscope: HoppingMicroscope,
    options: HopOptions,
    threshold_pa: float,
    gain_mv_pa: float | None,
) -> dict[Any, Any]:
    """List what a run sets; None: changed by the run itself, and put back."""
    z = microscope.z
    settings = {
        z.withdraw_distance: options.withdraw_um,
        z.approach_rate: options.approach_rate_um_s,
        z.threshold: threshold_pa,
        z.travel_limit: None,  # set after the first landing
    }
    if options.adaptive:
        settings |= {z.travel_height: None, z.slow_height: None}
    if gain_mv_pa is not None:
        settings[microscope.clamp.gain] = gain_mv_pa
    return settings
