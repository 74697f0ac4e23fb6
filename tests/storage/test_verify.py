"""What `seccm verify` finds, and what it prints."""

import json
import shutil
import time

import pytest
from event_model import compose_run
from hop_documents import hop_run
from stored_runs import two_runs

from seccm_ophyd.cli import main
from seccm_ophyd.storage import DataFolder, Journal, SessionLock, recover
from seccm_ophyd.storage.journal.index import journals
from seccm_ophyd.storage.verify import verify

HOPS = 3


@pytest.fixture(scope="module")
def whole(tmp_path_factory, empty_catalogue):
    place = tmp_path_factory.mktemp("whole") / "data"
    folder = two_runs(place, empty_catalogue, HOPS)
    # from where it was made: a file that is gone in a copy is not found there
    return DataFolder(folder.root.rename(folder.root.with_name("moved")))


@pytest.fixture
def folder(whole, tmp_path):
    return DataFolder(shutil.copytree(whole.root, tmp_path / "data"))


@pytest.fixture
def newest(folder):
    return journals(folder)[0]


def trace_file(folder, info):
    name = next(
        json.loads(line)[1]["uri"].rpartition("/")[2]
        for line in info.path.read_text().splitlines()
        if line.startswith('["stream_resource"')
    )
    return folder.traces / name


def flip(path, at=0.25):
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= 1
    path.write_bytes(content)


def states(folder, values=False):
    """Of journal, traces and catalogue of each run, oldest first."""
    checks = verify(folder, journals(folder)[::-1], values=values)
    return [(c.journal.state, c.traces.state, c.catalogue.state) for c in checks]


RIGHT = ("right", "right", "right")


def test_whole_runs_are_right(folder, capsys):
    assert states(folder) == [RIGHT, RIGHT]
    assert main(["verify", "--data", str(folder.root)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split() == ["run", "scan", "journal", "traces", "catalogue"]
    assert [line.split()[1:] for line in printed[1:3]] == [
        [scan, *RIGHT] for scan in "12"
    ]
    assert printed[3:] == ["2 runs: 2 right, 0 not"]


def test_each_value_of_a_run_is_compared(folder, capsys):
    assert main(["verify", "-1", "--data", str(folder.root)]) == 0
    assert "1 run: 1 right, 0 not" in capsys.readouterr().out


@pytest.mark.fault(62)
def test_events_that_a_pause_has_had_replayed_are_right(folder):
    """What a hop had told of its progress before comes again, with the same numbers."""
    bundle = compose_run()
    journal = Journal(folder)
    journal("start", bundle.start_doc)
    stream = bundle.compose_descriptor(
        name="progress",
        data_keys={"current": {"dtype": "number", "shape": [], "source": "clamp"}},
    )
    journal("descriptor", stream.descriptor_doc)
    for number, current in ((1, 0.1), (2, 0.2), (1, 0.3), (2, 0.4), (3, 0.5)):
        event = stream.compose_event(
            data={"current": current}, timestamps={"current": time.time()}
        )
        journal("event", {**event, "seq_num": number})
    journal("stop", bundle.compose_stop())
    recover(folder)
    assert states(folder, values=True)[-1] == ("right", "none", "right")


def test_a_damaged_file_of_traces_is_named(folder, newest, capsys):
    path = trace_file(folder, newest)
    flip(path)
    assert states(folder) == [RIGHT, ("right", "damaged", "right")]
    assert main(["verify", "--json", "--data", str(folder.root)]) == 1
    first, second = json.loads(capsys.readouterr().out)["runs"]
    assert first["ok"]
    assert not second["ok"]
    assert str(path) in second["traces"]["why"]
    assert "backup" in second["advice"]


def test_a_file_of_traces_that_is_gone_is_named(folder, newest, capsys):
    trace_file(folder, newest).unlink()
    assert states(folder)[1] == ("right", "missing", "right")
    assert main(["verify", "--data", str(folder.root)]) == 1
    assert "is not there" in capsys.readouterr().out


def test_a_damaged_journal_is_named_and_recovered(folder, newest, capsys):
    flip(newest.path)
    assert states(folder)[1][0] == "damaged"
    assert main(["verify", "--data", str(folder.root)]) == 1
    assert "type `seccm recover`" in capsys.readouterr().out
    recover(folder)
    assert states(folder)[1][0] == "right"


def test_a_journal_of_an_earlier_version_has_no_checksum(folder, newest, capsys):
    lines = [json.loads(line) for line in newest.path.read_text().splitlines()]
    plain = "".join(json.dumps(line[:2]) + "\n" for line in lines)
    newest.path.write_text(plain)
    assert states(folder)[1] == ("no checksum", "right", "right")
    assert main(["verify", "--data", str(folder.root)]) == 0
    assert "2 right, 0 not; 1 without checksum" in capsys.readouterr().out


def test_a_run_that_is_not_in_the_catalogue(folder, newest):
    folder.acknowledgement(newest.uid).unlink()
    assert states(folder)[1][2] == "missing"


@pytest.mark.fault(61)
def test_a_damaged_catalogue_concerns_all_runs(folder, capsys):
    folder.tables.write_bytes(b"")
    assert [of[2] for of in states(folder)] == ["damaged", "damaged"]
    assert main(["recover", "--data", str(folder.root)]) == 0
    assert "written again, the catalogue was damaged" in capsys.readouterr().out
    assert states(folder) == [RIGHT, RIGHT]


def test_a_run_that_goes_on_is_right(folder):
    journal = Journal(folder)
    documents = hop_run(folder, HOPS, 3)
    for _ in range(8):
        journal(*next(documents))
    with SessionLock(folder):
        assert states(folder)[2] == ("being written", "right", "being written")
    journal.close()
    assert states(folder)[2][0] == "damaged"
    documents.close()


def test_an_unknown_run_is_refused(folder, capsys):
    assert main(["verify", "77", "--data", str(folder.root)]) == 1
    assert "no scan 77" in capsys.readouterr().err
