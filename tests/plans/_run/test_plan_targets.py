"""Where a plan hops to: coordinates, or a stored run and a rule."""

import numpy as np
import pytest

from seccm_ophyd import analysis
from seccm_ophyd.errors import ParameterError
from seccm_ophyd.plans import approach_curves, current_map, hop_list, local_charge
from seccm_ophyd.techniques import CurrentSample
from tests.plans.calls import CALLS, TIMES, documents, moved

BY_RULE = [call for call in CALLS if {"point", "points"} & set(call.parameters)]


class Rule:
    """Stands for `find_targets`: remembers what it was asked, answers as it is told."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def __call__(self, run, rule, **options):
        self.asked.append((run, rule, options))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def rule(monkeypatch):
    """Put a rule in place of the analysis."""
    stand_in = Rule([(1.5, -3.0), (np.float64(2.0), 0.5)])
    monkeypatch.setattr(analysis, "find_targets", stand_in, raising=False)
    return stand_in


@pytest.mark.parametrize("call", BY_RULE, ids=[call.name for call in BY_RULE])
def test_a_plan_takes_a_run_and_a_rule(RE, docs, fake, rule, call):
    name = "point" if "point" in call.parameters else "points"
    target = {"run": "the run", "rule": "brightest", "n": 2}
    RE(call(fake.device, **{name: target}))
    assert rule.asked == [("the run", "brightest", {"n": 2})]
    assert target == {"run": "the run", "rule": "brightest", "n": 2}
    told = documents(docs, "start")[0]["plan_args"][name]
    assert told == ([1.5, -3.0] if name == "point" else [[1.5, -3.0], [2.0, 0.5]])


@pytest.mark.parametrize("run", ["5f3c", -1])
def test_a_microscope_that_knows_its_runs_finds_them(RE, fake, rule, run):
    fake.device.find_run = lambda key: {"found": key}
    RE(hop_list(fake.device, CurrentSample(), {"run": run, "rule": "brightest"}))
    assert rule.asked[0][0] == {"found": run}


def test_a_run_that_is_at_hand_needs_no_finding(RE, fake, rule):
    at_hand = object()
    fake.device.find_run = None
    RE(hop_list(fake.device, CurrentSample(), {"run": at_hand, "rule": "on"}))
    assert rule.asked[0][0] is at_hand


@pytest.mark.parametrize(
    ("points", "answer", "message"),
    [
        ({"rule": "on"}, [], "points need 'run': give pairs"),
        ({"run": "a"}, [], "points need 'rule': give pairs"),
        ({"run": "a", "rule": "on"}, [], "rule='on' finds no point"),
        ({"run": "a", "rule": "on"}, ValueError("too few"), "finds no point: too few"),
        ({"run": "a", "rule": "?"}, KeyError("?"), r"rule='\?' finds no point"),
        ({"run": "a", "rule": "on"}, [(0, 99)], "seccm_xy_y=99 must be between"),
        ([(1, 2, 3)], [], "must be pairs"),
        ([("a", 2)], [], "must be pairs"),
        (7, [], "points=7 must be pairs"),
        ([], [], "there is no point to hop to"),
    ],
)
@pytest.mark.parametrize("plan", [hop_list, approach_curves])
def test_points_that_are_none_are_refused(
    RE, docs, fake, rule, plan, points, answer, message
):
    rule.answer = answer
    arguments = (CurrentSample(), points) if plan is hop_list else (points,)
    with pytest.raises(ParameterError, match=message):
        RE(plan(fake.device, *arguments))
    assert docs == []
    assert moved(fake) == []


@pytest.mark.parametrize("point", [3, (1,), (1, 2, 3), [(1, 2)], ("a", 2)])
def test_one_point_is_one_pair(RE, docs, fake, point):
    with pytest.raises(ParameterError, match="must be pairs"):
        RE(local_charge(fake.device, point, **TIMES))
    assert docs == []


def test_a_run_that_cannot_be_found_is_told(RE, fake, rule):
    def find_run(key):
        raise KeyError(f"no run {key!r}")

    fake.device.find_run = find_run
    with pytest.raises(ParameterError, match="no run 'gone'"):
        RE(hop_list(fake.device, CurrentSample(), {"run": "gone", "rule": "on"}))


def test_a_charge_goes_to_the_brightest_place_of_a_map(RE, docs, fake):
    """With the real rules: the fake's current grows from landing to landing."""
    RE(current_map(fake.device, -1, 1, 3, -2, 2, 2))
    stored = list(docs)
    docs.clear()
    RE(local_charge(fake.device, {"run": stored, "rule": "brightest"}, **TIMES))
    assert documents(docs, "start")[0]["plan_args"]["point"] == [1.0, 2.0]
    moves = [entry for entry in fake.log if isinstance(entry, tuple)]
    assert moves[-2:] == [("xy_x", 1.0, "WITHDRAWN"), ("xy_y", 2.0, "WITHDRAWN")]
