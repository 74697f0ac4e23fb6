"""Files in the folder of the journals that are none, and text that terminals obey."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import unicodedata
import uuid

import pytest

from seccm_ophyd import cli
from seccm_ophyd.analysis import describe_run, list_runs
from seccm_ophyd.errors import SeccmError
from seccm_ophyd.storage import (
    DataFolder,
    JournalRun,
    RunCounter,
    SessionCatalogue,
    close_catalogue,
    journals,
    open_catalogue,
    recover,
)
from seccm_ophyd.storage.journal import foreign as foreign_module
from seccm_ophyd.storage.journal.index import survey
from seccm_ophyd.storage.locks import FileLock, LockedError
from seccm_ophyd.terminal import clean, clean_lines
from tests.synthetic_runs import scan_run

NAME = "0b6a6cf2-0e0f-4a4e-9a6b-5a2f7d0f7a11"


def start(**told):
    return json.dumps(["start", {"uid": NAME, "time": 1.0, **told}]) + "\n"


def many(path, beginning, size):
    with path.open("wb") as file:
        file.write(beginning)
        file.truncate(size)


def unnamed(path, number):
    """A run under the uid of another."""
    scan_run(2, 2).write(path)


def at_no_time(path, when):
    run = scan_run(2, 2)
    run.documents[:] = run.documents[:1]
    run.documents[0][1].update(uid=NAME, time=when)
    run.write(path)


def unreadable(path, _):
    path.write_text(start())
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")


MAKERS = {
    "another program's": lambda p, _: p.write_bytes(b"PK\x03\x04\n\x00\xff\n"),
    "text": lambda p, _: p.write_text("my notes\nof today\n"),
    "folder": lambda p, _: p.mkdir(),
    "pipe": lambda p, _: os.mkfifo(p),
    "socket": lambda p, keep: keep(bound(p)),
    "link to itself": lambda p, _: p.symlink_to(p),
    "dangling link": lambda p, _: p.symlink_to(p.parent / "nowhere"),
    "link outside": lambda p, _: p.symlink_to(outside(p)),
    "link to a device": lambda p, _: p.symlink_to("/dev/zero"),
    "deep": lambda p, _: p.write_text("[" * 1_000_000 + "\n"),
    "deep start": lambda p, _: p.write_text(
        start()[:-3] + ', "x": ' + "[" * 99_999 + "]" * 99_999 + "}]\n"
    ),
    "long number": lambda p, _: p.write_text(start().replace("1.0", "1" * 1_000_000)),
    "long line": lambda p, _: many(p, b'["start", {"uid": "', 1 << 30),
    "much": lambda p, _: many(p, b"", 1 << 40),
    "uid of another": unnamed,
    "no time": lambda p, _: at_no_time(p, float("nan")),
    "a time in ages": lambda p, _: at_no_time(p, 1e300),
    "a list for a time": lambda p, _: at_no_time(p, [1.0]),
    "not to be read": unreadable,
}


def bound(path):
    found = socket.socket(socket.AF_UNIX)
    found.bind(os.path.relpath(path))  # a socket takes no long path
    return found


def outside(path):
    """A journal elsewhere, which is not ours to change."""
    elsewhere = path.parents[2] / "elsewhere.jsonl"
    elsewhere.write_text(start())
    return elsewhere


@pytest.fixture
def folder(tmp_path):
    return DataFolder(tmp_path / "data").create()


@pytest.fixture
def run(folder):
    run = scan_run(3, 3)
    run.write(folder.journal_file(run.documents[0][1]["uid"]))
    return run


@pytest.fixture(autouse=True)
def _tell_again(monkeypatch):
    monkeypatch.setattr(foreign_module, "_reported", set())


@pytest.fixture
def put(folder, request, monkeypatch):
    """Put a foreign file among the journals."""
    opened = []

    def put(kind):
        path = folder.journal / f"{NAME}.jsonl"
        monkeypatch.chdir(folder.journal)
        MAKERS[kind](path, opened.append)
        return path

    yield put
    for one in opened:
        one.close()


@pytest.mark.fault(52)
@pytest.mark.parametrize("kind", MAKERS)
def test_a_foreign_file_is_named_and_passed_over(folder, run, put, kind, caplog):
    uid = run.documents[0][1]["uid"]
    path = put(kind)
    before = path.lstat()
    began = time.process_time()
    assert [info.uid for info in journals(folder)] == [uid]
    (told,) = caplog.messages
    assert str(path) in told
    assert "is passed over, it is no journal: " in told
    assert uid[:8] in list_runs(folder.journal)
    assert SessionCatalogue(folder)._find(-1).uid == uid
    assert RunCounter(folder)({}) == 1
    with pytest.raises(KeyError, match="among the 1 run "):
        SessionCatalogue(folder)[NAME]
    assert len(caplog.messages) == 1  # once
    assert time.process_time() - began < 10
    assert path.lstat()[:7] == before[:7]


def states(folder):
    """Tell what is in the folder of the journals, and when it was changed."""
    return {
        path: (path.lstat().st_size, path.lstat().st_mtime_ns, path.lstat().st_ino)
        for path in folder.journal.iterdir()
    }


MEASURED = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(done.returncode)
"""


@pytest.mark.slow
@pytest.mark.fault(52)
def test_all_of_them_at_once_in_the_commands(folder, run, put, tmp_path, monkeypatch):
    """As a person types them; none of them takes 1 GB of memory."""
    monkeypatch.setenv("TILED_PROFILES", str(tmp_path / "profiles"))
    uid = run.documents[0][1]["uid"]
    for kind in ("folder", "pipe", "link to itself", "deep", "long line", "much"):
        put(kind).rename(folder.journal / f"{uuid.uuid4()}.jsonl")
    odd = b"\xff\xfe\x1b[2J.jsonl"
    with open(os.fsencode(folder.journal) + b"/" + odd, "w") as file:
        file.write("x\n")
    before = states(folder)

    command = sys.executable, "-c", MEASURED, sys.executable, "-m", "seccm_ophyd.cli"

    def seccm(*arguments):
        done = subprocess.run(
            [*command, *arguments, "--data", str(folder.root)],
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert int(done.stderr.split()[-1]) < 1_000_000, "kB resident at most"
        assert done.stderr.count(b"passed over") == 7, done.stderr
        assert b"\x1b" not in done.stdout + done.stderr
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    assert uid[:8] in seccm("runs")
    assert uid in seccm("show", "-1", "--save", str(tmp_path / "map.png"))
    assert f"{uid[:8]}  9 hops  now in the catalogue" in seccm("recover")
    assert states(folder) == before


@pytest.mark.fault(52)
def test_files_of_other_names_are_named_and_what_recover_keeps_is_not(folder, run):
    (folder.journal / "notes.txt").touch()
    (folder.journal / "Kopie von x.jsonl").touch()
    (folder.journal / f"{NAME}.jsonl.damaged-1").touch()
    (folder.journal / f"{NAME}.jsonl.new").touch()
    found = survey(folder.journal)
    assert [file.path.name for file in found.foreign] == [
        "Kopie von x.jsonl",
        "notes.txt",
    ]


@pytest.mark.fault(52)
def test_of_many_foreign_files_some_are_named(folder, caplog):
    for number in range(50):
        (folder.journal / f"{number}.txt").touch()
    assert journals(folder) == []
    assert len(caplog.messages) == 21
    assert caplog.messages[-1].startswith("30 more files")


ODD = [
    {"plan_name": 5},
    {"plan_name": {"a": ["b"]}, "scan_id": [1]},
    {"hop_grid": 17, "shape": "x", "num_points": None},
    {"techniques": 3, "resumes": 5, "sample": ["x"]},
    {"order_time": "y", "hints": 3, "motors": 5, "estimate": "z"},
]


@pytest.mark.fault(52)
@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_odd_metadata_do_not_hide_other_runs(folder, run, odd):
    other = scan_run(2, 2)
    other.documents[0][1].update(odd)
    path = other.write(folder.journal_file(other.documents[0][1]["uid"]))
    for told in (list_runs(folder.journal), list_runs(folder.journal, limit=None)):
        assert all(
            one.documents[0][1]["uid"][:8] in told and "4/" in told
            for one in (run, other)
        )
    assert path.stem in describe_run(path)
    assert path.stem[:8] in repr(JournalRun(path))
    assert "2 runs" in repr(SessionCatalogue(folder))


@pytest.mark.fault(52)
@pytest.mark.parametrize("order", ["two stops", "stop first", "two starts"])
def test_documents_out_of_order_are_named(folder, run, order):
    docs = run.documents
    if order == "two stops":
        docs.append(["stop", {**docs[-1][1], "exit_status": "fail"}])
        number = len(docs)
    elif order == "stop first":
        docs.insert(0, docs.pop())
        number = 1
    else:
        docs.insert(4, ["start", {**docs[0][1], "uid": NAME}])
        number = 5
    path = run.write(folder.journal_file(docs[order == "stop first"][1]["uid"]))
    told = describe_run(path)
    assert f"line {number} is damaged" in told
    assert "9 of 9" in told
    assert "9/9" in list_runs(folder.journal)


@pytest.mark.fault(52)
@pytest.mark.parametrize("key", ["time", "seq_num", "data"])
def test_events_that_are_none_are_named(folder, run, key):
    run.documents[5][1][key] = float("nan")
    run.documents[-1][1]["time"] = float("nan")
    path = run.write(folder.journal_file(run.documents[0][1]["uid"]))
    told = describe_run(path)
    assert f"lines 6, {len(run.documents)} are damaged ({key} of the event" in told
    assert "8 of 9" in told
    assert list_runs(folder.journal).split()[-2:] == ["8/9", "unfinished"]


HOSTILE = (
    "\x1b]0;owned\x07\r\nend  success\x9b2J\u202egnp\u2066.exe\x00\x7f\u2028\ud800"
)


def is_obeyed(text):
    kinds = {unicodedata.category(sign) for sign in text if sign != "\n"}
    return bool(kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"})


@pytest.mark.fault(52)
def test_control_characters_never_reach_the_terminal(folder, tmp_path, capsys):
    assert is_obeyed(HOSTILE)
    md = {"plan_name": HOSTILE, "sample": HOSTILE, "probe": {HOSTILE: HOSTILE}}
    run = scan_run(2, 2, extra_md={"plan_name": "x"})
    run.documents[0][1].update(md, scan_id=HOSTILE, num_points=HOSTILE)
    run.documents[-1][1].update(reason=HOSTILE, exit_status="fail")
    uid = run.documents[0][1]["uid"]
    run.write(folder.journal_file(uid))
    folder.refusal(uid).write_text(HOSTILE.encode("utf-8", "replace").decode())
    for arguments in (["runs"], ["show", uid], ["replay", uid, "--speed", "1e5"]):
        picture = ["--save", str(tmp_path / "x.png")] * (arguments != ["runs"])
        cli.main([*arguments, *picture, "--data", str(folder.root)])
        said = capsys.readouterr()
        assert said.out
        assert not is_obeyed(said.out + said.err)
    assert len(list_runs(folder.journal).splitlines()) == 2
    rows = describe_run(folder.journal_file(uid)).splitlines()
    assert sum(row.startswith("end") for row in rows) == 1  # no line of its own
    for shown in (SessionCatalogue(folder), JournalRun(folder.journal_file(uid))):
        assert not is_obeyed(repr(shown))


@pytest.mark.fault(52)
def test_nor_do_those_of_errors_and_locks(folder, capsys):
    assert (
        str(SeccmError(f"driven by {HOSTILE}")) == f"driven by {clean_lines(HOSTILE)}"
    )
    lock = FileLock(folder.session_lock, "the session")
    lock.acquire()
    try:
        lock.tell({"host": HOSTILE})
        with pytest.raises(LockedError) as caught:
            FileLock(folder.session_lock, "the session").check()
        assert not is_obeyed(str(caught.value))
        assert "\n" not in str(caught.value)
    finally:
        lock.release()


@pytest.mark.fault(52)
def test_what_is_no_order_to_a_terminal_is_kept():
    text = "Ångström µm ± 日本語 é — LiFePO₄"
    assert clean(text) == clean_lines(text) == text
    assert clean("a\nb\tc") == "a\\nb\\tc"
    assert clean_lines("a\nb\x1b") == "a\nb\\x1b"
    assert clean("x" * 5000, 10) == "x" * 10 + "..."


@pytest.mark.fault(52)
def test_recover_leaves_foreign_files_as_they_are(folder, run, put, tmp_path):
    shutil.copytree(made_catalogue(tmp_path), folder.catalogue, dirs_exist_ok=True)
    path = put("link outside")
    elsewhere = path.resolve()
    content = elsewhere.read_bytes()
    (folder.journal / "other.jsonl").write_bytes(b"\x00\n" * 10)
    (folder.journal / "notes.jsonl").mkdir()
    before = sorted(folder.journal.iterdir())
    assert [result.error for result in recover(folder)] == [None]
    assert sorted(folder.journal.iterdir()) == before
    assert elsewhere.read_bytes() == content
    assert (folder.journal / "other.jsonl").read_bytes() == b"\x00\n" * 10


def made_catalogue(tmp_path):
    other = DataFolder(tmp_path / "template")
    close_catalogue(open_catalogue(other, create=True))
    return other.catalogue
