"""What a plan will take, told before it begins."""

import itertools
import math
import sys
import time

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import bluesky.preprocessors as bpp
import pytest

from seccm_ophyd.devices import Microscope
from seccm_ophyd.errors import ParameterError
from seccm_ophyd.plans import (
    Estimate,
    current_map,
    estimate,
    hop_list,
    hop_scan,
    hop_to,
    local_charge,
)
from seccm_ophyd.techniques import CurrentSample, Galvanostatic
from tests.plans.calls import BY_NAME, documents, each_plan, moved


@each_plan
def test_it_is_what_the_start_documents_tell(RE, docs, fake, call):
    expected = estimate(call(fake.device))
    assert moved(fake) == []
    RE(call(fake.device))
    told = [Estimate(**start["estimate"]) for start in documents(docs, "start")]
    assert expected == sum(told[1:], told[0])
    assert expected.hops == sum(call.hops)
    assert expected.duration_s > 0
    assert expected.bytes > 0


def test_it_is_made_of_the_parts_of_a_hop(fake):
    points = [(0, 0), (20, 10), (20, 10)]
    fake.device.xy.x.velocity.sim_put(100.0)
    fake.device.xy.y.velocity.sim_put(10.0)
    fake.device.z.axis.user_readback.sim_put(44.0)
    technique = CurrentSample(settle_s=1.0, samples=10, sample_rate_hz=100.0)
    plan = hop_list(
        fake.device, technique, points, withdraw_um=4.0, approach_rate_um_s=10.0
    )
    hop_s = 4 / 200 + 0.02 + 4 / 10 + 1.1
    # the first descent, then y takes longer than x
    assert estimate(plan).duration_s == pytest.approx(40 / 10 + 10 / 10 + 3 * hop_s)


def test_long_acquisitions_and_their_traces_count(fake):
    short, long = (
        estimate(local_charge(fake.device, (0, 0), duration_s=seconds, soak_s=10))
        for seconds in (100, 1100)
    )
    assert long.duration_s - short.duration_s == pytest.approx(1000)
    assert long.bytes - short.bytes == 1000 * 3 * 8


def test_it_needs_no_ioc():
    microscope = Microscope("NOBODY:", name="seccm")
    try:
        expected = estimate(current_map(microscope, -5, 5, 64, -5, 5, 64))
    finally:
        microscope.destroy()
    assert expected.hops == 4096
    assert 900 < expected.duration_s < 1500


def test_a_plan_that_refuses_its_arguments_has_no_estimate(fake):
    with pytest.raises(ParameterError, match="x_num=0"):
        estimate(current_map(fake.device, 0, 1, 0, 0, 1, 1))


LONG = Galvanostatic(duration_s=20_000, interval_s=1)


@pytest.mark.parametrize(
    "arguments",
    [
        (LONG, [(0, 0)] * 5),
        ([LONG] * 5, [(0, 0)]),
        ([CurrentSample(samples=20_000)] * 50, [(0, 0)] * 420),
    ],
    ids=["hops", "techniques", "bytes"],
)
def test_beyond_a_day_or_10_gb_it_is_refused_unless_forced(RE, docs, fake, arguments):
    with pytest.raises(
        ParameterError, match=r"24 h or 10 GB: give force=True"
    ) as refused:
        RE(hop_list(fake.device, *arguments))
    assert docs == []
    assert moved(fake) == []
    forced = estimate(hop_list(fake.device, *arguments, force=True))
    assert str(forced) in str(refused.value)


def test_the_runs_of_one_plan_are_refused_together(RE, docs, fake):
    """Each map is within a day, both are not: the first must not begin."""
    grid = {"x_num": 150, "y_num": 150}
    alone = estimate(BY_NAME["potential_map"](fake.device, **grid, duration_s=2.0))
    assert 43200 < alone.duration_s < 86400
    with pytest.raises(ParameterError, match=r"45001 hops.*force=True"):
        RE(BY_NAME["charge_and_remap"](fake.device, **grid, hold_s=2.0))
    assert docs == []
    assert moved(fake) == []


@pytest.mark.parametrize(
    ("hops", "seconds", "size", "told"),
    [
        (1, 12.3, 4e5, "1 hop, about 12 s, 0.4 MB"),
        (4096, 1080, 78.9e6, "4096 hops, about 18 min, 78.9 MB"),
        (2, 9000, 2.5e9, "2 hops, about 2.5 h, 2.5 GB"),
    ],
)
def test_it_tells_itself_in_a_line(hops, seconds, size, told):
    assert str(Estimate(hops, seconds, size)) == told


@each_plan
def test_the_plan_can_be_run_afterwards(RE, docs, fake, call):
    plan = call(fake.device)
    assert estimate(plan) == estimate(plan)
    RE(plan)
    ends = [stop["num_events"]["primary"] for stop in documents(docs, "stop")]
    assert ends == list(call.hops)


def test_it_takes_no_longer_for_millions_of_hops(fake):
    both, grid = [CurrentSample(), CurrentSample()], (0, 20, 2000)
    plan = hop_scan(fake.device, both, *grid, *grid, force=True)
    began = time.perf_counter()
    expected = estimate(plan)
    assert time.perf_counter() - began < 0.2  # a list of the points takes seconds
    assert expected.hops == 4_000_000


@pytest.mark.parametrize("snake", [False, True])
def test_a_grid_takes_as_long_as_its_points(fake, snake):
    for axis in (fake.device.xy.x, fake.device.xy.y):
        axis.velocity.sim_put(10.0)
    columns, lines = (-1.0, 0.5, 2.0), (3.0, 4.0)
    points = [
        (x, y)
        for k, y in enumerate(lines)
        for x in (columns[::-1] if snake and k else columns)
    ]
    grid = hop_scan(fake.device, CurrentSample(), -1, 2, 3, 3, 4, 2, snake=snake)
    listed = hop_list(fake.device, CurrentSample(), points)
    assert estimate(grid).duration_s == pytest.approx(estimate(listed).duration_s)


def test_an_adaptive_scan_is_faster_from_its_second_line_on(fake):
    def duration(lines, pitch=0.1, **options):
        grid = (0, 31 * pitch, 32, 0, pitch * (lines - 1), lines)
        return estimate(current_map(fake.device, *grid, **options)).duration_s

    assert duration(1, adaptive=True) == duration(1)
    # of 32 hops on the simulated composite each takes 72 instead of 261 ms
    line = duration(33, adaptive=True) - duration(32, adaptive=True)
    assert line == pytest.approx(32 * 0.072, rel=0.1)
    assert duration(9, adaptive=True, margin_um=3.0) > duration(9, adaptive=True)
    # so far apart no line shows anything of the next
    far = estimate(current_map(fake.device, 0, 1, 11, 0, 9, 4, adaptive=True))
    plain = estimate(current_map(fake.device, 0, 1, 11, 0, 9, 4))
    assert far == plain


@pytest.mark.parametrize(
    "make",
    [
        lambda m: bp.count([m.clamp], num=None),
        lambda m: bp.scan([m.clamp], m.xy.x, 0, 1, 3),
        lambda m: bps.sleep(3),
        lambda m: (msg for msg in itertools.chain.from_iterable(_waits())),
        lambda m: [],
        lambda m: hop_to(m, 0, 0, potential_v=0.65),
    ],
    ids=["endless", "scan", "stub", "endless stub", "empty", "hop_to"],
)
def test_of_other_plans_it_is_unknown(fake, make, monkeypatch):
    module = sys.modules[Estimate.__module__]
    monkeypatch.setattr(module, "_MOST_MESSAGES", 1000)
    expected = estimate(make(fake.device))
    assert str(expected).startswith("unknown: ")
    assert math.isnan(expected.duration_s)


def _waits():
    while True:
        yield bps.null()


def test_plans_in_a_plan_are_summed_up(fake):
    one = estimate(current_map(fake.device, 0, 1, 2, 0, 1, 2))
    both = bpp.pchain(*(current_map(fake.device, 0, 1, 2, 0, 1, 2) for _ in range(2)))
    assert estimate(both) == one + one
    with pytest.raises(ParameterError, match="make the plan again"):
        estimate(both)


@pytest.mark.parametrize("given", [5, None, current_map, bp.count])
def test_what_is_no_plan_has_none(given):
    with pytest.raises(ParameterError, match=r"is no plan: call one"):
        estimate(given)
