"""What a plan was asked for: one object from its front door to its start document."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from bluesky.utils import MsgGenerator

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.schema import ESTIMATE, REST_POTENTIAL, TECHNIQUES
from seccm_ophyd.techniques import Technique

from ..estimate import UNKNOWN, Estimate
from ..options import HopOptions
from ..protocols import HoppingMicroscope
from .metadata import check_metadata
from .path import Path, PointList, Points

__all__ = ["HopRequest", "PerHop", "as_given", "name_of"]

PerHop = Callable[..., MsgGenerator[str]]
"""What a scan does at each point, as `seccm_ophyd.plans.hop`."""


@dataclass(frozen=True, kw_only=True)
class HopRequest:
    """What a plan was asked for.

    Parameters
    ----------
    plan_name
        Of the plan that the user called.
    plan_args
        Its own arguments as plain data, points as found; the options are added.
    path
        Where to hop; None: where a plan of the user's own decides.
    techniques
        What is measured in each contact, in this order.
    options
        How to hop. When the request has been checked, the threshold has its sign.
    md
        The metadata of the user.
    fly
        Whether the instrument hops by itself, many points at a time.
    per_hop
        What is done at each point; None: `seccm_ophyd.plans.hop`.
    known
        Points of the same surface that another run has landed on.
    linked
        What the run is a part of, or resumes: metadata of the plan itself.
    expected, rest_potential_v, gain_mv_pa
        Found when it is checked: what the run takes; the potential at which the sample
        passes no current (V); the gain during the run (mV/pA), None: as it is set.

    Raises
    ------
    ParameterError
        If the metadata are refused, see `check_metadata`, or `per_hop` is no function.
    """

    plan_name: str
    plan_args: dict[str, Any]
    path: Path | None
    techniques: tuple[Technique, ...]
    options: HopOptions
    md: dict[str, Any] | None
    fly: bool = False
    per_hop: PerHop | None = None
    known: Points = ()
    linked: dict[str, Any] = field(default_factory=dict)
    expected: Estimate = UNKNOWN
    rest_potential_v: float = math.nan
    gain_mv_pa: float | None = None

    def __post_init__(self) -> None:
        check_metadata(self.md)
        _check_per_hop(self.per_hop)

    @property
    def points(self) -> Points:
        """Where to hop, point by point; empty where the user's own plan decides."""
        return () if self.path is None else self.path.points

    def start(self, microscope: HoppingMicroscope) -> dict[str, Any]:
        """Tell it in a start document."""
        size: dict[str, Any] = {}
        if self.path is not None:
            size = {
                "num_points": self.path.size,
                "num_intervals": self.path.size - 1,
                ESTIMATE: asdict(self.expected),
            }
        return {
            "plan_name": self.plan_name,
            "detectors": [microscope.name],
            TECHNIQUES: [technique.to_dict() for technique in self.techniques],
            REST_POTENTIAL: self.rest_potential_v,
            **size,
            **(self.path or PointList(())).metadata(microscope),
            "plan_args": {
                "microscope": microscope.name,
                **self.plan_args,
                **asdict(self.options),
            },
            **self.linked,
            **(self.md or {}),
        }


def _check_per_hop(per_hop: Any) -> None:
    """Check what is to be done at each point.

    Raises
    ------
    ParameterError
        If it is neither None nor a function.
    """
    if per_hop is not None and not callable(per_hop):
        raise ParameterError(
            f"per_hop={per_hop!r:.60} is no function: give one with the arguments of "
            "seccm_ophyd.plans.hop, or leave it out"
        )


def as_given(technique: Any, techniques: tuple[Technique, ...]) -> Any:
    """Tell the argument of a plan as plain data: a list where a list was given."""
    described = [made.to_dict() for made in techniques]
    return described if isinstance(technique, list | tuple) else described[0]


def name_of(per_hop: PerHop | None) -> str | None:
    """Name what is done at each point, for a start document."""
    if per_hop is None:
        return None
    module = getattr(per_hop, "__module__", "")
    return f"{module}.{getattr(per_hop, '__qualname__', type(per_hop).__name__)}"
