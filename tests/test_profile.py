"""The startup files of the IPython profile: what they configure and which names."""

import inspect
import runpy
from pathlib import Path

import IPython
import pytest

from seccm_ophyd import analysis, plans, session

STARTUP = Path(__file__).parents[1] / "profile_collection" / "startup"


@pytest.fixture
def opened(monkeypatch, tmp_path):
    """Run the file that opens the session; give a function that tells how it does."""

    class Shell:
        class profile_dir:  # noqa: N801  as IPython names it
            location = str(tmp_path / "profile")

    class Recorded:
        def __init__(self, **arguments):
            self.arguments = arguments
            self.RE = self.catalog = None
            self.seccm = type("Seccm", (), {"z": type("Z", (), {"axis": None})})

    monkeypatch.setattr(IPython, "get_ipython", Shell)
    monkeypatch.setattr(session, "open_session", Recorded)
    for name in ("SECCM_CONFIG", "SECCM_DATA", "SECCM_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return lambda: runpy.run_path(str(STARTUP / "00-session.py"))["session"].arguments


def test_the_session_is_configured_as_the_shell_is(opened, monkeypatch, tmp_path):
    profile = tmp_path / "profile" / "seccm.toml"
    assert opened() == {"config": profile, "view": True}
    (tmp_path / "seccm.toml").touch()
    assert opened()["config"] == Path("seccm.toml")
    monkeypatch.setenv("SECCM_CONFIG", "mine.toml")
    assert opened()["config"] == Path("mine.toml")


def test_all_of_analysis_is_at_hand():
    names = runpy.run_path(str(STARTUP / "15-techniques.py"))
    for name in analysis.__all__:
        assert names[name] is getattr(analysis, name)
        # bluesky-queueserver lists whatever is a generator as a plan
        assert not inspect.isgeneratorfunction(names[name]), name


def test_every_public_plan_is_at_hand():
    names = runpy.run_path(str(STARTUP / "10-plans.py"))
    parts = {"hop", "hop_run_wrapper", "hop_run_decorator"}  # of plans of one's own
    public = set(plans.__all__) - parts - {"Estimate", "HopOptions", "HopPoint"}
    assert public <= set(names)
