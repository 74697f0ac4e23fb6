"""Hops that the instrument makes by itself are those made step by step."""

import itertools
import threading

import bluesky.plan_stubs as bps
import numpy as np
import pytest
from bluesky.utils import RunEngineInterrupted
from event_model import DocumentNames, schema_validators
from ophyd import EpicsSignal

from seccm_ophyd.analysis import hop_map, hop_table, hop_traces
from seccm_ophyd.errors import StoppedError, TooManyMissesError
from seccm_ophyd.plans import hop_fly, hop_scan
from seccm_ophyd.session import open_session
from seccm_ophyd.techniques import CurrentSample, Galvanostatic

from .conftest import read_pv

pytestmark = [pytest.mark.system, pytest.mark.slow]

GRID = (-2, 2, 6, -2, 2, 3)
TECHNIQUES = (CurrentSample(), [CurrentSample(), Galvanostatic(duration_s=0.05)])


@pytest.fixture(scope="module")
def both(tmp_path_factory, module_profiles):
    """Make the same scans both ways, each on a simulator of its own."""
    found = {}
    for plan in (hop_scan, hop_fly):
        folder = tmp_path_factory.mktemp(plan.__name__)
        with open_session(
            simulator=True, seed=8, time_scale=0, data_dir=folder, catalogue="both"
        ) as session:
            docs = []
            session.RE.subscribe(lambda name, doc, to=docs: to.append((name, doc)))
            for technique in TECHNIQUES:
                session.RE(plan(session.seccm, technique, *GRID, snake=True))
            runs = [session.catalog[k] for k in (1, 2)]
            labels = (None, "galvanostatic")
            found[plan.__name__] = {
                "tables": [hop_table(run) for run in runs],
                "traces": [
                    hop_traces(run, la) for run, la in zip(runs, labels, strict=True)
                ],
                "docs": docs,
            }
    return found["hop_scan"], found["hop_fly"]


def test_keys_and_numbers_are_the_same(both):
    step, fly = both
    for stepped, flown in zip(step["tables"], fly["tables"], strict=True):
        assert list(stepped) == list(flown)
        for key in stepped:
            np.testing.assert_array_equal(stepped[key], flown[key], err_msg=key)
            assert stepped[key].attrs == flown[key].attrs
        assert stepped["seccm_z_detach_height"].attrs["units"] == "um"
    assert np.isfinite(step["tables"][0]["seccm_z_detach_height"]).sum() > 5


def test_traces_are_the_same(both):
    step, fly = both
    for stepped, flown in zip(step["traces"], fly["traces"], strict=True):
        for channel in ("t", "E", "i"):
            np.testing.assert_array_equal(stepped[channel], flown[channel])


def test_its_documents_validate_and_count(both):
    _, fly = both
    for name, doc in fly["docs"]:
        schema_validators[DocumentNames[name]].validate(doc)
    stops = [doc for name, doc in fly["docs"] if name == "stop"]
    assert [doc["hop_counts"]["contact"] for doc in stops] == [18, 18]
    assert [doc["num_events"]["primary"] for doc in stops] == [18, 18]


def interrupted_after(session, pages, plan):
    """Run a plan that is paused when so many event pages have come."""
    count, seen = itertools.count(1), threading.Event()

    def note(name, doc):
        if next(count) == pages:
            seen.set()

    def pause():
        seen.wait(60)
        session.RE.request_pause(defer=False)  # not in the thread of the engine

    token = session.RE.subscribe(note, "event_page")
    thread = threading.Thread(target=pause)
    thread.start()
    with pytest.raises(RunEngineInterrupted):
        session.RE(plan)
    thread.join()
    session.RE.unsubscribe(token)
    assert session.seccm.z.state.get() == "WITHDRAWN"
    assert session.seccm.clamp.mode.get() == "VCLAMP"
    assert session.seccm.clamp.holding_potential.get(use_monitor=False) == 0.0


@pytest.mark.parametrize(("pages", "lines"), [(1, 9), (2, 9), (3, 9), (2, 1)])
def test_paused_and_resumed_no_hop_is_lost_or_double(session, collected, pages, lines):
    """One line gives two pages: the pause comes with the last, as the run is closed."""
    y_stop = -1 + 0.2 * (lines - 1)
    plan = hop_fly(session.seccm, CurrentSample(), -3, 3, 150, -1, y_stop, lines)
    interrupted_after(session, pages, plan)
    session.RE.resume()
    made = [doc["data"] for name, doc in collected if name == "event_page"]
    hops = [index for page in made for index in page["seccm_hop_index"]]
    assert hops == list(range(150 * lines))
    assert np.isfinite(hop_map(session.catalog[-1]).topography).all()
    for name in ("LateralTouches", "UnguardedContacts"):
        assert read_pv(f"{session.seccm.prefix}Sim:{name}") == 0


def test_aborted_it_is_safe_and_what_was_collected_is_kept(session, collected):
    plan = hop_fly(session.seccm, CurrentSample(), -3, 3, 40, -1, 1, 40)
    interrupted_after(session, 2, plan)
    session.RE.abort()
    assert session.seccm.z.state.get() == "WITHDRAWN"
    stop = collected[-1][1]
    assert stop["exit_status"] == "abort"
    assert 0 < stop["num_events"]["primary"] < 1600


def test_a_stage_that_is_held_ends_it_and_what_was_made_is_kept(session, collected):
    m, switch = session.seccm, session.seccm.xy.y.stop_pause_move_go
    seen = []

    def hold(value, **kwargs):
        if value >= 3 and not seen:
            seen.append(value)
            switch.put("Pause", wait=False)

    token = m.line.hops.subscribe(hold, run=False)
    try:
        with pytest.raises(StoppedError, match=r"XY:Y\.SPMG is Pause: write Go to it"):
            session.RE(hop_fly(m, CurrentSample(), -3, 3, 40, -1, 1, 40))
    finally:
        m.line.hops.unsubscribe(token)
        session.RE(bps.mv(switch, "Go"))
    made = [doc["data"] for name, doc in collected if name == "event_page"]
    hops = sum(len(page["seccm_hop_index"]) for page in made)
    assert seen[0] < hops < 1600
    assert m.z.state.get() == "WITHDRAWN"


def test_misses_in_a_row_end_it(session, collected):
    rate = f"{session.seccm.prefix}Sim:NoContactRate"
    signal = EpicsSignal(rate, name="rate")
    signal.wait_for_connection(timeout=30)
    signal.put(1.0, wait=True)
    try:
        with pytest.raises(TooManyMissesError, match="3 no_contact"):
            session.RE(
                hop_fly(
                    session.seccm, CurrentSample(), -1, 1, 9, -1, 1, 3, max_misses=3
                )
            )
    finally:
        signal.put(0.0, wait=True)
    assert collected[-1][1]["hop_counts"] == {"no_contact": 3, "repeated": 0}
    assert session.seccm.z.state.get() == "WITHDRAWN"


def test_adaptive_hops_take_less_time_and_find_the_same_surface(session):
    size = (-2, 2, 26, -2, 2, 26)
    maps, times = {}, {}
    for adaptive in (False, True):
        plan = hop_fly(session.seccm, CurrentSample(), *size, adaptive=adaptive)
        session.RE(plan)
        run = session.catalog[-1]
        maps[adaptive] = hop_map(run).topography.values
        contact = hop_table(run)["seccm_z_contact_time"].values
        times[adaptive] = contact[-1] - contact[0]
    assert times[True] < 0.4 * times[False]
    assert np.sqrt(np.mean((maps[True] - maps[False]) ** 2)) < 0.010
    for name in ("LateralTouches", "DraggedMenisci"):
        assert read_pv(f"{session.seccm.prefix}Sim:{name}") == 0
    assert session.seccm.z.travel_height.get() == 100.0


def test_adaptive_hops_step_by_step_are_those_flown(session):
    size = (-1, 1, 8, -1, 1, 6)
    heights = []
    for plan in (hop_scan, hop_fly):
        session.RE(plan(session.seccm, CurrentSample(), *size, adaptive=True))
        heights.append(hop_map(session.catalog[-1]).topography.values)
    assert np.abs(heights[0] - heights[1]).max() < 0.05
