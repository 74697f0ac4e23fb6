"""What is typed behind `seccm`: wrong options end before anything is done for them."""

import logging
import os
import subprocess
import sys

import pytest

import seccm_ophyd
from seccm_ophyd import cli
from seccm_ophyd.analysis import list_runs
from seccm_ophyd.analysis.levelling import METHODS
from seccm_ophyd.cli import operate
from seccm_ophyd.cli.parser import LEVELLINGS
from seccm_ophyd.config import data_folder
from seccm_ophyd.errors import ConfigError, ParameterError, SeccmError
from seccm_ophyd.sim_devices.physics.samples import make_sample
from seccm_ophyd.storage import DataFolder
from tests.synthetic_runs import scan_run


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Give a current folder with a file, and nothing that configures."""
    for name in ("SECCM_CONFIG", "SECCM_PREFIX", "SECCM_DATA", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "afile").touch()
    (tmp_path / "empty.npz").touch()
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04" + bytes(40))
    return tmp_path


@pytest.fixture
def run(folder):
    """Store a run in the default data folder."""
    stored = scan_run(2, 2)
    uid = stored.documents[0][1]["uid"]
    stored.write(DataFolder("data").create().journal_file(uid))
    return uid


def said(capsys, code, *arguments):
    """Run a command that must fail; return the last line, the only one of its own."""
    if code == 2:
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        assert ended.value.code == 2
    else:
        assert cli.main(arguments) == code
    lines = capsys.readouterr().err.splitlines()
    assert code == 2 or len(lines) == 1
    return lines[-1]


def test_the_version(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"seccm_ophyd {seccm_ophyd.__version__}\n"


WHOLE = "must be a whole number between"


@pytest.mark.parametrize(
    ("command", "option", "values", "allowed"),
    [
        ("runs", "--limit", ("-3", "0", "x", "1.5", ""), f"{WHOLE} 1 and 1000000"),
        ("demo", "--points", ("1", "-5", "1e9", "301"), f"{WHOLE} 2 and 300"),
        ("demo", "--seed", ("-1", "1.5", "nan", "9" * 99), f"{WHOLE} 0 and 2147483647"),
        ("paper", "--seed", ("-1", "1.5"), f"{WHOLE} 0 and 2147483647"),
        ("replay -1", "--speed", ("0", "-1", "nan", "inf", "x"), "must be above 0 and"),
        ("safe", "--timeout", ("0", "-1", "nan", "inf"), "above 0 and at most 600 s"),
        ("safe", "--prefix", ("", "A B", "Ä:", "x" * 41), "beginning of a PV name"),
        ("status", "--prefix", ("", "A B"), "must be the beginning of a PV name"),
        ("show -1", "--save", ("", "x\0y"), "must be the name of a file"),
        ("show -1", "--save", (".",), "is a folder: add the name of a file"),
        ("show -1", "--save", ("no/x.png", "afile/x.png"), "there is no folder"),
        ("show -1", "--save", ("x", "x.foo", ".png"), "picture, ending in .png"),
        ("replay -1", "--save", ("x.doc",), "name of a picture"),
        ("view", "--save", ("x.doc",), "name of a picture"),
        ("export -1", "--csv", (".", "no/x.csv"), "cannot be written|is a folder"),
        ("runs", "--data", ("",), "must be the name of a folder"),
        ("paper", "--out", ("",), "must be the name of a folder"),
        ("ioc", "--seed", ("1.5", "-1", "x"), f"{WHOLE} 0 and 2147483647"),
        ("ioc", "--port", ("-1", "0", "65536", "x"), f"{WHOLE} 1 and 65535"),
        ("ioc", "--allow", ("bob", "@host", "a b@c", ""), "must be USER@HOST"),
        ("ioc", "--time-scale", ("-1", "101", "nan", "x"), "at least 0 and at most"),
        ("ioc", "--theta", ("2", "0", "1", "nan", "a"), "above 0 and below 1"),
        ("ioc", "--particle-radius", ("-3", "20", "nan", "x"), "at most 19.9 um"),
        ("ioc", "--prefix", ("", "A B"), "must be the beginning of a PV name"),
        ("ioc", "--stage", ("reel",), "'ideal', 'real'"),
        ("ioc", "--electrolyte", ("NaCl",), "'LiCl', 'KCl'"),
    ],
)  # fmt: skip
def test_an_option_out_of_its_range(capsys, command, option, values, allowed):
    for value in values:
        line = said(capsys, 2, *command.split(), option, value)
        assert f"argument {option}: " in line
        assert any(words in line for words in allowed.split("|"))
        assert repr(value)[:40] in line
        assert "lambda" not in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("runs --data afile", "afile is no data folder: name one with --data"),
        ("status --data afile", "afile must be a data folder and is a file"),
        ("recover --data nowhere", "nowhere is no data folder: name one with --data"),
        ("demo --data afile", "data_dir='afile' must be a folder, and"),
        ("paper --figure 99", "figure 99 is not among 1b, "),
        ("paper --out afile", "afile must be a folder and is a file"),
        ("paper --stored --out nowhere", "nowhere holds no stored run"),
        ("status", "no session is open on data: name the instrument, --prefix"),
        ("view --once", "there is no display: give --save FILE"),
        ("view", "there is no display: give --save FILE"),
    ],
)
def test_a_mistake_is_said_in_one_sentence(capsys, folder, arguments, message):
    before = set(folder.iterdir())
    line = said(capsys, 1, *arguments.split())
    assert line.startswith(f"seccm {arguments.split()[0]}: ")
    assert message in line
    assert set(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--sample cheese", "no sample 'cheese': choose one of composite, film,"),
        ("--sample no.npz", "there is no surface file no.npz"),
        ("--sample empty.npz", "empty.npz is not an .npz file"),
        ("--sample broken.npz", "broken.npz is not an .npz file"),
        ("--sample film --particle-radius 3", "no particle of radius 3 um on 'film'"),
    ],
)
def test_a_sample_that_cannot_be_made(capsys, options, message):
    assert cli.main(["ioc", *options.split()]) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"seccm ioc: {message}")
    assert line.count("\n") == 1


def test_the_radius_of_a_particle_is_told_in_um():
    with pytest.raises(ValueError, match=r"of radius -3 um on .*below 20 um"):
        make_sample("composite", particle_radius=-3e-6)


def test_an_instrument_that_does_not_answer(capsys, monkeypatch):
    monkeypatch.setattr(operate, "CONNECT_TIMEOUT_S", 0.1)
    line = said(capsys, 1, "status", "--prefix", "NOPE:")
    assert line == (
        "seccm status: NOPE: does not answer within 0.1 s: tip state unknown; check "
        "--prefix, EPICS_CA_ADDR_LIST and that its IOC runs"
    )


@pytest.mark.parametrize("limit", [-3, 0, 1.5, "3", True])
def test_a_list_of_less_than_one_run(limit):
    with pytest.raises(ParameterError, match=f"limit={limit!r} must be a whole number"):
        list_runs([], limit=limit)


# -- where the data folder is looked for -----------------------------------------------


def test_commands_find_the_folder_that_the_configuration_names(
    capsys, folder, run, monkeypatch
):
    (folder / "data").rename(folder / "other")
    assert "data is no data folder" in said(capsys, 1, "runs")
    (folder / "seccm.toml").write_text('data_dir = "other"\n')
    assert cli.main(["runs"]) == 0
    assert run[:8] in capsys.readouterr().out
    (folder / "seccm.toml").rename(folder / "mine.toml")
    monkeypatch.setenv("SECCM_CONFIG", "mine.toml")
    assert cli.main(["runs"]) == 0
    assert run[:8] in capsys.readouterr().out
    monkeypatch.setenv("SECCM_DATA", "third")
    assert "third is no data folder" in said(capsys, 1, "runs")
    assert cli.main(["runs", "--data", "other"]) == 0
    assert str(data_folder()) == "third"


def test_a_broken_configuration_keeps_nobody_from_making_safe(folder, caplog):
    (folder / "seccm.toml").write_text("data_dir = 3\n")
    with pytest.raises(ConfigError, match=r"seccm.toml:1: data_dir=3"):
        data_folder()
    with caplog.at_level(logging.WARNING):
        data = operate.session_folder(None)
    assert operate.find_instrument("X:", data) == ("X:", "")
    assert "seccm.toml:1: data_dir=3" in caplog.text
    with pytest.raises(SeccmError, match=r"seccm.toml:1: data_dir=3"):
        operate.find_instrument(None, data)


def test_the_ways_of_levelling_are_those_of_the_analysis():
    assert set(LEVELLINGS) == set(METHODS)


def test_a_reader_that_has_read_enough_is_told_nothing(run):
    """As ``seccm runs | head -1``: the pipe ends before the list does."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "seccm_ophyd.cli", "runs", "--data", "data"]
    done = subprocess.run(
        command, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")
