"""The scalars that techniques draw from their traces."""

import math

import numpy as np
import pytest

from seccm_ophyd.techniques import (
    Chronoamperometry,
    CurrentSample,
    CyclicVoltammetry,
    Galvanostatic,
    LinearSweepVoltammetry,
    Measurement,
    ZeroCurrentPotential,
)
from tests.techniques.test_techniques import TECHNIQUES, each_technique


def trace_of(made, potential=None, current=None, samples=None):
    """Make a trace of what the amplifier is asked for, with what is measured."""
    asked = made.acquisition
    n = asked.samples if samples is None else samples
    driven = np.full(asked.samples, asked.hold)
    if asked.waveform is not None:
        driven = asked.waveform
    time = np.arange(n) / asked.sample_rate_hz
    rows = [driven[:n] if row is None else row(time) for row in (potential, current)]
    return np.array([time, *rows])


def noise(sd, seed=1):
    return lambda time: np.random.default_rng(seed).normal(0, sd, len(time))


@each_technique
def test_all_scalars_are_there_and_of_their_kind(technique):
    made = technique()
    scalars = made.summarise(trace_of(made))
    assert list(scalars) == [scalar.name for scalar in technique.scalars]
    kinds = {"number": float, "string": str}
    for scalar in technique.scalars:
        assert type(scalars[scalar.name]) is kinds[scalar.dtype], scalar.name
        assert type(scalar.blank) is kinds[scalar.dtype], scalar.name
        assert scalar.units or scalar.dtype == "string", scalar.name
    assert [scalar for scalar in technique.scalars if scalar.hinted]


def test_the_current_sample_gives_mean_and_deviation():
    trace = np.array([[0.0, 1e-5], [0.6, 0.7], [10.0, 14.0]])
    assert CurrentSample(samples=2).summarise(trace) == {
        "current": 12.0,
        "current_sd": 2.0,
        "potential": pytest.approx(0.65),
    }


def test_a_step_gives_its_last_tenth_and_its_charge():
    made = Chronoamperometry(duration_s=0.1)
    decay = trace_of(made, current=lambda t: 50 * np.exp(-t / 0.01) + 2)
    scalars = made.summarise(decay)
    assert scalars["final_current"] == pytest.approx(2.0, abs=0.01)
    assert scalars["transient_charge"] == pytest.approx(0.5 + 0.2, rel=0.01)


def gaussian(potential, top, where, width=0.05):
    return top * np.exp(-(((potential - where) / width) ** 2))


def voltammogram(made, anodic=(40.0, 0.5), cathodic=(-30.0, 0.2), sd=0.0):
    """Peaks at known potentials, one in each direction, on the driven potential."""
    driven = made.acquisition.waveform
    rising = np.gradient(driven) > 0
    current = np.where(rising, gaussian(driven, *anodic), gaussian(driven, *cathodic))
    return trace_of(made, current=lambda time: current + noise(sd)(time))


@pytest.mark.parametrize("sd", [0.0, 0.5])
@pytest.mark.parametrize("cycles", [1, 3])
def test_the_peaks_are_found_where_they_are(sd, cycles):
    made = CyclicVoltammetry(cycles=cycles)
    scalars = made.summarise(voltammogram(made, sd=sd))
    assert scalars["anodic_peak_current"] == pytest.approx(40, abs=1)
    assert scalars["anodic_peak_potential"] == pytest.approx(0.5, abs=0.015)
    assert scalars["cathodic_peak_current"] == pytest.approx(-30, abs=1)
    assert scalars["cathodic_peak_potential"] == pytest.approx(0.2, abs=0.015)
    assert scalars["peak_separation"] == pytest.approx(0.3, abs=0.02)


def test_noise_of_the_potential_does_not_mix_up_the_directions():
    made = CyclicVoltammetry()
    trace = voltammogram(made, anodic=(40.0, 0.5), cathodic=(60.0, 0.5))
    trace[1] += noise(0.002)(trace[0])
    assert made.summarise(trace)["anodic_peak_current"] == pytest.approx(40, abs=1)


def test_the_last_cycle_counts():
    made = CyclicVoltammetry(cycles=2)
    trace = voltammogram(made)
    trace[2, : len(trace[2]) // 3] *= 10
    assert made.summarise(trace)["anodic_peak_current"] == pytest.approx(40, abs=1)


@pytest.mark.parametrize(("end", "peak"), [(0.8, (40.0, 0.5)), (-0.8, (-30.0, -0.5))])
def test_a_linear_sweep_has_its_peak_in_its_direction(end, peak):
    made = LinearSweepVoltammetry(e_end_v=end)
    driven = made.acquisition.waveform
    current = gaussian(driven, *peak) + gaussian(driven, -peak[0] / 2, 1.4 * peak[1])
    scalars = made.summarise(trace_of(made, current=lambda time: current))
    assert scalars["sweep_peak_current"] == pytest.approx(peak[0], abs=1)
    assert scalars["sweep_peak_potential"] == pytest.approx(peak[1], abs=0.01)


def test_the_potential_of_no_current_is_that_of_the_second_half():
    made = ZeroCurrentPotential(duration_s=0.2)
    trace = trace_of(made, potential=lambda t: 0.4 - 0.5 * t + noise(1e-4)(t))
    scalars = made.summarise(trace)
    assert scalars["zero_current_potential"] == pytest.approx(
        0.4 - 0.5 * 0.15, abs=1e-3
    )
    assert scalars["potential_drift"] == pytest.approx(-0.5, rel=0.02)


def test_a_charge_to_its_time_gives_slope_charge_and_capacity():
    made = Galvanostatic(current_pa=200, duration_s=360, interval_s=0.1, e_upper_v=1.9)
    trace = trace_of(made, potential=lambda t: 0.4 + 1e-3 * t)
    scalars = made.summarise(trace)
    assert scalars["end_reason"] == "time"
    assert scalars["end_potential"] == pytest.approx(0.76, abs=1e-3)
    assert scalars["mid_potential"] == pytest.approx(0.58, abs=1e-3)
    assert scalars["potential_slope"] == pytest.approx(1e-3)
    assert scalars["charge_time"] == pytest.approx(360)
    assert scalars["passed_charge"] == pytest.approx(72e3)
    assert scalars["capacity"] == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("settings", "end_v", "reason"),
    [
        ({"current_pa": 5}, 1.199, "upper cut-off"),  # noise: just below
        ({"current_pa": -5}, -0.41, "lower cut-off"),
        ({"current_pa": 5}, -0.39, "lower cut-off"),
        ({"current_pa": 5, "compliance_v": 0.8}, 0.81, "compliance"),
        ({"current_pa": -5, "compliance_v": 0.8}, -0.41, "lower cut-off"),
        ({"current_pa": -5, "compliance_v": 0.2}, -0.21, "compliance"),
        ({"current_pa": 5, "compliance_v": 0.2}, 0.2, "compliance"),
    ],
)
def test_an_early_end_has_its_reason_and_its_charge(settings, end_v, reason):
    made = Galvanostatic(duration_s=1.0, **settings)
    trace = trace_of(made, potential=lambda t: np.linspace(0.4, end_v, 30), samples=30)
    scalars = made.summarise(trace)
    assert scalars["end_reason"] == reason
    assert scalars["end_potential"] == end_v
    assert scalars["charge_time"] == pytest.approx(0.3)
    assert scalars["passed_charge"] == pytest.approx(settings["current_pa"] * 0.3)
    assert scalars["capacity"] == pytest.approx(5 * 0.3 / 3600)


def test_charge_is_what_was_measured_not_what_was_asked_for():
    """The amplifier adds its offset, or cannot give so much; its clock counts."""
    made = Galvanostatic(current_pa=0.2, duration_s=4, interval_s=0.1)
    trace = trace_of(made, current=lambda t: np.full(len(t), 0.35))
    scalars = made.summarise(trace)
    assert scalars["passed_charge"] == pytest.approx(0.35 * 4)
    assert scalars["capacity"] == pytest.approx(0.35 * 4 / 3600)
    trace[0] *= 1.25
    slower = made.summarise(trace)
    assert slower["charge_time"] == pytest.approx(5)
    assert slower["passed_charge"] == pytest.approx(0.35 * 5)
    step = Chronoamperometry(duration_s=0.1)
    slow = trace_of(step, current=lambda t: 2 + 0 * t)
    slow[0] *= 2
    assert step.summarise(slow)["transient_charge"] == pytest.approx(0.4)


@pytest.mark.parametrize("samples", [1, 2, 7, 20])
def test_a_cutoff_between_two_samples_is_in_time_and_charge(samples):
    """20: amid the last sample, which is no end by time."""
    made = Galvanostatic(current_pa=5, duration_s=20.0, interval_s=1.0)
    trace = trace_of(
        made, potential=lambda t: np.linspace(0.4, 1.2, samples), samples=samples
    )
    trace[0, -1] -= 0.75  # the amplifier looked in between
    scalars = made.summarise(trace)
    assert scalars["end_reason"] == "upper cut-off"
    assert scalars["charge_time"] == pytest.approx(samples - 0.75)
    assert scalars["passed_charge"] == pytest.approx(5 * (samples - 0.75))


@pytest.mark.parametrize("made", [Galvanostatic(), ZeroCurrentPotential()])
def test_one_sample_has_no_slope(made):
    scalars = made.summarise(trace_of(made, samples=1))
    slope = scalars.get("potential_slope", scalars.get("potential_drift"))
    assert math.isnan(slope)


def test_a_measurement_names_its_scalars_by_its_place():
    made = CurrentSample()
    _, second = Measurement.of([made, made])
    found = second.summarise(trace_of(made))
    assert list(found) == ["current_2", "current_sd_2", "potential_2"]
    assert list(found) == list(second.scalars) == list(second.blanks)


# -- names in one contact --------------------------------------------------------------


def test_a_second_technique_of_a_kind_gets_a_number():
    series = [CyclicVoltammetry(), Galvanostatic(), CyclicVoltammetry()]
    first, other, second = Measurement.of(series)
    assert (first.label, first.suffix) == ("cyclic_voltammetry", "")
    assert (other.label, other.suffix) == ("galvanostatic", "")
    assert (second.label, second.suffix) == ("cyclic_voltammetry_2", "_2")
    assert "peak_separation" in first.scalars
    assert "peak_separation_2" in second.blanks


def test_no_two_scalars_of_a_contact_have_one_name():
    measured = Measurement.of([made() for made in TECHNIQUES] * 2)
    names = [name for each in measured for name in each.scalars]
    assert len(names) == len(set(names))
    assert len({each.label for each in measured}) == len(measured)
