"""Garbage: written to PVs, or in the arrays that come back."""

import contextlib
import math
import re

import numpy as np
import pytest
from caproto import CaprotoError, ChannelType

from seccm_ophyd.errors import SeccmError
from seccm_ophyd.plans import hop_list
from seccm_ophyd.techniques import CurrentSample
from tests.sim_devices.conftest import start_ioc, surface  # noqa: F401
from tests.sim_devices.test_ioc import contract

# what no PV of its type takes
GARBAGE = {
    "double": [math.nan, math.inf, -math.inf, 1e300, -1e300],
    "motor": [math.nan, math.inf, -math.inf, 1e300, -1e300],
    "long": [-(2**31), math.nan, 1e300],
    "enum": [3, 255, -1],
}
ANY_NUMBER = {"IOC:Heartbeat", "Z:Stop", "Clamp:Stop", "IOC:Reset", "Sim:NewPipette"}


def writable():
    return [
        row
        for row in contract()
        if row["access"] != "ro" and row["name"] not in ANY_NUMBER
    ]


def garbage(row):
    """Values, and the types as which they are sent."""
    for value in GARBAGE[row["type"]]:
        whole = row["type"] in ("long", "enum") and abs(value) < 2**32
        yield [value], None if whole else ChannelType.DOUBLE
    for text in (b"abc", b"%s%n", b"\xff" * 39):
        yield [text], ChannelType.STRING
    if row["length"]:
        yield [0.0] * (int(row["length"]) + 1), ChannelType.DOUBLE


@pytest.mark.system
@pytest.mark.fault(21, 40)
def test_garbage_in_any_pv_is_refused_and_the_value_kept(start_ioc):  # noqa: F811
    ioc = start_ioc()
    rows = [row for row in writable() if row["type"] != "string"]
    before = {row["name"]: ioc.pv(row["name"]).read().data for row in rows}
    for row in rows:
        with ioc.watch("IOC:ErrorMessage") as watch:
            for values, kind in garbage(row):
                # refused by the client itself, some of it
                with contextlib.suppress(CaprotoError, ValueError, OverflowError):
                    ioc.pv(row["name"]).write(values, data_type=kind, wait=False)
            watch.wait(lambda _name, message: message)
    for name, value in before.items():
        np.testing.assert_array_equal(ioc.pv(name).read().data, value, name)
    assert ioc.word("Z:State") == "WITHDRAWN"
    assert ioc.word("Clamp:Mode") == "VCLAMP"
    assert ioc.word("IOC:Tripped") == "no"
    assert ioc.process.poll() is None


@pytest.mark.system
@pytest.mark.fault(21)
@pytest.mark.parametrize("value", [math.nan, 10.0, -10.0, 2.0001])
def test_a_potential_outside_the_window_is_refused(start_ioc, value):  # noqa: F811
    ioc = start_ioc()
    for name in ("Clamp:HoldingPotential", "Clamp:SafePotential"):
        assert re.search("limits -2 to 2|outside -2 to 2 V", ioc.refusal(name, value))


@pytest.mark.fault(49)
@pytest.mark.parametrize("broken", ["short", "long", "stale", "empty"])
@pytest.mark.parametrize("array", ["trace", "curve"])
def test_an_array_that_is_not_right_ends_the_run_safe(RE, docs, fake, broken, array):
    m = fake.device
    signal = m.clamp.trace if array == "trace" else m.z.curve
    right = signal.sim_put

    def wrong(value):
        value = np.array(value, float)
        if broken == "short":
            value = value[:-1]
        elif broken == "long":
            value = np.append(value, 0.0)
        elif broken == "stale":
            value[0] -= 1
        else:
            value = np.zeros(3)
        right(value)

    signal.sim_put = wrong
    m.traces.read = lambda: (m.z.read_curve(), {})[1]
    with pytest.raises(SeccmError, match=r"numbers|belongs to approach"):
        RE(hop_list(m, CurrentSample(), [(0, 0)]))
    assert [doc["exit_status"] for name, doc in docs if name == "stop"] == ["fail"]
    assert "event" not in [name for name, _ in docs]
    assert fake.log[-1] == "safe"
