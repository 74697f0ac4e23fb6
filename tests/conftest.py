"""Fixtures for all tests: no network beyond loopback, no display."""

import os

os.environ.setdefault("EPICS_CA_AUTO_ADDR_LIST", "NO")
os.environ.setdefault("MPLBACKEND", "Agg")
# Here, so that fixtures only change them: caproto copies the environment in a thread
# that finds PVs, and ends when a variable goes meanwhile. No PV is found any more then.
os.environ.setdefault("TILED_PROFILES", os.path.join(os.path.dirname(__file__), "none"))
os.environ.setdefault("PYTHONPATH", "")

import seccm_ophyd  # noqa: F401, I001  first: it chooses the EPICS layer before ophyd

import asyncio
import warnings

import pytest
from bluesky import RunEngine
from bluesky.simulators import RunEngineSimulator

from tests.fake_lines import FakeLine
from tests.fakes import FakeInstrument
from tests.processes import wait_until_gone


@pytest.fixture(autouse=True)
def private_profiles(tmp_path_factory, monkeypatch):
    """No test writes into, or reads from, the user's own databroker profiles."""
    monkeypatch.setenv("TILED_PROFILES", str(tmp_path_factory.mktemp("profiles")))


@pytest.fixture(scope="session", autouse=True)
def nothing_left_behind(tmp_path_factory):
    """Wait for the catalogue writers of this worker, and fail if a process is left."""
    yield
    wait_until_gone(str(tmp_path_factory.getbasetemp()))


@pytest.fixture
def RE():
    """Give an engine that must end idle and closes its loop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        engine = RunEngine({}, context_managers=[], loop=asyncio.new_event_loop())
    yield engine
    state = engine.state
    if state != "idle":
        engine.halt()
    engine.loop.call_soon_threadsafe(engine.loop.stop)
    engine._th.join(5)
    engine.loop.close()
    assert state == "idle"


@pytest.fixture
def sim_RE():
    """Give bluesky's simulator of an engine: it collects messages."""
    return RunEngineSimulator()


@pytest.fixture
def docs(RE):
    """Collect the documents that the engine emits, in order."""
    collected = []
    RE.subscribe(lambda name, doc: collected.append((name, doc)))
    return collected


@pytest.fixture
def fake():
    """Give a microscope without an IOC that lands at 1 um + x/10 + y/100."""
    instrument = FakeInstrument()
    yield instrument
    instrument.close()


@pytest.fixture
def lines(fake):
    """Have the microscope without an IOC hop along lines by itself."""
    return FakeLine(fake)
