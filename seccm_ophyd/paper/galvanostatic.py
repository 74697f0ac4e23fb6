"""Figure 4 and the movie: potential over time under +5 pA at each point of a map."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.figure import Figure

from .. import plans
from ..analysis import capacity, frame, hop_map, potential_cube
from ..config import Simulator
from ..session import Session
from .drawing import (
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

__all__ = ["GalvanostaticMap"]

TIMES_S = (0.0, 0.25, 0.6)
LIMITS_V = (0.3, 1.1)
FRAMES_PER_S = 10


class GalvanostaticMap(Experiment):
    """Potential over time at +5 pA on each point of a composite."""

    figures = ("4", "M1")
    simulator: ClassVar = Simulator()

    def measure(self, session: Session) -> dict[str, str]:
        """Map 30 x 30 um, 600 ms at +5 pA on each point."""
        plan = plans.galvanostatic_map(session.seccm, -15, 15, 31, -15, 15, 31)
        return {"map": run_plan(session, plan)}

    def rows(self, runs: Runs) -> Sequence[Row]:
        """Flat on LiFePO4, a ramp on carbon black."""
        cube = potential_cube(runs["map"])
        on, off = self._masks(cube)
        rows = [
            Row("4", f"LiFePO4 at {1e3 * t:.0f} ms", "V", "0.40, flat",
                float(frame(cube, t).where(on).median()), 0.37, 0.43)
            for t in (0.05, 0.25, 0.6)
        ]  # fmt: skip
        carbon = cube.where(off).median(("y", "x"))
        slope = float((carbon[-1] - carbon[0]) / (cube.time[-1] - cube.time[0]))
        passed = capacity(5.0 * 0.6)
        return [
            *rows,
            Row("4", "carbon black at 600 ms", "V", "no steady state",
                float(carbon[-1]), 0.8, 1.2),
            Row("4", "ramp on carbon black", "V/s", "ramps", slope, 0.3, 1.2),
            Row("4", "charge of a point", "pC", "3 fC (misprint)", 5.0 * 0.6, 3.0, 3.0),
            Row("4", "radius of the sphere of that charge", "nm", "57 (misprint)",
                1e3 * float(passed.sphere_radius), 68.0, 69.5),
            Row("M1", "frames of the movie", "", "each 10 ms",
                cube.sizes["time"], 60, 60),
        ]  # fmt: skip

    def draw(self, name: str, runs: Runs, out: Path) -> Figure:
        """Draw frames and curves; for the movie its last frame, and the movie."""
        cube = potential_cube(runs["map"])
        if name == "M1":
            return self._movie(cube, out)
        figure = make_figure(13.2, 8.0)
        panels = figure.subplot_mosaic("abb;cde")
        heights = topography(hop_map(runs["map"]))
        draw_map(panels["a"], heights, "Topography", "topography")
        on, off = self._masks(cube)
        places = _typical(cube, on), _typical(cube, off)
        curves = curve_axes(panels["b"], "t (ms)", "E vs Ag/AgCl (V)")
        labels = ("on LiFePO$_4$", "off")
        for point, colour, label in zip(places, (RED, "black"), labels, strict=True):
            potential = cube.sel(x=point[0], y=point[1], method="nearest")
            curves.plot(1e3 * cube.time, potential, color=colour, label=label)
        curves.legend(frameon=False)
        curves.set(ylim=(0.2, 1.3))
        curves.set_title("At the arrows, +5 pA", loc="left", size=10)
        frames = [panels[letter] for letter in "cde"]
        for panel, t in zip(frames, TIMES_S, strict=True):
            values = frame(cube, t)
            ended = ", grey: ended at the cut-off" if values.isnull().any() else ""
            title = f"{1e3 * t:.0f} ms{ended}"
            draw_map(panel, values, title, "potential", LIMITS_V)
            for point, colour in zip(places, (RED, "black"), strict=True):
                arrow(panel, point, colour)
        add_letters(figure, [panels[letter] for letter in "abc"], "abc")
        return figure

    @staticmethod
    def _movie(cube: xr.DataArray, out: Path) -> Figure:
        """Write the movie: time stamp, one colour scale for all frames."""
        figure = make_figure(5.4, 4.4, dpi=100)
        axes = figure.add_subplot()
        panel = draw_map(axes, cube.isel(time=0), "", "potential", LIMITS_V)
        title = axes.set_title("", loc="left", size=10)

        def show(k: int) -> list[Any]:
            panel.image.set_data(np.ma.masked_invalid(cube.isel(time=k).values))
            title.set_text(f"+5 pA, t = {1e3 * float(cube.time[k]):.0f} ms")
            return [panel.image, title]

        movie = FuncAnimation(figure, show, frames=cube.sizes["time"], blit=False)
        movie.save(out / "movie_1.gif", writer=PillowWriter(fps=FRAMES_PER_S))
        show(cube.sizes["time"] - 1)
        return figure

    @staticmethod
    def _masks(cube: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
        """Distinguish LiFePO4 and carbon by how far the potential rises."""
        rise = cube.isel(time=-1) - cube.isel(time=len(cube.time) // 2)
        return rise < 0.02, rise > 0.05


def _typical(cube: xr.DataArray, mask: xr.DataArray) -> tuple[float, float]:
    """Choose the pixel whose last potential is the median of its kind."""
    last = cube.isel(time=-1).where(mask)
    nearest = abs(last - last.median()).argmin(("y", "x"))
    return float(cube.x[nearest["x"]]), float(cube.y[nearest["y"]])
