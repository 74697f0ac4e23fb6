"""The meniscus is drawn out by a withdrawal, breaks, and is seen to break."""

from types import SimpleNamespace

import numpy as np
import pytest

from seccm_ophyd.sim_devices.clamp.conditions import Conditions
from seccm_ophyd.sim_devices.clamp.held_cell import HeldCell
from seccm_ophyd.sim_devices.physics.current_input import CurrentInput
from seccm_ophyd.sim_devices.physics.meniscus.contact import Contact
from seccm_ophyd.sim_devices.physics.meniscus.pipette import Pipette
from seccm_ophyd.sim_devices.physics.samples import make_sample

OK, STOPPED, TRIPPED = 1, 3, 4
system = pytest.mark.system
TYPICAL = 0.6e-6
DELAY = 200.0 * 0.33e-3  # um, until half of a step has come through 1 kHz


@pytest.fixture
def landed():
    """A contact on a film, held at 0.65 V for 40 ms; sample, cell, clock."""
    sample = make_sample("film", seed=1, size=5e-6)
    site = sample.site(0.0, 0.0)
    contact = Contact(site, Pipette(), np.random.default_rng(1))
    conditions = Conditions(
        mode="VCLAMP",
        potential=0.65,
        current=0.0,
        cutoffs=(-2.0, 2.0),
        compliance=10.0,
        signal=CurrentInput(5e9, 1000.0),
        offset=0.0,
    )
    descent = SimpleNamespace(
        is_closed=True, contact_age=1e-3, sample=0, current=lambda *_: np.zeros(1)
    )
    clock = SimpleNamespace(now=0.0)
    cell = HeldCell(clock, lambda: conditions)
    cell.land(descent, contact)
    clock.now = 0.04
    cell.follow()
    return sample, cell, clock


def test_the_current_goes_on_until_it_breaks_and_is_none_then(landed):
    sample, cell, clock = landed
    whole = cell.current
    assert whole > 20e-12
    cell.stretch(0.0, 1 / 3e-3)
    seen = []
    for clock.now in 0.04 + np.arange(1, 5) * 0.9e-3:
        cell.follow()
        seen.append(cell.current)
    assert np.all(np.diff(seen) < 0)
    assert 0.5 * whole < seen[2] < 0.75 * whole
    assert seen[3] == 0.0
    assert cell.contact is None
    assert sample.site(0.0, 0.0).theta < 0.96 - 1e-3, "the sample has kept the charge"


def test_the_charge_is_the_same_however_often_it_is_looked_at(landed):
    _, cell, clock = landed
    contact, before = cell.contact, cell.contact.charge
    current = cell.current
    cell.stretch(0.0, 1 / 3e-3)
    for clock.now in np.linspace(0.0405, 0.05, 7):
        cell.follow()
    charge = contact.charge - before
    assert charge == pytest.approx(current * 5 / 6 * 3e-3, rel=0.1)


@pytest.fixture
def above(ioc):
    """A simulator over the hill whose landings pass hundreds of pA."""
    ioc.put("Clamp:HoldingPotential", 0.65)
    return ioc


def lifted(ioc):
    """Withdraw; how far that went above the contact (um)."""
    contact = ioc.get("Z:ContactHeight")
    outcome, z = ioc.withdraw()[1:]
    return outcome, z - contact


@system
def test_the_height_is_noted_and_told_by_the_next_landing(above):
    noted = []
    for x in (0.0, 0.5, 1.0):
        landing = above.approach()
        assert np.isnan(above.get("Z:DetachHeight"))
        if noted:
            assert landing[12] == noted[-1]
        assert lifted(above) == (OK, pytest.approx(4.0))
        noted.append(above.get("Z:DetachHeight"))
        above.move(X=x)
    assert all(0.37 < height < 0.98 for height in noted)
    assert len(set(noted)) > 1


@system
def test_a_withdrawal_that_is_set_too_short_goes_on_until_it_has_broken(above):
    above.put("Z:WithdrawDistance", 0.1)
    above.put("Z:DetachMargin", 0.05)
    for x in (0.0, 0.5, 1.0):
        above.approach()
        outcome, height = lifted(above)
        assert outcome == OK
        assert height == pytest.approx(
            above.get("Z:DetachHeight") + DELAY + 0.05, abs=0.011
        )
        above.move(X=x, Y=-x)
    assert above.get("Sim:DraggedMenisci") == 0


@system
def test_at_a_known_height_it_goes_on_as_soon_as_it_has_broken(above):
    height = above.approach()[2]
    above.put("Z:TravelHeight", height + 0.2)
    outcome, low = lifted(above)
    assert outcome == OK
    assert low == pytest.approx(above.get("Z:DetachHeight") + DELAY + 0.1, abs=0.011)
    above.approach()
    above.put("Z:TravelHeight", height + 2.0)
    assert lifted(above)[1] == pytest.approx(2.0, abs=0.06)


@system
def test_where_no_break_shows_it_goes_by_the_distance_that_breaks_it(above):
    above.put("Z:WithdrawDistance", 0.1)
    above.approach()
    above.put("Clamp:HoldingCurrent", 5.0)
    above.put("Clamp:Mode", "ICLAMP")
    assert lifted(above) == (OK, pytest.approx(1.0))
    assert np.isnan(above.get("Z:DetachHeight"))
    above.move(X=1.0)
    assert above.get("Sim:DraggedMenisci") == 0


@system
def test_a_meniscus_that_is_longer_is_drawn_out_once_more_and_trips_then(above):
    above.put("Sim:DetachHeight", 2.5)
    above.approach()
    above.put("Z:WithdrawDistance", 3.0)
    assert lifted(above) == (OK, pytest.approx(3.0))
    above.approach()
    above.put("Z:WithdrawDistance", 0.2)
    assert above.withdraw()[1] in (STOPPED, TRIPPED)
    assert "does not come off" in above.text("IOC:TripReason")


@system
def test_a_meniscus_that_nobody_sees_and_drags_along_is_counted(start_ioc):
    ioc = start_ioc()
    ioc.put("Clamp:HoldingPotential", 0.65)
    ioc.put("Sim:DetachHeight", 5.0)
    ioc.put("Z:WithdrawDistance", 1.5)
    ioc.approach()
    ioc.put("Clamp:Mode", "I0")
    assert lifted(ioc) == (OK, pytest.approx(1.5))
    ioc.move(X=0.1, Y=0.1)
    assert ioc.get("Sim:DraggedMenisci") == 1, "it is torn by the first axis"
    assert ioc.get("Sim:UnguardedContacts") == 0


@system
def test_a_rise_that_is_stopped_below_keeps_the_contact(start_ioc):
    ioc = start_ioc(time_scale=1)
    ioc.put("Clamp:HoldingPotential", 0.65)
    ioc.put("Z:ApproachRate", 100.0)
    ioc.put("Sim:DetachHeight", 20.0)
    ioc.put("Z:WithdrawDistance", 30.0)
    ioc.put("Z:WithdrawRate", 5.0)
    assert ioc.approach()[1] == OK
    with ioc.watch("Z:WithdrawDone", "Z:Z.RBV") as watch:
        start = ioc.get("Z:Z.RBV")
        ioc.put("Z:Withdraw", 1000, wait=False)
        watch.wait(lambda name, z: name == "Z:Z.RBV" and z > start + 2.0)
        ioc.put("Z:Stop", 1, wait=False)
        watch.wait(lambda name, value: name == "Z:WithdrawDone")
    assert ioc.word("Z:State") == "STOPPED"
    assert "STOPPED" in ioc.refusal("XY:X", 1.0)
    assert np.isnan(ioc.get("Z:DetachHeight"))
    ioc.put("Clamp:HoldingPotential", 0.0)  # what was taken by now comes back
    ioc.put("Z:WithdrawRate", 200.0)
    assert ioc.withdraw()[1] == OK
    assert 12.0 < ioc.get("Z:DetachHeight") < 33.0
    assert ioc.word("Z:State") == "WITHDRAWN"


@system
@pytest.mark.parametrize("withdrawn", [False, True])
def test_safe_is_as_far_away_as_without_a_known_surface(above, withdrawn):
    """The next scan may begin anywhere: what the last one knew is of no use there."""
    above.put("Clamp:HoldingPotential", 0.65)
    above.put("Z:WithdrawDistance", 4.0)
    height = above.approach()[2]
    above.put("Z:TravelHeight", height + 1.2)
    if withdrawn:
        assert above.withdraw()[2] == pytest.approx(height + 1.2)
    above.run("IOC:MakeSafe")
    assert above.get("IOC:Safe")[1:] == pytest.approx([1, height + 4.0])
    assert above.word("Z:State") == "WITHDRAWN"
    assert above.withdraw()[2] == pytest.approx(height + 4.0)
