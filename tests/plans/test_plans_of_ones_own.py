"""The seam for plans of one's own: `hop`, a run around it, `per_hop` of the scans."""

import bluesky.plan_stubs as bps
import pytest

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.plans import (
    HopOptions,
    HopPoint,
    hop,
    hop_fly,
    hop_list,
    hop_run_decorator,
    hop_run_wrapper,
    hop_scan,
    resume_scan,
)
from seccm_ophyd.techniques import CurrentSample, CyclicVoltammetry, as_techniques
from tests.plans.calls import GRID, documents, moved

POINTS = [(0.0, 0.0), (1.5, -3.0), (1.5, 2.0)]


def towards_the_lowest(microscope, seen):
    """Choose each point by what came of the one before, as an adaptive loop does."""
    for index in range(3):
        x, y = POINTS[len(seen)]
        seen.append((yield from hop(microscope, HopPoint(index, x, y))))


def test_a_run_around_hops_of_ones_own(RE, docs, fake):
    seen = []
    uids = RE(
        hop_run_wrapper(
            towards_the_lowest(fake.device, seen), fake.device, CurrentSample()
        )
    )
    (start,) = documents(docs, "start")
    assert uids == (start["uid"],)
    assert start["plan_name"] == "towards_the_lowest"
    assert start["plan_args"]["threshold_pa"] == 2.0
    assert start["motors"] == ["seccm_xy_x", "seccm_xy_y"]
    assert len(as_techniques(start["techniques"])) == 1
    assert "num_points" not in start
    assert seen == ["contact"] * 3
    events = [event["data"] for event in documents(docs, "event")]
    assert [(e["seccm_xy_x"], e["seccm_xy_y"]) for e in events] == POINTS
    assert [e["seccm_hop_index"] for e in events] == [0, 1, 2]
    assert fake.log[-1] == "safe"


def test_as_a_decorator_with_options_and_several_techniques(RE, docs, fake):
    techniques = [CurrentSample(), CyclicVoltammetry(scan_rate_v_s=10)]

    @hop_run_decorator(
        fake.device, techniques, HopOptions(withdraw_um=5.0), md={"n": 1}
    )
    def mine():
        yield from hop(fake.device, HopPoint(7, 1.0, 1.0))

    RE(mine())
    (start,), (event,) = documents(docs, "start"), documents(docs, "event")
    assert start["n"] == 1
    assert start["plan_args"]["withdraw_um"] == 5.0
    assert event["data"]["seccm_hop_index"] == 7
    assert event["data"]["seccm_clamp_cyclic_voltammetry_outcome"] == "contact"


def test_what_fails_in_it_leaves_the_instrument_safe(RE, docs, fake):
    def fails():
        yield from hop(fake.device, HopPoint(0, 0.0, 0.0))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        RE(hop_run_wrapper(fails(), fake.device, CurrentSample()))
    (stop,) = documents(docs, "stop")
    assert stop["exit_status"] == "fail"
    assert stop["num_events"]["primary"] == 1
    assert fake.log[-1] == "safe"


def test_after_an_overload_the_next_hop_is_prepared(RE, docs, fake):
    fake.overloads = {1}
    seen = []
    plan = towards_the_lowest(fake.device, seen)
    RE(hop_run_wrapper(plan, fake.device, CurrentSample(potential_v=0.7)))
    assert seen == ["overload", "contact", "contact"]
    assert fake.log.index("acquire") < fake.log.index("safe")
    again = fake.log[fake.log.index("safe") :]
    assert again.count("acquire") == 2
    assert fake.device.clamp.prepared == (CurrentSample(potential_v=0.7),)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"withdraw_um": 1.0}, "withdraw_um=1 .*not known beforehand: .* least 3 um"),
        ({"threshold_pa": 1.0}, "at least 1.12 pA"),
        ({"threshold_pa": -2.0}, "threshold_pa=-2"),
    ],
)
def test_what_is_refused_is_refused_before_anything_moves(
    RE, docs, fake, options, message
):
    plan = towards_the_lowest(fake.device, [])
    with pytest.raises(ParameterError, match=message):
        RE(hop_run_wrapper(plan, fake.device, CurrentSample(), HopOptions(**options)))
    assert docs == []
    assert moved(fake) == []


# -- per_hop ---------------------------------------------------------------------------


def warmed(microscope, point, techniques, *, before=None, following=None):
    """Do something before each hop, as ``per_step`` may."""
    yield from bps.null()
    return (
        yield from hop(
            microscope, point, techniques, before=before, following=following
        )
    )


@pytest.mark.parametrize("adaptive", [False, True])
def test_per_hop_makes_the_hops_of_a_scan(RE, docs, fake, adaptive):
    points = []

    def noted(microscope, point, techniques, **others):
        points.append(point)
        return (yield from hop(microscope, point, techniques, **others))

    RE(hop_scan(fake.device, CurrentSample(), *GRID, per_hop=noted, adaptive=adaptive))
    (start,) = documents(docs, "start")
    assert [point.index for point in points] == list(range(6))
    assert start["plan_args"]["per_hop"] == (
        f"{__name__}.test_per_hop_makes_the_hops_of_a_scan.<locals>.noted"
    )
    assert len(documents(docs, "event")) == 6


def test_a_hop_per_hop_sends_what_a_plain_scan_sends(fake):
    def commands(**options):
        plan = hop_list(fake.device, CurrentSample(), POINTS, **options)
        return [message.command for message in plan if message.command != "null"]

    assert commands(per_hop=warmed) == commands()


def test_per_hop_is_a_function(RE, docs, fake):
    plan = hop_list(fake.device, CurrentSample(), POINTS, per_hop="warmed")
    with pytest.raises(ParameterError, match="per_hop='warmed' is no function"):
        RE(plan)
    assert moved(fake) == []
    with pytest.raises(TypeError, match="per_hop"):
        hop_fly(fake.device, CurrentSample(), *GRID, per_hop=warmed)


def test_a_scan_with_per_hop_is_resumed_with_it(RE, docs, fake):
    def once(microscope, point, techniques, **others):
        if point.index == 2:
            raise ZeroDivisionError
        return (yield from hop(microscope, point, techniques, **others))

    with pytest.raises(ZeroDivisionError):
        RE(hop_list(fake.device, CurrentSample(), POINTS, per_hop=once))
    stored = list(docs)
    fake.device.find_run = lambda run: stored
    with pytest.raises(ParameterError, match=r"per_hop=.*once: give this function"):
        RE(resume_scan(fake.device, -1))
    RE(resume_scan(fake.device, -1, per_hop=warmed))
    assert documents(docs, "start")[-1]["plan_args"]["per_hop"] == f"{__name__}.warmed"
    assert [e["data"]["seccm_hop_index"] for e in documents(docs, "event")] == [0, 1, 2]
