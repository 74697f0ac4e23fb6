"""Parts of a line as the simulator hands them out: decoded, joined, judged."""

import math

import numpy as np
import pytest

from seccm_ophyd.devices.command import NO_CONTACT, OK
from seccm_ophyd.devices.line_part import LinePart
from seccm_ophyd.errors import SeccmError
from seccm_ophyd.sim_devices.hopping.results import Hop, LineResults
from seccm_ophyd.sim_devices.physics.recording import Recording
from seccm_ophyd.techniques import CurrentSample, Measurement

SAMPLES = (4, 2)
TWO = Measurement.of([CurrentSample(samples=n) for n in SAMPLES])
NAN = float("nan")


def landing(**changes):
    """Give ``Z:Landing`` of a good contact, with some of its elements changed."""
    found = {"number": 7, "outcome": OK, "height": 1.5, "x": 3.0, "y": 4.0}
    found |= {"current": 2.5, "baseline": 0.1, "noise": 0.28, "fall": 4.0, "time": 9.0}
    found |= {"verified": 2.0, "verified_noise": 0.11, "detached": 0.6}
    return list((found | changes).values())


MISS = landing(outcome=NO_CONTACT, height=NAN, verified=NAN)


def acquired(samples, *, overload=False, current=100.0):
    """Give summary and recording of an acquisition."""
    values = np.full(samples, current) * 1e-12
    summary = [7, OK, overload, samples, 0.65, current, 0.0, 1.0, 0.0, 0.02]
    return summary, Recording(0, 1e-3, np.full(samples, 0.65), values, overload)


def hop(landed, *acquisitions, curve=5.0, ended_at=100.0):
    made = Hop(landed, np.full(2001, curve), ended_at=ended_at)
    for summary, recording in acquisitions:
        made.summaries.append(summary)
        made.recordings.append(recording)
    return made


def handed_out(*hops, first=0):
    results = LineResults(7, list(SAMPLES), 300_000)
    for made in hops:
        results.add(made)
    return results.part(first)


def part(*hops):
    return LinePart.decode(handed_out(*hops), 7, 0)


def good(**changes):
    return hop(landing(), acquired(4), acquired(2), **changes)


def test_what_the_simulator_hands_out_is_decoded():
    found = part(good(), hop(MISS, curve=6.0, ended_at=101.0))
    assert (found.number, found.first, found.hops) == (7, 0, 2)
    np.testing.assert_array_equal(found.landings, [landing(), MISS])
    assert found.summaries.shape == (2, 2, 10)
    assert found.summaries[0, :, 3].tolist() == [4.0, 2.0]
    assert np.isnan(found.summaries[1]).all()
    assert found.ended_at.tolist() == [100.0, 101.0]
    assert [trace.shape for trace in found.traces] == [(2, 3, 4), (2, 3, 2)]
    time, potential, current = found.traces[0][0]
    assert time.tolist() == pytest.approx([0.0, 1e-3, 2e-3, 3e-3])
    assert potential.tolist() == [0.65] * 4
    assert current.tolist() == pytest.approx([100.0] * 4)
    assert np.isnan(found.traces[0][1]).all()
    assert found.curves.shape == (2, 2, 1000)
    assert found.curves[:, 0, 0].tolist() == [5.0, 6.0]


@pytest.mark.parametrize(
    ("flat", "number", "first"),
    [
        (handed_out(good()), 8, 0),
        (handed_out(good()), 7, 1),
        (handed_out(good())[:-1], 7, 0),
        (np.append(handed_out(good()), 0.0), 7, 0),
        (np.zeros(3), 7, 0),
        (np.zeros(0), 7, 0),
    ],
    ids=["another line", "another hop", "short", "long", "no head", "empty"],
)
def test_a_part_that_is_not_as_it_should_be_is_refused(flat, number, first):
    with pytest.raises(SeccmError, match=f"not those of line {number} from {first} on"):
        LinePart.decode(flat, number, first)


def test_parts_that_follow_each_other_are_joined():
    first, second = part(good()), part(hop(MISS), good(curve=8.0))
    assert LinePart.join([first]) is first
    joined = LinePart.join([first, second])
    assert (joined.number, joined.first, joined.hops) == (7, 0, 3)
    assert joined.landings[:, 1].tolist() == [OK, NO_CONTACT, OK]
    assert joined.curves[:, 0, 0].tolist() == [5.0, 5.0, 8.0]
    assert [trace.shape for trace in joined.traces] == [(3, 3, 4), (3, 3, 2)]
    assert np.isfinite(joined.traces[1][2]).all()


def test_the_size_of_a_hop_is_that_of_its_arrays():
    flat = handed_out(good(), good())
    assert LinePart.hop_bytes(TWO) == pytest.approx(flat.nbytes / 2, rel=0.03)
    assert LinePart.hop_bytes(TWO) < flat.nbytes / 2


@pytest.mark.parametrize(
    ("made", "outcome"),
    [
        (good(), "contact"),
        (hop(MISS), "no_contact"),
        (hop(landing(), acquired(4), acquired(2, overload=True)), "overload"),
        (hop(landing(), acquired(4, current=NAN), acquired(2)), "bad"),
        (hop(landing(current=NAN), acquired(4), acquired(2)), "bad"),
        (hop(landing(verified=0.2), acquired(4), acquired(2)), "suspect"),
    ],
)
def test_a_hop_is_judged_by_all_that_came_of_it(made, outcome):
    outcomes, ages, scalars = part(good(), made).judge(TWO, noise_pa=0.28)
    assert outcomes == ["contact", outcome]
    assert ages[0] == 0.02
    assert math.isnan(ages[1]) == (outcome == "no_contact")
    assert {len(values) for values in scalars.values()} == {2}


def test_what_comes_after_an_overload_has_not_been_measured():
    made = hop(landing(), acquired(4, overload=True), acquired(2))
    _, _, scalars = part(made).judge(TWO, noise_pa=0.28)
    assert scalars["current"] == pytest.approx([100.0])
    assert scalars["current_sample_outcome"] == ["overload"]
    assert math.isnan(scalars["current_2"][0])
    assert scalars["current_sample_2_outcome"] == [""]


def test_a_contact_that_breaks_is_lost_and_ends_the_hop():
    samples = 2000
    one = CurrentSample(samples=samples, sample_rate_hz=20e3)
    technique = Measurement.of([one, CurrentSample()])
    current = np.full(samples, 100.0)
    current[1500:] = 0.0
    summary, recording = acquired(samples)
    broken = Recording(0, 5e-5, recording.potential, current * 1e-12, False)
    results = LineResults(7, [samples, 10], 300_000)
    results.add(hop(landing(), (summary, broken), acquired(10)))
    found = LinePart.decode(results.part(0), 7, 0)
    outcomes, _, scalars = found.judge(technique, noise_pa=0.28)
    assert outcomes == ["lost"]
    assert scalars["current"] == pytest.approx([100.0]), "of the time before"
    assert math.isnan(scalars["current_2"][0])


def test_without_a_baseline_the_current_counts_from_zero():
    made = hop(landing(baseline=NAN), acquired(4), acquired(2))
    outcomes, _, scalars = part(made).judge(TWO, noise_pa=0.28)
    assert outcomes == ["contact"]
    assert scalars["current"] == pytest.approx([100.0])
