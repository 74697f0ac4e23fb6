"""What SAFE means, asked of the IOC itself and not of a session."""

from tests.iocs import wait_for
from tests.system.conftest import read_pv

__all__ = ["is_safe", "wait_until_safe"]

ASKED = (
    *("Z:State", "Clamp:Mode", "Clamp:HoldingPotential", "Clamp:SafePotential"),
    *("IOC:Owner.VAL$", "IOC:TripReason.VAL$"),
)


def told(ioc):
    """Read what tells whether the IOC is SAFE, by PV."""
    return {name: read_pv(ioc.prefix + name) for name in ASKED}


def is_safe(ioc):
    """Tell whether the probe is withdrawn and the cell at its safe potential."""
    now = told(ioc)
    return (
        now["Z:State"] in (0, "WITHDRAWN")
        and now["Clamp:Mode"] in (0, "VCLAMP")
        and now["Clamp:HoldingPotential"] == now["Clamp:SafePotential"]
    )


def wait_until_safe(ioc, timeout_s=20.0):
    """Wait until the IOC is SAFE; where it does not become so, tell what it is."""
    try:
        wait_for(lambda: is_safe(ioc), timeout_s)
    except AssertionError as error:
        raise AssertionError(f"not SAFE within {timeout_s} s: {told(ioc)}") from error
