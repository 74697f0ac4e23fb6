"""The examples in docstrings: they run, and what they show is what comes.

Plans are looked at message by message and move nothing; what reads runs has a run of
everything that they name. An example without an output may give anything. One that
cannot run here has ``# doctest: +SKIP`` and its reason in `NOT_HERE`.
"""

import doctest
import importlib
import itertools
import pkgutil
import shutil

import bluesky.plan_stubs as bps
import matplotlib.pyplot as plt
import numpy as np
import pytest
from bluesky.callbacks.best_effort import BestEffortCallback
from bluesky.preprocessors import msg_mutator
from bluesky.simulators import RunEngineSimulator
from databroker.queries import TimeRange

import seccm_ophyd
from seccm_ophyd import analysis, plans, storage, techniques, views
from seccm_ophyd.replay import replay
from seccm_ophyd.session import open_session

pytestmark = [pytest.mark.system, pytest.mark.slow]

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
NOT_HERE = {
    "devices.microscope.Microscope": "needs the instrument that it names",
    "run_engine.refusals.show_briefly": "needs IPython",
    "views.window.Window": "needs a display",
}
OWN_SESSION = "session.session.open_session"


def examples():
    """Find the docstrings that have examples, by the name of what they describe."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    for info in pkgutil.walk_packages(seccm_ophyd.__path__, "seccm_ophyd."):
        if info.name.endswith("__main__"):
            continue
        for test in finder.find(importlib.import_module(info.name), info.name):
            if test.examples:
                yield test.name.removeprefix("seccm_ophyd."), test


EXAMPLES = dict(examples())


class LenientChecker(doctest.OutputChecker):
    """An example that shows no output may give any."""

    def check_output(self, want, got, optionflags):
        return not want or super().check_output(want, got, optionflags)


class Simulated:
    """In the place of the engine: plans are run through, and nothing moves."""

    def __call__(self, plan):
        RunEngineSimulator().simulate_plan(plan)

    def subscribe(self, callback):
        assert callable(callback)


@pytest.fixture(scope="module")
def profiles(tmp_path_factory):
    """Keep the databroker profile of the session in its own folder."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("profiles")
        patch.setenv("TILED_PROFILES", str(folder))
        yield folder


@pytest.fixture(scope="module")
def names(tmp_path_factory, profiles):
    """Give what the examples name: a session with a whole run and a broken one."""
    data = tmp_path_factory.mktemp("session") / "data"
    with open_session(simulator=True, seed=1, time_scale=0, data_dir=data) as session:
        RE, seccm, cat = session.RE, session.seccm, session.catalog
        both = [
            techniques.CurrentSample(samples=50),
            techniques.CyclicVoltammetry(scan_rate_v_s=10),
        ]
        area = (-3, 3, 7, -3, 3, 7)
        (uid,) = RE(plans.hop_fly(seccm, both, *area, range_pa=20000))
        broken = plans.hop_scan(seccm, both, *area, range_pa=20000)
        with pytest.raises(RuntimeError):
            RE(msg_mutator(broken, _break_off(9)))
        journal = session.folder.journal_file(uid)
        yield {
            **{name: getattr(plans, name) for name in plans.__all__},
            **{name: getattr(techniques, name) for name in techniques.__all__},
            **{name: getattr(analysis, name) for name in analysis.__all__},
            **{name: getattr(views, name) for name in views.__all__},
            **{name: getattr(storage, name) for name in storage.__all__},
            **{"RE": Simulated(), "seccm": seccm, "cat": cat, "catalog": cat},
            **{"uid": uid, "run": cat[uid], "path": journal, "journal_path": journal},
            **{"bps": bps, "np": np, "replay": replay, "open_session": open_session},
            **{"BestEffortCallback": BestEffortCallback, "TimeRange": TimeRange},
            **{"callback": lambda name, doc: None, "curve": np.zeros((2, 1000))},
            "RunEngine": lambda **arguments: None,
            "session_data": data,
        }


def _break_off(hops):
    saved = itertools.count(1)

    def mutate(msg):
        if msg.command == "save" and next(saved) > hops:
            raise RuntimeError("broken off, to be resumed")
        return msg

    return mutate


@pytest.fixture
def folder(names, tmp_path, monkeypatch):
    """Work in a private folder, in which `data` is that of the session."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(names["session_data"])
    own = storage.DataFolder(tmp_path / "own").create()
    shutil.copy(names["path"], own.journal)
    yield own
    plt.close("all")


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - {OWN_SESSION} - set(NOT_HERE)))
def test_an_example_runs(name, names, folder):
    run_example(name, {**names, "folder": folder, **EXAMPLES[name].globs})


def test_the_example_that_opens_a_session_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    test = EXAMPLES[OWN_SESSION]
    known = {"hop_scan": plans.hop_scan, "CurrentSample": techniques.CurrentSample}
    run_example(OWN_SESSION, {**test.globs, **known})


def run_example(name, known):
    test = EXAMPLES[name]
    test.globs = known
    said = []
    runner = doctest.DocTestRunner(LenientChecker(), verbose=False, optionflags=FLAGS)
    runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)
    assert runner.tries == len(test.examples), f"{name}: an example is skipped"


def test_what_is_skipped_has_a_reason():
    skipped = {
        name
        for name, test in EXAMPLES.items()
        if any(doctest.SKIP in example.options for example in test.examples)
    }
    assert skipped == set(NOT_HERE)
