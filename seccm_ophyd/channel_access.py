"""Channel Access settings that must stand before anybody opens a connection.

The EPICS library reads its address list once, when its context is created, which ophyd
does on import. A private simulator listens on a separate port (a search sent to
127.0.0.1 reaches only one of several IOCs on one port), so a few ports are put on the
list beforehand, and a simulator takes one that is free.
"""

import os
import random
import socket

from .errors import ConfigError

__all__ = ["configure_environment", "free_simulator_port", "uses_libca"]

MAX_ARRAY_BYTES = 10_000_000
_PORTS_VARIABLE = "SECCM_SIMULATOR_PORTS"
_NUMBER_OF_PORTS = 12


def configure_environment() -> None:
    """Set what ophyd and the EPICS libraries read on import; what is set stays."""
    environ = os.environ
    environ.setdefault("OPHYD_CONTROL_LAYER", "caproto")
    environ.setdefault("EPICS_CA_MAX_ARRAY_BYTES", str(MAX_ARRAY_BYTES))
    if environ.get(_PORTS_VARIABLE, "").split(":")[0] != str(os.getpid()):
        # Below the range from which the kernel gives ports to outgoing connections.
        ports = random.sample(range(20_000, 32_000), _NUMBER_OF_PORTS)
        environ[_PORTS_VARIABLE] = f"{os.getpid()}:{','.join(map(str, ports))}"
        addresses = [f"127.0.0.1:{port}" for port in ports]
        listed = environ.get("EPICS_CA_ADDR_LIST", "").split()
        environ["EPICS_CA_ADDR_LIST"] = " ".join(listed + addresses)


def uses_libca() -> bool:
    """Return whether ophyd talks to EPICS through its own library, and not caproto."""
    from ophyd import get_cl as get_control_layer

    return bool(get_control_layer().name != "caproto")


def free_simulator_port() -> int:
    """Return a loopback port that clients of this process already search.

    Raises
    ------
    ConfigError
        If all of them are taken.
    """
    ports = os.environ[_PORTS_VARIABLE].split(":")[1].split(",")
    for port in map(int, ports):
        if _is_free(port, socket.SOCK_STREAM) and _is_free(port, socket.SOCK_DGRAM):
            return port
    raise ConfigError(
        f"all {len(ports)} simulator ports of this process are taken: "
        "close a session before opening another"
    )


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            # as a server does: a port in TIME_WAIT is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
