"""Curves with known answers: voltammograms, potentials at zero and constant current."""

import numpy as np

from seccm_ophyd.techniques import CyclicVoltammetry
from tests.synthetic_runs import on_particle

F_RT = 38.92  # F / RT at 298.15 K (1/V)
E_ANODIC_V, E_CATHODIC_V = 0.49, 0.27  # of the bell-shaped voltammogram
WIDTH_V = np.arccosh(np.sqrt(2)) * 2 / F_RT  # from the peak of a bell to half of it


def sweep(technique):
    """Time (s) and potential (V) of a sweep."""
    acquisition = technique.acquisition
    return np.arange(acquisition.samples) / acquisition.sample_rate_hz, (
        acquisition.waveform
    )


def bell_voltammogram(
    technique,
    rng,
    *,
    height_pa=50.0,
    noise_pa=0.3,
    capacitance_pc_v=20.0,
    conductance_ps=4.0,
    shift_v=0.0,
):
    """Give a trace with a bell in each direction, on capacity and leak.

    The bells are those of a thin layer, sech2(f (E - E0) / 2) (Bard & Faulkner, 2nd
    ed., 11.7): place, height and width are known exactly.
    """
    t, E = sweep(technique)
    direction = np.sign(np.gradient(E))
    centre = np.where(direction > 0, E_ANODIC_V, E_CATHODIC_V) + direction * shift_v
    bell = direction * height_pa / np.cosh(F_RT * (E - centre) / 2) ** 2
    background = (
        direction * technique.scan_rate_v_s * capacitance_pc_v + conductance_ps * E
    )
    i = (
        bell + background + rng.normal(0, noise_pa, len(E))
        if noise_pa
        else (bell + background)
    )
    return np.stack([t, E, i])


def reversible_voltammogram(technique, e_half_v=0.4, scale_pa=100.0):
    """Give the diffusion-controlled wave of Nicholson & Shain (1964), noise-free.

    The current is the semi-derivative of the surface concentration (Grünwald's
    coefficients); its peak is 0.4463 sqrt(f v) times `scale_pa`, at E1/2 + 28.5 mV.
    """
    t, E = sweep(technique)
    surface = 1 / (1 + np.exp(-F_RT * (E - e_half_v)))
    k = np.arange(1, len(E))
    weights = np.concatenate([[1.0], np.cumprod((k - 1.5) / k)])
    i = np.convolve(weights, surface)[: len(E)] / np.sqrt(t[1] - t[0])
    return np.stack([t, E, scale_pa * i])


def bells_on_particles(technique, x, y, rng):
    """Measure bells on the mounds of the synthetic electrode, background elsewhere."""
    height = 50.0 * np.sqrt(technique.scan_rate_v_s / 0.1)
    shift = 0.02 * np.log10(technique.scan_rate_v_s / 0.1)
    return bell_voltammogram(
        technique,
        rng,
        height_pa=height if on_particle(x, y) else 0.0,
        shift_v=shift,
    )


def zero_current(technique, x, y, rng):
    """Measure a steady 0.40 V on mounds; 0.63 V and 0.24 V/s on carbon."""
    t = np.arange(technique.acquisition.samples) * technique.interval_s
    E = 0.40 + 0.0 * t if on_particle(x, y) else 0.60 + 0.24 * t
    return np.stack([t, E + rng.normal(0, 4e-4, len(t)), 0.0 * t])


def galvanostatic(technique, x, y, rng):
    """Measure 0.42 V falling to 0.41 V on mounds; a ramp of 0.65 V/s on carbon.

    It ends at the upper cut-off.
    """
    t = np.arange(technique.acquisition.samples) * technique.interval_s
    E = 0.41 + 0.01 * np.exp(-t / 0.1) if on_particle(x, y) else 0.63 + 0.65 * t
    trace = np.stack(
        [t, E + rng.normal(0, 4e-4, len(t)), np.full(len(t), technique.current_pa)]
    )
    over = np.flatnonzero(E >= technique.e_upper_v)
    return trace[:, : over[0] + 1] if len(over) else trace


def plateau(technique, x, y, rng):
    """Charge at 0.39 V and discharge at 0.37 V, with a step to the cut-off at 270 s."""
    t = np.arange(technique.acquisition.samples) * technique.interval_s
    charges = technique.current_pa > 0
    E = np.full(len(t), 0.39 if charges else 0.37)
    cut = t >= 270 - technique.interval_s
    E[cut] = technique.e_upper_v if charges else technique.e_lower_v
    n = int(np.argmax(cut)) + 1 if cut.any() else len(t)
    return np.stack([t, E, np.full(len(t), technique.current_pa)])[:, :n]


FAST_CV = CyclicVoltammetry(step_v=2e-3)
