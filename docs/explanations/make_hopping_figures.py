"""Draw the figures of ``hopping.md``: ``make docs``."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from seccm_ophyd.plans._run.heights import Adaptive, Surroundings
from seccm_ophyd.sim_devices.physics.samples import make_sample

FIGURES = Path(__file__).with_name("figures")
UM = 1e-6
FULL_UM = 4.0  # withdrawal of the paper's hop
DETACH_UM = 0.8  # where the meniscus is seen to break, and a margin


def draw() -> Figure:
    """Draw one line over a composite: surface, hops of the paper, adaptive hops."""
    sample = make_sample("composite", seed=2)
    x = np.linspace(-5, 5, 64)
    pitch = x[1] - x[0]
    y = -3.0 + pitch * np.arange(3)
    lines = [sample.contact_height(x * UM, np.full_like(x, v * UM)) / UM for v in y]
    adaptive = Adaptive()
    known = Surroundings(adaptive)
    for position, line in zip(y[:2], lines[:2], strict=True):
        known.learn(x, np.full_like(x, position), line)
    heights = known.heights(x, np.full_like(x, y[2]), (x[-1], y[1]))
    contact = lines[2]
    travel = np.fmax(heights.travel[1:], contact[:-1] + DETACH_UM)

    figure = Figure(figsize=(8.2, 4.4), layout="constrained", dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    fine = np.linspace(-5, 5, 2000)
    surface = sample.contact_height(fine * UM, np.full_like(fine, y[2] * UM)) / UM
    axes.fill_between(fine, surface, surface.min() - 0.3, color="0.85", lw=0)
    axes.plot(x, contact, ".", color="black", ms=4, label="contacts of this line")
    full = np.repeat(contact[:-1] + FULL_UM, 2)
    ways = np.column_stack([x[:-1], x[1:]]).ravel()
    axes.plot(ways, full, color="#c8281e", lw=1, label="4 µm above each contact")
    axes.plot(
        ways, np.repeat(travel, 2), color="#1f5fb4", lw=1.2, label="adaptive travel"
    )
    axes.plot(
        x, heights.slow, color="#1f5fb4", lw=0.8, ls=":", label="approach from here on"
    )
    axes.set(xlabel="x (µm)", ylabel="z (µm)", xlim=(-5, 5))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=2, loc="upper left", fontsize=9)
    axes.set_ylim(surface.min() - 0.3, full.max() + 1.2)
    return figure


if __name__ == "__main__":
    draw().savefig(FIGURES / "adaptive.png")
