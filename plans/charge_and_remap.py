"""What a charge leaves on the map of the potential."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bluesky.utils import MsgGenerator, new_uid

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.schema import PART, SERIES
from seccm_ophyd.techniques import (
    Galvanostatic,
    Technique,
    ZeroCurrentPotential,
    check_range,
)

from ._run.checks import check_space
from ._run.grid import Grid
from ._run.hop_plan import hop_plan
from ._run.path import Path, PointList
from ._run.request import HopRequest
from ._run.run import check_request, hop_run
from ._run.targets import PointsLike, find_point
from .charging import CHARGE_PA
from .estimate import Estimate, is_only_estimated
from .options import HopOptions
from .protocols import HoppingMicroscope

__all__ = ["charge_and_remap"]


@hop_plan
def charge_and_remap(
    microscope: HoppingMicroscope,
    point: PointsLike,
    x_start: float,
    x_stop: float,
    x_num: int,
    y_start: float,
    y_stop: float,
    y_num: int,
    *,
    current_pa: float = 200.0,
    e_upper_v: float = 0.8,
    duration_s: float = 7200.0,
    interval_s: float = 1.0,
    soak_s: float = 180.0,
    hold_s: float = 0.1,
    snake: bool = False,
    md: dict[str, Any] | None = None,
    options: HopOptions,
) -> MsgGenerator[tuple[str, str, str]]:
    """Map the potential, charge at a point, map again (Takahashi 2014, Fig. 3b).

    Three runs; the key ``series`` in their start documents is the same.

    Parameters
    ----------
    microscope, point, current_pa, e_upper_v, duration_s, interval_s, soak_s
        As in `local_charge`.
    x_start, x_stop, x_num, y_start, y_stop, y_num, snake
        Grid of both maps, as in `hop_scan`.
    hold_s
        How long I = 0 is held at each point of the maps (s).

    Yields
    ------
    Msg
        Messages to the RunEngine.

    Returns
    -------
    tuple of str
        uids of the map before, the charge, the map after.

    Raises
    ------
    ParameterError
        If an argument is refused; nothing has moved and no run was opened.

    Examples
    --------
    >>> RE(charge_and_remap(seccm, (1.5, -3), -5, 5, 21, -5, 5, 21))
    """
    grid = Grid(x_start, x_stop, x_num, y_start, y_stop, y_num, snake)
    zero = ZeroCurrentPotential(duration_s=hold_s)
    check_range("current_pa", current_pa, *CHARGE_PA, "pA")
    own: dict[str, Any] = {
        "current_pa": current_pa,
        "e_upper_v": e_upper_v,
        "duration_s": duration_s,
        "interval_s": interval_s,
    }
    charge = Galvanostatic(rest_s=soak_s, **own)
    found = yield from find_point(microscope, point)
    rests = {"soak_s": soak_s, "hold_s": hold_s}
    described = {"point": found, **asdict(grid), **own, **rests}
    series = new_uid()

    def request(part: str, path: Path, technique: Technique) -> HopRequest:
        return HopRequest(
            plan_name="charge_and_remap",
            plan_args=described,
            path=path,
            techniques=(technique,),
            options=options,
            md=md,
            linked={SERIES: series, PART: part},
        )

    parts = (
        request("map before", grid, zero),
        request("charge", PointList([found]), charge),
        request("map after", grid, zero),
    )
    whole = yield from _check(microscope, parts[:2], grid, found)
    if (yield from is_only_estimated(whole)):
        return "", "", ""
    yield from check_space(microscope, whole.bytes)

    before = yield from hop_run(microscope, parts[0])
    charged = yield from hop_run(microscope, parts[1])
    after = yield from hop_run(microscope, parts[2])
    return before, charged, after


def _check(
    microscope: HoppingMicroscope,
    parts: Sequence[HopRequest],
    grid: Grid,
    point: Sequence[float],
) -> MsgGenerator[Estimate]:
    """Refuse before the first map what would be refused after it; estimate the whole.

    Parameters
    ----------
    microscope
        The microscope.
    parts
        A map and the charge.
    grid, point
        Of the maps, and where it is charged (um).
    """
    mapped = yield from check_request(microscope, parts[0])
    aimed = yield from check_request(microscope, parts[1])
    if not grid.encloses(*point):
        raise ParameterError(
            f"point={tuple(point)} um lies outside the map, whose x is "
            f"{grid.x_start:g} to {grid.x_stop:g} um and y {grid.y_start:g} to "
            f"{grid.y_stop:g} um: give a point within, or a larger map"
        )
    whole = mapped.expected + aimed.expected + mapped.expected
    whole.check(force=mapped.options.force)
    return whole
