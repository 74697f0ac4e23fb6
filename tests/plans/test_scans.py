"""Hopping scans without an IOC: order of messages, documents, refusals, ends."""

import math

import bluesky.plan_stubs as bps
import pytest
from bluesky.simulators import assert_message_and_return_remaining
from bluesky.utils import FailedStatus
from event_model import DocumentNames, schema_validators
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seccm_ophyd.errors import (
    CommandRefusedError,
    ParameterError,
    TooManyMissesError,
    TrippedError,
)
from seccm_ophyd.plans import hop_list, hop_scan
from seccm_ophyd.techniques import CurrentSample

GRID = (-1, 1, 3, -2, 2, 2)


def events(docs):
    return [doc["data"] for name, doc in docs if name == "event"]


def named(docs, wanted):
    return [doc for name, doc in docs if name == wanted]


def test_one_event_per_hop_with_position_height_and_current(RE, docs, fake):
    (uid,) = RE(hop_scan(fake.device, CurrentSample(), *GRID))
    found = events(docs)
    assert [e["seccm_hop_index"] for e in found] == [0, 1, 2, 3, 4, 5]
    assert [(e["seccm_xy_x"], e["seccm_xy_y"]) for e in found] == [
        (-1, -2), (0, -2), (1, -2), (-1, 2), (0, 2), (1, 2),
    ]  # fmt: skip
    assert [e["seccm_z_contact_height"] for e in found] == [
        fake.height(e["seccm_xy_x"], e["seccm_xy_y"]) for e in found
    ]
    assert [e["seccm_clamp_current"] for e in found] == [101, 102, 103, 104, 105, 106]
    assert {e["seccm_hop_outcome"] for e in found} == {"contact"}
    assert named(docs, "start")[0]["uid"] == uid
    assert named(docs, "stop")[0]["exit_status"] == "success"


def test_every_document_validates(RE, docs, fake):
    fake.misses = {2}
    RE(hop_scan(fake.device, CurrentSample(), *GRID))
    assert {name for name, _ in docs} == {"start", "descriptor", "event", "stop"}
    for name, doc in docs:
        schema_validators[DocumentNames[name]].validate(doc)


def test_the_start_document_tells_what_was_asked_for(RE, docs, fake):
    technique = CurrentSample(potential_v=0.7)
    md = {"note": "mine"}
    RE(hop_scan(fake.device, technique, *GRID, snake=True, md=md))
    start = named(docs, "start")[0]
    assert start["plan_name"] == "hop_scan"
    assert start["techniques"] == [technique.to_dict()]
    assert start["plan_args"]["threshold_pa"] == 2.0
    assert start["rest_potential_v"] == 0.38
    assert start["shape"] == [2, 3]
    assert start["extents"] == [[-2, 2], [-1, 1]]
    assert start["snaking"] == [False, True]
    assert start["num_points"] == 6
    assert start["note"] == "mine"
    assert md == {"note": "mine"}


def test_snake_scans_every_other_line_backwards(RE, docs, fake):
    RE(hop_scan(fake.device, CurrentSample(), *GRID, snake=True))
    assert [e["seccm_hop_index"] for e in events(docs)] == [0, 1, 2, 5, 4, 3]
    assert [e["seccm_xy_x"] for e in events(docs)] == [-1, 0, 1, 1, 0, -1]


def test_hop_list_keeps_the_order_of_its_points(RE, docs, fake):
    points = [(3, 1), (0, 0), (-2, 5)]
    RE(hop_list(fake.device, CurrentSample().to_dict(), points))
    assert [(e["seccm_xy_x"], e["seccm_xy_y"]) for e in events(docs)] == points
    assert named(docs, "start")[0]["plan_args"]["points"] == [[3, 1], [0, 0], [-2, 5]]


def test_each_hop_withdraws_moves_lands_measures(RE, fake):
    RE(hop_scan(fake.device, CurrentSample(), 0, 1, 2, 0, 0, 1))
    assert fake.log[:9] == [
        "withdraw", ("xy_x", 0.0, "WITHDRAWN"), ("xy_y", 0.0, "WITHDRAWN"),
        "approach", "acquire",
        "withdraw", ("xy_x", 1.0, "WITHDRAWN"),  # y stays: no message
        "approach", "acquire",
    ]  # fmt: skip
    assert fake.log[9:] == ["safe"] * len(fake.log[9:])
    assert "safe" in fake.log


def test_the_messages_of_a_hop_come_in_order(sim_RE, fake):
    m = fake.device
    msgs = sim_RE.simulate_plan(hop_scan(m, CurrentSample(), *GRID))
    for want in (
        lambda msg: msg.command == "open_run",
        lambda msg: msg.command == "checkpoint",
        lambda msg: msg.command == "trigger" and msg.obj is m.z.withdraw,
        lambda msg: msg.command == "wait",
        lambda msg: msg.command == "set" and msg.obj is m.xy.x,
        lambda msg: msg.command == "set" and msg.obj is m.xy.y,
        lambda msg: msg.command == "wait",
        lambda msg: msg.command == "trigger" and msg.obj is m.z.approach,
        lambda msg: msg.command == "wait",
        lambda msg: msg.command == "trigger" and msg.obj is m.clamp.acquire,
        lambda msg: msg.command == "wait",
        lambda msg: msg.command == "create",
        lambda msg: msg.command == "save",
        lambda msg: msg.command == "close_run",
        lambda msg: msg.command == "unstage",
        lambda msg: msg.command == "trigger" and msg.obj is m.safe,
    ):
        msgs = assert_message_and_return_remaining(msgs, want)


def test_between_two_saves_stands_exactly_one_checkpoint(sim_RE, fake):
    msgs = sim_RE.simulate_plan(hop_scan(fake.device, CurrentSample(), *GRID))
    hops = [m.command for m in msgs if m.command in ("checkpoint", "save")]
    inner = hops[: len(hops) - hops[::-1].index("save")]
    assert inner == ["checkpoint", "save"] * 6
    assert "clear_checkpoint" not in [m.command for m in msgs]


def test_a_missed_landing_is_an_event_with_nan(RE, docs, fake):
    fake.misses = {2}
    RE(hop_scan(fake.device, CurrentSample(), *GRID))
    found = events(docs)
    assert [e["seccm_hop_outcome"] for e in found] == [
        "contact", "no_contact", "contact", "contact", "contact", "contact",
    ]  # fmt: skip
    assert math.isnan(found[1]["seccm_z_contact_height"])
    assert math.isnan(found[1]["seccm_clamp_current"])
    assert found[1]["seccm_xy_x"] == 0
    assert fake.log.count("acquire") == 5


def test_too_many_misses_in_a_row_end_the_scan_safely(RE, docs, fake):
    fake.misses = {2, 4, 5}
    with pytest.raises(TooManyMissesError, match=r"2 hops in a row.*\(2 no_contact\)"):
        RE(hop_scan(fake.device, CurrentSample(), *GRID, max_misses=2))
    assert len(events(docs)) == 5
    assert named(docs, "stop")[0]["exit_status"] == "fail"
    assert fake.log[-1] == "safe"


def test_after_the_first_landing_the_travel_limit_is_that_of_a_hop(RE, fake):
    seen = []
    fake.device.z.travel_limit.subscribe(
        lambda value, **kw: seen.append((value, fake.approaches)), run=False
    )
    RE(hop_scan(fake.device, CurrentSample(), *GRID, travel_limit_um=9.0))
    assert seen == [(9.0, 1), (100.0, 6)]


def test_settings_are_put_back(RE, fake):
    z = fake.device.z
    z.withdraw_distance.sim_put(7.0)
    RE(hop_scan(fake.device, CurrentSample(), *GRID, withdraw_um=3.0))
    assert z.withdraw_distance.get() == 7.0
    assert z.threshold.get() == 2.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x_num": 0}, "x_num=0"),
        ({"y_num": -3}, "y_num=-3"),
        ({"x_num": 2.5}, "x_num=2.5"),
        ({"x_stop": 31}, "seccm_xy_x=31 must be between -30 and 30 um"),
        ({"y_start": math.nan}, "y_start=nan is not a finite"),
        ({"x_start": math.inf}, "x_start=inf is not a finite"),
        ({"threshold_pa": 0.0}, "threshold_pa=0.0"),
        ({"threshold_pa": math.nan}, "threshold_pa=nan"),
        ({"threshold_pa": -2.0}, "wrong sign: at 0.65 V.*anodic"),
        ({"threshold_pa": 1.0}, "at least 1.12 pA.*0.28 pA rms noise"),
        ({"withdraw_um": -4.0}, "withdraw_um=-4.0.*0.1 and 100 um"),
        ({"withdraw_um": math.nan}, "withdraw_um=nan"),
        ({"approach_rate_um_s": 0.0}, "approach_rate_um_s=0.0"),
        ({"travel_limit_um": 3.0}, "more than withdraw_um=4"),
        ({"max_misses": 0}, "max_misses=0"),
        ({"overload": "ignore"}, "overload='ignore' must be record or stop"),
        ({"technique": {"technique": "Nothing"}}, "Nothing"),
        ({"technique": 0.65}, "no technique"),
    ],
)
def test_bad_arguments_are_refused_before_anything_moves(
    RE, docs, fake, change, message
):
    names = ("technique", "x_start", "x_stop", "x_num", "y_start", "y_stop", "y_num")
    arguments = dict(zip(names, (CurrentSample(), *GRID), strict=True)) | change
    with pytest.raises(ParameterError, match=message):
        RE(hop_scan(fake.device, **arguments))
    assert docs == []
    assert not {"withdraw", "approach", "acquire"} & set(map(str, fake.log))
    assert not [entry for entry in fake.log if isinstance(entry, tuple)]


def test_a_threshold_below_two_digitiser_steps_is_refused(RE, docs, fake):
    fake.device.clamp.current_step.sim_put(3.052)
    with pytest.raises(ParameterError, match=r"2 x 3.05 pA digitiser step"):
        RE(hop_scan(fake.device, CurrentSample(), *GRID))
    assert docs == []


@pytest.mark.parametrize(
    ("points", "message"),
    [([], "no point"), ([(1, 2, 3)], "pair"), ([(0, 0), (0, 99)], "seccm_xy_y=99")],
)
def test_hop_list_refuses_bad_points(RE, docs, fake, points, message):
    with pytest.raises(ParameterError, match=message):
        RE(hop_list(fake.device, CurrentSample(), points))
    assert docs == []


def test_below_the_rest_potential_the_threshold_is_cathodic(RE, docs, fake):
    RE(hop_scan(fake.device, CurrentSample(potential_v=0.1), *GRID))
    assert named(docs, "start")[0]["plan_args"]["threshold_pa"] == -2.0


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(value=st.floats(), name=st.sampled_from(["x_start", "x_stop", "y_start"]))
def test_no_point_outside_the_stage_ever_gets_a_message(sim_RE, fake, value, name):
    names = ("x_start", "x_stop", "x_num", "y_start", "y_stop", "y_num")
    arguments = dict(zip(names, GRID, strict=True)) | {name: value}
    try:
        msgs = sim_RE.simulate_plan(hop_scan(fake.device, CurrentSample(), **arguments))
    except ParameterError:
        return
    moves = [m.args[0] for m in msgs if m.command == "set" and "xy" in m.obj.name]
    assert all(-30 <= position <= 30 for position in moves)


@pytest.mark.parametrize("command", ["withdraw", "approach", "acquire"])
def test_a_trip_ends_the_run_and_makes_safe(RE, docs, fake, command):
    fake.outcomes[command] = 4
    with pytest.raises(TrippedError, match="the fake says no"):
        RE(hop_scan(fake.device, CurrentSample(), *GRID))
    assert named(docs, "stop")[0]["exit_status"] == "fail"
    assert fake.log[-1] == "safe"


def test_a_refused_move_is_not_taken_for_a_move(RE, docs, fake):
    fake.refused = {("seccm_xy_x", 0.0)}
    with pytest.raises(CommandRefusedError, match="seccm_xy_x was not moved to 0"):
        RE(hop_scan(fake.device, CurrentSample(), *GRID))
    assert len(events(docs)) == 1


def test_a_lost_connection_fails_the_hop_at_once(RE, docs, fake):
    fake.silent = {"approach"}

    def restart(value, **kwargs):
        fake.device.z.link.boot_id.sim_put(8)

    fake.device.z.approach.request.subscribe(restart, run=False)
    with pytest.raises(Exception, match="has restarted: tip state unknown"):
        RE(hop_scan(fake.device, CurrentSample(), *GRID))
    assert events(docs) == []


def test_the_stubs_land_and_withdraw(RE, fake):
    from seccm_ophyd.plans import approach, hop_to, make_safe, withdraw

    RE(hop_to(fake.device, 2, 3, potential_v=0.65))
    assert fake.state == "CONTACT"
    assert fake.device.z.contact_height.get() == pytest.approx(1.23)
    RE(withdraw(fake.device))
    assert fake.state == "WITHDRAWN"
    RE(approach(fake.device))
    RE(make_safe(fake.device))
    assert fake.log[-1] == "safe"


def test_a_failed_status_that_is_not_ours_is_passed_on(RE, fake):
    axis = fake.device.xy.x
    fake.silent = {axis.name}
    axis.settle.sim_put(-9.9)  # a time-out of 0.1 s instead of 10
    with pytest.raises(FailedStatus):
        RE(bps.mv(axis, 5.0))


@pytest.mark.parametrize("given", ["a", [1, 2], {}, None, math.nan])
def test_a_stub_refuses_what_is_no_position(RE, fake, given):
    from seccm_ophyd.plans import hop_to

    told = r"seccm_xy_y=.* is not a finite number: give -30 to 30 um"
    with pytest.raises(ParameterError, match=told):
        RE(hop_to(fake.device, 0.0, given, potential_v=0.65))
