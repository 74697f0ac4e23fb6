"""Text and files that nobody vouches for: paths, code, formulas."""

import ast
import csv
import json
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

import seccm_ophyd
from seccm_ophyd import cli
from seccm_ophyd.analysis import describe_run, export_csv, hop_map, hop_table, list_runs
from seccm_ophyd.config import load_config
from seccm_ophyd.errors import ConfigError
from seccm_ophyd.storage import (
    DataFolder,
    Journal,
    close_catalogue,
    journal_of,
    journals,
    open_catalogue,
    recover,
)
from seccm_ophyd.techniques import CurrentSample
from seccm_ophyd.views import HopMapView
from tests.plans.calls import BY_NAME, documents
from tests.synthetic_runs import scan_run

PACKAGE = Path(seccm_ophyd.__file__).parent
HOSTILE = [
    "../../x",
    "/tmp/seccm_was_here",
    "nul\0byte",
    "{0.__class__.__mro__}",
    "%(name)s %s %n",
    "x" * 5000,
    "CON",
    "..",
    "a/b\\c",
    "$(touch here)`touch here`",
    "line\nbreak\r\x1b[2J",
]
hostile = pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))


def tree(folder):
    return {path.relative_to(folder) for path in folder.rglob("*")}


@pytest.mark.fault(42)
@hostile
def test_metadata_do_not_name_files(RE, docs, fake, tmp_path, monkeypatch, text):
    inside = tmp_path / "a" / "b" / "data"
    inside.mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    folder = DataFolder(inside).create()
    fake.device.traces.folder.put(str(folder.traces))
    RE.subscribe(Journal(folder))
    md = {"plan_name": text, "sample": {"name": text}, "note": text, "series": text}
    RE(BY_NAME["current_map"](fake.device, md=md))
    uid = docs[0][1]["uid"]
    (journal,) = folder.journal.iterdir()
    assert journal.name == f"{uid}.jsonl"
    assert [path.suffix for path in folder.traces.iterdir()] == [".h5"]
    assert tree(tmp_path) - tree(inside.parent) <= {
        path.relative_to(tmp_path)
        for path in (elsewhere, inside, *inside.rglob("*"), *inside.parents)
        if path.is_relative_to(tmp_path)
    }
    stored = hop_table(journal).attrs["start"]
    assert stored["sample"] == {"name": text}  # kept, as the text it is
    assert uid in describe_run(journal)
    assert uid[:8] in list_runs(folder.journal)
    assert export_csv(journal, folder=inside).name == f"{uid}.csv"
    HopMapView.from_run(journal).save(inside / "map.png")
    assert list(elsewhere.iterdir()) == []


@pytest.mark.slow
@pytest.mark.fault(42)
def test_hostile_runs_in_the_catalogue_stay_in_its_folder(tmp_path):
    folder = DataFolder(tmp_path / "data").create()
    runs = []
    for text in HOSTILE:
        run = scan_run(2, 2, extra_md={"plan_name": text, "sample": text})
        uid = run.documents[0][1]["uid"]
        run.write(folder.journal_file(uid))
        runs.append(uid)
    assert all(result.error is None for result in recover(folder))
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    client = open_catalogue(folder)
    try:
        told = {client[uid].metadata["start"]["plan_name"] for uid in runs}
    finally:
        close_catalogue(client)
    assert told == set(HOSTILE)


@pytest.mark.fault(42)
@hostile
def test_a_uid_in_a_journal_is_no_path(tmp_path, text):
    """A file that somebody put among the journals, with a uid that leads elsewhere."""
    folder = DataFolder(tmp_path / "a" / "data").create()
    run = scan_run(2, 2)
    run.documents[0][1]["uid"] = text
    run.write(folder.journal / "odd.jsonl")
    before = tree(tmp_path)
    assert journals(folder) == []
    with pytest.raises(KeyError, match="no run"):
        journal_of(folder, "odd")
    with pytest.raises(KeyError, match="no run"):
        journal_of(folder, text)
    for name in (folder.journal_file, folder.acknowledgement):
        if text != "CON":  # a name like any other here
            with pytest.raises(ValueError, match="is no uid"):
                name(text)
    if text != "CON":
        with pytest.raises(ValueError, match="is no uid"):
            export_csv(folder.journal / "odd.jsonl", folder=tmp_path)
    assert tree(tmp_path) == before


@pytest.mark.fault(42)
@hostile
@pytest.mark.parametrize("command", ["show", "replay", "export", "view"])
def test_the_command_line_reads_nothing_but_runs(tmp_path, capsys, command, text):
    """As a person may type it, or a script pass it on."""
    folder = DataFolder(tmp_path / "data").create()
    run = scan_run(2, 2)
    run.write(tmp_path / "x.jsonl")  # where ../../x of the journals would lead
    run.write(folder.journal_file(run.documents[0][1]["uid"]))
    before = tree(tmp_path)
    arguments = ["--run", text, "--once"] if command == "view" else [text]
    code = cli.main([command, "--data", str(folder.root), *arguments])
    said = capsys.readouterr().err
    assert code == 1
    assert said.startswith(f"seccm {command}: ")
    assert len(said) < 1000
    assert tree(tmp_path) == before


# -- code in data ----------------------------------------------------------------------

FORBIDDEN = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
CALLS = {"eval", "exec", "compile", "__import__"}
LOADERS = {"load", "load_all", "full_load", "unsafe_load", "full_load_all"}


def offences(tree):
    """Find in a syntax tree what could execute data."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name.split(".")[0] for alias in node.names}
            if names & FORBIDDEN or getattr(node, "module", None) in FORBIDDEN:
                yield node.lineno, ast.unparse(node)
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        shell = any(
            key.arg in ("shell", "allow_pickle") and ast.unparse(key.value) != "False"
            for key in node.keywords
        )
        unsafe = called.startswith("yaml.") and called.split(".")[1] in LOADERS
        if called in CALLS or unsafe or shell or called in ("os.system", "os.popen"):
            yield node.lineno, ast.unparse(node)


@pytest.mark.fault(43)
def test_no_source_executes_data():
    found = [
        f"{path.relative_to(PACKAGE)}:{line}: {text}"
        for folder in (PACKAGE, PACKAGE / "plans", PACKAGE / "sim_devices")
        for path in folder.rglob("*.py")
        for line, text in offences(ast.parse(path.read_text()))
    ]
    assert found == []


@pytest.mark.fault(43)
@pytest.mark.parametrize(
    "source",
    ["import pickle", "from marshal import loads", "eval(x)", "yaml.load(f)",
     "np.load(f, allow_pickle=True)", "subprocess.run(x, shell=True)", "os.system(x)"],
)  # fmt: skip
def test_and_the_search_would_find_it(source):
    assert list(offences(ast.parse(source)))


class Exploit:
    """Unpickled, it leaves a file."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (Path(self.trace),)


@pytest.fixture
def trace(tmp_path):
    """Name a file that an exploit would leave behind, and see that it did not."""
    path = tmp_path / "executed"
    yield path
    assert not path.exists()


@pytest.mark.fault(43)
def test_the_exploit_works_where_it_is_let(tmp_path):
    path = tmp_path / "executed"
    pickle.loads(pickle.dumps(Exploit(path)))
    assert path.exists()


@pytest.mark.fault(43)
@pytest.mark.parametrize("form", ["objects", "bare pickle", "renamed pickle"])
def test_a_sample_file_with_code_is_refused(trace, tmp_path, capsys, form):
    file = tmp_path / "sample.npz"
    height = np.array([[Exploit(trace)]], dtype=object)
    if form == "objects":
        np.savez(file, height_um=height, pixel_size_um=1.0)
    elif form == "bare pickle":
        file.write_bytes(pickle.dumps(Exploit(trace)))
    else:
        np.save(tmp_path / "sample.npy", height, allow_pickle=True)
        (tmp_path / "sample.npy").rename(file)
    assert cli.main(["ioc", "--sample", str(file)]) == 2
    assert "sample.npz" in capsys.readouterr().err


@pytest.mark.fault(43)
def test_a_configuration_is_toml_and_nothing_else(trace, tmp_path):
    file = tmp_path / "seccm.toml"
    file.write_text(f'!!python/object/apply:pathlib.Path.touch ["{trace}"]\n')
    with pytest.raises(ConfigError, match="line 1"):
        load_config(file)
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load(file.read_text())  # as the queue server reads its permissions


@pytest.mark.fault(43)
@pytest.mark.parametrize(
    "line",
    [
        '["start", {"__class__": "os.system", "__reduce__": ["touch", "executed"]}]',
        '["start", {"uid": "odd", "time": 1, "py/object": "pathlib.Path"}]',
        '{"!!python/object/apply:os.system": ["touch executed"]}',
        "(cos\nsystem\n(S'touch executed'\ntR.",
        '["start", {"uid": "odd", "time": 1e999, "scan_id": "__import__(\'os\')"}]',
    ],
)
def test_a_journal_is_json_and_nothing_else(trace, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    folder = DataFolder(tmp_path / "data").create()
    (folder.journal / "odd.jsonl").write_text(line + "\n")
    good = scan_run(2, 2)
    good.write(folder.journal_file(good.documents[0][1]["uid"]))
    assert good.documents[0][1]["uid"] in {info.uid for info in journals(folder)}
    assert good.documents[0][1]["uid"][:8] in list_runs(folder.journal)


@pytest.mark.fault(43)
def test_a_technique_is_made_from_names_that_are_known(trace):
    for name in ("os.system", "__import__('os')", "Technique", ["CurrentSample"], None):
        with pytest.raises(ValueError, match="is unknown, known are"):
            CurrentSample.from_dict({"technique": name, "x": f"touch {trace}"})


@pytest.mark.fault(43)
def test_traces_that_link_elsewhere_or_hold_objects_are_data_or_refused(
    trace, tmp_path
):
    file = tmp_path / "t.h5"
    with h5py.File(file, "w") as stored:
        stored["outside"] = h5py.ExternalLink("/etc/passwd", "/")
        stored["object"] = np.void(pickle.dumps(Exploit(trace)))
    with h5py.File(file) as stored:
        assert isinstance(stored["object"][()], np.void)  # bytes: never unpickled
        with pytest.raises((KeyError, OSError)):
            stored["outside"]


# -- tables ----------------------------------------------------------------------------


@pytest.mark.fault(44)
@pytest.mark.parametrize(
    "text", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"]
)
def test_formulas_in_a_table_stay_text(tmp_path, text):
    run = scan_run(3, 2, extra_md={"sample": f"x,{text}", "plan_name": text})
    for name, doc in run.documents:
        if name == "event":
            doc["data"]["seccm_hop_outcome"] = text
            doc["data"]["seccm_clamp_current"] = -1.5e-07
    path = export_csv(run.documents, folder=tmp_path)
    assert path.name == f"{run.documents[0][1]['uid']}.csv"
    lines = path.read_text().splitlines()
    comments = [line for line in lines if line.startswith("#")]
    with path.open(newline="") as stream:
        rows = list(csv.reader(line for line in stream if not line.startswith("#")))
    heading, *cells = rows
    assert "seccm_z_contact_height (um)" in heading
    assert len(cells) == 6
    column = heading.index("seccm_hop_outcome")
    assert {row[column] for row in cells} == {f"'{text}".replace("\r", " ")}
    current = heading.index("seccm_clamp_current (pA)")
    assert {row[current] for row in cells} == {"-1.5e-07"}  # numbers are not touched
    for line in comments:
        for cell in line.split(",")[1:]:
            assert not cell.strip().startswith(("=", "+", "-", "@")), line


@pytest.mark.fault(44)
def test_the_table_has_every_number_in_full(tmp_path, capsys):
    folder = DataFolder(tmp_path / "data").create()
    run = scan_run(3, 3, misses=(4,), extra_md={"sample": {"name": "LiFePO4"}})
    uid = run.documents[0][1]["uid"]
    run.write(folder.journal_file(uid))
    file = tmp_path / "mine.csv"
    arguments = ["export", uid[:6], "--csv", str(file), "--data", str(folder.root)]
    assert cli.main(arguments) == 0
    assert str(file) in capsys.readouterr().out
    assert f"# uid: {uid}" in file.read_text()
    assert "LiFePO4" in file.read_text()
    with file.open(newline="") as stream:
        rows = csv.DictReader(line for line in stream if not line.startswith("#"))
        told = [row["seccm_z_contact_height (um)"] for row in rows]
    heights = [doc["data"]["seccm_z_contact_height"] for doc in documents(
        run.documents, "event")]  # fmt: skip
    np.testing.assert_array_equal([float(text) for text in told], heights)
    assert np.isnan(hop_map(run.documents).topography).sum() == 1
    assert json.loads(folder.journal_file(uid).read_text().splitlines()[0])
