"""Cost of the simulated electrochemistry, in one process and without EPICS."""

import numpy as np

from seccm_ophyd.sim_devices.physics.cell import (
    RedoxCell,
    cyclic_voltammogram,
    equilibrium_theta,
    galvanostatic,
    potential_step,
)

from .timing import Result, seconds

__all__ = ["measure"]

_HOPS = 100  # in a line of the map
_HOP_E, _HOP_TIME = 0.65, 20e-3  # V, s after contact


def measure(repeats: int = 25) -> list[Result]:
    """Measure a hop in a line and alone, a voltammogram, a galvanostatic curve.

    Parameters
    ----------
    repeats
        How often to measure each; the median counts.

    Returns
    -------
    list of Result
        Durations in the units of their names.
    """
    line, cell = _line(), RedoxCell()
    t_cv = np.linspace(0, 16, 5000)
    E_cv = np.interp(t_cv, [0, 8, 16], [0, 0.8, 0])
    rested = RedoxCell(theta0=equilibrium_theta(0.0, cell))
    t_charge = np.linspace(0, 0.6, 61)

    per_line = seconds(lambda: potential_step(_HOP_E, _HOP_TIME, line), repeats)
    alone = seconds(lambda: potential_step(_HOP_E, _HOP_TIME, cell), repeats)
    cv = seconds(lambda: cyclic_voltammogram(t_cv, E_cv, rested), repeats)
    charge = seconds(
        lambda: galvanostatic(5e-12, t_charge, cell, 5e-12, _HOP_E), repeats
    )
    return [
        Result("potential_step_line_us", per_line / _HOPS * 1e6, at_most=20),
        Result("potential_step_single_ms", alone * 1e3, at_most=1),
        Result("cyclic_voltammogram_5000_ms", cv * 1e3, at_most=15),
        Result("galvanostatic_600ms_ms", charge * 1e3, at_most=1),
    ]


def _line() -> RedoxCell:
    """Hops over a composite: wetted area, kinetics and state vary from one to next."""
    rng = np.random.default_rng(0)
    return RedoxCell(
        k0=RedoxCell.k0 * np.exp(0.35 * rng.standard_normal(_HOPS)),
        A=RedoxCell.A * rng.uniform(0.05, 2.0, _HOPS),
        theta0=np.clip(rng.normal(0.96, 0.008, _HOPS), 0.9, 0.99),
    )
