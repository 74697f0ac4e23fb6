"""Stepped scans: the heights of an adaptive one, and the way on after an overload."""

import math

import numpy as np
import pytest

from seccm_ophyd.errors import OverloadError, TooManyMissesError
from seccm_ophyd.plans import hop_list, hop_scan
from seccm_ophyd.techniques import CurrentSample, Galvanostatic
from tests.plans.calls import documents

GRID = (0, 0.4, 3, 0, 0.1, 2)  # 3 columns 0.2 um apart, 2 lines
UNKNOWN = 100.0


@pytest.fixture
def heights(fake):
    """List travel and slow height (um) with which each hop moved and landed."""
    z, found = fake.device.z, []

    def begun(value, **kwargs):
        found.append((z.travel_height.get(), z.slow_height.get()))

    for signal in (z.travel_height, z.slow_height):
        signal.sim_put(UNKNOWN)
    z.approach.request.subscribe(begun, run=False)
    return found


def scan(fake, **options):
    return hop_scan(fake.device, CurrentSample(), *GRID, **options)


def outcomes(docs):
    return [e["data"]["seccm_hop_outcome"] for e in documents(docs, "event")]


def test_where_nothing_is_known_an_adaptive_scan_hops_as_any_other(RE, fake, heights):
    RE(scan(fake, adaptive=True))
    assert heights[:3] == [(UNKNOWN, UNKNOWN)] * 3


def test_above_a_known_line_it_hops_by_its_margin(RE, fake, heights):
    RE(scan(fake, adaptive=True, margin_um=1.5))
    travel, slow = np.transpose(heights[3:])
    line = [fake.height(x, 0) for x in (0, 0.2, 0.4)]  # it rises by 0.02 um a pixel
    assert (travel >= np.array(line) + 1.5).all()
    assert (travel <= max(line) + 1.5 + 1e-9).all()
    assert (slow < travel).all()
    assert (slow > line).all(), "it is slow before it lands"


def test_the_heights_are_put_back_after_the_scan(RE, fake, heights):
    RE(scan(fake, adaptive=True))
    z = fake.device.z
    assert heights[-1][0] < UNKNOWN
    assert (z.travel_height.get(), z.slow_height.get()) == (UNKNOWN, UNKNOWN)


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.fault(68)
def test_heights_that_an_earlier_scan_has_left_are_forgotten(RE, fake, adaptive):
    """Its surface was another one: it was killed, and has not put them back."""
    z, found = fake.device.z, []
    z.travel_height.sim_put(0.2)
    z.slow_height.sim_put(0.1)

    def begun(value, **kwargs):
        found.append((z.travel_height.get(), z.slow_height.get()))

    z.approach.request.subscribe(begun, run=False)
    RE(scan(fake, adaptive=adaptive))
    assert found[:3] == [(UNKNOWN, UNKNOWN)] * 3
    assert (z.travel_height.get(), z.slow_height.get()) == (UNKNOWN, UNKNOWN)


def test_one_that_is_not_adaptive_sets_no_height(RE, fake, heights, sim_RE):
    plan = scan(fake)
    assert not [
        msg
        for msg in sim_RE.simulate_plan(plan)
        if msg.command == "set" and msg.obj is fake.device.z
    ]
    RE(scan(fake))
    assert heights == [(UNKNOWN, UNKNOWN)] * 6


def test_near_a_miss_nothing_is_known(RE, docs, fake, heights):
    fake.misses = {1}
    RE(scan(fake, adaptive=True))
    assert outcomes(docs)[0] == "no_contact"
    assert heights[3] == (UNKNOWN, UNKNOWN), "it lies above the miss"


def test_a_mound_is_known_before_the_probe_gets_there(RE, fake, heights, monkeypatch):
    monkeypatch.setattr(fake, "height", lambda x, y: 4.0 if x > 0.3 else 1.0)
    RE(scan(fake, adaptive=True))
    assert min(travel for travel, _ in heights[3:]) >= 4.0 + 1.0 - 1e-9


def test_each_height_is_set_before_the_withdrawal_of_its_hop(fake, sim_RE):
    m = fake.device
    messages = sim_RE.simulate_plan(scan(fake, adaptive=True))
    words = [
        "heights" if msg.obj is m.z else "withdraw"
        for msg in messages
        if (msg.command == "set" and msg.obj is m.z)
        or (msg.command == "trigger" and msg.obj is m.z.withdraw)
    ]
    assert words.count("withdraw") == 6
    assert all(
        words[k - 1] == "heights" for k, word in enumerate(words) if word == "withdraw"
    )


# -- after an overload -----------------------------------------------------------------

POINTS = [(0, 0), (1, 0), (2, 0)]


def test_after_an_overload_it_is_safe_then_prepared_then_hops_on(RE, docs, fake):
    fake.overloads, words = {2}, []

    def note(msg):
        if msg.command in ("save", "prepare", "checkpoint"):
            words.append(msg.command)
        elif msg.command == "trigger" and msg.obj is fake.device.safe:
            words.append("safe")

    RE.msg_hook = note
    RE(hop_list(fake.device, CurrentSample(), POINTS))
    assert outcomes(docs) == ["contact", "overload", "contact"]
    second = [k for k, word in enumerate(words) if word == "save"][1]
    assert words[second + 1 : second + 4] == ["safe", "prepare", "checkpoint"]


def test_the_hop_after_an_overload_measures_with_its_settings(RE, docs, fake):
    fake.overloads = {1}
    charge = Galvanostatic(duration_s=0.1)
    technique = [CurrentSample(potential_v=0.7), charge]
    RE(hop_list(fake.device, technique, POINTS[:2]))
    first, second = (event["data"] for event in documents(docs, "event"))
    assert first["seccm_clamp_current_sample_outcome"] == "overload"
    assert first["seccm_clamp_galvanostatic_outcome"] == "", "it is left out"
    assert math.isnan(first["seccm_clamp_end_potential"])
    assert second["seccm_hop_outcome"] == "contact"
    assert second["seccm_clamp_potential"] == pytest.approx(0.7)
    assert math.isfinite(second["seccm_clamp_end_potential"])
    assert fake.log.count("safe") == 3, "after the overload, after the run, and its end"


def test_an_overload_ends_a_scan_that_is_to_stop(RE, docs, fake):
    fake.overloads = {2}
    with pytest.raises(OverloadError, match="left its range at x=1 um, y=0 um"):
        RE(hop_list(fake.device, CurrentSample(), POINTS, overload="stop"))
    assert outcomes(docs) == ["contact", "overload"], "the hop itself is recorded"
    assert fake.log[-1] == "safe"


def test_overloads_in_a_row_are_no_good_pixels(RE, docs, fake):
    fake.overloads = {2, 3}
    with pytest.raises(TooManyMissesError, match=r"overload.*is the gain too high"):
        RE(hop_list(fake.device, CurrentSample(), POINTS, max_misses=2))
    assert outcomes(docs) == ["contact", "overload", "overload"]
