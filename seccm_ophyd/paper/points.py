"""Figures from single points: approach, scan rates, charge and discharge, control."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import bluesky.plan_stubs as bps
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from .. import plans
from ..analysis import (
    approach_traces,
    capacity,
    charge_curves,
    peaks,
    voltammograms,
)
from ..config import Simulator
from ..session import Session
from ..techniques import CyclicVoltammetry
from .drawing import BLUE, RED, curve_axes, make_figure
from .experiment import Experiment, Runs, run_plan
from .table import Row

__all__ = ["ApproachCurves", "ChargeDischarge", "Control", "ScanRates"]

_PLACES = (-6.0, -3.0, 0.0, 3.0, 6.0)
POINTS = [(x, y) for x in _PLACES for y in _PLACES]
"""Places on a film (um): together they stand for the film."""

RATES = (0.1, 1.0, 10.0, 100.0)
GAIN = 1.0  # mV/pA: at 100 V/s more than the usual 2 nA flow


class ApproachCurves(Experiment):
    """Current against distance of three nanopipettes at +0.65 V."""

    figures = ("1b",)

    def measure(self, session: Session) -> dict[str, str]:
        """Land three times, each time with another pipette."""
        uids = {}
        for k, point in enumerate(((-3.0, 0.0), (0.0, 0.0), (3.0, 0.0))):
            plan = plans.approach_curves(
                session.seccm, [point], md={"probe": {"name": f"pipette {k + 1}"}}
            )
            uids[f"pipette {k + 1}"] = run_plan(session, plan)
        return uids

    def rows(self, runs: Runs) -> Sequence[Row]:
        """Flat, then a small anodic current, and a stop right above 2 pA."""
        flat, top, rate = [], [], []
        for run in runs.values():
            curve = approach_traces(run).isel(hop=0)
            t = np.arange(curve.sizes["sample"]) * 200e-6
            known = curve.z.notnull().values
            rate.append(np.polyfit(t[known], curve.z.values[known], 1)[0])
            far = curve.i.where(curve.distance > 0.1)
            flat.append(float(abs(far.mean())))
            top.append(float(curve.i[-1]))
        return [
            Row("1b", "largest mean current before contact", "pA", "flat",
                max(flat), high=0.5),
            Row("1b", "smallest current at the stop", "pA", "2 pA", min(top), low=2.0),
            Row("1b", "largest current at the stop", "pA", "small", max(top), high=100),
            Row("1b", "rate of descent", "nm/ms", "20",
                -float(np.median(rate)), 19.9, 20.1),
        ]  # fmt: skip

    def draw(self, name: str, runs: Runs, out: Path) -> Figure:
        """Draw current over distance, a line for each pipette."""
        figure = make_figure(5.2, 3.6)
        axes = curve_axes(figure.add_subplot(), "Distance to contact (nm)", "i (pA)")
        for (label, run), colour in zip(runs.items(), (BLUE, RED, "0.25"), strict=True):
            curve = approach_traces(run).isel(hop=0)
            axes.plot(1e3 * curve.distance, curve.i, color=colour, lw=1, label=label)
        axes.axhline(2.0, color="0.6", lw=0.8, ls="--")
        axes.annotate("set point 2 pA", (380, 2.06), size=9, color="0.4")
        axes.set(xlim=(-15, 500), ylim=(-1.5, 4.5))
        axes.legend(frameon=False)
        axes.set_title("Approach at +0.65 V, 20 nm/ms", loc="left", size=10)
        return figure


class ScanRates(Experiment):
    """Cyclic voltammograms of a LiFePO4 film from 0.1 to 100 V/s."""

    figures = ("1c",)
    simulator: ClassVar = Simulator(sample="film")

    def measure(self, session: Session) -> dict[str, str]:
        """Take all scan rates at 25 points of the film, whose crystallites differ."""
        session.RE(bps.mv(session.seccm.clamp.gain, GAIN))
        series = [CyclicVoltammetry(scan_rate_v_s=rate) for rate in RATES]
        plan = plans.hop_list(session.seccm, series, POINTS)
        return {"series": run_plan(session, plan)}

    def rows(self, runs: Runs) -> Sequence[Row]:
        """Peaks of the slowest, and how far they part at the others."""
        curves = voltammograms(runs["series"])
        found = peaks(curves)
        slow = found.where(found.scan_rate == 0.1, drop=True).mean("curve")
        parted = _between_extremes(curves)
        apart = [
            float(parted.where(parted.scan_rate == rate).median()) for rate in RATES
        ]
        rows = [
            Row("1c", "mean anodic peak at 0.1 V/s", "V", "ca. 0.49",
                float(slow.anodic_peak_potential), 0.48, 0.50),
            Row("1c", "mean cathodic peak at 0.1 V/s", "V", "ca. 0.27",
                float(slow.cathodic_peak_potential), 0.26, 0.28),
            Row("1c", "least growth of the separation per decade", "V", "> 0",
                float(np.diff(apart).min()), low=0.02),
        ]  # fmt: skip
        model = (0.218, 0.40, 0.55, 0.74)
        for rate, separation, expected in zip(RATES, apart, model, strict=True):
            said = "0.22" if rate == 0.1 else "growing"
            what = f"peak separation at {rate:g} V/s"
            low, high = expected - 0.03, expected + 0.03
            rows.append(Row("1c", what, "V", said, separation, low, high))
        return rows

    def draw(self, name: str, runs: Runs, out: Path) -> Figure:
        """Draw the voltammograms of one point, the slowest on a separate axis."""
        curves = voltammograms(runs["series"])
        index = int(peaks(curves.where(curves.scan_rate == 0.1, drop=True))
                    .pipe(_typical))  # fmt: skip
        here = curves.where(curves.hop_index == index, drop=True)
        figure = make_figure(6.0, 4.2)
        axes = curve_axes(
            figure.add_subplot(), "E vs Ag/AgCl (V)", "i (nA), 1 to 100 V/s"
        )
        slow = axes.twinx()
        slow.set_ylabel("i (pA), 0.1 V/s", color=RED)
        slow.tick_params(colors=RED, labelsize=9)
        colours = (RED, "#7fb2e5", "#3a7cc9", "#0b3c7d")
        for k, rate in enumerate(here.scan_rate.values):
            curve = here.isel(curve=k)
            target, scale = (slow, 1.0) if rate == 0.1 else (axes, 1e-3)
            label = f"{rate:g} V/s"
            target.plot(curve.E, scale * curve.i, color=colours[k], lw=1, label=label)
        _centre(axes)
        _centre(slow)
        lines = [*slow.get_lines(), *axes.get_lines()]
        axes.legend(handles=lines, frameon=False, loc="upper left")
        axes.set_title("LiFePO$_4$ film, 3 M LiCl", loc="left", size=10)
        return figure


class Control(Experiment):
    """The control: 3 M KCl in the nanopipette instead of LiCl."""

    figures = ("S2",)
    simulator: ClassVar = Simulator(sample="film", electrolyte="KCl")

    def measure(self, session: Session) -> dict[str, str]:
        """Take voltammograms of a film with an electrolyte without lithium."""
        series = CyclicVoltammetry()
        plan = plans.hop_list(session.seccm, series, POINTS, max_misses=len(POINTS))
        return {"KCl": run_plan(session, plan)}

    def rows(self, runs: Runs) -> Sequence[Row]:
        """No redox activity."""
        curves = voltammograms(runs["KCl"])
        largest = float(abs(curves.i).median("curve").max())
        found = int(np.isfinite(peaks(curves).anodic_peak_current).sum())
        return [
            Row("S2", "largest current in KCl, median", "pA", "negligible", largest,
                high=2.0),
            Row("S2", "peaks found in KCl", "", "none", found, 0, 0),
        ]  # fmt: skip

    def draw(self, name: str, runs: Runs, out: Path) -> Figure:
        """Draw the voltammograms, which stay at zero."""
        figure = make_figure(5.2, 3.6)
        axes = curve_axes(figure.add_subplot(), "E vs Ag/AgCl (V)", "i (pA)")
        curves = voltammograms(runs["KCl"])
        for k in range(curves.sizes["curve"]):
            curve = curves.isel(curve=k)
            axes.plot(curve.E, curve.i, color="0.3", lw=0.5, alpha=0.5)
        axes.set(ylim=(-40, 40))
        axes.set_title(
            f"LiFePO$_4$ film, 3 M KCl, 0.1 V/s, {curves.sizes['curve']} places",
            loc="left",
            size=10,
        )
        return figure


class ChargeDischarge(Experiment):
    """Charge and discharge of one secondary particle at +-200 pA."""

    figures = ("2c",)
    simulator: ClassVar = Simulator(particle_radius_um=1.83)

    def measure(self, session: Session) -> dict[str, str]:
        """Charge and discharge the particle in one contact."""
        plan = plans.charge_discharge(session.seccm, (0.0, 0.0))
        return {"cycle": run_plan(session, plan)}

    def rows(self, runs: Runs) -> Sequence[Row]:
        """Capacity, reacted volume, radius, time, and the plateaus."""
        curves = charge_curves(runs["cycle"])
        charged = capacity(curves)
        middle = [
            float(curve.E[int(curve.E.notnull().sum()) // 2])
            for curve in (curves.isel(curve=0), curves.isel(curve=1))
        ]
        return [
            Row("2c", "capacity", "pAh", "~15", float(charged.capacity[0]), 14, 16),
            Row("2c", "reacted volume", "um3", "~25",
                float(charged.volume[0]), 22.9, 26.1),
            Row("2c", "radius of the sphere", "um", "1.8",
                float(charged.sphere_radius[0]), 1.76, 1.84),
            Row("2c", "time of the charge", "s", "270 (15 pAh / 200 pA)",
                float(curves.t[0].max()), 250, 290),
            Row("2c", "discharge over charge", "", "alike",
                float(charged.capacity[1] / charged.capacity[0]), 0.9, 1.1),
            Row("2c", "potential half way of the charge", "V", "~0.40",
                middle[0], 0.37, 0.43),
            Row("2c", "potential half way of the discharge", "V", "~0.37",
                middle[1], 0.33, 0.40),
        ]  # fmt: skip

    def draw(self, name: str, runs: Runs, out: Path) -> Figure:
        """Draw potential over charge for both directions."""
        curves = charge_curves(runs["cycle"])
        figure = make_figure(5.2, 3.6)
        axes = curve_axes(figure.add_subplot(), "Charge (pAh)", "E vs Ag/AgCl (V)")
        labels = ("charge, +200 pA", "discharge, -200 pA")
        for k, (label, colour) in enumerate(zip(labels, (RED, BLUE), strict=True)):
            curve = curves.isel(curve=k)
            axes.plot(curve.capacity, curve.E, color=colour, lw=1.4, label=label)
        axes.set(ylim=(-0.1, 0.9), xlim=(0, None))
        axes.legend(frameon=False, loc="upper center")
        charged = capacity(curves)
        said = (
            f"{float(charged.capacity[0]):.1f} pAh, {float(charged.volume[0]):.1f} "
            f"µm³, r = {float(charged.sphere_radius[0]):.2f} µm"
        )
        axes.set_title(f"One secondary particle: {said}", loc="left", size=10)
        return figure


def _typical(found: xr.Dataset) -> int:
    """Choose the place whose peak separation is the median."""
    separation = found.peak_separation
    apart = abs(separation - separation.median())
    return int(found.hop_index[int(apart.argmin("curve"))])


def _between_extremes(curves: xr.Dataset) -> xr.DataArray:
    """Return how far apart (V) the largest and smallest current of each curve are.

    At 100 V/s the peaks of many places lie at the vertices, where `peaks` finds none:
    those that it finds are the ones that part least.
    """
    potential, current = curves["E"], curves["i"]
    rises = potential.differentiate("sample") > 0
    top = current.where(rises).argmax("sample")
    bottom = current.where(~rises).argmin("sample")
    return potential.isel(sample=top) - potential.isel(sample=bottom)


def _centre(axes: object) -> None:
    """Put zero into the middle, so that two axes share it."""
    reach = 1.05 * max(abs(v) for v in axes.get_ylim())  # type: ignore[attr-defined]
    axes.set_ylim(-reach, reach)  # type: ignore[attr-defined]
