"""Draws the pictures of simulator.md from the simulator's own functions."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from seccm_ophyd.sim_devices.cell import (
    C_MAX,
    F,
    RedoxCell,
    cyclic_voltammogram,
    equilibrium_theta,
    potential_step,
    sphere_surface_depletion,
)
from seccm_ophyd.sim_devices.electronics import bessel_lowpass, current_noise
from seccm_ophyd.sim_devices.meniscus.contact import Contact
from seccm_ophyd.sim_devices.meniscus.pipette import Pipette
from seccm_ophyd.sim_devices.sample import make_sample
from seccm_ophyd.sim_devices.stages.mechanics import Piezo

HERE = Path(__file__).parent / "figures"
COLOURS = ("#c8281e", "#7fb2e5", "#3a7cc9", "#0b3c7d")
# psi and peak separation (mV): Nicholson, Anal. Chem. 37 (1965) 1351
NICHOLSON = {20: 61, 7: 63, 6: 64, 5: 65, 4: 66, 3: 68, 2: 72, 1: 84} | {
    0.75: 92, 0.5: 105, 0.35: 121, 0.25: 141, 0.1: 212
}  # fmt: skip
F_RT = 38.92  # 1/V


def figure(columns: int, width: float = 4.2) -> tuple[Figure, list[Axes]]:
    """Make a figure with panels side by side."""
    made = Figure(figsize=(columns * width, 3.3), layout="constrained", dpi=110)
    FigureCanvasAgg(made)
    axes = list(np.atleast_1d(made.subplots(1, columns)))
    for panel in axes:
        panel.tick_params(labelsize=8)
    return made, axes


def save(made: Figure, name: str) -> None:
    """Write a picture beside the page."""
    made.savefig(HERE / f"{name}.png")
    print(HERE / f"{name}.png")


def sweep(rate: float, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Return times (s) and potentials (V) of the paper's sweep."""
    t = np.linspace(0, 2.0 / rate, n)
    return t, np.interp(t * rate, [0, 0.8, 1.8, 2.0], [0, 0.8, -0.2, 0])


def reaction() -> None:
    """Draw the equilibrium potential and voltammograms."""
    made, (first, second) = figure(2)
    cell = RedoxCell(theta0=equilibrium_theta(0.0, RedoxCell()))
    theta = np.linspace(0.002, 0.999, 600)
    first.plot(theta, cell.potential(many=True)(theta)[0], color="black")
    first.set(xlabel="Li fraction", ylabel="U (V)", ylim=(-0.2, 1.0))
    first.set_title("Equilibrium potential", loc="left", size=10)
    slow = second.twinx()
    for rate, colour in zip((0.1, 1.0, 10.0, 100.0), COLOURS, strict=True):
        t, E = sweep(rate)
        axes, scale = (slow, 1e12) if rate == 0.1 else (second, 1e9)
        i = scale * cyclic_voltammogram(t, E, cell)
        axes.plot(E, i, color=colour, lw=1, label=f"{rate:g} V/s")
    for axes in (second, slow):
        reach = 1.1 * max(map(abs, axes.get_ylim()))
        axes.set_ylim(-reach, reach)
    second.set(xlabel="E vs Ag/AgCl (V)", ylabel="i (nA), 1 to 100 V/s")
    slow.set_ylabel("i (pA), 0.1 V/s", color=COLOURS[0])
    second.legend(handles=[*slow.get_lines(), *second.get_lines()], fontsize=7)
    second.set_title("Footprint of 0.5 µm² LiFePO$_4$", loc="left", size=10)
    save(made, "reaction")


def separation(psi: float) -> float:
    """Peak separation (mV) at Nicholson's kinetic parameter, alpha = 1/2."""
    D, v, vertex = 1e-9, 0.1, 0.141
    k0 = psi * np.sqrt(np.pi * D * F_RT * v)
    cell = RedoxCell(
        ocp="nernst", E0=0.0, k0=k0, D=D, r=1e-3, A=1e-6, R_s=0.0,
        theta0=1 - 1e-6, shape="planar",
    )  # fmt: skip
    t = np.linspace(0, 2 * (0.4 + vertex) / v, 12_000)
    E = vertex - np.abs(t * v - (0.4 + vertex))
    i = cyclic_voltammogram(t, E, cell)
    return 1e3 * float(E[i.argmax()] - E[i.argmin()])


def textbook() -> None:
    """Hold the solver against Nicholson, Cottrell and Crank."""
    made, (first, second, third) = figure(3)
    psi = list(NICHOLSON)
    first.semilogx(psi, [separation(p) for p in psi], "-", color=COLOURS[3])
    first.plot(psi, NICHOLSON.values(), "o", ms=4, color=COLOURS[0], label="Nicholson")
    first.set(xlabel="ψ", ylabel="peak separation (mV)")
    first.legend(fontsize=8)
    cell = RedoxCell(
        ocp="nernst", E0=0.0, k0=1.0, D=1e-9, r=1e-3, A=1e-6, R_s=0.0,
        theta0=1 - 1e-6, shape="planar",
    )  # fmt: skip
    t = np.geomspace(1e-3, 1, 40)
    second.loglog(t, potential_step(0.4, t, cell), "-", color=COLOURS[3])
    cottrell = F * C_MAX * cell.A * np.sqrt(cell.D / (np.pi * t))
    second.plot(t, cottrell, "o", ms=3, color=COLOURS[0], label="Cottrell")
    second.set(xlabel="t (s)", ylabel="i (A)")
    second.legend(fontsize=8)
    tau = np.geomspace(1e-5, 1, 40)
    third.loglog(tau, sphere_surface_depletion(tau), color=COLOURS[3])
    # the roots of tan l = l lie ever closer below (n + 1/2) pi
    root = (np.arange(1, 4000) + 0.5) * np.pi
    for _ in range(50):
        root = np.arctan(root) + np.arange(1, 4000) * np.pi
    terms = np.exp(-np.multiply.outer(tau, root**2)) / root**2
    series = 3 * tau + 0.2 - 2 * terms.sum(axis=-1)
    third.plot(tau, series, "o", ms=3, color=COLOURS[0], label="Crank, series")
    third.set(xlabel="D t / r²", ylabel="depletion of the surface")
    third.legend(fontsize=8)
    save(made, "textbook")


def samples() -> None:
    """Draw height and crystallites of two samples."""
    made, axes = figure(4, 3.4)
    for pair, name, size in ((axes[:2], "composite", 12e-6),
                             (axes[2:], "nanoparticles", 3e-6)):  # fmt: skip
        sample = make_sample(name, seed=1, size=size)
        edge = 5e5 * size
        box = (-edge, edge, -edge, edge)
        options = {"origin": "lower", "extent": box}
        scale, unit = (1e6, "µm") if name == "composite" else (1e9, "nm")
        image = pair[0].imshow(scale * sample.height.values, cmap="afmhot", **options)
        made.colorbar(image, ax=pair[0], shrink=0.8).set_label(unit)
        pair[0].set_title(f"{name}: height", loc="left", size=9)
        image = pair[1].imshow(sample.orientation.values, cmap="viridis", **options)
        made.colorbar(image, ax=pair[1], shrink=0.8).set_label("s")
        pair[1].set_title("openness of the channels", loc="left", size=9)
        for panel in pair:
            panel.set(xlabel="x (µm)")
    save(made, "samples")


def landing() -> None:
    """Draw a landing, and the growth of the contact with a local charge."""
    made, (first, second) = figure(2)
    rng = np.random.default_rng(1)
    film = make_sample("film", seed=1, size=4e-6)
    dt, before, after = 50e-6, 100, 400
    onset = Contact(film.site(0, 0), Pipette(), rng).onset(0.65, dt, after)
    current = np.concatenate([np.zeros(before), onset])
    seen = bessel_lowpass(current, dt, 1e3) + current_noise(len(current), dt, 1e3, rng)
    t = 1e3 * dt * (np.arange(len(current)) - before)
    first.plot(t, 1e12 * current, color="0.6", lw=1, label="in the contact")
    first.plot(t, 1e12 * seen, color=COLOURS[3], lw=1, label="behind 1 kHz")
    first.axhline(2, color=COLOURS[0], lw=0.8, ls="--", label="2 pA")
    first.set(xlabel="t since touch (ms)", ylabel="i at +0.65 V (pA)")
    first.legend(fontsize=8)
    sample = make_sample("composite", seed=0, size=12e-6, particle_radius=1.83e-6)
    contact = Contact(sample.site(0, 0), Pipette(), rng)
    contact.hold(0.65, 1e-3)
    contact.galvanostatic(np.zeros(180), 1.0)
    E = contact.galvanostatic(np.full(400, 200e-12), 1.0, (-1.0, 0.8))
    charge = 200 * np.arange(1, len(E) + 1) / 3600
    second.plot(charge, E, color=COLOURS[0])
    second.set(xlabel="charge (pAh)", ylabel="E (V)", ylim=(0.3, 0.9))
    second.set_title("200 pA after a soak of 180 s", loc="left", size=10)
    save(made, "landing")


def electronics() -> None:
    """Draw step response, noise, and the open-loop piezo."""
    made, (first, second, third) = figure(3)
    dt = 2e-6
    t = dt * np.arange(3000)
    step = (t >= 1e-3).astype(float)
    for cutoff, colour in ((1e3, COLOURS[3]), (10e3, COLOURS[0])):
        out = bessel_lowpass(step, dt, cutoff)
        first.plot(1e3 * t - 1, out, color=colour, label=f"{cutoff / 1e3:g} kHz")
    first.set(xlabel="t (ms)", ylabel="step response", xlim=(-0.2, 1.5))
    first.legend(fontsize=8)
    n, rate = 2**17, 50e3
    noise = current_noise(n, 1 / rate, 10e3, np.random.default_rng(0))
    parts = noise.reshape(64, -1)
    power = 2 * np.mean(np.abs(np.fft.rfft(parts)) ** 2, axis=0)
    density = 1e15 * np.sqrt(power / (parts.shape[1] * rate))
    nu = np.fft.rfftfreq(parts.shape[1], 1 / rate)
    second.loglog(nu[1:], density[1:], color=COLOURS[3], lw=1)
    second.set(xlabel="frequency (Hz)", ylabel="noise (fA/√Hz)", ylim=(0.5, 60))
    piezo, there, back = Piezo(), [], []
    commands = 1e-6 * np.concatenate([np.linspace(0, 8, 40), np.linspace(8, 0, 40)])
    for k, command in enumerate(commands):
        piezo = piezo.moved(float(command), float(k))
        (there if k < 40 else back).append(piezo.place(k + 0.5) - command)
    third.plot(1e6 * commands[:40], 1e6 * np.array(there), color=COLOURS[3])
    third.plot(1e6 * commands[40:], 1e6 * np.array(back), color=COLOURS[0])
    third.set(xlabel="commanded (µm)", ylabel="true minus commanded (µm)")
    third.legend(["forth", "back"], fontsize=8)
    save(made, "electronics")


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    for draw in (reaction, textbook, samples, landing, electronics):
        draw()
