"""Figures from maps of the zero-current potential."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from matplotlib.figure import Figure

from .. import plans
from ..analysis import capacity, charge_curves, classify, hop_map
from ..config import Simulator
from ..session import Session
from .drawing import add_letters, arrow, draw_map, make_figure, topography
from .experiment import Experiment, Runs, run_plan, run_plans
from .table import Row

__all__ = ["ChargeAndRemap", "PotentialMap"]

LFP = 1  # code of `classify`


class PotentialMap(Experiment):
    """Topography and zero-current potential of a composite."""

    figures = ("3a",)
    # particles of differing state of charge, as after cycling
    simulator: ClassVar = Simulator(theta=(0.96, 0.05))

    def measure(self, session: Session) -> dict[str, str]:
        """Map 15 x 15 um at I = 0."""
        plan = plans.potential_map(session.seccm, -7.5, 7.5, 31, -7.5, 7.5, 31)
        return {"map": run_plan(session, plan)}

    def rows(self, runs: Runs) -> Sequence[Row]:
        """Range of the potential on LiFePO4, and how unsteady it is beside it."""
        measured = hop_map(runs["map"])
        on = classify(measured) == LFP
        potential = measured.zero_current_potential.where(on)
        low, high = (float(potential.quantile(q)) for q in (0.05, 0.95))
        drift = abs(measured.potential_drift)
        ratio = float(drift.where(~on).median() / drift.where(on).median())
        return [
            Row("3a", "5th percentile on LiFePO4", "V", "~0.4", low, 0.35, 0.42),
            Row("3a", "95th percentile on LiFePO4", "V", "~0.6", high, 0.45, 0.62),
            Row("3a", "drift on carbon over that on LiFePO4", "", "not steady",
                ratio, low=5),
        ]  # fmt: skip

    def draw(self, name: str, runs: Runs, out: Path) -> Figure:
        """Draw topography, potential, and its drift."""
        measured = hop_map(runs["map"])
        figure = make_figure(13.2, 4.0)
        first, second, third = figure.subplots(1, 3)
        draw_map(first, topography(measured), "Topography", "topography")
        title = "Potential at I = 0"
        draw_map(
            second, measured.zero_current_potential, title, "potential", (0.3, 0.7)
        )
        drift = abs(measured.potential_drift).assign_attrs(units="V/s")
        draw_map(third, drift, "Drift |dE/dt|", "current")
        add_letters(figure, (first, second, third))
        return figure


class ChargeAndRemap(Experiment):
    """A local charge at +200 pA to 0.8 V, and the potential before and after."""

    figures = ("3b",)
    simulator: ClassVar = Simulator(particle_radius_um=4.3)

    def measure(self, session: Session) -> dict[str, str]:
        """Map 25 x 25 um, charge the particle in the centre, map again."""
        plan = plans.charge_and_remap(
            session.seccm, (0.0, 0.0), -12.5, 12.5, 26, -12.5, 12.5, 26, withdraw_um=6.0
        )
        names = ("before", "charge", "after")
        return dict(zip(names, run_plans(session, plan), strict=True))

    def rows(self, runs: Runs) -> Sequence[Row]:
        """Compare the charged particle with what it was, and with the others."""
        before, after = hop_map(runs["before"]), hop_map(runs["after"])
        at = {"x": 0.0, "y": 0.0, "method": "nearest"}
        curves = charge_curves(runs["charge"])
        others = (classify(before) == LFP) & (np.hypot(before.x, before.y) > 6)
        shift = (after - before).zero_current_potential.where(others)
        spot = float(after.zero_current_potential.sel(**at))
        return [
            Row("3b", "time of the charge", "h", "ca. 1",
                float(curves.t.max()) / 3600, 0.85, 1.15),
            Row("3b", "capacity", "pAh", "~200 (200 pA, 1 h)",
                float(capacity(curves).capacity[0]), 170, 230),
            Row("3b", "potential of the spot before", "V", "~0.4",
                float(before.zero_current_potential.sel(**at)), 0.33, 0.43),
            Row("3b", "potential of the spot after", "V", "~0.8", spot, 0.70, 0.85),
            Row("3b", "largest median shift of other LiFePO4", "V", "none",
                abs(float(shift.median())), high=0.02),
        ]  # fmt: skip

    def draw(self, name: str, runs: Runs, out: Path) -> Figure:
        """Draw the potential before and after, with the charged spot marked."""
        figure = make_figure(9.2, 4.0)
        axes = figure.subplots(1, 2)
        for panel, part in zip(axes, ("before", "after"), strict=True):
            measured = hop_map(runs[part]).zero_current_potential
            title = f"Potential at I = 0, {part} the charge"
            draw_map(panel, measured, title, "potential", (0.3, 0.85))
            arrow(panel, (0.0, 0.0), "white")
        add_letters(figure, axes)
        return figure
