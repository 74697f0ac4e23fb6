"""What parts may ask of the instrument is there, whatever mypy makes of caproto."""

from types import SimpleNamespace

import pytest

from seccm_ophyd.sim_devices import instrument, parts
from seccm_ophyd.sim_devices.epics.commands import Outcome
from seccm_ophyd.sim_devices.ioc import SeccmIOC, open_sample

PARTS = {
    "xy": parts.XYPart,
    "z": parts.ZPart,
    "clamp": parts.Clamp,
    "line": parts.Line,
    "sim": parts.SimulatorPart,
    "faults": parts.Disturbances,
}


@pytest.fixture(scope="module")
def ioc():
    sample = open_sample("film", seed=1, electrolyte="LiCl", size=5e-6)
    return SeccmIOC("T:", sample=sample, seed=1, time_scale=0)


def members(protocol):
    """Names that a protocol asks for."""
    named = set(protocol.__annotations__) | set(vars(protocol))
    return {name for name in named if not name.startswith("_")}


def missing(thing, protocol):
    return {name for name in members(protocol) if not hasattr(thing, name)}


def test_the_instrument_has_all_that_its_protocol_names(ioc):
    assert not missing(ioc, instrument.Instrument)
    assert members(instrument.Instrument) > set(PARTS)
    assert not missing(ioc.clamp.cell, parts.Cell)
    assert not any(missing(motor, parts.Axis) for motor in ioc.xy.motors)


@pytest.mark.parametrize("name", PARTS)
def test_each_part_has_all_that_its_protocol_names(ioc, name):
    assert not missing(getattr(ioc, name), PARTS[name])


def test_pvs_in_protocols_are_pvs(ioc):
    for name, protocol in PARTS.items():
        for attribute, kind in protocol.__annotations__.items():
            if kind is parts.PV:
                pv = getattr(getattr(ioc, name), attribute)
                assert pv.pvname.startswith("T:")
                assert not missing(pv, parts.PV)


@pytest.mark.parametrize(
    ("is_tripped", "outcome"), [(False, Outcome.STOPPED), (True, Outcome.TRIPPED)]
)
def test_what_did_not_come_to_its_end_was_stopped_or_tripped(is_tripped, outcome):
    whole = SimpleNamespace(is_tripped=is_tripped)
    part = instrument.Part("T:", parent=None)
    part.parent = SimpleNamespace(ioc=whole)
    assert part.stopped is outcome


def test_every_part_knows_the_whole(ioc):
    assert ioc.ioc is ioc
    for name in PARTS:
        assert getattr(ioc, name).ioc is ioc
    assert ioc.z.z.ioc is ioc
    assert ioc.faults.crash.ioc is ioc
