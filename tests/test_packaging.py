"""What an installation claims: one top-level name, one command."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel as `pip install .` does, from a copy of the sources."""
    copy = tmp_path_factory.mktemp("source") / "seccm"
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    for name in filter(None, files.split("\0")):
        source, target = ROOT / name, copy / name
        if not source.exists():
            continue  # removed, but not committed yet
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            target.symlink_to(source.readlink())
        else:
            target.write_bytes(source.read_bytes())
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run(
        [*command, "--no-build-isolation", "--wheel-dir", str(out), str(copy)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    (built,) = out.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        yield archive


def test_nothing_but_our_own_name_is_installed_on_top(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"seccm_ophyd"}


def test_the_linked_packages_are_inside(wheel):
    names = set(wheel.namelist())
    for module in (
        "plans/scans.py",
        "plans/_run/run.py",
        "sim_devices/ioc.py",
        "storage/journal/journal.py",
        "storage/catalogue/writer/__main__.py",
        "py.typed",
    ):
        assert f"seccm_ophyd/{module}" in names
    folders = ["*/" * depth for depth in range(5)]  # `**` follows no links
    for folder in folders:
        found = ROOT.glob(f"seccm_ophyd/{folder}*.py")
        assert {str(path.relative_to(ROOT)) for path in found} <= names


def test_the_command_is_installed(wheel):
    (entry,) = [n for n in wheel.namelist() if n.endswith("entry_points.txt")]
    assert "seccm = seccm_ophyd.cli:main" in wheel.read(entry).decode()


def test_every_dependency_is_bounded():
    setup = (ROOT / "setup.cfg").read_text()
    required = setup.split("install_requires =")[1].split("[options.extras")[0]
    lines = [line.strip() for line in required.splitlines() if line.strip()]
    assert len(lines) > 10
    for line in lines:
        assert ">=" in line, line
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]
