"""Sessions on a private simulator: a real IOC, a real catalogue, a folder."""

import os
import subprocess
import sys

import pytest
from ophyd import EpicsSignalRO

from seccm_ophyd.session import open_session


@pytest.fixture(scope="module")
def module_profiles(tmp_path_factory):
    """Let the sessions of a module write their databroker profile to its own folder."""
    folder = tmp_path_factory.mktemp("profiles")
    before = os.environ["TILED_PROFILES"]  # tests/conftest.py has set it
    os.environ["TILED_PROFILES"] = str(folder)
    yield folder
    os.environ["TILED_PROFILES"] = before


@pytest.fixture(scope="module")
def session(tmp_path_factory, module_profiles):
    """Open one session for the tests of a module."""
    with open_session(
        simulator=True, seed=3, time_scale=0, data_dir=tmp_path_factory.mktemp("data")
    ) as opened:
        yield opened


@pytest.fixture
def collected(session):
    """Collect the documents of the session's engine."""
    found = []
    token = session.RE.subscribe(lambda name, doc: found.append((name, doc)))
    yield found
    session.RE.unsubscribe(token)


def run_python(code, *arguments, profiles=None, timeout=120):
    """Run a script in a new Python and return what it prints."""
    environment = dict(os.environ)
    if profiles is not None:
        environment["TILED_PROFILES"] = str(profiles)
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


_signals = {}


def read_pv(name):
    """Read a PV that the devices do not have, e.g. of the simulator.

    The signals are kept: the EPICS library does not survive it when a channel goes
    while another thread still asks for its metadata.
    """
    if name not in _signals:
        _signals[name] = EpicsSignalRO(name, name="signal", string=name.endswith("$"))
    _signals[name].wait_for_connection(timeout=30)
    return _signals[name].get()
