"""Drift, tilt, hysteresis and creep, as a client sees them."""

import subprocess
import sys

import pytest

from seccm_ophyd.sim_devices.ioc import open_sample

OK = 1
system = pytest.mark.system


@pytest.fixture(scope="session")
def sample(surface):
    """What lies under the probe, in this process."""
    return open_sample(str(surface), seed=1, electrolyte="LiCl")


@system
def test_a_real_stage_tells_what_it_is(start_ioc):
    ioc = start_ioc("--stage", "real")
    assert [ioc.get(f"Sim:Drift{axis}") for axis in "XYZ"] == [0.05, 0.02, 0.1]
    assert [ioc.get(f"Sim:Tilt{axis}") for axis in "XY"] == [2.0, -1.0]
    assert ioc.word("Sim:OpenLoop") == "yes"
    ioc.move(X=3.0)
    assert ioc.get("XY:X.RBV") == 3.0, "a bare piezo reports its command"
    short = 0.7 * 3.0 + 0.3 * 2.5
    assert ioc.get("Sim:ProbeX") == pytest.approx(short, abs=0.02)
    ioc.move(X=0.0)
    assert ioc.get("Sim:ProbeX") == pytest.approx(0.15, abs=0.01)


@system
def test_an_ideal_stage_is_the_default(ioc):
    assert ioc.word("Sim:OpenLoop") == "no"
    assert [ioc.get(f"Sim:{name}") for name in ("DriftZ", "TiltX")] == [0.0, 0.0]
    ioc.move(X=1.5, Y=-0.5)
    assert (ioc.get("Sim:ProbeX"), ioc.get("Sim:ProbeY")) == (1.5, -0.5)


@system
def test_a_landing_finds_the_tilted_surface_below_the_real_place(ioc, sample):
    ioc.put("Clamp:HoldingPotential", 0.65)
    ioc.put("Sim:TiltX", 40.0)
    ioc.put("Sim:OpenLoop", "yes")
    ioc.move(X=1.5)
    x, y = (ioc.get(f"Sim:Probe{axis}") for axis in "XY")
    assert x == pytest.approx(0.7 * 1.5 + 0.3 * 1.0, abs=0.05)
    landing = ioc.approach()
    assert landing[1] == OK
    assert landing[3] == 1.5
    surface = float(sample.contact_height(x * 1e-6, y * 1e-6)) * 1e6
    assert landing[2] == pytest.approx(surface + 0.04 * x, abs=0.06)
    assert abs(landing[2] - surface) > 0.04, "the tilt shows"


@system
def test_a_drift_in_z_lifts_the_next_contact(ioc):
    ioc.put("Clamp:HoldingPotential", 0.65)
    first = ioc.approach()
    ioc.put("Sim:DriftZ", 100.0)
    ioc.put("Clamp:SettleTime", 10.0)
    ioc.acquire()
    ioc.withdraw()
    lifted = 0.1 * (ioc.get("IOC:Time") - first[9])
    again = ioc.approach()
    assert again[2] - first[2] == pytest.approx(lifted, abs=0.03)
    ioc.withdraw()
    ioc.put("Sim:DriftZ", 0.0)


@system
def test_a_stage_that_is_not_known_is_told():
    command = [sys.executable, "-m", "seccm_ophyd.sim_devices", "--stage", "wooden"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "ideal" in done.stderr
