"""Charge and discharge through one contact, and what it leaves on the map."""

from typing import Any

from bluesky.utils import MsgGenerator, new_uid, plan

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.schema import SERIES
from seccm_ophyd.techniques import Galvanostatic, ZeroCurrentPotential

from .hop_run import Named
from .hop_scan import Grid, grid_run, list_run
from .options import with_hop_options
from .protocols import HoppingMicroscope
from .targets import PointsLike, find_point

__all__ = ["charge_and_remap", "charge_discharge", "local_charge", "local_discharge"]


@plan
@with_hop_options
def local_charge(
    microscope: HoppingMicroscope,
    point: PointsLike,
    *,
    current_pa: float = 200.0,
    e_upper_v: float = 0.8,
    duration_s: float = 7200.0,
    interval_s: float = 1.0,
    soak_s: float = 180.0,
    md: dict[str, Any] | None = None,
    **hop: Any,
) -> MsgGenerator[str]:
    """Charge the particle at a point through one contact (Takahashi 2014, Fig. 3b).

    It ends at the potential or at the time, whichever comes first; the event tells
    which (``end_reason``).

    Parameters
    ----------
    microscope
        The microscope.
    point
        (x, y) in um, or a stored run and a rule: ``{"run": uid, "rule": "brightest"}``.
    current_pa
        Current (pA), positive: lithium leaves.
    e_upper_v
        Potential at which it ends (V versus the QRCE).
    duration_s
        Longest time (s).
    interval_s
        Between samples of the potential (s).
    soak_s
        Rest at zero current before, in which the electrolyte creeps into the particle
        (s).
    md, **hop
        As in `hop_scan`; the signature lists them.

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
    >>> RE(local_charge(seccm, (1.5, -3), current_pa=200, e_upper_v=0.8))
    ... # doctest: +SKIP
    """
    _check_sign("current_pa", current_pa, 1)
    own: dict[str, Any] = {
        "current_pa": current_pa,
        "e_upper_v": e_upper_v,
        "duration_s": duration_s,
        "interval_s": interval_s,
    }
    technique = Galvanostatic(rest_s=soak_s, **own)
    front = Named("local_charge", {**own, "soak_s": soak_s}, hop, md)
    points = [find_point(microscope, point)]
    return (yield from list_run(front, microscope, technique, points))


@plan
@with_hop_options
def local_discharge(
    microscope: HoppingMicroscope,
    point: PointsLike,
    *,
    current_pa: float = -200.0,
    e_lower_v: float = 0.0,
    duration_s: float = 7200.0,
    interval_s: float = 1.0,
    soak_s: float = 180.0,
    md: dict[str, Any] | None = None,
    **hop: Any,
) -> MsgGenerator[str]:
    """Discharge the particle at a point through one contact.

    Parameters
    ----------
    microscope, point, duration_s, interval_s, soak_s
        As in `local_charge`.
    current_pa
        Current (pA), negative: lithium enters.
    e_lower_v
        Potential at which it ends (V versus the QRCE).
    md, **hop
        As in `hop_scan`; the signature lists them.

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
    >>> RE(local_discharge(seccm, (1.5, -3)))  # doctest: +SKIP
    """
    _check_sign("current_pa", current_pa, -1)
    own: dict[str, Any] = {
        "current_pa": current_pa,
        "e_lower_v": e_lower_v,
        "duration_s": duration_s,
        "interval_s": interval_s,
    }
    technique = Galvanostatic(rest_s=soak_s, **own)
    front = Named("local_discharge", {**own, "soak_s": soak_s}, hop, md)
    points = [find_point(microscope, point)]
    return (yield from list_run(front, microscope, technique, points))


@plan
@with_hop_options
def charge_discharge(
    microscope: HoppingMicroscope,
    point: PointsLike,
    *,
    current_pa: float = 200.0,
    e_upper_v: float = 0.8,
    e_lower_v: float = 0.0,
    duration_s: float = 7200.0,
    interval_s: float = 1.0,
    soak_s: float = 180.0,
    md: dict[str, Any] | None = None,
    **hop: Any,
) -> MsgGenerator[str]:
    """Charge and discharge a particle in one contact (Takahashi 2014, Fig. 2c).

    Each half ends at its cut-off or at the time, whichever comes first.

    Parameters
    ----------
    microscope, point, interval_s, soak_s
        As in `local_charge`.
    current_pa
        Magnitude of both currents (pA).
    e_upper_v, e_lower_v
        Potentials at which the charge and the discharge end (V versus the QRCE).
    duration_s
        Longest time of each half (s).
    md, **hop
        As in `hop_scan`; the signature lists them.

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
    >>> RE(charge_discharge(seccm, (1.5, -3)))  # doctest: +SKIP
    """
    _check_sign("current_pa", current_pa, 1)
    own: dict[str, Any] = {"duration_s": duration_s, "interval_s": interval_s}
    # each half has its own cut-off only: one begins where the other has ended
    halves = [
        Galvanostatic(current_pa=current_pa, e_upper_v=e_upper_v, rest_s=soak_s, **own),
        Galvanostatic(current_pa=-current_pa, e_lower_v=e_lower_v, rest_s=0.0, **own),
    ]
    described = {
        "current_pa": current_pa,
        "e_upper_v": e_upper_v,
        "e_lower_v": e_lower_v,
        "soak_s": soak_s,
        **own,
    }
    front = Named("charge_discharge", described, hop, md)
    points = [find_point(microscope, point)]
    return (yield from list_run(front, microscope, halves, points))


@plan
@with_hop_options
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
    **hop: Any,
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
    md, **hop
        As in `hop_scan`; the signature lists them.

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
    >>> RE(charge_and_remap(seccm, (1.5, -3), -5, 5, 21, -5, 5, 21))  # doctest: +SKIP
    """
    grid = Grid(x_start, x_stop, x_num, y_start, y_stop, y_num, snake)
    zero = ZeroCurrentPotential(duration_s=hold_s)
    _check_sign("current_pa", current_pa, 1)
    own: dict[str, Any] = {
        "current_pa": current_pa,
        "e_upper_v": e_upper_v,
        "duration_s": duration_s,
        "interval_s": interval_s,
    }
    charge = Galvanostatic(rest_s=soak_s, **own)
    target = [find_point(microscope, point)]
    described = {**own, "soak_s": soak_s, "hold_s": hold_s, "point": target[0]}
    series = {SERIES: new_uid(), **(md or {})}

    def part(name: str) -> Named:
        return Named("charge_and_remap", described, hop, {"part": name, **series})

    before = yield from grid_run(part("map before"), microscope, zero, grid)
    charged = yield from list_run(part("charge"), microscope, charge, target)
    after = yield from grid_run(part("map after"), microscope, zero, grid)
    return before, charged, after


def _check_sign(name: str, current_pa: float, sign: int) -> None:
    """Refuse a current that would discharge where a charge was asked for."""
    if current_pa * sign <= 0:
        allowed = "more than 0" if sign > 0 else "less than 0"
        raise ParameterError(f"{name}={current_pa:g} is not allowed: {allowed} pA")
