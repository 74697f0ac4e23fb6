"""A short chaos: some minutes of simulated time, and an hour of it where one waits."""

import itertools

import pytest

from tests.chaos.faults import Injection
from tests.chaos.run import Runner
from tests.chaos.scans import SAMPLE, Scan
from tests.chaos.sequence import Step, steps

pytestmark = pytest.mark.system


def stepped(number, hops, *injections, **how):
    kwargs = {"approach_rate_um_s": 4.0}
    args = [SAMPLE, -2.0, 2.0, hops // 5, -1.0, 1.0, 5]
    return Step(number, Scan("map", "hop_scan", args, hops, kwargs), injections, **how)


def flown(number, hops, *injections, **how):
    args = [SAMPLE, -2.0, 2.0, hops // 5, -1.0, 1.0, 5]
    return Step(number, Scan("fly", "hop_fly", args, hops, fly=True), injections, **how)


SHORT = [
    stepped(1, 60, Injection("paused at once", 0.3, 0.01, 0.0)),
    flown(2, 300, Injection("bad reading", 0.1, 0.0, 0.0)),
    stepped(
        3, 60, Injection("caput", 0.1, 0.0, 1.0),
        Injection("session killed", 0.5, 0.007, 0.0),
    ),
    flown(4, 100, Injection("aborted", 0.2, 0.0, 0.0)),
]  # fmt: skip


@pytest.fixture
def runner(tmp_path):
    runner = Runner(tmp_path / "chaos", 1)
    yield runner
    runner.close()


def test_a_short_chaos(runner):
    reports = list(runner.run(SHORT, 1e6))
    assert [report.violations for report in reports] == [[]] * 5
    assert reports[0].stored == 60
    assert reports[2].open_s is not None
    assert sum(report.simulated_s for report in reports) > 120


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_an_hour_of_chaos(runner):
    reports = list(runner.run(itertools.islice(steps(11), 12), 3600.0))
    assert [problem for report in reports for problem in report.violations] == []
    assert sum(len(report.kinds) for report in reports) >= 3
