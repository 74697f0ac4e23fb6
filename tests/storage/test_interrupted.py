"""Hops that a run has not stored, appended to its journal and its traces."""

import h5py
import numpy as np
import pytest

from seccm_ophyd.storage import DataFolder, documents
from seccm_ophyd.storage.interrupted import InterruptedRun, LeftHops
from seccm_ophyd.techniques import CurrentSample
from tests.synthetic_runs import T0, make_run
from tests.synthetic_traces import APPROACH_SAMPLES

TECHNIQUE = CurrentSample(samples=10)
POINTS = [(k, 0.5 * k, 0.0) for k in range(6)]
DONE = 6


def measure(technique, x, y, rng):
    return np.full((3, technique.acquisition.samples), x)


@pytest.fixture
def folder(tmp_path):
    return DataFolder(tmp_path / "data").create()


@pytest.fixture
def stored(folder):
    """Give a function that stores a run of which only some hops came."""

    def store(hops, *, stop=False):
        options = {"stop_after": None if stop else hops}
        run = make_run(
            POINTS[:hops] if stop else POINTS,
            md={"plan_name": "hop_fly"},
            techniques=[TECHNIQUE],
            measure=measure,
            folder=folder.traces,
            **options,
        )
        run.file.close()
        if stop:
            run.documents[-1][1]["hops"] = {
                "done": DONE, "stored": hops, "lost": DONE - hops,
            }  # fmt: skip
        uid = run.documents[0][1]["uid"]
        run.write(folder.journal_file(uid))
        return run, uid

    return store


def page_of(run, *indices, outcome="contact", repeated=()):
    """Give the page of hops as the IOC has them, with values of their own."""
    keys = next(doc for name, doc in run.documents if name == "descriptor")["data_keys"]
    data = {}
    for key, about in keys.items():
        if about.get("external"):
            continue
        values = {"string": "", "integer": 0}.get(about["dtype"], 7.0)
        data[key] = [values] * len(indices)
    data["seccm_hop_index"] = list(indices)
    data["seccm_hop_outcome"] = [outcome] * len(indices)
    data["seccm_hop_repeated"] = [int(k in repeated) for k in indices]
    when = [T0 + 100.0 + k for k in indices]
    return {"data": data, "timestamps": dict.fromkeys(data, when), "time": when}


def traces_of(*indices):
    hops = np.array(indices, float)[:, None, None]
    return {
        "approach": np.zeros((len(indices), 2, APPROACH_SAMPLES)) + hops,
        "current_sample": np.zeros((len(indices), 3, 10)) + 100 * hops,
    }


def append(folder, run, left, *indices, **about):
    (file,) = folder.traces.glob("*.h5")
    left.append(page_of(run, *indices, **about), traces_of(*indices), file.name)


def events(folder, uid):
    """Give index and number of each hop of a journal."""
    found = []
    for name, doc in documents(folder.journal_file(uid)):
        if name == "event":
            found.append((doc["data"]["seccm_hop_index"], doc["seq_num"]))
        elif name == "event_page":
            data = doc["data"]["seccm_hop_index"]
            found += zip(data, doc["seq_num"], strict=True)
    return found


def test_hops_are_appended_where_the_run_was_cut(folder, stored):
    run, uid = stored(3)
    left = InterruptedRun.open(folder, uid)
    assert left.hops == 3
    assert left.start["uid"] == uid
    append(folder, run, left, 3, 4)
    append(folder, run, left, 5)
    left.end()
    assert events(folder, uid) == [(k, k + 1) for k in range(6)]
    assert not [
        name for name, _ in documents(folder.journal_file(uid)) if "stop" in name
    ]
    with h5py.File(next(folder.traces.glob("*.h5"))) as file:
        assert file["current_sample"].shape == (6, 3, 10)
        assert file["current_sample"][:, 0, 0].tolist() == [0, 0.5, 1, 300, 400, 500]
        assert file["approach"][3:, 0, 0].tolist() == [3.0, 4.0, 5.0]
    assert list(folder.traces.glob("*.left")) == []


def test_their_rows_are_announced_after_those_of_the_run(folder, stored):
    run, uid = stored(2)
    append(folder, run, InterruptedRun.open(folder, uid), 2, 3)
    found = documents(folder.journal_file(uid))
    resources = {d["uid"]: d["data_key"] for n, d in found if n == "stream_resource"}
    assert len(resources) == 2, "those of the run are used"
    spans = {}
    for name, doc in found:
        if name == "stream_datum":
            key = resources[doc["stream_resource"]]
            span = doc["indices"]["start"], doc["indices"]["stop"]
            spans.setdefault(key, []).append(span)
    assert set(map(tuple, spans.values())) == {((0, 1), (1, 2), (2, 4))}


def test_a_run_that_was_cut_before_its_first_hop_has_its_traces_announced(
    folder, stored
):
    run, uid = stored(1)
    path = folder.journal_file(uid)
    kept = [line for line in path.read_text().splitlines() if '"stream_' not in line]
    kept = [line for line in kept if not line.startswith('["event"')]
    path.write_text("".join(f"{line}\n" for line in kept))
    left = InterruptedRun.open(folder, uid)
    assert left.hops == 0
    append(folder, run, left, 0, 1)
    found = documents(path)
    keys = [doc["data_key"] for name, doc in found if name == "stream_resource"]
    assert sorted(keys) == ["seccm_traces_approach", "seccm_traces_current_sample"]
    assert {d["run_start"] for n, d in found if n == "stream_resource"} == {uid}


def test_a_last_line_that_was_cut_goes(folder, stored):
    run, uid = stored(3)
    path = folder.journal_file(uid)
    whole = path.read_bytes()
    path.write_bytes(whole + b'["event", {"uid": "cut')
    append(folder, run, InterruptedRun.open(folder, uid), 3)
    assert path.read_bytes().startswith(whole)
    assert b'"cut' not in path.read_bytes()
    assert events(folder, uid)[-1] == (3, 4)


def test_a_run_that_has_ended_gets_its_end_back_with_what_it_has_now(folder, stored):
    run, uid = stored(3, stop=True)
    folder.acknowledgement(uid).touch()
    left = InterruptedRun.open(folder, uid)
    append(folder, run, left, 3)
    append(folder, run, left, 4, 5, outcome="no_contact", repeated={4})
    names = [name for name, _ in documents(folder.journal_file(uid))]
    assert "stop" not in names, "as long as it may go on"
    left.end()
    name, stop = documents(folder.journal_file(uid))[-1]
    assert name == "stop"
    assert stop["exit_status"] == "success"
    assert stop["num_events"] == {"primary": 6}
    assert stop["hop_counts"] == {"contact": 4, "no_contact": 2, "repeated": 1}
    assert stop["hops"] == {"done": 6, "stored": 6, "lost": 0}
    assert not folder.acknowledgement(uid).exists(), "it is to be written again"


def test_one_to_which_nothing_was_added_keeps_its_end(folder, stored):
    _, uid = stored(3, stop=True)
    folder.acknowledgement(uid).touch()
    before = folder.journal_file(uid).read_bytes()
    InterruptedRun.open(folder, uid).end()
    assert folder.journal_file(uid).read_bytes() == before
    assert folder.acknowledgement(uid).exists()


def test_a_run_that_is_complete_is_not_opened(folder, stored):
    _, uid = stored(DONE, stop=True)
    assert InterruptedRun.open(folder, uid) is None


def test_one_without_hops_or_a_journal_is_not_opened(folder, stored):
    _, uid = stored(3)
    path = folder.journal_file(uid)
    path.write_text(path.read_text().splitlines()[0] + "\n")
    assert InterruptedRun.open(folder, uid) is None
    path.unlink()
    assert InterruptedRun.open(folder, uid) is None


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (LeftHops("12345678-9", 3), "12345678: 3 hops were fetched from the IOC"),
        (
            LeftHops("12345678-9", 0, 5, "it is busy", later=True),
            "12345678: up to 5 hops are still in the IOC: it is busy",
        ),
        (
            LeftHops("12345678-9", 1, 5, "it has restarted"),
            "12345678: up to 5 hops may be lost: it has restarted",
        ),
    ],
)
def test_what_became_of_them_is_one_sentence(left, said):
    assert str(left) == said
    assert left
    assert not LeftHops("12345678-9")
