"""Interrupted runs that are finished by another one."""

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import numpy as np
import pytest
from bluesky.utils import RunEngineInterrupted, single_gen

from seccm_ophyd.analysis import hop_map
from seccm_ophyd.errors import CommandRefusedError, ParameterError
from seccm_ophyd.plans import estimate, hop_list, resume_scan
from tests.plans.calls import BY_NAME, SAMPLE, documents, moved

INTERRUPTIBLE = [call for call in BY_NAME.values() if sum(call.hops) > 1]


def interrupted(RE, docs, fake, plan, hops):
    """Run a plan until the IOC refuses the landing after so many; give its run."""
    docs.clear()
    start = fake.approaches

    def refuse(name, doc):
        if fake.approaches - start >= hops:
            fake.outcomes["approach"] = 5

    fake.outcomes.pop("approach", None)
    token = RE.subscribe(refuse, "event")
    with pytest.raises(CommandRefusedError):
        RE(plan)
    RE.unsubscribe(token)
    fake.outcomes.clear()
    run = list(docs)
    docs.clear()
    return run


def finished(RE, docs, plan):
    docs.clear()
    RE(plan)
    return list(docs)


def indices(run):
    return [doc["data"]["seccm_hop_index"] for doc in documents(run, "event")]


@pytest.mark.parametrize("call", INTERRUPTIBLE, ids=lambda call: call.name)
def test_exactly_what_is_missing_is_done_in_the_same_way(RE, docs, fake, call):
    whole = finished(RE, docs, call(fake.device))
    cut = interrupted(RE, docs, fake, call(fake.device, withdraw_um=3.0), 1)
    rest = finished(RE, docs, resume_scan(fake.device, cut))
    (before,), (after,) = documents(cut, "start"), documents(rest, "start")
    first_run = indices(whole)[: call.hops[0]]
    assert indices(cut) + indices(rest) == first_run
    assert after["resumes"] == before["uid"]
    same = {"techniques", "hop_grid", "motors", "shape", "extents", "snaking", "hints"}
    same |= {"series", "part"}
    assert {k: after[k] for k in same & set(after)} == {
        k: before[k] for k in same & set(before)
    }
    options = {"withdraw_um": 3.0, "threshold_pa": before["plan_args"]["threshold_pa"]}
    assert options.items() <= after["plan_args"].items()
    assert after["plan_args"]["run"] == before["uid"]
    assert after["num_points"] == call.hops[0] - 1
    if "hop_grid" in before:
        assert np.isfinite(hop_map(cut, rest).topography).all()


@pytest.mark.parametrize("hops", [1, 2, 4, 5])
def test_the_pair_gives_the_map_of_an_uninterrupted_run(RE, docs, fake, hops):
    call = BY_NAME["current_map"]
    whole = hop_map(finished(RE, docs, call(fake.device, snake=True)))
    cut = interrupted(RE, docs, fake, call(fake.device, snake=True), hops)
    rest = finished(RE, docs, resume_scan(fake.device, cut))
    joined = hop_map(cut, rest)
    for name in ("topography", "outcome"):
        np.testing.assert_array_equal(joined[name], whole[name])
    assert np.isfinite(joined.current).all()
    assert joined.attrs["uid"] == documents(cut, "start")[0]["uid"]
    assert joined.attrs["resumed_by"] == documents(rest, "start")[0]["uid"]
    assert joined.attrs["exit_status"] == "success"
    assert joined.attrs["hops"] == 6
    with pytest.raises(ValueError, match="does not resume"):
        hop_map(rest, cut)


def test_interrupted_twice_and_found_by_uid(RE, docs, fake):
    cut = interrupted(RE, docs, fake, BY_NAME["current_map"](fake.device), 2)
    runs = {documents(cut, "start")[0]["uid"]: cut}
    fake.device.find_run = runs.__getitem__
    again = interrupted(RE, docs, fake, resume_scan(fake.device, cut), 1)
    uid = documents(again, "start")[0]["uid"]
    runs[uid] = again
    assert estimate(resume_scan(fake.device, uid)).hops == 3
    rest = finished(RE, docs, resume_scan(fake.device, uid))
    assert [indices(run) for run in (cut, again, rest)] == [[0, 1], [2], [3, 4, 5]]
    assert np.isfinite(hop_map(cut, again, rest).current).all()
    runs[documents(rest, "start")[0]["uid"]] = rest
    with pytest.raises(ParameterError, match="is complete: there is nothing to resume"):
        RE(resume_scan(fake.device, rest))
    with pytest.raises(ParameterError, match="run='nobody' cannot be resumed: nobody"):
        RE(resume_scan(fake.device, "nobody"))


def test_an_aborted_run_is_resumed(RE, docs, fake):
    def pause(msg):
        if msg.command == "create" and len(documents(docs, "event")) == 3:
            return bpp.pchain(bps.pause(), single_gen(msg)), None
        return None, None

    with pytest.raises(RunEngineInterrupted):
        RE(bpp.plan_mutator(BY_NAME["current_map"](fake.device), pause))
    RE.abort()
    cut = list(docs)
    rest = finished(RE, docs, resume_scan(fake.device, cut))
    assert indices(cut) + indices(rest) == list(range(6))


def test_bad_pixels_are_done_again_when_they_are_named(RE, docs, fake):
    fake.misses = {2, 4}
    run = finished(RE, docs, BY_NAME["current_map"](fake.device))
    fake.misses = set()
    with pytest.raises(ParameterError, match="is complete"):
        RE(resume_scan(fake.device, run))
    again = finished(RE, docs, resume_scan(fake.device, run, redo=["no_contact"]))
    assert indices(again) == [1, 3]
    assert not np.isfinite(hop_map(run).topography).all()
    assert np.isfinite(hop_map(run, again).topography).all()


def test_options_can_be_changed(RE, docs, fake):
    cut = interrupted(RE, docs, fake, BY_NAME["current_map"](fake.device), 2)
    plan = resume_scan(fake.device, cut, withdraw_um=7.0, max_misses=9)
    told = documents(finished(RE, docs, plan), "start")[0]["plan_args"]
    assert (told["withdraw_um"], told["max_misses"]) == (7.0, 9)


def test_a_run_without_any_hop_is_done_from_its_beginning(RE, docs, fake):
    fake.outcomes["approach"] = 5
    with pytest.raises(CommandRefusedError):
        RE(hop_list(fake.device, SAMPLE, [(0, 0), (1, 0)]))
    cut = list(docs)
    fake.outcomes.clear()
    rest = finished(RE, docs, resume_scan(fake.device, cut))
    assert indices(rest) == [0, 1]
    with pytest.warns(UserWarning, match="which is not found beside it"):
        alone = hop_map(rest)
    assert hop_map(cut, rest).sizes == alone.sizes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"redo": ["good"]}, r"redo=\['good'\] must be a list of contact, no_contact"),
        ({"redo": "bad"}, "redo='bad' must be a list"),
        ({"withdraw_um": -1.0}, "withdraw_um=-1.0"),
        ({"run": 3.5}, "run=3.5 cannot be resumed"),
        ({"run": []}, "no start document"),
        ({"run": None}, "run=None is no run: give a uid, a scan number"),
    ],
)
def test_a_bad_argument_is_refused(RE, docs, fake, change, message):
    cut = interrupted(RE, docs, fake, BY_NAME["current_map"](fake.device), 2)
    fake.log.clear()
    with pytest.raises(ParameterError, match=message):
        RE(resume_scan(**{"microscope": fake.device, "run": cut, **change}))
    assert docs == []
    assert moved(fake) == []


@pytest.mark.parametrize("lost", ["techniques", "num_points", "plan_args"])
def test_a_run_that_does_not_tell_its_points_is_refused(RE, docs, fake, lost):
    cut = interrupted(RE, docs, fake, hop_list(fake.device, SAMPLE, [(0, 0)] * 3), 1)
    name, start = cut[0]
    cut[0] = name, {key: value for key, value in start.items() if key != lost}
    with pytest.raises(ParameterError, match="does not record where"):
        RE(resume_scan(fake.device, cut))
