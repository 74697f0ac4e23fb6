"""The queue server: its worker is destroyed or killed, its Redis dies."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import zmq

from seccm_ophyd.storage import DataFolder, journals, recover
from seccm_ophyd.storage.journal.reader import documents
from seccm_ophyd.storage.locks import held
from tests.faults.safety import wait_until_safe
from tests.iocs import wait_for
from tests.redis_server import free_port, redis_server

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

PROFILE = Path(__file__).parents[2] / "profile_collection"
USER = {"user": "me", "user_group": "primary"}


@pytest.fixture
def redis(tmp_path):
    """Start a Redis of our own."""
    with redis_server(tmp_path / "redis") as process:
        yield process


class Manager:
    """`start-re-manager` with the profile, as the docs tell it, on an IOC."""

    def __init__(self, prefix, redis_port, folder):
        self.folder = folder
        self.data = DataFolder(folder / "data")
        shutil.copytree(PROFILE, folder / "profile_collection")
        control, info = free_port(), free_port()
        self._address = f"tcp://127.0.0.1:{control}"
        options = [
            *("--startup-dir", "profile_collection/startup"),
            *("--use-ipython-kernel", "ON", "--keep-re"),
            *("--zmq-control-addr", self._address),
            *("--zmq-info-addr", f"tcp://127.0.0.1:{info}"),
            *("--redis-addr", f"127.0.0.1:{redis_port}"),
        ]
        self._log = (folder / "manager.log").open("wb")
        self._process = subprocess.Popen(
            [Path(sys.executable).parent / "start-re-manager", *options],
            cwd=folder,
            env={
                **os.environ,
                "SECCM_PREFIX": prefix,
                "IPYTHONDIR": str(folder / "ipython"),
            },
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def ask(self, method, **params):
        """Send a request; returns the answer, without success where there is none."""
        with zmq.Context() as context, context.socket(zmq.REQ) as request:
            request.setsockopt(zmq.LINGER, 0)
            request.setsockopt(zmq.RCVTIMEO, 5000)
            request.connect(self._address)
            request.send_json({"method": method, "params": params})
            try:
                return request.recv_json()
            except zmq.Again:
                return {"success": False, "msg": "no answer"}

    def do(self, method, **params):
        answer = self.ask(method, **params)
        assert answer["success"], answer
        return answer

    @property
    def status(self):
        return self.ask("status")

    def open(self):
        wait_for(lambda: self.status.get("manager_state") == "idle", 60)
        self.do("environment_open")
        wait_for(lambda: self.status.get("worker_environment_exists"), 120)
        wait_for(lambda: self.status.get("manager_state") == "idle", 60)

    @property
    def worker(self):
        """The process that holds the session."""
        return json.loads(self.data.session_lock.read_text())["pid"]

    def events(self, number=-1):
        """Events of a run: the newest, or -2 for the one before."""
        found = journals(self.data)
        if len(found) < -number:
            return []
        return [d for name, d in documents(found[-number - 1].path) if name == "event"]

    def close(self):
        if held(self.data.session_lock):
            os.kill(self.worker, signal.SIGKILL)
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()
        wait_for(lambda: not held(self.data.writer_lock), 60)


@pytest.fixture
def manager(ioc, redis, tmp_path):
    """Start a manager and open its environment."""
    started = Manager(ioc.prefix, redis.port, tmp_path)
    try:
        started.open()
        yield started
    finally:
        started.close()


def scan(points):
    kwargs = {"technique": {"technique": "CurrentSample"}}
    for axis in "xy":
        kwargs |= {f"{axis}_start": -2, f"{axis}_stop": 2, f"{axis}_num": points}
    return {"name": "hop_scan", "args": ["seccm"], "kwargs": kwargs,
            "item_type": "plan"}  # fmt: skip


@pytest.mark.slow
@pytest.mark.fault(45)
@pytest.mark.parametrize("killed", [False, True], ids=["destroyed", "killed"])
def test_the_worker_dies_in_a_plan(ioc, manager, killed):
    long, after = (
        manager.do("queue_item_add", item=scan(points), **USER)["item"]["item_uid"]
        for points in (60, 2)
    )
    manager.do("queue_start")
    wait_for(lambda: len(manager.events()) >= 5, 60)
    if killed:
        os.kill(manager.worker, signal.SIGKILL)
    manager.do("environment_destroy")
    wait_until_safe(ioc)  # the lease of the session has lapsed
    wait_for(lambda: manager.status.get("manager_state") == "idle", 60)
    assert not held(manager.data.session_lock)

    found = [doc["data"]["seccm_hop_index"] for doc in manager.events()]
    assert 5 <= len(found) < 3600
    assert found == list(range(len(found)))
    wait_for(lambda: not held(manager.data.writer_lock), 60)
    (result,) = recover(manager.data)
    assert (result.interrupted, result.error) == (True, None)
    assert result.num_events["primary"] == len(found)

    # the plan stands in front again, and waits for a person
    queue = [item["item_uid"] for item in manager.do("queue_get")["items"]]
    assert len(queue) == 2
    assert queue[1] == after
    assert manager.do("queue_get")["running_item"] == {}
    assert not manager.status["queue_autostart_enabled"]
    assert long in {item["item_uid"] for item in manager.do("history_get")["items"]}
    manager.open()
    idle_until = time.monotonic() + 3.0
    while time.monotonic() < idle_until:
        assert manager.status["manager_state"] == "idle"
        time.sleep(0.2)
    assert manager.status["items_in_queue"] == 2
    assert len(journals(manager.data)) == 1

    # told so, the queue goes on
    manager.do("queue_item_remove", pos="front")
    manager.do("queue_start")
    wait_for(lambda: manager.status.get("items_in_history") == 2, 60)
    assert len(manager.events()) == 4
    wait_until_safe(ioc)


@pytest.mark.slow
@pytest.mark.fault(46)
def test_redis_dies_during_a_plan(ioc, manager, redis):
    manager.do("queue_item_add", item=scan(12), **USER)
    manager.do("queue_start")
    wait_for(lambda: len(manager.events()) >= 3, 60)
    redis.kill()
    redis.wait()
    at_its_death = len(manager.events())
    assert at_its_death < 144
    wait_for(lambda: journals(manager.data)[0].stop, 120)
    (info,) = journals(manager.data)
    assert info.stop["exit_status"] == "success"
    assert len(manager.events()) == 144
    wait_until_safe(ioc)
