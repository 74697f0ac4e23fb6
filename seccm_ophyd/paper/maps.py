"""Figures from maps of the current: a composite, nanoparticles, both directions."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from .. import plans
from ..analysis import (
    Material,
    classify,
    correlate,
    find_targets,
    hop_map,
    statistics,
    voltammograms,
)
from ..config import Simulator
from ..session import Session
from ..techniques import CurrentSample, CyclicVoltammetry
from .drawing import (
    BLUE,
    RED,
    add_letters,
    arrow,
    curve_axes,
    draw_map,
    make_figure,
    topography,
)
from .experiment import Experiment, Runs, run_plan
from .table import Row

__all__ = ["ActivityMap", "BothDirections", "NanoparticleMap", "SameArea"]

HIGH_PA = 100.0  # at +0.65 V: what a map of LiFePO4 shows well inside of particles


class ActivityMap(Experiment):
    """Topography and current of a composite, voltammograms on and off a particle."""

    figures = ("2a", "2b")

    def measure(self, session: Session) -> dict[str, str]:
        """Map 20 x 20 um, then sweep at a target on and at one off LiFePO4."""
        m = session.seccm
        uid = run_plan(session, plans.current_map(m, -10, 10, 41, -10, 10, 41))
        rule = {"run": uid, "rule": "on_and_off", "n": 1}
        sweeps = run_plan(session, plans.hop_list(m, CyclicVoltammetry(), rule))
        return {"map": uid, "sweeps": sweeps}

    def rows(self, runs: Runs) -> Sequence[Row]:
        """Contrast of the map and of the voltammograms."""
        measured = hop_map(runs["map"])
        on, off = _split(measured)
        curves = voltammograms(runs["sweeps"])
        strong, weak = (float(abs(curves.i.isel(curve=k)).max()) for k in (0, 1))
        return [
            Row("2a", "mean current on LiFePO4", "pA", "high",
                float(on.mean()), HIGH_PA, 500),
            Row("2a", "mean current beside it", "pA", "little",
                float(off.mean()), 0, 10),
            Row("2a", "contrast of the means", "", "strong",
                float(on.mean() / off.mean()), low=20),
            Row("2a", "standard deviation over mean on LiFePO4", "", "heterogeneous",
                float(on.std() / on.mean()), 0.4, 1.0),
            Row("2b", "largest current on the particle", "pA", "strong", strong, low=8),
            Row("2b", "largest current beside it", "pA", "very weak", weak, high=4),
        ]  # fmt: skip

    def draw(self, name: str, runs: Runs, out: Path) -> Figure:
        """Draw the maps with their arrows, or the two voltammograms."""
        targets = find_targets(runs["map"], "on_and_off", n=1)
        if name == "2a":
            figure = make_figure(9.2, 4.0)
            first, second = figure.subplots(1, 2)
            measured = hop_map(runs["map"])
            draw_map(first, topography(measured), "Topography", "topography")
            draw_map(second, measured.current, "Current at +0.65 V", "current")
            for axes in (first, second):
                for point, colour in zip(targets, (BLUE, RED), strict=True):
                    arrow(axes, point, colour)
            add_letters(figure, (first, second))
            return figure
        figure = make_figure(5.2, 3.6)
        axes = curve_axes(figure.add_subplot(), "E vs Ag/AgCl (V)", "i (pA)")
        curves = voltammograms(runs["sweeps"])
        for k, (label, colour) in enumerate((("on", BLUE), ("off", RED))):
            curve = curves.isel(curve=k)
            label = f"{label} the particle ({curve.x:.1f}, {curve.y:.1f}) µm"
            axes.plot(curve.E, curve.i, color=colour, lw=1, label=label)
        axes.legend(frameon=False)
        axes.set_title("0.1 V/s at the arrows of the map", loc="left", size=10)
        return figure


class NanoparticleMap(Experiment):
    """Single LiFePO4 nanoparticles on platinum: map and histograms."""

    figures = ("5",)
    simulator: ClassVar = Simulator(sample="nanoparticles")

    def measure(self, session: Session) -> dict[str, str]:
        """Map 5 x 5 um in 64 x 64 pixels."""
        plan = plans.current_map(
            session.seccm, -2.5, 2.5, 64, -2.5, 2.5, 64, withdraw_um=1.0
        )
        return {"map": run_plan(session, plan)}

    def rows(self, runs: Runs) -> Sequence[Row]:
        """Share of dark pixels, and how high the bright ones stand."""
        measured = hop_map(runs["map"])
        found = statistics(measured)
        height = 1e3 * topography(measured)
        bright = measured.current > 10
        return [
            Row("5", "share of the area below 10 pA", "%", "~98",
                100 * float(found.fraction_below.sel(quantity="current")), 97.0, 99.5),
            Row("5", "median current (platinum)", "pA", "small",
                float(measured.current.median()), 1, 5),
            Row("5", "largest current", "pA", "broad tail",
                float(measured.current.max()), 20, 80),
            Row("5", "median height of the bright pixels", "nm", "100-200",
                float(height.where(bright).median()), 100, 200),
        ]  # fmt: skip

    def draw(self, name: str, runs: Runs, out: Path) -> Figure:
        """Draw both maps and their histograms."""
        measured = hop_map(runs["map"])
        height = (1e3 * topography(measured)).assign_attrs(units="nm")
        figure = make_figure(9.2, 7.4)
        (first, second), (third, fourth) = figure.subplots(2, 2)
        draw_map(first, height, "Topography", "topography")
        draw_map(second, measured.current, "Current at +0.65 V", "current")
        curve_axes(third, "Height (nm)", "Pixels")
        third.hist(height.values.ravel(), 60, color="0.35")
        third.set_yscale("log")
        curve_axes(fourth, "Current (pA)", "Pixels")
        values = measured.current.values
        fourth.hist(values[np.isfinite(values)], 60, color=BLUE)
        fourth.axvline(10, color=RED, lw=0.8, ls="--")
        fourth.set_yscale("log")
        found = statistics(measured).fraction_below
        below = 100 * float(found.sel(quantity="current"))
        fourth.set_title(f"{below:.1f} % below 10 pA", loc="right", size=10)
        add_letters(figure, (first, second, third, fourth))
        return figure


class BothDirections(Experiment):
    """Deintercalation and intercalation current at the same places."""

    figures = ("S3",)

    def measure(self, session: Session) -> dict[str, str]:
        """Measure at +0.65 V, then at +0.15 V in the same contact."""
        both = [CurrentSample(potential_v=0.65), CurrentSample(potential_v=0.15)]
        plan = plans.hop_scan(session.seccm, both, -7.5, 7.5, 26, -7.5, 7.5, 26)
        return {"map": run_plan(session, plan)}

    def rows(self, runs: Runs) -> Sequence[Row]:
        """Correlate the two currents in space."""
        measured = self._currents(runs)
        found = correlate(
            measured, measured, quantity_a="current", quantity_b="intercalation"
        )
        return [
            Row("S3", "rank correlation of both currents", "", "strong",
                float(found.spearman), low=0.5),
            Row("S3", "correlation of the logarithms on LiFePO4", "", "strong",
                self._log_correlation(measured), low=0.7),
        ]  # fmt: skip

    def draw(self, name: str, runs: Runs, out: Path) -> Figure:
        """Draw both maps, and one against the other."""
        measured = self._currents(runs)
        figure = make_figure(13.2, 4.0)
        first, second, third = figure.subplots(1, 3)
        draw_map(first, measured.current, "Deintercalation, +0.65 V", "current")
        draw_map(second, measured.intercalation, "Intercalation, +0.15 V", "current")
        curve_axes(third, "deintercalation (pA)", "intercalation (pA)")
        third.loglog(
            measured.current.values.ravel(),
            measured.intercalation.values.ravel(),
            ".",
            ms=3,
            color="0.25",
        )
        add_letters(figure, (first, second, third))
        return figure

    @staticmethod
    def _currents(runs: Runs) -> xr.Dataset:
        measured = hop_map(runs["map"])
        intercalation = (-measured.current_2).assign_attrs(units="pA")
        return measured.assign(intercalation=intercalation)

    @staticmethod
    def _log_correlation(measured: xr.Dataset) -> float:
        on = (classify(measured) == 1).values & (measured.intercalation.values > 0)
        both = np.log([measured.current.values[on], measured.intercalation.values[on]])
        return float(np.corrcoef(both)[0, 1])


class SameArea(Experiment):
    """Potentiostatic and galvanostatic map of the same area."""

    figures = ("S4",)

    def measure(self, session: Session) -> dict[str, str]:
        """Map the current, then the potential under +5 pA."""
        area = (-7.5, 7.5, 26, -7.5, 7.5, 26)
        current = plans.current_map(session.seccm, *area)
        charge = plans.galvanostatic_map(session.seccm, *area)
        return {
            "current": run_plan(session, current),
            "charge": run_plan(session, charge),
        }

    def rows(self, runs: Runs) -> Sequence[Row]:
        """Compare where the current is high with where the potential is steady.

        High is what row 2a calls high. A weak contact on LiFePO4, of 30 to 70 pA, has
        little of it in reach: 3 pC empty a sphere of 69 nm, and its potential rises.
        """
        found = correlate(runs["current"], runs["charge"])
        high = hop_map(runs["current"]).current.values >= HIGH_PA
        steady = classify(runs["charge"]).values == Material.LIFEPO4
        share = (high & steady).sum() / max(high.sum(), 1)
        return [
            Row("S4", "high current that lies on steady potential", "%", "corresponds",
                100 * float(share), low=85),
            Row("S4", "steady potential that lies on high current", "%", "corresponds",
                100 * float(found.overlap_b), low=85),
        ]  # fmt: skip

    def draw(self, name: str, runs: Runs, out: Path) -> Figure:
        """Draw both maps."""
        figure = make_figure(9.2, 4.0)
        first, second = figure.subplots(1, 2)
        current, charge = hop_map(runs["current"]), hop_map(runs["charge"])
        draw_map(first, current.current, "Current at +0.65 V", "current")
        title = "Potential after 600 ms at +5 pA"
        draw_map(second, charge.end_potential, title, "potential", (0.3, 1.1))
        add_letters(figure, (first, second))
        return figure


def _split(measured: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
    """Currents on LiFePO4 and beside it."""
    kind = classify(measured)
    return measured.current.where(kind == 1), measured.current.where(kind != 1)
