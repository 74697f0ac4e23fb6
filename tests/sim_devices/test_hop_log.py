"""What truly happened, written down by the simulator."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest

pytestmark = pytest.mark.system


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def kinds(lines):
    return [line["what"] for line in lines if line["what"] not in ("safe", "unsafe")]


def test_landings_hops_and_harm_are_written_down(start_ioc, tmp_path):
    path = tmp_path / "hops.jsonl"
    ioc = start_ioc("--hop-log", str(path))
    ioc.put("Clamp:HoldingPotential", 0.65)
    landing = ioc.approach()
    ioc.run("Clamp:Acquire")
    ioc.withdraw()
    ioc.put("Z:TravelLimit", 1.0)
    ioc.approach()  # does not reach the surface
    ioc.withdraw()
    ioc.put("Z:TravelLimit", 100.0)
    ioc.put("Hop:Turns", 0)
    ioc.put("Hop:Hold", 0.65)
    ioc.put("Hop:Store", 0)
    ioc.put("Hop:X", [0.0, 1.0])
    ioc.put("Hop:Y", [0.0, 0.0])
    ioc.run("Hop:Run", "Hop:RunDone")
    lines = read(path)
    assert kinds(lines) == ["boot", "landing", "acquired", "landing", "hop", "hop"]
    assert lines[0]["boot"] == ioc.get("IOC:BootId")
    touched, missed = (line for line in lines if line["what"] == "landing")
    np.testing.assert_array_equal(touched["landing"], landing[:5])
    assert missed["landing"][1] == 2
    assert math.isnan(missed["landing"][2])
    assert [line["landing"][3] for line in lines if line["what"] == "hop"] == [0, 1]
    assert all(a["at"] <= b["at"] for a, b in pairwise(lines))


def test_it_is_continued_and_tells_when_it_is_safe(start_ioc, tmp_path):
    path = tmp_path / "hops.jsonl"
    start_ioc("--hop-log", str(path)).close()
    ioc = start_ioc("--hop-log", str(path), time_scale=1.0)
    ioc.put("Clamp:HoldingPotential", 0.65)
    ioc.approach()
    ioc.run("IOC:MakeSafe")
    ioc.get("IOC:Time")
    ioc.put("Sim:CrashNext", "yes")
    ioc.put("Clamp:HoldingPotential", 0.65)
    ioc.approach()
    ioc.close()
    lines = read(path)
    found = [line["what"] for line in lines]
    assert found.count("boot") == 2
    assert "trip" in found
    after = found[len(found) - found[::-1].index("boot") :]
    assert after[:2] == ["safe", "unsafe"]
    assert "safe" in after[2:]


def test_a_file_that_cannot_be_written_is_refused(start_ioc, tmp_path):
    ioc = start_ioc("--hop-log", str(tmp_path / "none" / "hops.jsonl"))
    ioc.close()
    assert ioc.process.returncode == 2
    assert "none" in ioc.stderr
