"""Journals with damaged lines: what is intact is read, named, and recovered."""

import json
import shutil

import numpy as np
import pytest

from seccm_ophyd import cli
from seccm_ophyd.analysis import describe_run, hop_map, hop_table, hop_traces, list_runs
from seccm_ophyd.storage import (
    DataFolder,
    Journal,
    JournalRun,
    close_catalogue,
    documents,
    journals,
    open_catalogue,
    recover,
)
from seccm_ophyd.storage.journal.damage import damage_of, set_aside
from seccm_ophyd.storage.journal.index import acknowledge
from seccm_ophyd.storage.journal.lines import COPY_OF
from seccm_ophyd.storage.journal.reader import read_journal
from seccm_ophyd.storage.recover import end_journal
from seccm_ophyd.techniques import CyclicVoltammetry
from tests.faults.damage import KINDS, damaged
from tests.synthetic_runs import scan_run

HOPS = 100


@pytest.fixture
def folder(tmp_path):
    return DataFolder(tmp_path / "data").create()


@pytest.fixture
def run(folder):
    """A run of 100 hops, as this version writes it."""
    return written(folder, scan_run(10, 10))


def written(folder, run):
    """Write a run by the journal, or as an earlier version did."""
    journal = Journal(folder)
    for name, doc in run.documents:
        journal(name, doc)
    journal.close()
    return run


def path_of(folder, run):
    return folder.journal_file(run.documents[0][1]["uid"])


def curve(technique, x, y, rng):
    """Measure something else at each place."""
    times = np.arange(technique.acquisition.samples) * 1e-3
    return np.stack([times, 0.5 + 0 * times, x + 10 * y + rng.normal(size=len(times))])


def lines_of(whole):
    """Give begin, end, name and document of each line."""
    begin = 0
    for line in whole.splitlines(keepends=True):
        name, doc = json.loads(line)[:2]
        yield begin, begin + len(line) - 1, name, doc
        begin += len(line)


def intact_hops(whole, damage):
    return {
        doc["seq_num"]: doc
        for begin, end, name, doc in lines_of(whole)
        if name == "event" and damage.spares(begin, end)
    }


@pytest.mark.fault(51)
@pytest.mark.parametrize("form", ["with checksums", "of an earlier version"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_hop_whose_line_is_intact_is_lost(folder, run, kind, form):
    path = path_of(folder, run)
    if form == "of an earlier version":
        run.write(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(16)
    for _ in range(30):
        damage = damaged(kind, whole, rng)
        path.write_bytes(damage.content)
        (info,) = journals(folder)
        assert info.uid == path.stem
        found = {d["seq_num"]: d for name, d in documents(path) if name == "event"}
        expected = intact_hops(whole, damage)
        assert found.keys() >= expected.keys()
        for number, doc in expected.items():
            assert found[number] == doc
        if form == "with checksums":  # nothing that was touched passes for a hop
            assert found.keys() == expected.keys()
            assert hop_table(path).sizes["hop"] == len(expected)


@pytest.mark.fault(51)
def test_the_run_says_which_lines_are_damaged(folder, run, capsys):
    path = path_of(folder, run)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[40] = lines[40].replace(b"0", b"1", 1)
    lines[41] = bytes(len(lines[41]) - 1) + b"\n"
    path.write_bytes(b"".join(lines))
    told = str(damage_of(path))
    assert told.startswith("lines 41, 42 are damaged (its checksum is wrong")
    assert "2 events of primary lost" in told
    assert f"damaged     {told}" in describe_run(path)
    assert list_runs(folder.journal).endswith("98/100  success, 2 damaged lines")
    assert JournalRun(path).damage == damage_of(path)
    assert "2 damaged lines" in repr(JournalRun(path))
    assert [line.number for line in read_journal(path).damaged] == [41, 42]
    assert cli.main(["runs", "--data", str(folder.root)]) == 0
    assert "2 damaged lines" in capsys.readouterr().out


@pytest.mark.fault(51)
def test_an_intact_run_says_nothing_of_damage(folder, run):
    path = path_of(folder, run)
    assert not damage_of(path)
    assert "damaged" not in describe_run(path) + list_runs(folder.journal)
    assert "damaged" not in repr(JournalRun(path))


@pytest.mark.fault(51)
@pytest.mark.parametrize("lost", [("start",), ("descriptor",), ("start", "descriptor")])
def test_what_others_refer_to_is_written_twice(folder, run, lost):
    path = path_of(folder, run)
    whole = documents(path)
    lines = path.read_bytes().splitlines(keepends=True)
    for n, line in enumerate(lines):
        if json.loads(line)[0] in lost:
            lines[n] = b"\0" * len(line)  # its newline, too
    path.write_bytes(b"".join(lines))
    assert documents(path) == whole
    assert hop_map(path).attrs["uid"] == path.stem
    copies = [line for line in lines if line.startswith(f'["{COPY_OF}'.encode())]
    assert len(copies) == 2
    first_block = b"".join(lines[:3])
    assert b"".join(lines).index(copies[0]) > len(first_block) + 4096


@pytest.mark.fault(51)
@pytest.mark.parametrize("lost", [("start",), ("descriptor",), ("start", "descriptor")])
def test_without_a_copy_they_are_made_up_and_say_so(folder, run, lost):
    path = path_of(folder, run)
    lines = [
        line.replace(b'", {"', b'" {"', 1) if json.loads(line)[0] in lost else line
        for line in path.read_bytes().splitlines(keepends=True)
        if b'["copy of' not in line
    ]
    path.write_bytes(b"".join(lines))
    (info,) = journals(folder)
    assert info.uid == path.stem
    table = hop_table(path)
    np.testing.assert_array_equal(
        table["seccm_z_contact_height"], list(run.height.values())
    )
    assert table["seccm_hop_index"].dtype.kind == "i"
    assert set(read_journal(path).made_up) == set(lost)
    for name in lost:
        assert f"the {name} document is made up" in describe_run(path)


@pytest.mark.fault(51)
def test_a_last_line_that_is_being_written_is_no_damage(folder):
    run = scan_run(4, 4)
    journal = Journal(folder)
    for name, doc in run.documents[:8]:
        journal(name, doc)
    path = path_of(folder, run)
    with path.open("ab") as file:
        file.write(b'["event", {"descriptor": "')
    assert read_journal(path).cut is None
    assert not damage_of(path)
    journal.close()  # its process is gone: the line will not be completed
    assert read_journal(path).cut.number == 9
    assert not damage_of(path)
    assert len(documents(path)) == 8
    assert list_runs(folder.journal).endswith("unfinished")


@pytest.mark.fault(51)
def test_recover_sets_the_damaged_part_aside(tmp_path, empty_data_folder, capsys):
    folder = empty_data_folder
    run = written(
        folder,
        scan_run(
            6,
            5,
            techniques=(CyclicVoltammetry(step_v=10e-3),),
            measure=curve,
            folder=folder.traces,
        ),
    )
    other = written(folder, scan_run(3, 3, scan_id=8))
    path = path_of(folder, run)
    whole = hop_traces(path)
    lines = path.read_bytes().splitlines(keepends=True)
    events = [n for n, line in enumerate(lines) if line.startswith(b'["event"')]
    lines[events[10]] = lines[events[10]].replace(b"e", b"f", 1)
    path.write_bytes(before := b"".join(lines))
    assert cli.main(["recover", "--data", str(folder.root)]) == 0
    said = capsys.readouterr().out
    aside = path.with_name(f"{path.name}.damaged-1")
    assert aside.read_bytes() == before
    line = f"line {events[10] + 1} is damaged"
    assert f"29 hops  now in the catalogue; its journal: {line}" in said
    assert aside.name in said
    assert not read_journal(path).damaged
    assert f"{line} (its checksum is wrong), 1 event of primary lost" in describe_run(
        path
    )
    client = open_catalogue(folder)
    try:
        stored = client[path.stem]
        table, traces = hop_table(stored), hop_traces(stored)
        assert stored.damage.aside == aside.name
        assert not client[path_of(folder, other).stem].damage
        plain = stored.primary.read()["seccm_hop_index"]
    finally:
        close_catalogue(client)
    index = np.delete(np.arange(30), 10)
    np.testing.assert_array_equal(table["seccm_hop_index"], index)
    np.testing.assert_array_equal(plain, index)
    # the traces behind the gap are those of their hops
    np.testing.assert_array_equal(traces["hop_index"], index)
    for name in traces:
        np.testing.assert_array_equal(traces[name], whole[name][index])
    assert recover(folder) == []


@pytest.mark.fault(51)
def test_a_catalogue_that_has_the_whole_run_is_not_written_again(empty_data_folder):
    folder = empty_data_folder
    run = written(folder, scan_run(3, 3))
    path = path_of(folder, run)
    (first,) = recover(folder)
    assert first.num_events == {"primary": 9}
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"seq_num": 4', b'"seq_num": 5', 1))
    (result,) = recover(folder)
    assert result.known
    assert result.damage.lost == (("primary", 1),)
    client = open_catalogue(folder)
    try:
        assert hop_table(client[path.stem]).sizes["hop"] == 9
    finally:
        close_catalogue(client)


@pytest.mark.fault(51)
def test_a_run_that_has_lost_its_stop_is_ended(empty_data_folder):
    folder = empty_data_folder
    run = written(folder, scan_run(3, 3))
    path = path_of(folder, run)
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"exit_status"', b'"exit_statos"', 1))
    (result,) = recover(folder)
    assert result.interrupted
    assert result.num_events == {"primary": 9}
    stop = documents(path)[-1][1]
    assert "damaged" in stop["reason"]
    acknowledge(folder, path.stem)
    assert recover(folder) == []


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = DataFolder(tmp_path_factory.mktemp("template"))
    close_catalogue(open_catalogue(folder, create=True))
    return folder.catalogue


@pytest.fixture
def empty_data_folder(folder, template):
    """A data folder with a catalogue that has no run."""
    shutil.copytree(template, folder.catalogue, dirs_exist_ok=True)
    return folder


@pytest.mark.fault(51)
def test_hops_of_another_run_are_not_mixed_in(folder, run):
    """Two journals in one file, the first without its end."""
    other = scan_run(3, 3)
    run.documents[:] = [*run.documents[:-1], *other.documents]
    path = run.write(path_of(folder, run))
    assert hop_table(path).sizes["hop"] == HOPS
    assert len(read_journal(path).damaged) == len(other.documents)


@pytest.mark.fault(51)
@pytest.mark.parametrize("form", ["with checksums", "of an earlier version"])
@pytest.mark.parametrize("pages", [0, 7])
def test_whatever_is_damaged_every_reader_works(tmp_path, form, pages):
    """Several damages at once, also in pages of events, as fly scans may have."""
    folder = DataFolder(tmp_path / "data").create()
    run = written(folder, scan_run(5, 5, pages=pages, repeats=(3,)))
    path = path_of(folder, run)
    if form == "of an earlier version":
        run.write(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(51)
    for _ in range(40):
        content = whole
        for kind in rng.choice(KINDS, 3):
            content = damaged(str(kind), content, rng).content
        path.write_bytes(content)
        (info,) = journals(folder)
        damage = damage_of(path)
        assert path.stem in describe_run(path)
        assert path.stem[:8] in list_runs(folder.journal)
        hops = hop_table(path).sizes["hop"]
        assert (info.stop is None) == (documents(path)[-1][0] != "stop")
        assert bool(set_aside(path)) == bool(damage)
        if info.stop is None:
            end_journal(path, damage)
        assert not read_journal(path).damaged
        assert hop_table(path).sizes["hop"] == hops
        assert damage_of(path).lines == damage.lines
