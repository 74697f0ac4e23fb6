"""Draws the pictures of simulator.md from the simulator's own functions.

Run by ``make docs``. The same code gives the same pictures: all chance has a seed.
"""

import asyncio
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from seccm_ophyd.sim_devices.faults import LandingFault
from seccm_ophyd.sim_devices.ioc import SeccmIOC
from seccm_ophyd.sim_devices.physics.bessel import bessel_lowpass
from seccm_ophyd.sim_devices.physics.cell import C_MAX, F, RedoxCell
from seccm_ophyd.sim_devices.physics.electronics import current_noise
from seccm_ophyd.sim_devices.physics.mechanics import Piezo, creep
from seccm_ophyd.sim_devices.physics.meniscus.contact import Contact
from seccm_ophyd.sim_devices.physics.meniscus.pipette import Pipette
from seccm_ophyd.sim_devices.physics.meniscus.wicking import Wicking
from seccm_ophyd.sim_devices.physics.sample import Sample
from seccm_ophyd.sim_devices.physics.samples import make_sample
from seccm_ophyd.sim_devices.physics.solver.kinetics import F_RT
from seccm_ophyd.sim_devices.physics.textbook import (
    cyclic_voltammogram,
    equilibrium_theta,
    potential_step,
    sphere_surface_depletion,
)
from seccm_ophyd.sim_devices.stages.landing import Landing

HERE = Path(__file__).parent / "figures"
# colours of Okabe & Ito, which colour-blind readers can distinguish
BLUE, RED, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "0.55"
NICHOLSON = {20: 61, 7: 63, 6: 64, 5: 65, 4: 66, 3: 68, 2: 72, 1: 84} | {
    0.75: 92, 0.5: 105, 0.35: 121, 0.25: 141, 0.1: 212
}  # fmt: skip
"""psi: peak separation (mV). Nicholson, Anal. Chem. 37 (1965) 1351."""


def figure(columns: int, rows: int = 1, height: float = 3.2) -> tuple[Figure, list]:
    """Make a figure with panels side by side."""
    size = (3.5 * columns + 0.5, height * rows)
    made = Figure(figsize=size, layout="constrained", dpi=100)
    FigureCanvasAgg(made)
    axes = list(np.ravel(made.subplots(rows, columns)))
    for panel in axes:
        panel.tick_params(labelsize=8)
    return made, axes


def title(panel: Axes, text: str) -> None:
    """Write above a panel what it shows."""
    panel.set_title(text, loc="left", size=9)


def save(made: Figure, name: str) -> None:
    """Write a picture beside the page, its panels lettered."""
    for panel, letter in zip(made.axes, "abcdef", strict=False):
        if panel.get_title(loc="left"):
            title(panel, f"({letter}) {panel.get_title(loc='left')}")
    made.savefig(HERE / f"{name}.png", metadata={"Software": None})


def draw_reaction() -> None:
    """Draw the equilibrium potential and voltammograms."""
    made, (ocp, slow, fast) = figure(3)
    cell = RedoxCell(theta0=equilibrium_theta(0.0, RedoxCell()))
    theta = np.linspace(0.001, 0.9995, 800)
    ocp.plot(theta, cell.potential(theta), color="black")
    ocp.axvline(0.96, color=GREY, ls=":", lw=1)
    ocp.text(0.94, 0.7, "as made", color="0.3", size=8, ha="right")
    ocp.set(xlabel="Li fraction $\\theta$", ylabel="U vs Ag/AgCl (V)", ylim=(-0.2, 1))
    title(ocp, "equilibrium potential")
    for panel, rates, scale in ((slow, (0.1,), 1e12), (fast, (100, 10, 1), 1e9)):
        for rate, colour in zip(rates, (BLUE, RED, GREEN), strict=False):
            t = np.linspace(0, 2 / rate, 4000)
            E = np.interp(t * rate, [0, 0.8, 1.8, 2], [0, 0.8, -0.2, 0])
            i = scale * cyclic_voltammogram(t, E, cell)
            panel.plot(E, i, color=colour, lw=1.2, label=f"{rate:g} V/s")
        panel.axhline(0, color=GREY, lw=0.6, zorder=0)
        panel.set(xlabel="E vs Ag/AgCl (V)")
        panel.legend(fontsize=8, loc="upper left", frameon=False)
    slow.set_ylabel("i (pA)")
    fast.set_ylabel("i (nA)")
    title(slow, "0.1 V/s, 0.5 µm² of LiFePO$_4$")
    title(fast, "1 to 100 V/s")
    save(made, "reaction")


def slab(k0: float, depth: float = 1e-3) -> RedoxCell:
    """Make the cell of textbooks: one that reaches deeper than diffusion does."""
    return RedoxCell(
        ocp="nernst", shape="planar", E0=0.0, R_s=0.0, D=4e-15, A=1e-12,
        r=depth, k0=k0, theta0=1 - 1e-7,
    )  # fmt: skip


def separation(psi: float) -> float:
    """Peak separation (mV) at Nicholson's parameter, turned 141 mV beyond E1/2."""
    D, v = 4e-15, 0.1
    cell = slab(psi * np.sqrt(np.pi * D * F_RT * v), depth=1e-6)
    t = np.linspace(0, 0.882 / v, 6001)
    E = 0.141 - np.abs(t * v - 0.441)
    i, peaks = cyclic_voltammogram(t, E, cell), []
    for k in (i.argmax(), i.argmin()):  # the tops of parabolas, between the samples
        c, b, _ = np.polyfit(E[k - 30 : k + 31] - E[k], i[k - 30 : k + 31], 2)
        peaks.append(E[k] - b / (2 * c))
    return 1e3 * float(peaks[0] - peaks[1])


def draw_textbook() -> None:
    """Hold the solver against Nicholson, Cottrell and Crank."""
    made, (nicholson, cottrell, crank) = figure(3)
    psi = np.geomspace(0.09, 22, 40)
    nicholson.semilogx(psi, [separation(p) for p in psi], color=BLUE)
    nicholson.plot(list(NICHOLSON), list(NICHOLSON.values()), "o", ms=4, color=RED)
    nicholson.set(
        xlabel="$\\psi = k_0/\\sqrt{\\pi D f v}$", ylabel="$\\Delta E_p$ (mV)"
    )
    title(nicholson, "peak separation; Nicholson 1965")
    t = np.geomspace(1e-3, 1, 25)
    cottrell.loglog(t, 1e12 * potential_step(0.6, t, slab(1e-2)), color=BLUE)
    expected = F * C_MAX * 1e-12 * np.sqrt(4e-15 / (np.pi * t))
    cottrell.plot(t, 1e12 * expected, "o", ms=4, color=RED)
    cottrell.set(xlabel="t (s)", ylabel="i (pA)")
    title(cottrell, "potential step; Cottrell")
    tau = np.geomspace(1e-5, 1, 25)
    order = np.arange(1, 4000)
    root = order * np.pi
    for _ in range(60):  # tan l = l
        root = order * np.pi + np.arctan(root)
    terms = np.exp(-np.multiply.outer(tau, root**2)) / root**2
    crank.loglog(tau, sphere_surface_depletion(tau), color=BLUE, label="solver")
    series = 3 * tau + 0.2 - 2 * terms.sum(axis=-1)
    crank.plot(tau, series, "o", ms=4, color=RED, label="textbook")
    crank.set(xlabel="$\\tau = Dt/r^2$", ylabel="$3(1 - \\theta_s)/q$")
    crank.legend(fontsize=8, frameon=False)
    title(crank, "sphere, constant flux; Crank 6.3")
    save(made, "textbook")


def draw_samples() -> None:
    """Draw height and crystallites of two samples."""
    made, axes = figure(2, 2, 2.9)
    kinds = (("composite", 14e-6, 1e6, "µm", "carbon"),
             ("nanoparticles", 5e-6, 1e9, "nm", "platinum"))  # fmt: skip
    for k, (name, size, scale, unit, substrate) in enumerate(kinds):
        sample = make_sample(name, seed=4, size=size)
        box = tuple(5e5 * size * np.array([-1, 1, -1, 1]))
        maps = (scale * sample.height.values, sample.orientation.values)
        words = (f"height ({unit})", "channel openness s")
        for panel, values, word, colours in zip(
            axes[2 * k : 2 * k + 2], maps, words, ("gray", "viridis"), strict=True
        ):
            every = len(values) // 350 + 1
            panel.set_facecolor("0.85")  # shows where there is no crystallite
            limits = {} if colours == "gray" else {"vmin": 0.05, "vmax": 1.0}
            options = {"origin": "lower", "extent": box, "interpolation": "nearest"}
            shown = values[::every, ::every]
            image = panel.imshow(shown, cmap=colours, **options, **limits)
            made.colorbar(image, ax=panel, shrink=0.9).set_label(word, size=8)
            ticks = np.arange(-6, 7, 3) if size > 1e-5 else np.arange(-2, 3)
            panel.set(xlabel="x (µm)", ylabel="y (µm)", xticks=ticks, yticks=ticks)
        title(axes[2 * k], f"{name}, height")
        title(axes[2 * k + 1], f"crystallites; grey: {substrate}")
    save(made, "samples")


def land(sample: Sample) -> Landing:
    """Have the instrument land in the centre of a sample at +0.65 V."""
    ioc = SeccmIOC("DOCS:", sample=sample, seed=0, time_scale=0)

    async def prepare() -> None:
        await ioc.prepare()
        await ioc.clamp.holding_potential.write(0.65)

    asyncio.run(prepare())
    return Landing(ioc, 1, -100.0, 20.0, LandingFault())


def draw_landing() -> None:
    """Draw an approach and the 20 ms after touch."""
    made, (approach, contact) = figure(2)
    film = make_sample("film", seed=1, size=4e-6)
    descent = land(film).descent
    stop = descent.sample + 1
    seen = np.arange(stop - 3000, stop)
    gap = descent.z(seen / 20e3) - film.contact_height(0, 0)
    current = 1e12 * descent.current(seen[0], stop)
    approach.plot(1e9 * gap, current, color=BLUE, lw=0.8)
    approach.axhline(2, color=RED, lw=1, ls="--")
    approach.text(170, 2.15, "threshold", color=RED, size=8)
    approach.set(xlim=(180, 0), ylim=(-1.5, 5))
    approach.set(xlabel="height above the surface (nm)", ylabel="i (pA)")
    title(approach, "approach at 20 µm/s, +0.65 V")
    t = np.arange(1, 481) * 50e-6
    places = (("LiFePO$_4$", 210, "film", 4e-6, (0, 0), BLUE),
              ("platinum", 6, "nanoparticles", 5e-6, (2e-7, 0), RED),
              ("carbon", 1.3, "composite", 12e-6, (2e-6, -1e-6), GREEN))  # fmt: skip
    for word, level, name, size, place, colour in places:
        site = make_sample(name, seed=1, size=size).site(*place)
        onset = Contact(site, Pipette(), np.random.default_rng(2)).onset
        contact.semilogy(1e3 * t, 1e12 * onset(0.65, t[0], len(t)), color=colour)
        contact.text(10.5, level, word, color=colour, size=9)
    contact.axvline(20, color=GREY, lw=1, ls=":")
    contact.text(19.7, 900, "sampled", size=8, ha="right", color="0.3")
    contact.set(xlabel="time since touch (ms)", ylabel="i (pA)", ylim=(0.5, 2000))
    title(contact, "current of the contact")
    save(made, "landing")


def draw_charge() -> None:
    """Draw the growth of a contact, and a local charge and discharge."""
    made, (growth, charge) = figure(2)
    sample = make_sample("composite", seed=0, size=12e-6, particle_radius=1.83e-6)
    contact = Contact(sample.site(0, 0), Pipette(), np.random.default_rng(0))
    site = contact.site
    wicking = Wicking(site.area * 75e-9 / 3, site.particle_volume)
    t = np.geomspace(0.01, 1000, 300)
    reached = [wicking.growth(age) * wicking.footprint * 1e18 for age in t]
    growth.loglog(t, reached, color=BLUE)
    marks = ((0.02, "hop"), (0.7, "600 ms at 5 pA"), (20, "CV, 0.1 V/s"), (180, "soak"))
    for age, word in marks:
        growth.axvline(age, color=GREY, lw=1, ls=":")
        growth.text(age, 0.06, word, size=8, rotation=90, ha="right", color="0.3")
    growth.set(xlabel="contact time (s)", ylabel="accessible volume (µm³)")
    title(growth, "contact growth")
    contact.galvanostatic(np.zeros(1800), 0.1, E_start=0.4)
    for current, colour in ((200e-12, RED), (-200e-12, BLUE)):
        E = contact.galvanostatic(np.full(6000, current), 0.1, (-0.2, 0.8))
        passed = 20 * np.arange(1, len(E) + 1) / 3600
        charge.plot(passed, E, color=colour, label=f"{1e12 * current:+g} pA")
    charge.set(xlabel="charge passed (pAh)", ylabel="E vs Ag/AgCl (V)")
    charge.legend(fontsize=8, frameon=False, loc=(0.05, 0.2))
    title(charge, "particle of 1.83 µm after a soak of 180 s")
    save(made, "charge")


def draw_electronics() -> None:
    """Draw the step response of the filter and the density of the noise."""
    made, (step, density) = figure(2)
    dt, pieces, rate = 2e-6, 128, 50e3
    t = dt * np.arange(3000)
    nu, window = np.fft.rfftfreq(4096, 1 / rate)[1:], np.hanning(4096)
    for cutoff, colour in ((1e3, BLUE), (10e3, RED)):
        word = f"{cutoff / 1e3:g} kHz"
        out = bessel_lowpass((t >= 1e-3).astype(float), dt, cutoff)
        step.plot(1e3 * t - 1, out, color=colour, label=word)
        noise = current_noise(
            4096 * pieces, 1 / rate, cutoff, np.random.default_rng(0)
        ).reshape(pieces, -1)
        noise = (noise - noise.mean(axis=1, keepdims=True)) * window
        power = 2 * np.mean(np.abs(np.fft.rfft(noise)) ** 2, axis=0)
        power /= rate * np.sum(window**2)
        density.loglog(nu, 1e15 * np.sqrt(power[1:]), color=colour, lw=0.8, label=word)
    density.plot(nu, 8 * np.sqrt(1 + 30 / nu), "k--", lw=1, label="unfiltered")
    step.set(xlabel="time since the step (ms)", ylabel="response", xlim=(-0.1, 1.2))
    density.set(xlabel="frequency (Hz)", ylabel="noise (fA/√Hz)", ylim=(0.1, 60))
    for panel, loc in ((step, "lower right"), (density, "lower left")):
        panel.legend(fontsize=8, frameon=False, loc=loc)
    title(step, "4-pole Bessel filter")
    title(density, "current noise")
    save(made, "electronics")


def draw_stage() -> None:
    """Draw where an open-loop piezo stands when it is sent forth and back."""
    made, (loop, relaxation) = figure(2)
    piezo, forth = Piezo(), np.linspace(0, 8, 81)
    for commands, colour, word in ((forth, BLUE, "forth"), (forth[::-1], RED, "back")):
        places = []
        for command in commands:
            piezo = piezo.moved(1e-6 * float(command), piezo.since + 0.25)
            places.append(1e6 * piezo.place(piezo.since + 0.25))
        loop.plot(commands, np.array(places) - commands, color=colour, label=word)
    loop.axhline(0, color=GREY, lw=0.6, zorder=0)
    loop.set(xlabel="commanded (µm)", ylabel="true − commanded (µm)")
    loop.legend(fontsize=8, frameon=False)
    title(loop, "hysteresis, a line of 0.1 µm pixels")
    t = np.geomspace(1e-3, 1000, 200)
    for step, colour in ((10e-6, RED), (1e-6, BLUE), (0.1e-6, GREEN)):
        word = f"step of {1e6 * step:g} µm"
        crept = [1e9 * creep(step, age) for age in t]
        relaxation.loglog(t, crept, color=colour, label=word)
    relaxation.set(xlabel="time since the step (s)", ylabel="creep (nm)")
    relaxation.set(ylim=(0.01, 3000))
    relaxation.legend(fontsize=8, frameon=False, loc="upper left")
    title(relaxation, "creep")
    save(made, "stage")


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    for draw in (draw_reaction, draw_textbook, draw_samples, draw_landing, draw_charge,
                 draw_electronics, draw_stage):  # fmt: skip
        draw()
