"""Peaks with known answers, on all that a measurement does to a voltammogram.

A reversible wave peaks 28.5 mV behind its half-wave potential, 57 mV from the peak of
the other direction, and is 56.6 mV wide at half its height in front (Bard & Faulkner,
Electrochemical Methods, 2nd ed., 6.2).
"""

from pathlib import Path

import numpy as np
import pytest

from seccm_ophyd.techniques import (
    CyclicVoltammetry,
    LinearSweepVoltammetry,
    PeakStatus,
    search_peaks,
)

F_RT = 38.92
PER_SWEEP = 800
E = np.concatenate(
    [
        np.linspace(-0.2, 0.6, PER_SWEEP + 1)[1:],
        np.linspace(0.6, -0.2, PER_SWEEP + 1)[1:],
    ]
)
DIRECTION = np.where(np.arange(len(E)) < PER_SWEEP, 1.0, -1.0)
ANODIC_V, CATHODIC_V = 0.2285, 0.1705


def reversible(electrons=1, height=100.0):
    """The wave around 0.2 V: the semi-derivative of the surface concentration."""
    surface = 1 / (1 + np.exp(-electrons * F_RT * (E - 0.2)))
    k = np.arange(1, len(E))
    weights = np.concatenate([[1.0], np.cumprod((k - 1.5) / k)])
    i = np.convolve(weights, surface)[: len(E)]
    return i * height / i[:PER_SWEEP].max()


WAVE = reversible()
SIGMOID = 100 / (1 + np.exp(-F_RT * (E - 0.2)))


def noise(sd=0.5, seed=0):
    return np.random.default_rng(seed).normal(0, sd, len(E))


def glitch(at, size, samples=1):
    i = np.zeros(len(E))
    i[at : at + samples] = size
    return i


def assert_both_peaks(found, tol=0.004, heights=0.03):
    for peak, place, height in (
        (found.anodic, ANODIC_V, 100),
        (found.cathodic, CATHODIC_V, -97),
    ):
        assert peak.status == PeakStatus.PEAK, peak
        assert peak.reason == ""
        assert peak.potential == pytest.approx(place, abs=tol)
        assert peak.current == pytest.approx(height, rel=heights)
        assert peak.half_width == pytest.approx(0.0566, abs=tol)


def assert_no_peak(found, reason=""):
    for peak in (found.anodic, found.cathodic):
        assert peak.status == PeakStatus.NO_PEAK, peak
        assert reason in peak.reason
        assert peak.reason
        assert np.isnan([peak.potential, peak.current, peak.half_width]).all()
    assert np.isnan(found.separation)


# -- the right value -------------------------------------------------------------------


@pytest.mark.parametrize("electrons", [1, 2])
def test_a_reversible_wave_has_its_textbook_numbers(electrons):
    found = search_peaks(E, reversible(electrons))
    assert found.anodic.potential - 0.2 == pytest.approx(0.0285 / electrons, abs=1.5e-3)
    assert found.separation == pytest.approx(0.058 / electrons, abs=3e-3)
    assert found.anodic.half_width == pytest.approx(0.0566 / electrons, abs=1.5e-3)
    assert found.midpoint == pytest.approx(0.2, abs=1e-3)


@pytest.mark.parametrize("size", [30.0, 300.0, 1000.0, -1000.0, 1e30])
@pytest.mark.parametrize("at", [3, 300, 428, 600, 799, 801, 1228, 1400])
@pytest.mark.parametrize("samples", [1, 8])
def test_a_glitch_moves_nothing(size, at, samples):
    assert_both_peaks(search_peaks(E, WAVE + glitch(at, size, samples)))


def test_many_glitches_move_nothing():
    rng = np.random.default_rng(3)
    spikes = np.zeros(len(E))
    spikes[rng.integers(0, len(E), 40)] = 10 ** rng.uniform(1, 4, 40)
    assert_both_peaks(search_peaks(E, WAVE + spikes + noise()))


@pytest.mark.parametrize("wrong", [10.0, -3.0, np.nan, np.inf])
def test_a_glitch_of_the_potential_moves_nothing(wrong):
    potential = E.copy()
    potential[[150, 428, 1100]] = wrong
    assert_both_peaks(search_peaks(potential, WAVE))


@pytest.mark.parametrize("step_v", [2e-3, 5e-3, 10e-3])
def test_a_potential_in_stairs_has_its_peak_within_a_stair(step_v):
    stairs = np.round(E / step_v) * step_v
    assert_both_peaks(search_peaks(stairs, WAVE), tol=step_v)
    firsts = np.flatnonzero(np.diff(stairs, prepend=9))
    held = WAVE[firsts[np.searchsorted(firsts, np.arange(len(E)), "right") - 1]]
    assert_both_peaks(search_peaks(stairs, held), tol=step_v)


@pytest.mark.parametrize("leak", [-100.0, -20.0, 20.0, 300.0, 1000.0])
@pytest.mark.parametrize("charging", [0.0, 1000.0])
def test_neither_a_leak_nor_the_charging_current_moves_a_peak(leak, charging):
    bare = search_peaks(E, WAVE)
    found = search_peaks(E, WAVE + leak * E + charging * DIRECTION)
    assert found.separation == pytest.approx(bare.separation, abs=5e-4)
    assert_both_peaks(found)


def test_a_wave_in_front_of_a_steep_rise_keeps_its_place():
    water = 5000 * np.exp((E - 0.6) / 0.03)
    found = search_peaks(E[:PER_SWEEP], (WAVE + water)[:PER_SWEEP])
    assert found.anodic.potential == pytest.approx(ANODIC_V, abs=2e-3)
    assert found.anodic.current == pytest.approx(100, rel=0.03)


def test_a_particle_that_is_exhausted_has_its_peak():
    """In a slow sweep the current rises with the potential and ends within 15 mV."""
    rise = 10 * np.log1p(np.exp((E - 0.1) / 0.01))
    left = 1 / (1 + np.exp((E - 0.2) / 3.3e-3))
    found = search_peaks(E[:PER_SWEEP], (20 * rise * left + noise())[:PER_SWEEP])
    top = (20 * rise * left)[:PER_SWEEP]
    assert found.anodic.potential == pytest.approx(E[np.argmax(top)], abs=3e-3)
    assert found.anodic.current == pytest.approx(top.max(), rel=0.06)


def test_what_is_unevenly_sampled_or_missing_moves_nothing():
    kept = np.sort(np.random.default_rng(0).choice(len(E), 700, replace=False))
    assert_both_peaks(search_peaks(E[kept], (WAVE + noise())[kept]))
    holes = WAVE.copy()
    holes[[*range(100, 130), *range(420, 440), *range(1000, 1040)]] = np.nan
    assert_both_peaks(search_peaks(E, holes))


@pytest.mark.parametrize("seed", range(12))
def test_a_tenth_of_the_samples_shows_the_peak_or_none(seed):
    kept = np.random.default_rng(seed).choice(len(E), len(E) // 10, replace=False)
    kept.sort()
    found = search_peaks(E[kept], WAVE[kept])
    for peak, place, height in (
        (found.anodic, ANODIC_V, 100),
        (found.cathodic, CATHODIC_V, -97),
    ):
        if peak.status == PeakStatus.PEAK:
            assert peak.potential == pytest.approx(place, abs=0.01)
            assert peak.current == pytest.approx(height, rel=0.05)
        else:
            assert peak.reason == "samples are missing at the peak"


def test_a_peak_whose_top_was_not_measured_is_not_told():
    top = int(np.argmax(WAVE))
    current = WAVE.copy()
    current[top - 20 : top + 20] = np.nan
    found = search_peaks(E, current)
    assert found.anodic.reason == "samples are missing at the peak"
    assert found.cathodic.status == PeakStatus.PEAK


@pytest.mark.parametrize("size", [0.1, 0.5])
@pytest.mark.parametrize("period", [12, 20])
def test_a_ripple_of_the_mains_is_no_glitch(size, period):
    ripple = size * np.sin(np.arange(len(E)) * 2 * np.pi / period)
    assert_both_peaks(search_peaks(E, WAVE + ripple))


def test_a_foot_that_a_jump_cut_off_gives_no_height():
    jumped = WAVE - np.where(E < 0.19, 400.0, 0) * (np.arange(len(E)) < PER_SWEEP)
    found = search_peaks(E, jumped)
    assert found.anodic.status != PeakStatus.PEAK
    assert found.cathodic.status == PeakStatus.PEAK


@pytest.mark.parametrize("digits", [None, 5e-3])
def test_a_noisy_potential_moves_nothing(digits):
    potential = E + noise(3e-3, seed=1)
    if digits:
        potential = np.round(potential / digits) * digits
    assert_both_peaks(search_peaks(potential, WAVE + noise()), tol=8e-3)


@pytest.mark.parametrize("step", [0.5, 2.0, 5.0])
def test_a_digitiser_of_twenty_steps_is_enough(step):
    assert_both_peaks(search_peaks(E, np.round(WAVE / step) * step), 5e-3, 0.04)


def test_the_last_cycle_counts_whichever_way_it_begins():
    twice = search_peaks(np.tile(E, 2), np.concatenate([5 * WAVE, WAVE]))
    assert twice.anodic.current == pytest.approx(100, rel=0.03)
    reduction = search_peaks(-E, -WAVE)
    assert reduction.cathodic.potential == pytest.approx(-ANODIC_V, abs=2e-3)
    assert reduction.cathodic.current == pytest.approx(-100, rel=0.03)


def test_of_two_waves_the_larger_one_is_measured():
    two = WAVE + 0.5 * np.interp(E, E[:PER_SWEEP] + 0.2, WAVE[:PER_SWEEP])
    found = search_peaks(E[:PER_SWEEP], two[:PER_SWEEP])
    assert found.anodic.potential == pytest.approx(ANODIC_V, abs=3e-3)


@pytest.mark.parametrize("samples", [250, 700])
def test_a_curve_that_was_cut_behind_its_peak_has_it(samples):
    """Also one whose contact broke there: nothing flows from then on."""
    end = 250 + samples
    for i in (WAVE[:end], np.where(np.arange(len(E)) < end, WAVE, 0.0)):
        found = search_peaks(E[: len(i)], i)
        assert found.anodic.potential == pytest.approx(ANODIC_V, abs=2e-3)
        assert found.cathodic.status != PeakStatus.PEAK
        assert found.cathodic.reason


# -- no peak, and why ------------------------------------------------------------------


@pytest.mark.parametrize("sd", [0.0, 0.2, 5.0])
@pytest.mark.parametrize("leak", [0.0, 50.0, 200.0])
@pytest.mark.parametrize(
    "i",
    [
        SIGMOID,
        0 * E,
        1000 * np.exp((E - 0.6) / 0.05),
        20 * DIRECTION * (1 - 2 * np.exp(-(np.arange(len(E)) % PER_SWEEP) / 30)),
    ],
    ids=["sigmoid", "capacitor", "exponential", "relaxation"],
)
def test_what_has_no_peak_has_none(i, leak, sd):
    assert_no_peak(search_peaks(E, i + 5 * DIRECTION + leak * E + noise(sd)))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_noise_of_any_colour_is_no_peak(seed, exponent):
    frequency = np.fft.rfftfreq(len(E))
    frequency[0] = 1.0
    spectrum = np.fft.rfft(noise(1.0, seed)) * frequency ** (-exponent / 2)
    assert_no_peak(search_peaks(E, np.fft.irfft(spectrum, len(E))), "noise")


@pytest.mark.parametrize(
    ("i", "reason"),
    [
        (np.round(WAVE / 20) * 20, "steps of the digitiser"),
        (np.clip(WAVE, -70, 70), "clipped"),
        (np.round(np.clip(WAVE, -70, 70) / 70 * 32768) / 32768 * 70, "clipped"),
        (np.clip(WAVE, -20, 20), "clipped"),
        (WAVE + noise(30), "noise"),
        (1e4 * np.exp(-np.abs(E - 0.6) / 0.05), "rises to the end"),
        (np.where(E < 0.21, WAVE, 0.0) * (DIRECTION > 0), "jumps"),
        (200 * (np.abs(E - 0.1) < 0.009) * DIRECTION, "jumps"),
        (np.full(len(E), 400.0), "no maximum"),
    ],
)  # fmt: skip
def test_no_peak_says_why(i, reason):
    found = search_peaks(E, i).anodic
    assert found.status == PeakStatus.NO_PEAK
    assert reason in found.reason
    assert np.isnan(found.potential)


def test_too_little_to_see_anything_says_so():
    few = search_peaks(E[:5], WAVE[:5])
    assert few.anodic.status == few.cathodic.status == PeakStatus.NO_DATA
    nothing = search_peaks(E, np.full(len(E), np.nan))
    assert nothing.anodic.status == PeakStatus.NO_DATA
    constant = search_peaks(np.full(50, 0.3), np.arange(50.0))
    assert constant.anodic.status == PeakStatus.NO_SWEEP
    up = search_peaks(E[:PER_SWEEP], WAVE[:PER_SWEEP])
    assert up.anodic.status == PeakStatus.PEAK
    assert up.cathodic.status == PeakStatus.NO_SWEEP
    assert up.cathodic.reason == "no sweep in this direction"
    assert_no_peak(search_peaks(E[::40], WAVE[::40]), "coarsely")


@pytest.mark.parametrize("smoothing_v", [0.1, 0.15])
def test_a_measured_voltammogram_of_platinum(smoothing_v):
    """It is sampled each 67 mV.

    The oxide is reduced near 0.63 V; the rising branch ends in oxygen.
    """
    file = Path(__file__).parents[1] / "measured" / "platinum_cv.csv"
    potential, current = np.loadtxt(file, delimiter=",", skiprows=1, unpack=True)
    coarse = search_peaks(potential, current)
    assert coarse.cathodic.reason == "sampled too coarsely"
    found = search_peaks(potential, current, smoothing_v=smoothing_v)
    assert found.cathodic.potential == pytest.approx(0.63, abs=0.03)
    assert found.cathodic.current < 0
    assert found.anodic.reason == "rises to the end of the sweep"


# -- one rule for events and analysis --------------------------------------------------

SWEEP = {"e_start_v": -0.2, "scan_rate_v_s": 0.2}
CYCLE = CyclicVoltammetry(e_vertex1_v=0.6, e_vertex2_v=-0.2, e_end_v=-0.19, **SWEEP)


@pytest.mark.parametrize(
    "i", [WAVE, SIGMOID, 5 * DIRECTION, WAVE + glitch(500, 900), np.clip(WAVE, -50, 50)]
)
def test_an_event_holds_what_the_analysis_finds(i):
    trace = np.array([np.arange(len(E)) / 200, E, i + noise()])
    scalars = CYCLE.summarise(trace)
    found = search_peaks(trace[1], trace[2])
    np.testing.assert_array_equal(
        [
            scalars[name]
            for name in (
                "anodic_peak_current",
                "anodic_peak_potential",
                "cathodic_peak_current",
                "cathodic_peak_potential",
                "peak_separation",
            )
        ],
        [
            found.anodic.current,
            found.anodic.potential,
            found.cathodic.current,
            found.cathodic.potential,
            found.separation,
        ],
    )
    # the largest current is there, peak or not, and a glitch is not it
    most = np.minimum(i, 110)[20 : PER_SWEEP - 20].max()
    assert scalars["anodic_current"] == pytest.approx(min(most, 101), rel=0.03, abs=1)
    up = LinearSweepVoltammetry(e_end_v=0.6, **SWEEP).summarise(trace[:, :PER_SWEEP])
    assert up["sweep_peak_current"] == pytest.approx(
        found.anodic.current, rel=0.02, nan_ok=True
    )
