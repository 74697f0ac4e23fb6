import datetime
from pathlib import Path

import bluesky.plans as bp
import bluesky.preprocessors as bpp
import numpy as np
import pytest

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.plans._run.metadata import check_metadata
from seccm_ophyd.run_engine.engine import SessionEngine
from seccm_ophyd.schema import OWN_METADATA
from tests.plans.calls import BY_NAME, documents, each_plan, moved


@each_plan
def test_every_plan_refuses_the_names_that_it_records_itself(RE, docs, fake, call):
    with pytest.raises(ParameterError, match=r"md has 'techniques', which the plan"):
        RE(call(fake.device, md={"techniques": ["SECCM", "CV"]}))
    assert docs == []
    assert moved(fake) == []


@pytest.mark.parametrize("name", sorted(OWN_METADATA))
def test_names_that_are_taken(name):
    with pytest.raises(ParameterError, match=f"md has '{name}'.* 'my_{name}'"):
        check_metadata({"operator": "me", name: 1})


@pytest.mark.parametrize(
    ("md", "message"),
    [
        ("text", r"md='text' must be a dict, e\.g\. md=\{'operator'"),
        ([("operator", "me")], "must be a dict"),
        (5, "md=5 must be a dict"),
        ({3: "x"}, "md key 3 is a key of type int"),
        ({"where": Path("a")}, "md key 'where' is a PosixPath"),
        ({"when": datetime.datetime(2026, 1, 1)}, "md key 'when' is a datetime"),
        ({"a": {"b": [1, {2}]}}, r"md key 'a'\['b'\]\[1\] is a set"),
        ({"scan_id": "7"}, r"\['scan_id'\]='7' must be a whole number .* from 1 to 9"),
        ({"scan_id": -1}, "whole number .* from 1"),
        ({"scan_id": True}, "whole number .* from 1"),
        ({"scan_id": 1.5}, "whole number .* from 1"),
        ({"plan_name": " "}, r"\['plan_name'\]=' ' must be a text"),
        ({"plan_name": None}, "must be a text"),
        ({"owner": 3}, r"md\['owner'\]=3 is not what .*: give a text"),
        ({"sample": None}, r"md\['sample'\]=None .*: give a dict or a text"),
    ],
)  # fmt: skip
def test_metadata_that_no_document_can_hold_name_the_key(md, message):
    with pytest.raises(ParameterError, match=message):
        check_metadata(md)


def test_what_is_free_is_taken_as_it_is(RE, docs, fake):
    md = {
        "plan_name": "my_map",
        "scan_id": 4711,
        "sample": "foil 3",
        "operator": "Ada",
        "series": "May",
        "numbers": np.arange(3),
        "deep": {"a": [1, None, True, np.float64(0.5)]},
    }
    RE(BY_NAME["current_map"](fake.device, md=md))
    (start,) = documents(docs, "start")
    for key in ("plan_name", "scan_id", "sample", "operator", "series", "deep"):
        assert start[key] == md[key]
    assert start["techniques"][0]["technique"] == "CurrentSample"
    assert len(md) == 7  # the caller's dict is left alone


def test_the_parts_of_a_plan_are_linked_whatever_the_user_adds(RE, docs, fake):
    RE(BY_NAME["charge_and_remap"](fake.device, md={"operator": "Ada"}))
    starts = documents(docs, "start")
    assert [s["part"] for s in starts] == ["map before", "charge", "map after"]
    assert len({s["series"] for s in starts}) == 1


@pytest.fixture
def engine():
    made = SessionEngine({}, context_managers=[])
    yield made
    made.end_loop()


@pytest.mark.parametrize("name", ["hop_grid", "uid", "resumes", "hints", "shape"])
def test_the_engine_refuses_them_for_any_plan(engine, fake, name):
    found = []
    engine.subscribe(lambda *document: found.append(document))
    with pytest.raises(ParameterError, match=rf"RE\(plan, \.\.\.\) has '{name}'"):
        engine(BY_NAME["hop_list"](fake.device), **{name: "coarse"})
    engine.md[name] = "coarse"
    with pytest.raises(ParameterError, match=rf"del RE\.md\['{name}'\]"):
        engine(BY_NAME["hop_list"](fake.device))
    assert found == []
    del engine.md[name]
    engine.md["operator"] = "Ada"
    engine(BY_NAME["hop_list"](fake.device), project="films")
    start = found[0][1]
    assert (start["operator"], start["project"]) == ("Ada", "films")


@pytest.mark.parametrize(
    "md",
    [{"techniques": ["SECCM", "CV"]}, {"techniques": "CV"}, {"hop_grid": "coarse"}],
)
def test_they_are_refused_whatever_way_they_come(engine, fake, md):
    found = []
    engine.subscribe(lambda *document: found.append(document))
    (name,) = md
    for plan in (
        bp.count([], md=md),
        bpp.inject_md_wrapper(BY_NAME["current_map"](fake.device), md),
    ):
        with pytest.raises(ParameterError, match=rf"{name}=.* e\.g\. 'my_{name}'"):
            engine(plan)
    assert found == []
    engine(bp.count([], md={"shape": "round", "operator": "Ada"}))
    assert [document[0] for document in found] == ["start", "stop"]
