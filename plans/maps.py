"""The paper's maps, by name: front doors of `hop_scan` whose arguments are numbers."""

from dataclasses import asdict
from typing import Any

from bluesky.utils import MsgGenerator

from seccm_ophyd.techniques import (
    CurrentSample,
    CyclicVoltammetry,
    Galvanostatic,
    ZeroCurrentPotential,
)

from ._run.grid import Grid
from ._run.hop_plan import hop_plan
from ._run.request import HopRequest
from ._run.run import hop_run
from .options import HopOptions
from .protocols import HoppingMicroscope

__all__ = ["current_map", "galvanostatic_map", "potential_map", "voltammetry_map"]


@hop_plan
def current_map(
    microscope: HoppingMicroscope,
    x_start: float,
    x_stop: float,
    x_num: int,
    y_start: float,
    y_stop: float,
    y_num: int,
    *,
    potential_v: float = 0.65,
    settle_s: float = 0.020,
    snake: bool = False,
    md: dict[str, Any] | None = None,
    options: HopOptions,
) -> MsgGenerator[str]:
    """Map topography and current at a fixed potential (Takahashi 2014, Fig. 2a).

    Parameters
    ----------
    microscope, x_start, x_stop, x_num, y_start, y_stop, y_num, snake
        As in `hop_scan`.
    potential_v
        Potential of the sample (V versus the QRCE).
    settle_s
        Wait between contact and measurement (s).

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
    >>> RE(current_map(seccm, -10, 10, 41, -10, 10, 41))
    """
    own: dict[str, Any] = {"potential_v": potential_v, "settle_s": settle_s}
    grid = Grid(x_start, x_stop, x_num, y_start, y_stop, y_num, snake)
    request = HopRequest(
        plan_name="current_map",
        plan_args={**asdict(grid), **own},
        path=grid,
        techniques=(CurrentSample(**own),),
        options=options,
        md=md,
    )
    return (yield from hop_run(microscope, request))


@hop_plan
def voltammetry_map(
    microscope: HoppingMicroscope,
    x_start: float,
    x_stop: float,
    x_num: int,
    y_start: float,
    y_stop: float,
    y_num: int,
    *,
    e_start_v: float = 0.0,
    e_vertex1_v: float = 0.8,
    e_vertex2_v: float = -0.2,
    e_end_v: float = 0.0,
    scan_rate_v_s: float = 1.0,
    cycles: int = 1,
    snake: bool = False,
    md: dict[str, Any] | None = None,
    options: HopOptions,
) -> MsgGenerator[str]:
    """Map topography and a voltammogram at each point.

    Parameters
    ----------
    microscope, x_start, x_stop, x_num, y_start, y_stop, y_num, snake
        As in `hop_scan`.
    e_start_v, e_vertex1_v, e_vertex2_v, e_end_v, scan_rate_v_s, cycles
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
    >>> RE(voltammetry_map(seccm, 0, 2, 5, 0, 2, 5, scan_rate_v_s=10))
    """
    own: dict[str, Any] = {
        "e_start_v": e_start_v,
        "e_vertex1_v": e_vertex1_v,
        "e_vertex2_v": e_vertex2_v,
        "e_end_v": e_end_v,
        "scan_rate_v_s": scan_rate_v_s,
        "cycles": cycles,
    }
    grid = Grid(x_start, x_stop, x_num, y_start, y_stop, y_num, snake)
    request = HopRequest(
        plan_name="voltammetry_map",
        plan_args={**asdict(grid), **own},
        path=grid,
        techniques=(CyclicVoltammetry(**own),),
        options=options,
        md=md,
    )
    return (yield from hop_run(microscope, request))


@hop_plan
def potential_map(
    microscope: HoppingMicroscope,
    x_start: float,
    x_stop: float,
    x_num: int,
    y_start: float,
    y_stop: float,
    y_num: int,
    *,
    duration_s: float = 0.1,
    approach_potential_v: float = 0.65,
    snake: bool = False,
    md: dict[str, Any] | None = None,
    options: HopOptions,
) -> MsgGenerator[str]:
    """Map topography and the zero-current potential (Takahashi 2014, Fig. 3a).

    Parameters
    ----------
    microscope, x_start, x_stop, x_num, y_start, y_stop, y_num, snake
        As in `hop_scan`.
    duration_s
        How long I = 0 is held at each point (s).
    approach_potential_v
        Potential at which the contact is looked for (V).

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
    >>> RE(potential_map(seccm, -7.5, 7.5, 31, -7.5, 7.5, 31))
    """
    own: dict[str, Any] = {
        "duration_s": duration_s,
        "approach_potential_v": approach_potential_v,
    }
    grid = Grid(x_start, x_stop, x_num, y_start, y_stop, y_num, snake)
    request = HopRequest(
        plan_name="potential_map",
        plan_args={**asdict(grid), **own},
        path=grid,
        techniques=(ZeroCurrentPotential(**own),),
        options=options,
        md=md,
    )
    return (yield from hop_run(microscope, request))


@hop_plan
def galvanostatic_map(
    microscope: HoppingMicroscope,
    x_start: float,
    x_stop: float,
    x_num: int,
    y_start: float,
    y_stop: float,
    y_num: int,
    *,
    current_pa: float = 5.0,
    duration_s: float = 0.6,
    interval_s: float = 0.01,
    rest_s: float = 0.1,
    e_upper_v: float = 1.2,
    e_lower_v: float = -0.4,
    snake: bool = False,
    md: dict[str, Any] | None = None,
    options: HopOptions,
) -> MsgGenerator[str]:
    """Map topography and a short charge at each point (Takahashi 2014, Fig. 4).

    Parameters
    ----------
    microscope, x_start, x_stop, x_num, y_start, y_stop, y_num, snake
        As in `hop_scan`.
    current_pa, duration_s, interval_s, rest_s, e_upper_v, e_lower_v
        As in `seccm_ophyd.techniques.Galvanostatic`.

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
    >>> RE(galvanostatic_map(seccm, -15, 15, 31, -15, 15, 31))
    """
    own: dict[str, Any] = {
        "current_pa": current_pa,
        "duration_s": duration_s,
        "interval_s": interval_s,
        "rest_s": rest_s,
        "e_upper_v": e_upper_v,
        "e_lower_v": e_lower_v,
    }
    grid = Grid(x_start, x_stop, x_num, y_start, y_stop, y_num, snake)
    request = HopRequest(
        plan_name="galvanostatic_map",
        plan_args={**asdict(grid), **own},
        path=grid,
        techniques=(Galvanostatic(**own),),
        options=options,
        md=md,
    )
    return (yield from hop_run(microscope, request))
