"""What the IOC publishes reaches a device once, and an enum in words."""

import pytest
from ophyd import EpicsSignalRO

from seccm_ophyd.plans import approach, make_safe
from tests.iocs import wait_for

pytestmark = pytest.mark.system


@pytest.fixture
def told(session):
    """What a number and an enum tell, that nobody has looked at before."""
    found = {"Z:WithdrawDistance": [], "Z:State": []}
    signals = [
        EpicsSignalRO(f"{session.seccm.prefix}{suffix}", auto_monitor=True, **form)
        for suffix, form in (("Z:WithdrawDistance", {}), ("Z:State", {"string": True}))
    ]
    for signal, values in zip(signals, found.values(), strict=True):
        signal.wait_for_connection(timeout=10)
        signal.subscribe(lambda value, to=values, **_: to.append(value), run=False)
    yield found
    for signal in signals:
        signal.destroy()


def test_an_update_is_worked_through_once(session, told):
    """Ophyd takes the first callback of caproto for none, and adds it again."""
    values, setting = told["Z:WithdrawDistance"], session.seccm.z.withdraw_distance
    before = setting.get()
    for distance in (3.25, 3.5, before):
        setting.put(distance)
    wait_for(lambda: 3.5 in values and values[-1] == before)
    assert values[-3:] == [3.25, 3.5, before]


def test_an_enum_is_told_in_words_from_the_first(session, told):
    session.seccm.clamp.holding_potential.put(0.65, wait=True)
    session.RE(approach(session.seccm))
    session.RE(make_safe(session.seccm))
    words = told["Z:State"]
    wait_for(lambda: "APPROACHING" in words and words[-1] == "WITHDRAWN")
    assert all(isinstance(word, str) for word in words)
