"""Measurements at chosen points: voltammograms, scan rates, approach curves."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from bluesky.utils import MsgGenerator

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.techniques import CurrentSample, CyclicVoltammetry

from ._run.checks import check_number
from ._run.hop_plan import hop_plan
from ._run.path import PointList
from ._run.request import HopRequest
from ._run.run import hop_run
from ._run.targets import PointsLike, find_point, find_points
from .options import HopOptions
from .protocols import HoppingMicroscope

__all__ = ["approach_curves", "cyclic_voltammetry", "scan_rate_series"]


@hop_plan
def cyclic_voltammetry(
    microscope: HoppingMicroscope,
    point: PointsLike,
    *,
    e_start_v: float = 0.0,
    e_vertex1_v: float = 0.8,
    e_vertex2_v: float = -0.2,
    e_end_v: float = 0.0,
    scan_rate_v_s: float = 0.1,
    cycles: int = 1,
    rest_s: float = 1.0,
    md: dict[str, Any] | None = None,
    options: HopOptions,
) -> MsgGenerator[str]:
    """Land at a point and take a cyclic voltammogram (Takahashi 2014, Fig. 2b).

    Parameters
    ----------
    microscope
        The microscope.
    point
        (x, y) in um, or a stored run and a rule: ``{"run": uid, "rule": "brightest"}``.
    e_start_v, e_vertex1_v, e_vertex2_v, e_end_v, scan_rate_v_s, cycles, rest_s
        As in `seccm_ophyd.techniques.CyclicVoltammetry`.

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
    >>> RE(cyclic_voltammetry(seccm, (1.5, -3)))
    >>> RE(cyclic_voltammetry(seccm, {"run": uid, "rule": "brightest_particle"}))
    """
    own: dict[str, Any] = {
        "e_start_v": e_start_v,
        "e_vertex1_v": e_vertex1_v,
        "e_vertex2_v": e_vertex2_v,
        "e_end_v": e_end_v,
        "scan_rate_v_s": scan_rate_v_s,
        "cycles": cycles,
        "rest_s": rest_s,
    }
    technique = CyclicVoltammetry(**own)
    found = yield from find_point(microscope, point)
    request = HopRequest(
        plan_name="cyclic_voltammetry",
        plan_args={"point": found, **own},
        path=PointList([found]),
        techniques=(technique,),
        options=options,
        md=md,
    )
    return (yield from hop_run(microscope, request))


@hop_plan
def scan_rate_series(
    microscope: HoppingMicroscope,
    point: PointsLike,
    scan_rates_v_s: Sequence[float] = (0.1, 1.0, 10.0, 100.0),
    *,
    e_start_v: float = 0.0,
    e_vertex1_v: float = 0.8,
    e_vertex2_v: float = -0.2,
    e_end_v: float = 0.0,
    rest_s: float = 1.0,
    md: dict[str, Any] | None = None,
    options: HopOptions,
) -> MsgGenerator[str]:
    """Take a voltammogram at each of several scan rates, all in one contact.

    Above 1 V/s the low pass is opened from 1 to 10 kHz (Takahashi 2014, Fig. 1c and
    Methods).

    Parameters
    ----------
    microscope, point
        As in `cyclic_voltammetry`.
    scan_rates_v_s
        Scan rates (V/s), in the order in which they are taken.
    e_start_v, e_vertex1_v, e_vertex2_v, e_end_v, rest_s
        As in `seccm_ophyd.techniques.CyclicVoltammetry`.

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
    >>> RE(scan_rate_series(seccm, (0, 0), (0.1, 1, 10)))
    """
    if not (isinstance(scan_rates_v_s, Sequence | np.ndarray) and len(scan_rates_v_s)):
        raise ParameterError(
            f"scan_rates_v_s={scan_rates_v_s!r} must be a list of at "
            "least one, in V/s, e.g. [0.1, 1]"
        )
    sweep: dict[str, Any] = {
        "e_start_v": e_start_v,
        "e_vertex1_v": e_vertex1_v,
        "e_vertex2_v": e_vertex2_v,
        "e_end_v": e_end_v,
        "rest_s": rest_s,
    }
    series = [
        CyclicVoltammetry(scan_rate_v_s=scan_rate, **sweep)
        for scan_rate in scan_rates_v_s
    ]
    found = yield from find_point(microscope, point)
    own = {"point": found, "scan_rates_v_s": list(scan_rates_v_s), **sweep}
    request = HopRequest(
        plan_name="scan_rate_series",
        plan_args=own,
        path=PointList([found]),
        techniques=tuple(series),
        options=options,
        md=md,
    )
    return (yield from hop_run(microscope, request))


@hop_plan
def approach_curves(
    microscope: HoppingMicroscope,
    points: PointsLike,
    repeats: int = 1,
    *,
    potential_v: float = 0.65,
    md: dict[str, Any] | None = None,
    options: HopOptions,
) -> MsgGenerator[str]:
    """Land at points and record current against distance (Takahashi 2014, Fig. 1b).

    Each landing of each plan records its approach curve; this one does nothing more.

    Parameters
    ----------
    microscope
        The microscope.
    points
        Pairs (x, y) in um, or a stored run and a rule.
    repeats
        Landings at each point.
    potential_v
        Potential of the sample (V versus the QRCE).

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
    >>> RE(approach_curves(seccm, [(0, 0)], 3))
    """
    times = check_number("repeats", repeats)
    technique = CurrentSample(potential_v=potential_v)
    found = yield from find_points(microscope, points)
    own = {"points": found, "repeats": times, "potential_v": potential_v}
    request = HopRequest(
        plan_name="approach_curves",
        plan_args=own,
        path=PointList(found, times),
        techniques=(technique,),
        options=options,
        md=md,
    )
    return (yield from hop_run(microscope, request))
