import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seccm_ophyd.storage import DataFolder, close_catalogue, open_catalogue

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _profiles(tmp_path, monkeypatch):
    monkeypatch.setenv("TILED_PROFILES", str(tmp_path / "profiles"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))


@pytest.fixture
def folder(tmp_path):
    return DataFolder(tmp_path / "my data").create()


@pytest.fixture(scope="session")
def empty_catalogue(tmp_path_factory):
    """A new catalogue takes seconds: made once, copied into each data folder."""
    template = DataFolder(tmp_path_factory.mktemp("template"))
    close_catalogue(open_catalogue(template, create=True))
    return template.catalogue


@pytest.fixture
def catalogued(folder, empty_catalogue):
    """A data folder with an empty catalogue."""
    shutil.copytree(empty_catalogue, folder.catalogue, dirs_exist_ok=True)
    return folder


@pytest.fixture
def client(catalogued):
    client = open_catalogue(catalogued)
    yield client
    close_catalogue(client)


@pytest.fixture
def run_python():
    """Run a script in a new Python; gives what it printed."""

    def run(script, *args):
        command = [sys.executable, "-c", script, *map(str, args)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def emitter(folder):
    """Start a process that writes the documents of a run and never ends it."""
    started = []

    def start(hops):
        command = [sys.executable, str(HERE / "hop_documents.py"), str(folder.root)]
        process = subprocess.Popen(
            [*command, str(hops)], stdout=subprocess.PIPE, text=True, env=os.environ
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()
