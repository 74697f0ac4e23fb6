"""The range of the current input: chosen, exceeded, put back."""

import logging

import pytest

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.plans import (
    current_map,
    estimate,
    galvanostatic_map,
    hop_list,
    scan_rate_series,
)
from seccm_ophyd.techniques import CurrentSample, Galvanostatic
from tests.plans.calls import documents, each_plan, moved

GRID = (-1, 1, 2, -2, 2, 2)


@pytest.fixture
def said(caplog):
    """Give what plans write to the terminal."""
    caplog.set_level(logging.WARNING)
    return lambda: [r.getMessage() for r in caplog.records if "plans" in r.name]


def configured(docs):
    """Give the gains that the runs record."""
    return [
        doc["configuration"]["seccm_clamp"]["data"]["seccm_clamp_gain"]
        for doc in documents(docs, "descriptor")
        if doc["name"] == "primary"
    ]


@each_plan
@pytest.mark.parametrize("option", [{"gain_mv_pa": 50.0}, {"range_pa": 200.0}])
def test_a_gain_is_that_of_the_run_and_put_back(RE, docs, fake, call, option):
    RE(call(fake.device, **option))
    assert configured(docs) == [50.0 for _ in call.hops]
    assert fake.device.clamp.gain.get() == 5.0


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"gain_mv_pa": 0.0}, "gain_mv_pa=0.0 must be between"),
        ({"gain_mv_pa": True}, "gain_mv_pa=True must be between"),
        ({"gain_mv_pa": 501.0}, "between 0.5 and 500 mV/pA, ranges of 20000 to 20 pA"),
        ({"range_pa": 20001.0}, "at most 20000 pA, .* lowest gain of 0.5 mV/pA"),
        ({"range_pa": float("nan")}, "range_pa=nan must be between"),
        ({"range_pa": 10.0, "gain_mv_pa": 5.0}, "give one of them"),
    ],
)
def test_what_the_amplifier_has_not_is_refused(RE, docs, fake, option, message):
    with pytest.raises(ParameterError, match=message):
        RE(current_map(fake.device, *GRID, **option))
    assert docs == []
    assert moved(fake) == []


def test_a_range_smaller_than_the_smallest_takes_the_highest_gain(RE, docs, fake):
    RE(current_map(fake.device, *GRID, range_pa=1.0))
    assert configured(docs) == [500.0]


def test_an_overload_in_a_series_names_its_technique(RE, docs, fake, said):
    fake.overloads = {2}
    RE(scan_rate_series(fake.device, (1, 2), (0.1, 10, 100)))
    (event,) = documents(docs, "event")
    data = event["data"]
    assert data["seccm_hop_outcome"] == "overload"
    labels = [f"cyclic_voltammetry{suffix}" for suffix in ("", "_2", "_3")]
    assert [data[f"seccm_clamp_{label}_outcome"] for label in labels] == [
        "contact",
        "overload",
        "",
    ]
    assert said() == [
        "cyclic_voltammetry_2 at x=1 um, y=2 um: the current reached the end of the "
        "range, 2000 pA at the gain of 5 mV/pA; gain_mv_pa=0.5 measures up to 20000 "
        "pA. Further ones are recorded only."
    ]


def test_of_a_map_the_first_overload_is_reported(RE, docs, fake, said):
    fake.overloads = {2, 3}
    RE(current_map(fake.device, *GRID, gain_mv_pa=0.5))
    (line,) = said()
    assert line.startswith("current_sample at x=1 um, y=-2 um: ")
    assert "the amplifier has no larger range" in line
    (descriptor,) = documents(docs, "descriptor")
    assert not [key for key in descriptor["data_keys"] if "sample_outcome" in key]


@pytest.mark.parametrize("run", [estimate, None], ids=["estimate", "run"])
def test_a_current_beyond_the_range_is_said_before(RE, fake, said, run):
    plan = galvanostatic_map(fake.device, *GRID, current_pa=3000.0)
    (run or RE)(plan)
    assert said()[0].startswith(
        "galvanostatic imposes 3000 pA, beyond the range of 2000"
    )
    assert said()[0].endswith("give range_pa=3000")


def test_within_the_range_that_is_asked_for_nothing_is_said(RE, fake, said):
    charge = Galvanostatic(current_pa=-3000.0, duration_s=0.1)
    RE(hop_list(fake.device, [CurrentSample(), charge], [(0, 0)], range_pa=3000.0))
    assert said() == []
