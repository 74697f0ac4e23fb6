"""An IOC to break, and sessions on it."""

import contextlib

import pytest

from seccm_ophyd.session import open_session
from tests.iocs import RunningIOC
from tests.system.conftest import module_profiles, read_pv  # noqa: F401


@pytest.fixture
def ioc():
    """Start an IOC for one test."""
    running = RunningIOC()
    yield running
    running.close()


@pytest.fixture
def session(ioc, tmp_path):
    """Open a session on it."""
    with contextlib.closing(
        open_session(prefix=ioc.prefix, data_dir=tmp_path / "data", catalogue="")
    ) as opened:
        yield opened
