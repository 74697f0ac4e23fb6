"""Where to serve: the environment variables that every EPICS server obeys."""

import os
import socket
from collections.abc import Mapping

__all__ = ["DEFAULT_PORT", "sends_beacons", "served_interfaces", "served_port"]

DEFAULT_PORT = 5064
LOOPBACK = "127.0.0.1"
_PORTS = ("EPICS_CAS_SERVER_PORT", "EPICS_CA_SERVER_PORT")
_INTERFACES = "EPICS_CAS_INTF_ADDR_LIST"
_AUTO_BEACONS, _BEACONS = (
    "EPICS_CAS_AUTO_BEACON_ADDR_LIST",
    "EPICS_CAS_BEACON_ADDR_LIST",
)


def served_port(environ: Mapping[str, str] = os.environ) -> int:
    """Return the port that the environment asks for, 5064 if it asks for none.

    ``EPICS_CAS_SERVER_PORT`` comes before ``EPICS_CA_SERVER_PORT``.

    Raises
    ------
    ValueError
        If it is no port.
    """
    for name in _PORTS:
        text = environ.get(name, "").strip()
        if text:
            return _port(name, text)
    return DEFAULT_PORT


def _port(name: str, text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 65535:
        return int(text)
    raise ValueError(
        f"{name}={text!r:.80} must be a whole number between 1 and 65535: correct it, "
        "unset it, or give --port"
    )


def served_interfaces(environ: Mapping[str, str] = os.environ) -> list[str]:
    """List the addresses that ``EPICS_CAS_INTF_ADDR_LIST`` asks for.

    Loopback alone if it asks for none: this is a simulator, and what is offered on a
    network can be driven by everybody there.

    Raises
    ------
    ValueError
        If one is no address of this computer, or names a port: there is one for all.
    """
    found = environ.get(_INTERFACES, "").split()
    for address in found:
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind((address, 0))
        except (OSError, UnicodeError, ValueError):
            raise ValueError(
                f"{_INTERFACES} names {address!r:.80}, which is no address of this "
                "computer: correct it, unset it, or give --interfaces"
            ) from None
    return list(dict.fromkeys(found)) or [LOOPBACK]


def sends_beacons(
    interfaces: list[str], environ: Mapping[str, str] = os.environ
) -> bool:
    """Return whether to announce the server by beacons.

    As ``EPICS_CAS_BEACON_ADDR_LIST`` and ``EPICS_CAS_AUTO_BEACON_ADDR_LIST`` ask for;
    where they ask for nothing, only if it serves more than loopback.
    """
    if environ.get(_BEACONS, "").strip():
        return True
    automatic = environ.get(_AUTO_BEACONS, "").strip().upper()
    if automatic:
        return automatic == "YES"
    return not all(address.startswith("127.") for address in interfaces)
