import os

from seccm_ophyd.analysis import describe_run, list_runs
from tests.synthetic_runs import scan_run

MD = {"sample": {"name": "LiFePO4"}, "environment": "Faraday cage"}


def rows(text):
    return {line[:11].strip(): line[11:].strip() for line in text.splitlines()}


def test_describe_run_tells_what_was_done():
    run = scan_run(6, 5, snake=True, misses=(1, 2), repeats=(4,), extra_md=MD)
    found = rows(describe_run(run.documents))
    start = run.documents[0][1]
    assert found["run"] == f"{start['uid']}   scan 7"
    assert found["plan"] == "hop_scan"
    assert found["when"].endswith("0:00:09 h, 3.6 hops/s")
    assert found["technique"] == "CurrentSample  potential_v=0.65"
    assert found["sample"] == "LiFePO4"
    assert found["environment"] == "Faraday cage"
    assert found["grid"] == "6 x 5, x -10 to 10 um, y -10 to 10 um, snake"
    assert found["hops"] == "30 of 30, 1 of them repeated"
    assert found["outcomes"] == "contact 29, no_contact 2"
    heights = [v for v in run.height.values() if v == v]
    low, high = min(heights), max(heights)
    assert found["topography"].startswith(f"{low:.3f} to {high:.3f} um")
    assert "pA" in found["current"]
    assert found["end"] == "success"


def test_describe_run_without_hops_or_end():
    run = scan_run(stop_after=0)
    found = rows(describe_run(run.documents))
    assert found["hops"] == "0 of 30"
    assert found["end"].startswith("unfinished")
    assert "topography" not in found
    only_start = run.documents[:1]
    assert rows(describe_run(only_start))["hops"] == "0 of 30"


def test_describe_run_gives_the_reason():
    run = scan_run(exit_status="fail")
    run.documents[-1][1]["reason"] = "too many misses"
    assert rows(describe_run(run.documents))["end"] == "fail: too many misses"


def test_list_runs_of_a_folder_newest_first(tmp_path):
    for number, kwargs in enumerate(({}, {"stop_after": 7}, {"exit_status": "abort"})):
        run = scan_run(scan_id=number, **kwargs)
        run.documents[0][1]["time"] += 3600 * number
        path = run.write(tmp_path / f"{run.documents[0][1]['uid']}.jsonl")
        os.utime(path, (1e9 - number, 1e9 - number))  # file times say the contrary
    (tmp_path / "new.jsonl").write_bytes(b'["start", {"ui')
    head, *lines = list_runs(tmp_path).splitlines()
    assert head.split() == ["scan", "uid", "date", "plan", "shape", "hops", "status"]
    cells = [line.split() for line in lines]
    assert [c[0] for c in cells] == ["2", "1", "0"]
    assert [c[-1] for c in cells] == ["abort", "unfinished", "success"]
    assert [c[-2] for c in cells] == ["30/30", "7/30", "30/30"]
    assert cells[0][-3] == "5x6"
    assert len(list_runs(tmp_path, limit=2).splitlines()) == 3


def test_list_runs_of_a_catalogue_and_of_runs(stored_runs, catalogue):
    _, whole, cut, begun, traced = stored_runs
    from_catalogue = list_runs(catalogue)
    assert from_catalogue == list_runs(
        [cut.documents, whole.documents, begun.documents[:2], traced.documents]
    )
    assert [line.split()[-2:] for line in from_catalogue.splitlines()[1:]] == [
        ["20/30", "unfinished"],
        ["30/30", "success"],
        ["0/30", "unfinished"],
        ["6/6", "success"],
    ]
