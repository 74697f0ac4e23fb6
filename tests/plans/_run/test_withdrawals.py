"""A withdrawal against the steps of a scan."""

import pytest

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.plans import HopPoint, hop_fly, hop_list, hop_scan
from seccm_ophyd.plans._run.grid import Grid
from seccm_ophyd.plans._run.withdrawals import check_withdrawal, longest_step
from seccm_ophyd.techniques import CurrentSample


def numbered(*pairs):
    return [HopPoint(k, x, y) for k, (x, y) in enumerate(pairs)]


@pytest.mark.parametrize(
    ("points", "step"),
    [
        (Grid(0, 5, 51, 0, 2, 21, False).points, 0.1),
        (Grid(0, 5, 51, 0, 2, 21, True).points, 0.1),
        (Grid(0, 5, 51, 0, 2, 3, False).points, 1.0),
        (Grid(0, 5, 6, 0, 2, 21, False).points, 1.0),
        (numbered((0, 0), (9, 0), (0, 0.1)), 9.0),
        (numbered((0, 0), (0.2, 0.3), (0.2, 0.3)), 0.3),
        (numbered((7, 7)), 0.0),
    ],
)
def test_a_step_leads_from_what_is_known_to_a_point(points, step):
    assert longest_step(points, 0.0) == pytest.approx(step)


def test_what_another_run_has_landed_on_is_known():
    whole = Grid(0, 5, 51, 0, 2, 21, False).points
    missing = whole[100:900:170]
    known = [point for point in whole if point not in missing]
    assert longest_step(missing, 0.0) > 1
    assert longest_step(missing, 0.0, known) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("withdraw_um", "step"), [(4, 60), (3, 20), (1.0, 0.6), (0.15, 0.1), (0.1, 0.0)]
)
def test_what_clears_the_surface_is_allowed(withdraw_um, step):
    check_withdrawal(numbered((0, 0), (step, 0)), withdraw_um)


@pytest.mark.parametrize(
    ("withdraw_um", "step", "least"), [(0.1, 2, 3), (2.9, 20, 3), (0.5, 1, 1.5)]
)
def test_what_does_not_clear_the_surface_is_refused(withdraw_um, step, least):
    said = f"withdraw_um={withdraw_um:g} .* step of {step:g} um: give at least {least}"
    with pytest.raises(ParameterError, match=said):
        check_withdrawal(numbered((0, 0), (step, 0)), withdraw_um)


@pytest.mark.parametrize("plan", [hop_scan, hop_fly])
@pytest.mark.parametrize("adaptive", [False, True])
def test_a_scan_is_refused_before_anything_moves(RE, docs, fake, plan, adaptive):
    with pytest.raises(ParameterError, match=r"withdraw_um=0.1 .* step of 2 um"):
        RE(
            plan(
                fake.device, CurrentSample(), -2, 2, 3, -2, 2, 3,
                withdraw_um=0.1, adaptive=adaptive,
            )
        )  # fmt: skip
    assert docs == []
    assert fake.log == []


def test_one_point_has_no_step(RE, docs, fake):
    RE(hop_list(fake.device, CurrentSample(), [(5, 5)], withdraw_um=0.1))
    assert [name for name, _ in docs if name == "event"] == ["event"]
