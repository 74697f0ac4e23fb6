"""The steps that a seed gives."""

import itertools
from collections import Counter

from seccm_ophyd import plans
from seccm_ophyd.plans.estimate import estimate
from tests.chaos.faults import KINDS
from tests.chaos.scans import SCANS
from tests.chaos.sequence import draw_step, steps
from tests.faults.catalogue import FAULTS


def test_a_seed_gives_the_same_steps_again():
    first, again = (list(itertools.islice(steps(3), 40)) for _ in range(2))
    assert first == again
    assert first != list(itertools.islice(steps(4), 40))


def test_a_step_can_be_drawn_alone():
    assert list(itertools.islice(steps(3), 7))[-1] == draw_step(3, 7)


def test_every_scan_and_every_fault_comes():
    drawn = [draw_step(1, number) for number in range(1, 601)]
    assert {step.scan.kind for step in drawn} == set(SCANS)
    found = Counter(fault.kind for step in drawn for fault in step.injections)
    assert set(found) == set(KINDS)
    assert all(step.injections for step in drawn)
    assert sum(len(step.injections) > 1 for step in drawn) > 100


def test_the_faults_are_those_of_the_catalogue():
    assert all(set(kind.faults) <= set(FAULTS) for kind in KINDS.values())


def test_every_scan_is_a_plan_that_is_not_refused(fake, RE):
    """Each kind, as drawn: three or more of them an hour come with a fault."""
    for number in range(1, 60):
        scan = draw_step(5, number).scan
        plan = getattr(plans, scan.plan)(fake.device, *scan.args, **scan.kwargs)
        expected = estimate(plan)
        assert expected.hops == scan.hops
        assert expected.duration_s < 1200
