"""A hopping scan through everything: IOC over EPICS, engine, journal, catalogue."""

import json

import bluesky.plan_stubs as bps
import numpy as np
import pytest
from event_model import DocumentNames, schema_validators

from seccm_ophyd.analysis import hop_map
from seccm_ophyd.plans import hop_list, hop_scan
from seccm_ophyd.storage.journal.reader import documents
from seccm_ophyd.techniques import CurrentSample, Technique

from .conftest import run_python

pytestmark = pytest.mark.system

KEYS = (
    "seccm_xy_x",
    "seccm_xy_y",
    "seccm_z_contact_height",
    "seccm_clamp_current",
)


@pytest.fixture(scope="module")
def scan(session):
    """Run one scan and keep what was emitted."""
    emitted = []
    token = session.RE.subscribe(lambda name, doc: emitted.append((name, doc)))
    technique = CurrentSample(potential_v=0.65)
    plan = hop_scan(session.seccm, technique, -3, 3, 5, -2, 2, 4, snake=True)
    (uid,) = session.RE(plan)
    session.RE.unsubscribe(token)
    return uid, emitted


def events(emitted):
    return [doc["data"] for name, doc in emitted if name == "event"]


def test_every_document_validates(scan):
    _, emitted = scan
    names = [name for name, _ in emitted]
    assert names.count("event") == 20
    assert names.count("stream_resource") == 2
    assert names.count("stream_datum") == 40
    for name, doc in emitted:
        schema_validators[DocumentNames[name]].validate(json.loads(json.dumps(doc)))


def test_the_hops_went_where_they_were_sent_and_found_the_surface(scan):
    found = events(scan[1])
    assert [e["seccm_hop_index"] for e in found[:10]] == [0, 1, 2, 3, 4, 9, 8, 7, 6, 5]
    np.testing.assert_allclose(
        [e["seccm_xy_x"] for e in found], [e["seccm_xy_x_user_setpoint"] for e in found]
    )
    assert {e["seccm_hop_outcome"] for e in found} == {"contact"}
    assert all(e["seccm_z_contact_current"] >= 2.0 for e in found)
    assert all(
        e["seccm_clamp_contact_age"] == pytest.approx(0.02, abs=1e-4) for e in found
    )
    heights = np.array([e["seccm_z_contact_height"] for e in found])
    assert 0.05 < np.ptp(heights) < 5


def test_the_journal_holds_exactly_what_was_emitted(session, scan):
    uid, emitted = scan
    stored = list(documents(session.folder.journal_file(uid)))
    assert [name for name, _ in stored] == [name for name, _ in emitted]
    for (_, read), (_, sent) in zip(stored, emitted, strict=True):
        assert read == json.loads(json.dumps(sent))


def test_the_catalogue_gives_back_every_bit(session, scan):
    uid, emitted = scan
    data = session.catalog[uid].primary.read()
    for key in KEYS:
        sent = np.array([e[key] for e in events(emitted)])
        assert data[key].values.tobytes() == sent.tobytes(), key


def test_each_hop_has_its_approach_curve_and_trace(session, scan):
    uid, emitted = scan
    data = session.catalog[uid].primary.read()
    curves = np.asarray(data["seccm_traces_approach"])
    assert curves.shape == (20, 2, 1000)
    heights = [e["seccm_z_contact_height"] for e in events(emitted)]
    np.testing.assert_array_equal(curves[:, 0, -1], heights)
    traces = np.asarray(data["seccm_traces_current_sample"])
    assert traces.shape == (20, 3, 10)
    currents = [e["seccm_clamp_current"] for e in events(emitted)]
    np.testing.assert_allclose(traces[:, 2].mean(axis=1), currents)


@pytest.mark.slow
def test_a_new_python_finds_the_run_by_name(session, scan, module_profiles):
    uid, emitted = scan
    assert session.catalog[uid]  # waits until the writer has caught up
    code = """
import sys, databroker
from databroker import Broker
uid = sys.argv[1]
run = databroker.catalog["seccm"][uid]
print(run.primary.read()["seccm_clamp_current"].values.tolist())
print(Broker.named("seccm")[uid].table()["seccm_z_contact_height"].tolist())
print(databroker.catalog["seccm"][-1].metadata["start"]["uid"])
"""
    lines = run_python(code, uid, profiles=module_profiles).splitlines()[-3:]
    assert json.loads(lines[0]) == [e["seccm_clamp_current"] for e in events(emitted)]
    heights = [e["seccm_z_contact_height"] for e in events(emitted)]
    assert json.loads(lines[1]) == heights
    assert len(lines[2]) == 36


def test_the_map_has_coordinates_units_and_no_hole(session, scan):
    uid, emitted = scan
    ds = hop_map(session.catalog[uid])
    assert ds.topography.dims == ("y", "x")
    np.testing.assert_allclose(ds.x, np.linspace(-3, 3, 5))
    np.testing.assert_allclose(ds.y, np.linspace(-2, 2, 4))
    assert ds.topography.attrs["units"] == "um"
    assert ds.current.attrs["units"] == "pA"
    for event in events(emitted):
        iy, ix = divmod(event["seccm_hop_index"], 5)
        assert ds.current.values[iy, ix] == event["seccm_clamp_current"]


def test_the_technique_comes_back_from_the_start_document(session, scan):
    start = session.catalog[scan[0]].metadata["start"]
    assert Technique.from_dict(start["techniques"][0]) == CurrentSample()
    assert start["sample"]["name"] == "LiFePO4 composite electrode"
    assert start["simulator"]["seed"] == 3


def test_the_stop_document_counts_the_hops(scan):
    stop = scan[1][-1][1]
    assert stop["hop_counts"] == {"contact": 20, "repeated": 0}
    assert stop["num_events"] == {"primary": 20}


def test_a_deep_hole_is_a_missed_landing(session, collected):
    z = session.seccm.z
    before = z.travel_limit.get()
    session.RE(bps.mv(z.axis, 50))  # far above the surface: nothing within 5 um
    z.travel_limit.put(5.0, wait=True)
    try:
        plan = hop_list(session.seccm, CurrentSample(), [(0, 0)])
        session.RE(plan)
    finally:
        z.travel_limit.put(before, wait=True)
    (event,) = events(collected)
    assert event["seccm_hop_outcome"] == "no_contact"
    assert np.isnan(event["seccm_z_contact_height"])
    assert np.isnan(event["seccm_clamp_current"])
    assert collected[-1][1]["hop_counts"]["no_contact"] == 1


@pytest.mark.slow
def test_the_same_seed_gives_the_same_map(tmp_path, module_profiles, session):
    code = """
import sys
from seccm_ophyd.session import open_session
from seccm_ophyd.plans import hop_scan
from seccm_ophyd.techniques import CurrentSample
with open_session(simulator=True, seed=3, time_scale=0, data_dir=sys.argv[1],
                  catalogue=sys.argv[2]) as s:
    found = []
    s.RE.subscribe(lambda name, doc: found.append(doc["data"]), "event")
    s.RE(hop_scan(s.seccm, CurrentSample(), -1, 1, 3, -1, 1, 2))
    print([(e["seccm_z_contact_height"], e["seccm_clamp_current"]) for e in found])
"""
    first, second = (
        run_python(code, tmp_path / name, name, profiles=module_profiles)
        for name in ("one", "two")
    )
    assert first == second
    assert first.count("(") == 6
