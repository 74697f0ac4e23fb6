"""Techniques: the paper's defaults, plain data and back, acquisitions, refusals."""

import inspect
import json
import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.techniques import (
    Chronoamperometry,
    CurrentSample,
    CyclicVoltammetry,
    Galvanostatic,
    LinearSweepVoltammetry,
    Technique,
    ZeroCurrentPotential,
    as_technique,
    as_techniques,
)

TECHNIQUES = (
    Chronoamperometry,
    CurrentSample,
    CyclicVoltammetry,
    Galvanostatic,
    LinearSweepVoltammetry,
    ZeroCurrentPotential,
)
each_technique = pytest.mark.parametrize("technique", TECHNIQUES)

# what the amplifier takes: docs/reference/pv_interface.md
LIMITS = {
    "approach_potential_v": (-2, 2),
    "approach_filter_hz": (10, 1e5),
    "filter_hz": (10, 1e5),
    "sample_rate_hz": (0.01, 5e5),
    "samples": (1, 20_000),
    "settle_s": (0, 3600),
    "compliance_v": (0.1, 10),
}


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (CurrentSample(), {"samples": 10, "sample_rate_hz": 200e3, "settle_s": 0.02}),
        (CurrentSample(), {"mode": "VCLAMP", "hold": 0.65, "filter_hz": 1e3}),
        (CyclicVoltammetry(), {"mode": "VCLAMP", "hold": 0.0, "samples": 2000}),
        (CyclicVoltammetry(), {"filter_hz": 1e3, "approach_potential_v": 0.65}),
        (ZeroCurrentPotential(), {"mode": "I0", "hold": 0.0, "samples": 100}),
        (Galvanostatic(), {"mode": "ICLAMP", "samples": 60, "sample_rate_hz": 100.0}),
        (Galvanostatic(), {"hold": 0.0, "cutoffs_v": (-0.4, 1.2)}),
    ],
)
def test_the_defaults_are_those_of_the_paper(made, expected):
    found = made.acquisition
    assert {name: getattr(found, name) for name in expected} == expected


def test_only_a_current_sample_goes_on_as_it_approached():
    switching = {made.__name__ for made in TECHNIQUES if made().acquisition.switches}
    assert switching == {made.__name__ for made in TECHNIQUES} - {"CurrentSample"}
    assert CurrentSample().acquisition.duration_s == pytest.approx(0.02005)


@each_technique
def test_a_technique_survives_json(technique):
    made = technique(filter_hz=np.float32(500.0))  # a number from an array, too
    data = json.loads(json.dumps(made.to_dict()))
    assert data["technique"] == technique.__name__
    assert Technique.from_dict(data) == made
    assert as_techniques([data, made]) == (made, made)
    assert as_technique(made) is made


def test_whole_numbers_of_numpy_survive_json():
    made = CyclicVoltammetry(cycles=np.int64(2), e_vertex1_v=np.float64(0.7))
    assert Technique.from_dict(json.loads(json.dumps(made.to_dict()))) == made


# -- acquisitions ----------------------------------------------------------------------


@pytest.mark.parametrize("cycles", [1, 2])
def test_the_potential_visits_both_vertices_and_ends_at_the_end(cycles):
    sweep = CyclicVoltammetry(
        e_start_v=0.1, e_vertex1_v=0.6, e_vertex2_v=-0.2, e_end_v=0.3, cycles=cycles
    )
    driven = sweep.acquisition.waveform
    assert (
        sweep.acquisition.samples == len(driven) == 500 + 500 + 800 * (2 * cycles - 1)
    )
    assert driven[0] == pytest.approx(0.101)
    assert driven[-1] == pytest.approx(0.3)
    np.testing.assert_allclose(np.abs(np.diff(driven)), 1e-3, atol=1e-9)
    assert [k + 1 for k in np.flatnonzero(np.isclose(driven, 0.6))] == [
        500 + 1600 * cycle for cycle in range(cycles)
    ]
    assert driven.min() == pytest.approx(-0.2)
    assert sweep.acquisition.sample_rate_hz == pytest.approx(100.0)


def test_a_linear_sweep_runs_once_and_either_way():
    down = LinearSweepVoltammetry(e_start_v=0.2, e_end_v=0.0, step_v=0.05)
    np.testing.assert_allclose(down.acquisition.waveform, [0.15, 0.1, 0.05, 0])
    assert down.acquisition.hold == 0.2
    assert down.acquisition.sample_rate_hz == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("scan_rate", "filter_hz", "samples", "rate"),
    [(0.01, 1e3, 2000, 10.0), (1.0, 1e3, 2000, 1e3), (1.01, 1e4, 2000, 1010.0),
     (100.0, 1e4, 2000, 1e5), (1000.0, 1e4, 1000, 5e5)],
)  # fmt: skip
def test_filter_and_sampling_follow_the_scan_rate(scan_rate, filter_hz, samples, rate):
    found = CyclicVoltammetry(scan_rate_v_s=scan_rate).acquisition
    assert (found.filter_hz, found.samples) == (filter_hz, samples)
    assert found.sample_rate_hz == pytest.approx(rate)


def test_a_filter_that_is_set_stays():
    assert (
        CyclicVoltammetry(scan_rate_v_s=100, filter_hz=2e4).acquisition.filter_hz == 2e4
    )


def test_a_long_sweep_takes_longer_steps():
    found = CyclicVoltammetry(scan_rate_v_s=10, cycles=50).acquisition
    assert found.samples == 20_000
    assert np.abs(np.diff(found.waveform)).max() > 1e-3


@pytest.mark.parametrize(
    ("made", "waveform"),
    [
        (Chronoamperometry(potential_v=0.7, duration_s=0.001), np.full(10, 0.7)),
        (Galvanostatic(current_pa=-7, duration_s=0.04), np.full(4, -7.0)),
        (ZeroCurrentPotential(), None),
        (CurrentSample(), None),
    ],
)
def test_what_is_held_is_held_on_every_sample(made, waveform):
    np.testing.assert_array_equal(made.acquisition.waveform, waveform)


# -- refusals --------------------------------------------------------------------------

BAD_NUMBERS = [math.nan, math.inf, True, "1", None]


@each_technique
@pytest.mark.parametrize("value", BAD_NUMBERS)
def test_what_is_no_number_is_refused_with_field_value_and_range(technique, value):
    for field in fields(technique):
        if value is None and field.default in (None, 1e3):
            continue  # None: as usual
        with pytest.raises(ParameterError) as refused:
            technique(**{field.name: value})
        said = str(refused.value)
        assert said.startswith(f"{field.name}={value!r} must be "), said
        assert " between " in said


@pytest.mark.parametrize(
    ("technique", "arguments", "message"),
    [
        (CurrentSample, {"potential_v": 2.1}, "potential_v=2.1.*-2 and 2 V"),
        (CurrentSample, {"settle_s": -0.001}, "settle_s=-0.001.*0 and 3600 s"),
        (CurrentSample, {"samples": 0}, "samples=0.*1 and 20000 samples"),
        (CurrentSample, {"samples": 20_001}, "samples=20001.*1 and 20000"),
        (CurrentSample, {"samples": 1.5}, "samples=1.5 is not a whole number"),
        (CurrentSample, {"sample_rate_hz": 6e5}, "sample_rate_hz.*0.01 and 500000 Hz"),
        (CurrentSample, {"filter_hz": 1.0}, "filter_hz=1.0.*10 and 100000 Hz"),
        (CyclicVoltammetry, {"e_vertex1_v": 2.5}, "e_vertex1_v=2.5.*-2 and 2 V"),
        (CyclicVoltammetry, {"scan_rate_v_s": 9e-5}, "=9e-05.*0.0001 and 1000 V/s"),
        (CyclicVoltammetry, {"scan_rate_v_s": 2000}, "=2000.*0.0001 and 1000 V/s"),
        (CyclicVoltammetry, {"cycles": 0}, "cycles=0.*1 and 100 cycles"),
        (CyclicVoltammetry, {"cycles": 1.5}, "cycles=1.5 is not a whole number"),
        (CyclicVoltammetry, {"step_v": 2e-5}, "step_v=2e-05.*0.0001 and 0.05 V.*20000"),
        (CyclicVoltammetry, {"step_v": 0.06}, "step_v=0.06.*1e-05 and 0.05 V"),
        (CyclicVoltammetry, {"step_v": 1e-3, "scan_rate_v_s": 1000},
         "step_v=0.001.*0.002 and 0.05 V, for at most 1000 samples"),
        (CyclicVoltammetry, {"step_v": 0.05, "scan_rate_v_s": 1e-4},
         "step_v=0.05.*0.0001 and 0.01 V.*at least 200"),
        (CyclicVoltammetry, {"cycles": 100, "e_vertex1_v": 2, "e_vertex2_v": -2,
                             "scan_rate_v_s": 1e-4},
         "over 800 V at scan_rate_v_s=0.0001.*and 200 V"),
        (LinearSweepVoltammetry, {"e_end_v": 1e-7}, "over 1e-07 V at scan_rate"),
        (LinearSweepVoltammetry, {"e_end_v": 0.0}, "the potential stays at 0 V"),
        (Chronoamperometry, {"duration_s": -1.0}, "duration_s=-1.0.*0.0001 and 2 s"),
        (Chronoamperometry, {"duration_s": 3.0}, "duration_s=3.0.*0.0001 and 2 s"),
        (ZeroCurrentPotential, {"duration_s": -0.1}, "duration_s=-0.1.*0.001 and 20 s"),
        (ZeroCurrentPotential, {"interval_s": 101}, "interval_s=101.*2e-06 and 100 s"),
        (Galvanostatic, {"current_pa": 0}, "current_pa=0.*ZeroCurrentPotential"),
        (Galvanostatic, {"current_pa": 3e4}, "current_pa.*-20000 and 20000 pA"),
        (Galvanostatic, {"duration_s": 0.001}, "duration_s=0.001.*0.01 and 200 s"),
        (Galvanostatic, {"e_upper_v": 0.6}, "e_upper_v=0.6 are.*must lie between"),
        (Galvanostatic, {"e_lower_v": 0.7}, "e_lower_v=0.7, .*must lie between"),
        (Galvanostatic, {"e_upper_v": -0.5}, "e_upper_v=-0.5 are not allowed"),
        (Galvanostatic, {"compliance_v": 11}, "compliance_v=11.*0.1 and 10 V"),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_with_its_name_and_range(technique, arguments, message):
    with pytest.raises(ParameterError, match=message):
        technique(**arguments)


wild = st.floats() | st.integers()
powers = st.floats(-6, 4).map(lambda power: 10**power)
plausible = {
    "_v": st.floats(-2, 2) | st.sampled_from([-2.0, -0.2, 0.003, 0.65, 0.8, 2.0]),
    "_v_s": st.sampled_from([0.01, 0.1, 1.0, 1000.0]),
    "step_v": st.sampled_from([1e-5, 1e-4, 2e-3, 0.05]),
    "cycles": st.integers(1, 100),
    "samples": st.integers(1, 20_000),
    "": powers,
}


def some_arguments(technique):
    """Draw some of the arguments from where techniques live, at most one from all."""
    drawn = {}
    for field in fields(technique):
        endings = [end for end in plausible if field.name.endswith(end)]
        drawn[field.name] = plausible[max(endings, key=len)]
    likely = st.fixed_dictionaries({}, optional=drawn)
    odd = st.dictionaries(st.sampled_from(list(drawn)), wild, max_size=1)
    return st.builds(dict.__or__, likely, st.just({}) | odd)


@settings(max_examples=100, deadline=None)
@each_technique
@given(data=st.data())
def test_no_acquisition_is_ever_beyond_the_amplifier(technique, data):
    """Whatever a technique accepts, the amplifier can do, and its scalars are drawn."""
    chosen = data.draw(some_arguments(technique))
    try:
        made = technique(**chosen)
    except ParameterError:
        return
    found = made.acquisition
    for name, (low, high) in LIMITS.items():
        assert low <= getattr(found, name) <= high, name
    low, high = (-2, 2) if found.mode == "VCLAMP" else (-20e3, 20e3)
    assert low <= found.hold <= high
    driven = np.full(found.samples, found.hold)
    if found.waveform is not None:
        driven = found.waveform
        assert driven.shape == (found.samples,)
        assert ((driven >= low) & (driven <= high)).all()  # false for NaN
    trace = np.array([np.arange(found.samples) / found.sample_rate_hz, driven, driven])
    assert list(made.summarise(trace)) == [scalar.name for scalar in made.scalars]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"technique": "Voltage"}, "known are.*CurrentSample"),
        ({}, "None is unknown"),
        ({"technique": "CurrentSample", "potential": 1}, "potential_v"),
        ({"technique": ["CurrentSample"]}, "unknown"),
    ],
)
def test_unknown_data_is_refused(data, message):
    with pytest.raises(ParameterError, match=message):
        Technique.from_dict(data)


@pytest.mark.parametrize("thing", [None, "CurrentSample", 3, [CurrentSample()]])
def test_what_is_no_technique_is_refused(thing):
    with pytest.raises(ParameterError, match="no technique"):
        as_technique(thing)
    with pytest.raises(ParameterError, match="no technique"):
        as_techniques([CurrentSample(), thing])


def test_an_empty_list_of_techniques_is_refused():
    with pytest.raises(ParameterError, match="must have at least one"):
        as_techniques([])


@each_technique
def test_names_are_asked_for_as_one_would_type_them(technique):
    names = list(inspect.signature(technique).parameters)
    assert set(names) == {field.name for field in fields(technique)}
    with pytest.raises(ParameterError) as refused:
        technique(0.3)
    first = str(refused.value).partition(f"type {technique.__name__}(")[2]
    assert first.partition("=")[0] in technique.__doc__.split("----------")[1]
    with pytest.raises(ParameterError) as unknown:
        technique(potential_mv=650)
    with pytest.raises(ParameterError) as from_dict:
        Technique.from_dict({"technique": technique.__name__, "potential_mv": 650})
    assert str(unknown.value) == str(from_dict.value)
    assert f"{technique.__name__} has no argument potential_mv: it takes " in str(
        unknown.value
    )
    assert all(name in str(unknown.value) for name in names)


def test_a_value_without_a_name_gets_one():
    with pytest.raises(ParameterError, match=r"type CurrentSample\(potential_v=0.65\)"):
        CurrentSample(0.65)
    with pytest.raises(ParameterError, match=r"e_start_v=0, e_vertex1_v=0.8, e_vert"):
        CyclicVoltammetry(0, 0.8, -0.2, 0)


def test_private_classes_are_no_techniques():
    with pytest.raises(ParameterError) as refused:
        Technique.from_dict({"technique": "CV"})
    known = str(refused.value).partition("known are: ")[2].split(", ")
    assert known == sorted(made.__name__ for made in TECHNIQUES)


@pytest.mark.parametrize("current_pa", [2e-10, -2e-10, 0.0099])
def test_a_current_in_amperes_is_refused(current_pa):
    with pytest.raises(ParameterError, match=r"less than one step.*0.01 to 20000 pA"):
        Galvanostatic(current_pa=current_pa)
    assert Galvanostatic(current_pa=-0.01).current_pa == -0.01


@pytest.mark.parametrize("made", [CyclicVoltammetry, LinearSweepVoltammetry])
def test_a_sweep_may_take_days(made):
    """0.1 mV/s: as fast as electrodes of batteries are often swept."""
    found = made(scan_rate_v_s=1e-4).acquisition
    assert found.sample_rate_hz == pytest.approx(0.1)
    assert np.abs(np.diff(found.waveform)).max() == pytest.approx(1e-3)
    assert found.sampling_s == pytest.approx(found.samples * 10.0)
