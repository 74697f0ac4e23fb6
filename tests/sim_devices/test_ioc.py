"""The IOC as a whole: the contract page, safety, lease, start and end."""

import re
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from caproto import ChannelType

pytestmark = pytest.mark.system

COMMAND = [sys.executable, "-m", "seccm_ophyd.sim_devices"]
ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "docs" / "reference" / "pv_interface.md"
ROW = re.compile(
    r"^\| `(?P<name>\w+:\w+)` \| (?P<type>\w+)(?:\[(?P<length>\d+)\])? "
    r"\|(?P<unit>[^|]*)\|(?P<prec>[^|]*)\| (?P<access>\w+) \|",
    re.MULTILINE,
)
TYPES = {
    "motor": ChannelType.DOUBLE,
    "double": ChannelType.DOUBLE,
    "long": ChannelType.LONG,
    "enum": ChannelType.ENUM,
    "string": ChannelType.STRING,
}


def contract():
    """Every row of the tables of the contract page."""
    rows = [match.groupdict() for match in ROW.finditer(CONTRACT.read_text())]
    assert len(rows) > 50
    return rows


def test_every_pv_of_the_contract_is_served_as_told(shared):
    for row in contract():
        channel = shared.pv(row["name"])
        told = channel.channel
        name = row["name"]
        assert told.native_data_type == TYPES[row["type"]], name
        if row["length"]:
            assert told.native_data_count == int(row["length"]), name
        if row["type"] in ("double", "motor"):
            control = channel.read(data_type="control").metadata
            assert control.units.decode() == row["unit"].strip(), name
            assert control.precision == int(row["prec"].strip() or 0), name


def test_nothing_is_served_that_the_contract_does_not_tell():
    listed = subprocess.run(
        [*COMMAND, "--prefix", "A:", "--list-pvs", "--sample", "film"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert set(listed) == {"A:" + row["name"] for row in contract()}


def test_read_only_pvs_refuse_clients(shared):
    for row in contract():
        if row["access"] == "ro":
            assert "WRITE" not in str(shared.pv(row["name"]).access_rights), row["name"]


def test_boots_safe(start_ioc):
    ioc = start_ioc()
    assert ioc.first_line == (
        f"SECCM simulator ready: {ioc.prefix} on 127.0.0.1:{ioc.port}\n"
    )
    assert ioc.word("Z:State") == "WITHDRAWN"
    assert ioc.get("Z:Z.RBV") == 50.0
    assert ioc.word("Clamp:Mode") == "VCLAMP"
    assert ioc.get("Clamp:HoldingPotential") == ioc.get("Clamp:SafePotential") == 0.0
    assert ioc.word("Clamp:State") == "IDLE"
    assert ioc.word("IOC:Tripped") == "no"
    assert ioc.get("IOC:Owner") == ""
    assert ioc.get("IOC:BootId") > 0
    assert np.isnan(ioc.get("Z:ContactHeight"))
    for result in ("Z:Landing", "Z:Withdrawal", "Clamp:Summary", "IOC:Safe"):
        assert list(ioc.get(result)[:2]) == [0, 0]


def test_a_put_reaches_a_monitor_promptly(ioc):
    """Without the fix of the server's sockets the median is 44 ms."""
    with ioc.watch("Clamp:Samples") as watch:
        times = []
        for value in range(100, 140):
            start = time.perf_counter()
            ioc.put("Clamp:Samples", value, wait=False)
            watch.wait(lambda _name, seen, value=value: seen == value)
            times.append(time.perf_counter() - start)
    assert statistics.median(times) < 0.02


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("Z:ApproachRate", 200.001, "200.001 is outside 0.01 to 200 um/s"),
        ("Z:ApproachRate", np.nan, "nan is not finite; limits 0.01 to 200"),
        ("Z:Threshold", 0.0, "no sign"),
        ("Z:Debounce", 11, "11 is outside 1 to 10"),
        ("Clamp:HoldingPotential", -np.inf, "limits -2 to 2"),
        ("Clamp:Waveform", [0.0, np.nan], "an element of the 2 is not finite"),
        ("Clamp:Cutoffs", [1.0, -1.0], "lower and an upper"),
        ("Clamp:Cutoffs", [1.0], "lower and an upper"),
        ("Clamp:Mode", 3, "not one of VCLAMP, ICLAMP, I0"),
        ("IOC:LeaseTime", 0.1, "0.1 is outside 0.5 to 60 s"),
        ("Z:Approach", 0, "no positive number"),
        ("Clamp:Acquire", -3, "no positive number"),
        ("XY:X.VELO", 0.0, "0 is outside 0.001 to 10000 um/s"),
        ("XY:X.HLM", 1e6, "1e+06 is outside"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_reason(shared, name, value, told):
    message = shared.refusal(name, value)
    assert message.startswith(f"{shared.prefix}{name}: ")
    assert told in message


def test_a_number_used_last_is_refused(ioc):
    number = ioc.run("Z:Withdraw")
    assert list(ioc.get("Z:Withdrawal")[:2]) == [number, 1]
    assert "was used last" in ioc.refusal("Z:Withdraw", number)


def test_make_safe_from_contact(ioc):
    ioc.put("Clamp:HoldingPotential", 0.65)
    ioc.put("Clamp:SafePotential", 0.1)
    assert ioc.approach()[1] == 1
    ioc.put("Clamp:Mode", "I0")
    number = ioc.run("IOC:MakeSafe")
    safe = ioc.get("IOC:Safe")
    assert list(safe[:2]) == [number, 1]
    assert safe[2] == pytest.approx(ioc.get("Z:ContactHeight") + 4.0)
    assert ioc.word("Z:State") == "WITHDRAWN"
    assert ioc.word("Clamp:Mode") == "VCLAMP"
    assert ioc.get("Clamp:HoldingPotential") == 0.1


def test_make_safe_stops_what_runs(start_ioc):
    ioc = start_ioc(time_scale=1)
    ioc.put("Clamp:HoldingPotential", 0.65)
    with ioc.watch("Z:ApproachDone", "Clamp:AcquireDone") as watch:
        with ioc.watch("Z:State") as state:
            ioc.put("Z:Approach", 1, wait=False)
            state.wait(lambda _name, value: value == 1)
        assert ioc.run("IOC:MakeSafe")
        watch.wait(lambda name, value: (name, value) == ("Z:ApproachDone", 1))
    assert ioc.get("Z:Landing")[1] == 3
    assert ioc.word("Z:State") == "WITHDRAWN"
    assert ioc.get("Z:Z.RBV") >= 50.0, "at least to where the approach began"


@pytest.mark.parametrize(
    ("command", "result"),
    [
        ("Hop:Run", "Hop:Line"),
        ("Z:Approach", "Z:Landing"),
        ("Clamp:Acquire", "Clamp:Summary"),
    ],
)
def test_nothing_begins_on_the_way_to_safe(start_ioc, command, result):
    """A command that was on its way when MakeSafe overtook it."""
    ioc = start_ioc(time_scale=0.4)
    ioc.put("Clamp:HoldingPotential", 0.65)
    assert ioc.approach()[1] == 1
    ioc.put("Z:WithdrawRate", 2.0)
    with ioc.watch("Z:State", "IOC:MakeSafeDone") as watch:
        ioc.put("IOC:MakeSafe", 4711, wait=False)
        watch.wait(lambda name, value: (name, value) == ("Z:State", 4))
        ioc.run(command, f"{command}Done")
        assert ("IOC:MakeSafeDone", 4711) not in watch.seen
        assert ioc.get(result)[1] == 5
        assert "is being made SAFE" in ioc.text("IOC:ErrorMessage")
        watch.wait(lambda name, value: (name, value) == ("IOC:MakeSafeDone", 4711))
    assert ioc.word("Z:State") == "WITHDRAWN"


def test_a_lease_is_held_and_given_back(ioc):
    ioc.put("IOC:Owner", "first")
    message = ioc.refusal("IOC:Owner", "second")
    assert "'first' holds the lease" in message
    ioc.put("IOC:Owner", "first")
    ioc.put("IOC:Owner", "")
    ioc.put("IOC:Owner", "second")
    assert ioc.get("IOC:Owner") == "second"


def test_a_silent_owner_in_contact_makes_it_safe(ioc):
    ioc.put("IOC:LeaseTime", 0.5)
    ioc.put("IOC:Owner", "sleepy")
    ioc.put("Clamp:HoldingPotential", 0.65)
    with ioc.watch("Z:State", "IOC:Owner") as watch:
        assert ioc.approach()[1] == 1
        start = time.monotonic()
        while time.monotonic() < start + 1.0:  # twice the lease: a heartbeat keeps it
            ioc.put("IOC:Heartbeat", int(1000 * (time.monotonic() - start)))
        assert ioc.word("Z:State") == "CONTACT"
        watch.wait(lambda name, value: (name, value) == ("IOC:Owner", b""))
        watch.wait(lambda name, value: (name, value) == ("Z:State", 0))
    assert ioc.get("Clamp:HoldingPotential") == 0.0
    assert "'sleepy' was silent" in ioc.text("IOC:ErrorMessage")


@pytest.mark.system
def test_a_potential_does_not_outlive_its_owner(ioc):
    ioc.put("IOC:LeaseTime", 0.5)
    ioc.put("IOC:Owner", "sleepy")
    with ioc.watch("Clamp:HoldingPotential") as watch:
        ioc.put("Clamp:HoldingPotential", 0.65)  # withdrawn, and nothing runs
        watch.wait(lambda name, value: value == 0.0)
    assert ioc.get("IOC:Owner") == ""


def test_a_silent_owner_of_a_withdrawn_probe_can_be_replaced(ioc):
    ioc.put("IOC:LeaseTime", 0.5)
    ioc.put("IOC:Owner", "gone")
    deadline = time.monotonic() + 5
    while ioc.get("IOC:Owner") != "next" and time.monotonic() < deadline:
        ioc.put("IOC:Owner", "next", wait=False)
    assert ioc.get("IOC:Owner") == "next"
    assert time.monotonic() < deadline


def hops(ioc):
    """Five hops; all that they give."""
    ioc.put("Clamp:HoldingPotential", 0.65)
    found = []
    for k in range(5):
        ioc.move(X=-2.0 + k, Y=0.4 * k)
        found += [ioc.approach(), ioc.acquire(), ioc.withdraw()]
        found += [ioc.get("Z:ApproachCurve"), ioc.get("Clamp:Trace")]
    return found


def test_the_same_seed_gives_the_same_numbers_bit_for_bit(start_ioc):
    first, again, other = (hops(start_ioc(seed=seed)) for seed in (7, 7, 8))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_simulator_pvs_tell_what_it_was_started_with(start_ioc, surface):
    ioc = start_ioc(seed=42, time_scale=0.5)
    assert ioc.get("Sim:Seed") == 42
    assert ioc.get("Sim:TimeScale") == 0.5
    assert ioc.get("Sim:LateralTouches") == ioc.get("Sim:UnguardedContacts") == 0
    assert "hill" in ioc.text("Sim:Sample")


def test_instrument_time_runs_or_stands(ioc):
    before = ioc.get("IOC:Time")
    assert ioc.get("IOC:Time") == before
    ioc.put("Sim:TimeScale", 0.01)
    later = ioc.get("IOC:Time")
    assert ioc.get("IOC:Time") > later


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_cleanly_and_quietly(start_ioc, number):
    ioc = start_ioc()
    ioc.refusal("Z:ApproachRate", np.nan)
    ioc.process.send_signal(number)
    assert ioc.process.wait(10) == 0
    assert ioc.process.stderr.read() == ""


def test_ends_with_its_parent(surface, free_port):
    start = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', "
        "'seccm_ophyd.sim_devices', '--die-with-parent', '--port', sys.argv[1], "
        "'--sample', sys.argv[2]], stdout=subprocess.PIPE, text=True); "
        "p.stdout.readline(); print(p.pid)"
    )
    parent = [sys.executable, "-c", start, str(free_port), str(surface)]
    child = int(subprocess.run(parent, capture_output=True, text=True).stdout)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        state = Path(f"/proc/{child}/stat")
        if state.exists() and state.read_text().split()[2] == "Z":
            break
        time.sleep(0.05)
    assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--sample", "cheese"], "composite"),
        (["--time-scale", "-1"], "'-1' must be at least 0 and at most 100"),
    ],
)
def test_bad_arguments_are_told(arguments, told):
    """The options one by one: tests/cli/test_main.py."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_told(ioc, surface):
    done = subprocess.run(
        [*COMMAND, "--port", str(ioc.port), "--sample", str(surface)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert f"127.0.0.1:{ioc.port}" in done.stderr
