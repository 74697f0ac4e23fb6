"""docs/reference/pv_interface.md against the devices that rely on it."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

CONTRACT = Path(__file__).parents[2] / "docs" / "reference" / "pv_interface.md"
MOTOR_FIELDS = r"(XY:X|XY:Y|Z:Z)\.[A-Z]+"


def suffix(signal, prefix):
    """PV of a signal as the tables call it; long strings are read through VAL$."""
    return getattr(signal, "pvname", "").removeprefix(prefix).removesuffix(".VAL$")


def told():
    """PV suffix -> (type, unit, precision, access) as the tables tell them."""
    rows = {}
    for line in CONTRACT.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 6:
            rows[cells[0].strip("`")] = cells[1:5]
    return rows


def test_every_pv_of_the_devices_is_in_the_contract(session):
    rows = told()
    m = session.seccm
    names = {
        suffix(walk.item, m.prefix)
        for walk in m.walk_signals()
        if hasattr(walk.item, "pvname")
    }
    assert len(names) > 80
    unknown = {n for n in names if n not in rows and not re.fullmatch(MOTOR_FIELDS, n)}
    assert unknown == set()


def test_units_and_precision_reach_the_devices(session):
    rows = told()
    m = session.seccm
    checked = 0
    for walk in m.walk_signals():
        name = suffix(walk.item, m.prefix)
        if name in rows and rows[name][1] and not rows[name][0].endswith("]"):
            _, unit, precision, _ = rows[name]
            description = next(iter(walk.item.describe().values()))
            assert description["units"] == unit, name
            assert description.get("precision") == int(precision), name
            checked += 1
    assert checked >= 19


def test_what_the_contract_calls_read_only_refuses_a_write(session):
    rows = told()
    m = session.seccm
    for walk in m.walk_signals():
        name = suffix(walk.item, m.prefix)
        if name in rows and rows[name][3] == "ro":
            assert not walk.item.write_access, name
