"""Techniques: validation, plain data and back, scalars from a trace."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.techniques import CurrentSample, Technique, as_technique


def test_the_defaults_are_those_of_the_paper():
    technique = CurrentSample()
    assert technique.potential_v == 0.65
    assert technique.settle_s == 0.020
    assert technique.samples == 10
    assert technique.sample_rate_hz == 200e3
    assert technique.acquisition.duration_s == pytest.approx(0.02005)


def test_a_technique_survives_json():
    technique = CurrentSample(potential_v=-0.1, samples=20)
    data = json.loads(json.dumps(technique.to_dict()))
    assert data["technique"] == "CurrentSample"
    assert Technique.from_dict(data) == technique
    assert as_technique(data) == technique
    assert as_technique(technique) is technique


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("potential_v", math.nan, "-2 to 2 V"),
        ("potential_v", 2.1, "-2 to 2 V"),
        ("potential_v", "0.65", "-2 to 2 V"),
        ("settle_s", -0.001, "0 to 3600 s"),
        ("samples", 0, "1 to 20000 samples"),
        ("samples", True, "1 to 20000 samples"),
        ("samples", 1.5, "whole number"),
        ("sample_rate_hz", math.inf, "1 to 500000 Hz"),
        ("filter_hz", 1.0, "10 to 100000 Hz"),
    ],
)
def test_a_bad_value_is_refused_with_its_name_and_range(field, value, allowed):
    with pytest.raises(ParameterError, match=field) as refused:
        CurrentSample(**{field: value})
    assert repr(value) in str(refused.value)
    assert allowed in str(refused.value)


@given(st.floats() | st.integers() | st.none() | st.text(max_size=3))
def test_no_potential_outside_the_window_is_ever_accepted(value):
    try:
        technique = CurrentSample(potential_v=value)
    except ParameterError:
        return
    assert -2.0 <= technique.potential_v <= 2.0


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


def test_the_scalars_are_those_of_the_trace():
    trace = np.array([[0.0, 1e-5], [0.6, 0.7], [10.0, 14.0]])
    scalars = CurrentSample(samples=2).summarise(trace)
    assert scalars == {
        "current": 12.0,
        "current_sd": 2.0,
        "potential": pytest.approx(0.65),
    }
    assert list(scalars) == [s.name for s in CurrentSample.scalars]
