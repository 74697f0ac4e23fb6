"""How what a scan costs grows with its hops: ``python -m benchmarks.scaling``.

Draws ``docs/explanations/figures/scaling.png``; a quarter of an hour or more.
"""

import tempfile
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from seccm_ophyd.plans import hop_fly, hop_scan

from .hops import watch
from .large_run import make_large_run
from .reading import read

__all__ = ["draw", "measure_reading"]

FIGURE = Path(__file__).parents[1] / "docs/explanations/figures/scaling.png"
FLOWN, STEPPED = 317, 64  # along a side
READ = (10, 32, 100, 317)
FROM = 100  # hops


def measure_reading(sides: tuple[int, ...] = READ) -> np.ndarray:
    """Read maps of several sizes.

    Returns
    -------
    ndarray, shape (sides, 2)
        Hops of a map, time to open it and make its map (s).
    """
    rows = []
    for side in sides:
        with tempfile.TemporaryDirectory() as folder:
            make_large_run(Path(folder) / "data", side)
            taken = [read(Path(folder) / "data")["map"] for _ in range(3)]
        rows.append((side**2, float(np.median(taken)) / 1e3))
    return np.array(rows)


def draw(costs: dict[str, np.ndarray]) -> Figure:
    """Draw times and memory over the number of hops.

    Parameters
    ----------
    costs
        By name: hops, time (s), and for scans the memory of the session (MB).
    """
    figure = Figure(figsize=(8.2, 3.8), layout="constrained", dpi=110)
    FigureCanvasAgg(figure)
    times, memory = figure.subplots(1, 2)
    for colour, (name, found) in zip(("C3", "C0", "C2"), costs.items(), strict=False):
        found = found[found[:, 0] >= FROM]
        hops, seconds = found[:, 0], found[:, 1]
        slope, _ = np.polyfit(np.log(hops), np.log(seconds), 1)
        label = f"{name}: hops$^{{{slope:.2f}}}$"
        times.loglog(hops, seconds, ".-", ms=3, lw=1, color=colour, label=label)
        if found.shape[1] > 2:
            memory.semilogx(hops, found[:, 2], lw=1.2, color=colour, label=name)
    times.set(xlabel="hops", ylabel="time (s)", ylim=(0.03, None))  # room for names
    memory.set(xlabel="hops", ylabel="memory of the session (MB)")
    memory.set_ylim(
        0, 1.3 * max(c[:, 2].max() for c in costs.values() if c.shape[1] > 2)
    )
    _tidy(times, "lower right")
    _tidy(memory, "upper right")
    return figure


def _tidy(axes: Axes, names: str) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9, loc=names)


def main() -> None:
    """Measure, print the numbers at each power of ten, draw."""
    costs = {
        "step by step": watch(hop_scan, STEPPED),
        "flown": watch(hop_fly, FLOWN),
        "opened and mapped": measure_reading(),
    }
    for name, found in costs.items():
        for hops in (h for h in 10.0 ** np.arange(2, 6) if h <= found[-1, 0]):
            row = found[np.searchsorted(found[:, 0], hops)]
            print(name, *(f"{number:.6g}" for number in row))
    draw(costs).savefig(FIGURE)


if __name__ == "__main__":
    main()
