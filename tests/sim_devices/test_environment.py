"""`seccm ioc` serves where the environment of EPICS servers says."""

import os
import socket
import subprocess
import sys

import pytest

from seccm_ophyd.config import Simulator
from seccm_ophyd.session import simulator
from seccm_ophyd.sim_devices.epics.environment import (
    sends_beacons,
    served_interfaces,
    served_port,
)


@pytest.mark.parametrize(
    ("environ", "port"),
    [
        ({}, 5064),
        ({"EPICS_CA_SERVER_PORT": "6001"}, 6001),
        ({"EPICS_CAS_SERVER_PORT": " 6002 ", "EPICS_CA_SERVER_PORT": "6001"}, 6002),
        ({"EPICS_CAS_SERVER_PORT": "", "EPICS_CA_SERVER_PORT": "6001"}, 6001),
        ({"EPICS_CAS_SERVER_PORT": "6002", "EPICS_CA_SERVER_PORT": "none"}, 6002),
    ],
)
def test_the_port_of_a_server(environ, port):
    assert served_port(environ) == port


@pytest.mark.parametrize("name", ["EPICS_CAS_SERVER_PORT", "EPICS_CA_SERVER_PORT"])
@pytest.mark.parametrize("text", ["0", "-1", "65536", "5064.0", "ca", "50 64", "²"])
def test_what_is_no_port(name, text):
    with pytest.raises(ValueError, match="between 1 and 65535") as error:
        served_port({name: text})
    assert str(error.value).startswith(f"{name}={text!r}")
    assert "--port" in str(error.value)


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        (None, ["127.0.0.1"]),
        ("  ", ["127.0.0.1"]),
        ("127.0.0.2 127.0.0.1  127.0.0.2", ["127.0.0.2", "127.0.0.1"]),
        ("localhost", ["localhost"]),
        ("0.0.0.0", ["0.0.0.0"]),
    ],
)
def test_the_interfaces_of_a_server(text, addresses):
    environ = {} if text is None else {"EPICS_CAS_INTF_ADDR_LIST": text}
    assert served_interfaces(environ) == addresses


@pytest.mark.parametrize("text", ["127.0.0.1 192.0.2.77", "127.0.0.1:5064", "1.2.3"])
def test_what_is_no_address_of_this_computer(text):
    with pytest.raises(ValueError, match="EPICS_CAS_INTF_ADDR_LIST") as error:
        served_interfaces({"EPICS_CAS_INTF_ADDR_LIST": text.replace("1.2.3", "a..b")})
    assert "--interfaces" in str(error.value)


@pytest.mark.parametrize(
    ("interfaces", "environ", "sent"),
    [
        (["127.0.0.1", "127.0.0.2"], {}, False),
        (["0.0.0.0"], {}, True),
        (["0.0.0.0"], {"EPICS_CAS_AUTO_BEACON_ADDR_LIST": "no"}, False),
        (["127.0.0.1"], {"EPICS_CAS_AUTO_BEACON_ADDR_LIST": "YES"}, True),
        (
            ["127.0.0.1"],
            {
                "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
                "EPICS_CAS_BEACON_ADDR_LIST": "127.0.0.1",
            },
            True,
        ),
    ],
)
def test_beacons(interfaces, environ, sent):
    assert sends_beacons(interfaces, environ) == sent


def run(*arguments, **variables):
    return subprocess.run(
        [sys.executable, "-m", "seccm_ophyd.cli", "ioc", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **variables},
    )


def test_a_wrong_variable_is_told_in_one_line():
    done = run(EPICS_CAS_SERVER_PORT="ca")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("seccm ioc: EPICS_CAS_SERVER_PORT='ca' must be")


def test_it_obeys_and_options_win(free_port, surface, monkeypatch):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as beacons:
        beacons.bind(("127.0.0.1", 0))
        beacons.settimeout(20)
        for name, value in {
            "EPICS_CAS_SERVER_PORT": str(free_port),
            "EPICS_CA_SERVER_PORT": "",
            "EPICS_CAS_INTF_ADDR_LIST": "127.0.0.1 127.0.0.3",
            "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
            "EPICS_CAS_BEACON_ADDR_LIST": "127.0.0.1",
            "EPICS_CAS_BEACON_PORT": str(beacons.getsockname()[1]),
        }.items():
            monkeypatch.setenv(name, value)
        ioc = subprocess.Popen(
            [sys.executable, "-m", "seccm_ophyd.cli", "ioc", "--sample", str(surface)],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            port = str(free_port)
            said = ioc.stdout.readline()
            assert said.endswith(f" on 127.0.0.1:{port}, 127.0.0.3:{port}\n")
            beacon = beacons.recv(100)
            assert int.from_bytes(beacon[6:8]) == free_port
            again = run("--interfaces", "127.0.0.3", "--sample", str(surface))
            assert f"cannot serve on 127.0.0.3:{port}" in again.stderr
        finally:
            ioc.terminate()
            ioc.communicate(timeout=20)


def test_a_private_simulator_does_not_follow_them(tmp_path, monkeypatch):
    for name, value in {
        "EPICS_CAS_SERVER_PORT": "none",
        "EPICS_CAS_INTF_ADDR_LIST": "192.0.2.77",
        "EPICS_CAS_BEACON_PORT": "none",
    }.items():
        monkeypatch.setenv(name, value)
    started = []
    monkeypatch.setattr(
        simulator.subprocess, "Popen", lambda *args, **kw: started.append((args, kw))
    )
    simulator.PrivateSimulator(Simulator(), tmp_path / "log")
    ((arguments,), options) = started[0]
    assert "--interfaces 127.0.0.1" in " ".join(arguments)
    assert not [name for name in options["env"] if name.startswith("EPICS_CAS_")]
