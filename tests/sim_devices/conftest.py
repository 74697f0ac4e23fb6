"""A simulator in a process of its own, and a plain Channel Access client for it."""

import itertools
import os
import subprocess
import sys
import threading
import uuid

import numpy as np
import pytest
from caproto import ChannelType
from caproto.threading.client import Context, SharedBroadcaster

from seccm_ophyd.channel_access import free_simulator_port

COMMANDS = (
    "Approach Withdraw Acquire MakeSafe Stop Reset Heartbeat X Y Z NewPipette".split()
)


class Simulator:
    """A running simulator, and what a person with caget and caput does with it."""

    def __init__(self, *arguments: str, prefix: str | None = None) -> None:
        self.prefix = prefix or f"T{uuid.uuid4().hex[:8]}:"
        self.port = free_simulator_port()
        self.numbers = itertools.count(1)
        command = [sys.executable, "-m", "seccm_ophyd.sim_devices", "--die-with-parent"]
        command += ["--prefix", self.prefix, "--port", str(self.port), *arguments]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.first_line = self.process.stdout.readline()
        self._context = None
        self._boot_values = {}

    def connect(self) -> "Simulator":
        """Open a client of its own."""
        self._context = Context(SharedBroadcaster(), timeout=10)
        return self

    def pv(self, name):
        (pv,) = self._context.get_pvs(self.prefix + name)
        pv.wait_for_connection(timeout=10)
        return pv

    def get(self, name):
        """Read a PV: a number, a text, or an array."""
        data = self.pv(name).read().data
        if len(data) != 1:
            return np.array(data)
        return data[0].decode() if isinstance(data[0], bytes) else data[0]

    def word(self, name):
        """Read an enum as its word."""
        return self.pv(name).read(data_type=ChannelType.STRING).data[0].decode()

    def text(self, name):
        """Read a long string."""
        return bytes(self.pv(f"{name}.VAL$").read().data).rstrip(b"\0").decode()

    def put(self, name, value, *, wait=True):
        pv = self.pv(name)
        if name not in self._boot_values:
            self._boot_values[name] = pv.read().data
        if isinstance(value, str):
            pv.write([value.encode()], data_type=ChannelType.STRING, wait=wait)
        else:
            pv.write(np.atleast_1d(value), wait=wait)

    def watch(self, *names):
        """Follow PVs; the watch tells what came, and waits for what is to come."""
        return Watch([(name, self.pv(name)) for name in names])

    def run(self, command, done=None, number=None):
        """Write a fresh number to a command PV and wait for its echo."""
        number = number or next(self.numbers)
        with self.watch(done or f"{command}Done") as watch:
            self.put(command, number, wait=False)
            watch.wait(lambda name, value: value == number)
        return number

    def approach(self):
        self.run("Z:Approach")
        return self.get("Z:Landing")

    def withdraw(self):
        self.run("Z:Withdraw")
        return self.get("Z:Withdrawal")

    def acquire(self):
        self.run("Clamp:Acquire")
        return self.get("Clamp:Summary")

    def move(self, **positions):
        """Move the axes of XY at once and wait for both."""
        with self.watch(*(f"XY:{axis}.DMOV" for axis in positions)) as watch:
            for axis, position in positions.items():
                self.put(f"XY:{axis}", position, wait=False)
            for axis in positions:
                watch.wait_pulse(f"XY:{axis}.DMOV")

    def refusal(self, name, value):
        """Write a value that is refused, and return the reason that was told."""
        old = self.pv(name).read().data
        with self.watch("IOC:ErrorMessage") as watch:
            self.put(name, value, wait=False)
            watch.wait(lambda pv, message: message)
        np.testing.assert_array_equal(self.pv(name).read().data, old)
        return self.text("IOC:ErrorMessage")

    def reset(self):
        """Go back to how it was at boot: settings, place, no trip, no owner."""
        self.put("IOC:Owner", "")  # a client whose lease was ended starts nothing
        self.put("IOC:Reset", 1)
        self.run("IOC:MakeSafe")
        for name, value in self._boot_values.items():
            if name.split(":")[1] not in COMMANDS:
                self.pv(name).write(value)
        self.put("Sim:NewPipette", 1)
        self.move(X=0.0, Y=0.0)
        if self.get("Z:Z.RBV") < 50.0:
            with self.watch("Z:Z.DMOV") as watch:
                self.put("Z:Z", 50.0, wait=False)
                watch.wait_pulse("Z:Z.DMOV")

    def close(self):
        if self._context is not None:
            self._context.disconnect()
            self._context.broadcaster.disconnect()
        self.process.terminate()
        self.stderr = self.process.communicate(timeout=10)[1]


class Watch:
    """Monitors on some PVs, from now on."""

    def __init__(self, pvs):
        self.seen = []
        self._changed = threading.Condition()
        self._subscriptions = []
        self._first = {name: threading.Event() for name, _ in pvs}
        for name, pv in pvs:
            subscription = pv.subscribe()
            callback = self._callback(name)  # kept: caproto holds it weakly
            subscription.add_callback(callback)
            self._subscriptions.append((subscription, callback))
        for event in self._first.values():
            assert event.wait(10)

    def _callback(self, name):
        def received(_subscription, response):
            if not self._first[name].is_set():  # the value of before
                self._first[name].set()
                return
            with self._changed:
                self.seen.append((name, response.data[0]))
                self._changed.notify_all()

        return received

    def wait(self, condition, timeout=20.0):
        """Wait for an update; `condition` gets the name and the value."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: any(condition(*update) for update in self.seen), timeout
            ), self.seen

    def wait_pulse(self, name, timeout=20.0):
        """Wait until a DMOV has gone to 0 and back to 1."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: [v for n, v in self.seen if n == name][-2:] == [0, 1], timeout
            ), self.seen

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for subscription, _callback in self._subscriptions:
            subscription.clear()


@pytest.fixture(scope="session")
def surface(tmp_path_factory):
    """A small measured surface: a smooth hill of 1 um in 8 x 6 um."""
    y, x = np.mgrid[-3:3:61j, -4:4:81j]
    path = tmp_path_factory.mktemp("surface") / "hill.npz"
    height = 1.0 * np.exp(-(x**2 + y**2) / 4)
    np.savez(path, height_um=height, pixel_size_um=0.1)
    return path


@pytest.fixture
def free_port():
    """A port that nobody uses."""
    return free_simulator_port()


@pytest.fixture(scope="module")
def shared(surface):
    """One simulator for the tests of a module that leave it as it was."""
    simulator = Simulator("--sample", str(surface), "--time-scale", "0").connect()
    yield simulator
    simulator.close()


@pytest.fixture
def start_ioc(surface):
    """Start simulators by hand; all end with the test."""
    running = []
    before = {k: v for k, v in os.environ.items() if k.startswith("EPICS_CA_")}

    def start(*arguments, sample=surface, time_scale=0, seed=1):
        simulator = Simulator(
            *("--sample", str(sample)),
            *("--time-scale", str(time_scale), "--seed", str(seed)),
            *arguments,
        )
        running.append(simulator)
        return simulator.connect()

    yield start
    for simulator in running:
        simulator.close()
    os.environ.update(before)
    for name in [k for k in os.environ if k.startswith("EPICS_CA_")]:
        if name not in before:
            del os.environ[name]


@pytest.fixture
def ioc(shared):
    """A simulator over the small hill in discrete time, as it is at boot."""
    yield shared
    shared.reset()
