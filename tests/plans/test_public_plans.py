"""What holds for every public plan: success, documents, failure, abort, a dry run."""

import inspect
import json

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import pytest
from bluesky.simulators import check_limits, summarize_plan
from bluesky.utils import RunEngineInterrupted, single_gen
from event_model import DocumentNames, schema_validators

from seccm_ophyd import plans
from seccm_ophyd.devices import Microscope
from seccm_ophyd.errors import (
    CommandRefusedError,
    CommandTimeoutError,
    ParameterError,
)
from seccm_ophyd.techniques import as_techniques
from tests.plans.calls import BY_NAME, CALLS, GRID, SAMPLE, documents, each_plan, moved

OTHERS = {"approach", "hop", "hop_to", "make_safe", "withdraw", "estimate", "Estimate"}
OTHERS |= {"HopOptions", "HopPoint", "hop_run_decorator", "hop_run_wrapper"}
OTHERS |= {"resume_scan"}  # test_resume.py: it needs a run
OTHERS |= {"hop_fly"}  # tests/system/test_fly.py: it needs an IOC that hops by itself


def test_every_public_plan_is_called_here():
    assert set(BY_NAME) | OTHERS == set(plans.__all__)


@each_plan
def test_a_plan_gives_its_runs_and_leaves_the_instrument_safe(RE, docs, fake, call):
    uids = RE(call(fake.device, md={"note": "mine"}))
    starts = documents(docs, "start")
    assert tuple(start["uid"] for start in starts) == uids
    assert [stop["exit_status"] for stop in documents(docs, "stop")] == [
        "success" for _ in uids
    ]
    for name, doc in docs:
        schema_validators[DocumentNames[name]].validate(doc)
    assert [stop["num_events"]["primary"] for stop in documents(docs, "stop")] == list(
        call.hops
    )
    assert [start["num_points"] for start in starts] == list(call.hops)
    assert {start["note"] for start in starts} == {"mine"}
    outcomes = {e["data"]["seccm_hop_outcome"] for e in documents(docs, "event")}
    assert outcomes == {"contact"}
    assert fake.log[-1] == "safe"
    assert fake.device.clamp.mode.get() == "VCLAMP"


@each_plan
def test_the_value_of_a_plan_is_its_uids(RE, docs, fake, call):
    returned = []

    def outer():
        returned.append((yield from call(fake.device)))

    uids = RE(outer())
    assert returned == [uids if len(uids) > 1 else uids[0]]


@each_plan
def test_the_start_document_tells_every_argument(RE, docs, fake, call):
    RE(call(fake.device))
    bound = inspect.signature(call.plan).bind(fake.device, *call.args, **call.kwargs)
    given = {**bound.arguments, "microscope": "seccm"}
    for start, techniques in zip(
        documents(docs, "start"), call.techniques, strict=True
    ):
        assert json.loads(json.dumps(start)) == start
        assert start["plan_name"] == call.name
        told = start["plan_args"]
        assert set(told) == set(call.parameters) - {"md"}
        plain = json.loads(json.dumps(given))
        if call.name not in ("hop_scan", "hop_list"):  # there defaults are added
            assert {name: told[name] for name in plain} == plain
        made = as_techniques(start["techniques"])
        assert tuple(type(each).__name__ for each in made) == techniques
        assert start["hints"]["dimensions"]
        assert abs(told["threshold_pa"]) == 2.0


@each_plan
def test_the_told_arguments_run_the_plan_again(RE, docs, fake, call):
    RE(call(fake.device))
    first = documents(docs, "start")
    again = {**first[0]["plan_args"], "microscope": fake.device}
    docs.clear()
    RE(call.plan(**again))
    keys = ("plan_args", "techniques", "num_points", "plan_name")
    assert [[start[key] for key in keys] for start in documents(docs, "start")] == [
        [start[key] for key in keys] for start in first
    ]


@each_plan
def test_every_scalar_of_a_contact_is_in_its_event(RE, docs, fake, call):
    RE(call(fake.device))
    events = iter(documents(docs, "event"))
    for start in documents(docs, "start"):
        names = {
            f"seccm_clamp_{scalar.name}"
            for made in as_techniques(start["techniques"])
            for scalar in made.scalars
        }
        for _ in range(start["num_points"]):
            data = next(events)["data"]
            assert names <= set(data)
            missing = {key for key in names if data[key] != data[key]}  # NaN
            # the current of the fake is constant: all is measured, and nothing peaks
            assert missing == {key for key in names if "peak" in key}


# -- refusals --------------------------------------------------------------------------

REFUSED = [
    *[(call.name, {"withdraw_um": -4.0}, "withdraw_um=-4.0") for call in CALLS],
    *[(call.name, {"threshold_pa": 0.0}, "threshold_pa=0.0") for call in CALLS],
    *[(call.name, {"threshold_pa": 1.0}, "at least 1.12 pA") for call in CALLS],
    *[
        (call.name, {"point": (0, 31)}, "seccm_xy_y=31 .*-30 and 30 um")
        for call in CALLS
        if "point" in call.parameters
    ],
    *[
        (call.name, {name: bad}, f"{name}={bad}")
        for call in CALLS
        for name in ("e_vertex1_v", "e_upper_v", "potential_v", "duration_s", "x_stop")
        if name in call.parameters
        for bad in (float("nan"), 2e6)
        if (name, bad) != ("x_stop", 2e6)
    ],
    ("current_map", {"x_num": "3"}, "x_num='3' must be a whole"),
    ("current_map", {"x_start": True}, "x_start=True is not a finite"),
    ("approach_curves", {"repeats": 0}, "repeats=0"),
    ("scan_rate_series", {"scan_rates_v_s": ()}, "a list of at least one, in V/s"),
    ("scan_rate_series", {"scan_rates_v_s": 0.1}, "a list of at least one, in V/s"),
    ("scan_rate_series", {"scan_rates_v_s": (1, 2000)}, "scan_rate_v_s=2000"),
    ("local_charge", {"current_pa": -200.0}, "current_pa=-200.0.*0 and 20000 pA"),
    ("local_charge", {"current_pa": "200"}, "current_pa='200'.*0 and 20000 pA"),
    ("local_charge", {"current_pa": 0.0}, "current_pa=0 imposes no current"),
    ("local_charge", {"e_upper_v": 0.6}, "must lie between"),
    ("local_discharge", {"current_pa": 200.0}, "current_pa=200.0.*-20000 and 0 pA"),
    ("local_discharge", {"e_lower_v": 0.7}, "must lie between"),
    ("charge_discharge", {"e_lower_v": 0.7}, "must lie between"),
    ("charge_discharge", {"current_pa": None}, "current_pa=None"),
    ("charge_and_remap", {"hold_s": -1.0}, "duration_s=-1.0"),
    ("charge_and_remap", {"point": (1.6, 0)}, r"\(1.6, 0.0\) um .*-1 to 1 um"),
    *[
        (call.name, {name: "no"}, f"{name}='no'.*True or False")
        for call in CALLS
        for name in ("adaptive", "snake", "force")
        if name in call.parameters
    ],
    *[
        (call.name, change, message)
        for call in CALLS
        if "x_num" in call.parameters
        for change, message in (
            ({"x_stop": -1, "x_num": 5}, "x_num=5 .*both -1 um.*or x_num=1"),
            ({"y_num": 1}, "y_num=1 .*differ.*y_stop=-2"),
        )
    ],
    ("current_map", {"margin_um": 3.0}, "no effect without adaptive=True"),
    ("galvanostatic_map", {"current_pa": 0}, "current_pa=0"),
    ("hop_list", {"points": [(0, float("nan"))]}, "nan is not a finite"),
    ("hop_list", {"technique": []}, "must have at least one"),
]


@pytest.mark.parametrize(("name", "change", "message"), REFUSED)
def test_a_bad_argument_is_refused_before_anything_moves(
    RE, docs, fake, name, change, message
):
    with pytest.raises(ParameterError, match=message):
        RE(BY_NAME[name](fake.device, **change))
    assert docs == []
    assert moved(fake) == []


@each_plan
def test_an_unknown_argument_is_refused_when_the_plan_is_made(fake, call):
    with pytest.raises(TypeError, match="unexpected keyword argument 'speed'"):
        call(fake.device, speed=3)


@each_plan
def test_a_part_of_the_microscope_is_refused_when_the_plan_is_made(fake, call):
    with pytest.raises(
        ParameterError, match=r"seccm_xy is no microscope.*\(seccm, \.\.\."
    ):
        call(fake.device.xy)


def test_a_forgotten_technique_is_named(fake):
    with pytest.raises(ParameterError, match=r"hop_scan needs a technique.*got -1"):
        plans.hop_scan(fake.device, *GRID)
    with pytest.raises(TypeError, match=r"hop_scan: missing .*'y_num'"):
        plans.hop_scan(fake.device, SAMPLE, *GRID[:-1])


# -- failures and aborts ---------------------------------------------------------------


@each_plan
@pytest.mark.parametrize("command", ["withdraw", "approach", "acquire"])
def test_a_refusing_device_ends_the_run_safely(RE, docs, fake, call, command):
    fake.outcomes[command] = 5
    with pytest.raises(CommandRefusedError, match="the fake says no"):
        RE(call(fake.device))
    (stop,) = documents(docs, "stop")
    assert stop["exit_status"] == "fail"
    assert documents(docs, "event") == []
    assert fake.log[-1] == "safe"


@each_plan
@pytest.mark.parametrize("command", ["approach", "acquire"])
def test_a_silent_device_ends_the_run_safely(
    RE, docs, fake, call, command, monkeypatch
):
    for part in (fake.device.z, fake.device.clamp):
        monkeypatch.setattr(type(part), "command_timeout_s", lambda *a: 0.05)
    # what is handed over waits, in addition, for a move to end
    monkeypatch.setattr(type(fake.device.xy.x), "longest_s", 0.05)
    fake.silent = {command}
    with pytest.raises(CommandTimeoutError, match="has not ended within"):
        RE(call(fake.device))
    assert documents(docs, "stop")[0]["exit_status"] == "fail"
    assert fake.log[-1] == "safe"


@each_plan
def test_aborted_in_contact_the_instrument_is_safe(RE, docs, fake, call):
    def pause(msg):
        if fake.state == "CONTACT" and msg.command == "create":
            return bpp.pchain(bps.pause(), single_gen(msg)), None
        return None, None

    with pytest.raises(RunEngineInterrupted):
        RE(bpp.plan_mutator(call(fake.device), pause))
    RE.abort()
    (stop,) = documents(docs, "stop")
    assert stop["exit_status"] == "abort"
    assert fake.log[-1] == "safe"
    assert fake.state == "WITHDRAWN"
    assert fake.device.clamp.mode.get() == "VCLAMP"


# -- without an instrument -------------------------------------------------------------


@each_plan
def test_a_plan_is_summarised_without_running(fake, capsys, call):
    summarize_plan(call(fake.device))
    said = capsys.readouterr().out
    assert said.count("Open Run") == len(call.hops)
    assert said.count("seccm_xy_x ->") >= 1
    assert moved(fake) == []


@pytest.fixture
def unconnected():
    """Give a microscope whose IOC does not run."""
    microscope = Microscope("NOBODY:", name="seccm")
    yield microscope
    microscope.destroy()


@each_plan
def test_a_plan_is_summarised_without_an_ioc(unconnected, capsys, call):
    summarize_plan(call(unconnected))
    assert "Open Run" in capsys.readouterr().out


@each_plan
def test_limits_are_checked_without_running(RE, fake, call):
    check_limits(call(fake.device))
    fake.device.xy.x.low_limit_travel.sim_put(-0.5)
    fake.device.xy.x.high_limit_travel.sim_put(0.5)
    with pytest.raises(ParameterError, match=r"seccm_xy_x=.* -0.5 and 0.5 um"):
        check_limits(call(fake.device))
    assert moved(fake) == []
