"""The `seccm` command and the IPython profile, as a user types them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.image import imread

from seccm_ophyd import cli
from seccm_ophyd.plans import hop_scan
from seccm_ophyd.techniques import CurrentSample

pytestmark = pytest.mark.system

PROFILE = Path(__file__).parents[2] / "profile_collection"


@pytest.fixture(scope="module")
def data(session):
    """Run a scan and wait until the catalogue has it."""
    plan = hop_scan(session.seccm, CurrentSample(), -1, 1, 3, -1, 1, 3)
    (uid,) = session.RE(plan)
    session.catalog[uid]
    return str(session.folder.root), uid


def test_runs_lists_the_run(data, capsys):
    folder, uid = data
    assert cli.main(["runs", "--data", folder]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert uid[:8] in line
    assert "hop_scan" in line
    assert "9/9" in line
    assert "success" in line


@pytest.mark.parametrize("command", ["show", "replay", "view"])
def test_a_stored_run_is_drawn_into_a_file(
    data, tmp_path, capsys, monkeypatch, command
):
    niced = []  # else the tests to come would be slow
    monkeypatch.setattr("os.nice", niced.append)
    folder, uid = data
    picture = tmp_path / "map.png"
    run = [] if command == "view" else [uid[:8]]
    code = cli.main([command, *run, "--data", folder, "--save", str(picture)])
    assert code == 0
    image = imread(picture)
    assert image.shape[0] > 400
    assert image.std() > 0.05  # something is drawn
    assert niced == ([10] if command == "view" else [])
    if command == "show":
        said = capsys.readouterr().out
        assert uid in said
        assert "potential_v=0.65" in said
        assert "9 of 9" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "nothing"], "seccm show: no run 'nothing'"),
        (["show", "86"], "seccm show: no scan 86 among the 1 run of"),
        (
            ["view", "--once", "--save", "no.png", "--run", "86"],
            "view: no scan 86 among",
        ),
        (["runs", "--data", "no/such"], "is no data folder"),
    ],
)
def test_a_mistake_is_told_in_one_line(data, capsys, arguments, message):
    if "--data" not in arguments:
        arguments = [*arguments, "--data", data[0]]
    assert cli.main(arguments) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_recover_refuses_while_the_session_is_open(data, capsys):
    assert cli.main(["recover", "--data", data[0]]) == 1
    assert f"process {os.getpid()}" in capsys.readouterr().err


def test_an_unknown_sample_is_refused(capsys):
    assert cli.main(["ioc", "--sample", "cheese"]) == 2
    assert "composite" in capsys.readouterr().err


@pytest.mark.slow
def test_the_demo_leaves_a_picture_and_a_stored_run(tmp_path, module_profiles):
    done = subprocess.run(
        [sys.executable, "-m", "seccm_ophyd.cli", "demo", "--points", "3"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
        env={**os.environ, "TILED_PROFILES": str(module_profiles)},
    )
    assert done.returncode == 0, done.stderr
    (picture,) = tmp_path.glob("data/pictures/*.png")
    assert str(picture) in done.stdout
    assert imread(picture).std() > 0.05
    assert "hops/s" in done.stdout + done.stderr
    assert "What to type next" in done.stdout
    assert picture.stem in done.stdout


@pytest.mark.slow
def test_the_profile_gives_the_names_that_its_banner_tells(tmp_path, module_profiles):
    code = (
        "RE(hop_scan(seccm, CurrentSample(), -1, 1, 2, 0, 0, 1));"
        "print('MAP', hop_map(cat[-1]).current.shape, 'IN', session.folder.root);"
        "replay(cat[-1], lambda name, doc: print('DOC', name))"
    )
    profile = tmp_path / "profile_collection"
    profile.mkdir()
    (profile / "startup").symlink_to(PROFILE / "startup")
    (profile / "seccm.toml").symlink_to(PROFILE / "seccm.toml")
    done = subprocess.run(
        [sys.executable, "-m", "IPython", f"--profile-dir={profile}", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
        env={
            **os.environ,
            "TILED_PROFILES": str(module_profiles),
            "IPYTHONDIR": str(tmp_path / "ipython"),
            "SECCM_DATA": "elsewhere",
        },
    )
    assert done.returncode == 0, done.stderr
    assert f"IN {tmp_path / 'elsewhere'}" in done.stdout, "as the shell finds it"
    assert "RE(hop_scan(seccm" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "MAP (1, 2)" in done.stdout
    assert done.stdout.count("DOC event") == 2
    banner = done.stdout.split("MAP")[0]
    assert len(banner.splitlines()) < 24  # one screen
