"""Charge and discharge through one contact."""

from typing import Any

from bluesky.utils import MsgGenerator

from seccm_ophyd.techniques import CURRENT_LIMITS_PA, Galvanostatic, check_range

from ._run.hop_plan import hop_plan
from ._run.path import PointList
from ._run.request import HopRequest
from ._run.run import hop_run
from ._run.targets import PointsLike, find_point
from .options import HopOptions
from .protocols import HoppingMicroscope

__all__ = ["CHARGE_PA", "charge_discharge", "local_charge", "local_discharge"]

# a charge that would discharge is refused
DISCHARGE_PA = (CURRENT_LIMITS_PA[0], 0.0)
CHARGE_PA = (0.0, CURRENT_LIMITS_PA[1])


@hop_plan
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
    options: HopOptions,
) -> MsgGenerator[str]:
    """Charge the particle at a point through one contact (Takahashi 2014, Fig. 3b).

    It ends at the potential or at the time, whichever comes first; the event says
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
    """
    check_range("current_pa", current_pa, *CHARGE_PA, "pA")
    own: dict[str, Any] = {
        "current_pa": current_pa,
        "e_upper_v": e_upper_v,
        "duration_s": duration_s,
        "interval_s": interval_s,
    }
    technique = Galvanostatic(rest_s=soak_s, **own)
    found = yield from find_point(microscope, point)
    described = {"point": found, **own, "soak_s": soak_s}
    request = HopRequest(
        plan_name="local_charge",
        plan_args=described,
        path=PointList([found]),
        techniques=(technique,),
        options=options,
        md=md,
    )
    return (yield from hop_run(microscope, request))


@hop_plan
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
    options: HopOptions,
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
    >>> RE(local_discharge(seccm, (1.5, -3)))
    """
    check_range("current_pa", current_pa, *DISCHARGE_PA, "pA")
    own: dict[str, Any] = {
        "current_pa": current_pa,
        "e_lower_v": e_lower_v,
        "duration_s": duration_s,
        "interval_s": interval_s,
    }
    technique = Galvanostatic(rest_s=soak_s, **own)
    found = yield from find_point(microscope, point)
    described = {"point": found, **own, "soak_s": soak_s}
    request = HopRequest(
        plan_name="local_discharge",
        plan_args=described,
        path=PointList([found]),
        techniques=(technique,),
        options=options,
        md=md,
    )
    return (yield from hop_run(microscope, request))


@hop_plan
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
    options: HopOptions,
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
    >>> RE(charge_discharge(seccm, (1.5, -3)))
    """
    check_range("current_pa", current_pa, *CHARGE_PA, "pA")
    own: dict[str, Any] = {"duration_s": duration_s, "interval_s": interval_s}
    # each half has its own cut-off only: one begins where the other has ended
    halves = [
        Galvanostatic(current_pa=current_pa, e_upper_v=e_upper_v, rest_s=soak_s, **own),
        Galvanostatic(current_pa=-current_pa, e_lower_v=e_lower_v, rest_s=0.0, **own),
    ]
    found = yield from find_point(microscope, point)
    described = {
        "point": found,
        "current_pa": current_pa,
        "e_upper_v": e_upper_v,
        "e_lower_v": e_lower_v,
        "soak_s": soak_s,
        **own,
    }
    request = HopRequest(
        plan_name="charge_discharge",
        plan_args=described,
        path=PointList([found]),
        techniques=tuple(halves),
        options=options,
        md=md,
    )
    return (yield from hop_run(microscope, request))
