"""Channel Access settings that must stand before anybody opens a connection.

The EPICS library reads its address list once, when its context is created, which ophyd
does on import. A private simulator listens on a port of its own (a search sent to
127.0.0.1 reaches only one of several IOCs on one port), so a few ports are put on the
list beforehand, and a simulator takes one that is free.
"""

import functools
import itertools
import logging
import os
import random
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any

from .errors import ConfigError

__all__ = [
    "configure_environment",
    "forget_channels",
    "free_simulator_port",
    "keep_searching",
    "outlive_dying_servers",
    "pass_over_lost_channels",
    "search_only_for_known_channels",
    "tell_updates_once",
    "uses_libca",
]

logger = logging.getLogger(__name__)

MAX_ARRAY_BYTES = 10_000_000
_PORTS_VARIABLE = "SECCM_SIMULATOR_PORTS"
_NUMBER_OF_PORTS = 12
_SEARCH_AGAIN_S = 0.2


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


def keep_searching() -> None:
    """Let caproto's search survive that variables of the environment come and go.

    It copies the environment before each search. When another thread adds or removes a
    variable meanwhile, that raises, and its thread ends: no PV is found any more.
    """
    import caproto._utils as caproto  # not at the top: commands of a shell are quick

    copied = caproto.get_environment_variables

    @functools.wraps(copied)
    def steady() -> dict[str, Any]:
        while True:
            try:
                return dict(copied())
            except (KeyError, RuntimeError):  # changed while it was copied
                continue

    if not hasattr(copied, "__wrapped__"):
        caproto.get_environment_variables = steady


def outlive_dying_servers() -> None:
    """Let caproto go on when an IOC dies just after it has answered a search.

    The thread that opens connections ends with the exception of the first that fails:
    no PV of whatever IOC connects any more in this process. Here the PVs of that IOC
    are searched for again instead.
    """
    from caproto import CaprotoTimeoutError
    from caproto.threading.client import Context, VirtualCircuitManager

    connect, send = Context.get_circuit_manager, VirtualCircuitManager.send

    @functools.wraps(connect)
    def connect_or_search_again(self: Any, address: Any, priority: int) -> Any:
        try:
            return connect(self, address, priority)
        except (OSError, CaprotoTimeoutError) as error:
            logger.info("the IOC at %s:%d cannot be reached: %s", *address, error)
            return _Unreachable(self, address, priority)

    @functools.wraps(send)
    def send_or_disconnect(self: Any, *commands: Any, extra: Any = None) -> None:
        try:
            send(self, *commands, extra=extra)
        except OSError:
            self._disconnected()
            raise

    if not hasattr(connect, "__wrapped__"):
        Context.get_circuit_manager = connect_or_search_again
        VirtualCircuitManager.send = send_or_disconnect


class _Unreachable:
    """Stands for the connection to an IOC that could not be opened.

    Has what caproto's `VirtualCircuitManager` has while channels are created. Instead
    of sending what creates them it searches for its PVs again, a little later.
    """

    connected = False

    def __init__(self, context: Any, address: Any, priority: int) -> None:
        from caproto import CLIENT, DEFAULT_PROTOCOL_VERSION, VirtualCircuit

        self.context = context
        self.circuit = VirtualCircuit(
            our_role=CLIENT,
            address=address,
            priority=priority,
            protocol_version=DEFAULT_PROTOCOL_VERSION,
        )
        self.channels: dict[int, Any] = {}
        self.pvs: dict[int, Any] = {}
        self.dead = threading.Event()
        self.dead.set()

    def send(self, *commands: Any, extra: Any = None) -> None:
        for pv in self.pvs.values():
            pv.circuit_ready.clear()
        later = threading.Timer(_SEARCH_AGAIN_S, self._search_again)
        later.daemon = True
        later.start()

    def _search_again(self) -> None:
        self.context.reconnect([(pv.name, pv.priority) for pv in self.pvs.values()])


def pass_over_lost_channels() -> None:
    """Let ophyd not wait for what describes a channel that has gone meanwhile.

    ophyd asks each channel that connects for its units, limits and so on, in four
    threads, up to 10 s each. When an IOC dies while many wait to be asked, minutes pass
    in which no other channel, of whatever IOC, is connected. A channel that comes back
    is asked anew.
    """
    from ophyd import _caproto_shim as shim

    def in_background(
        self: Any, callback: Callable[..., None], *, timeout: float
    ) -> None:
        def describe(pvname: str) -> None:
            channel = getattr(self, "_caproto_pv", None)
            if channel is None or channel.connected:
                callback(pvname, self.get_all_metadata_blocking(timeout=timeout))

        shim._dispatcher.schedule_utility_task(describe, pvname=self.pvname)  # noqa: SLF001

    shim.PV.get_all_metadata_callback = in_background


def search_only_for_known_channels() -> None:
    """Let caproto not reconnect to channels that `forget_channels` has dropped."""
    from caproto.threading.client import Context

    reconnect = Context.reconnect

    @functools.wraps(reconnect)
    def reconnect_known(self: Any, keys: Iterable[tuple[str, int]]) -> None:
        with self.pv_cache_lock:
            known = [(key, self.pvs[key]) for key in keys if key in self.pvs]
        # one that was forgotten and asked for again may be connected to another IOC
        reconnect(self, [key for key, pv in known if not pv.connected])

    if not hasattr(reconnect, "__wrapped__"):
        Context.reconnect = reconnect_known


def tell_updates_once() -> None:
    """Let ophyd work through each update of caproto once, and not twice.

    caproto gives the first callback of a channel the number 0, which ophyd takes for
    none: it adds the callback once more when somebody subscribes. Here they are counted
    from 1, as by pyepics. The second one also hid that the first update of an enum may
    come before its words: here they are asked for first, where nobody is kept waiting.
    """
    from caproto import enum_types
    from ophyd import _caproto_shim as shim
    from ophyd._caproto_shim import PV

    add, tell = PV.add_callback, PV._PV__on_changes  # noqa: SLF001 (as ophyd's)

    @functools.wraps(add)
    def add_from_one(self: Any, *args: Any, **kwargs: Any) -> int:
        if not self.callbacks:
            self._cb_count = itertools.count(1)
        return int(add(self, *args, **kwargs))

    @functools.wraps(tell)
    def tell_in_words(self: Any, subscription: Any, update: Any) -> None:
        if self.typefull not in enum_types or self._args["enum_strs"] is not None:
            tell(self, subscription, update)
            return

        def ask_and_tell(pvname: str) -> None:
            if self.connected:
                self.get_ctrlvars()
                tell(self, subscription, subscription.most_recent_response or update)

        shim._dispatcher.schedule_utility_task(ask_and_tell, pvname=self.pvname)  # noqa: SLF001

    if not hasattr(add, "__wrapped__"):
        PV.add_callback = add_from_one
        PV._PV__on_changes = tell_in_words  # noqa: SLF001


def uses_libca() -> bool:
    """Tell whether ophyd talks to EPICS through its own library, and not caproto."""
    from ophyd import get_cl as get_control_layer

    return bool(get_control_layer().name != "caproto")


def forget_channels(prefix: str) -> None:
    """Let go of all channels of an IOC: who asks for them again gets new ones.

    caproto keeps a channel with its last value, and once its IOC has ended searches for
    it as long as this process lives; whenever any new channel is searched for, for all
    of them at once. After some dozens of simulators the answers that count get lost
    among them. libca does this more sparingly.

    Parameters
    ----------
    prefix
        Of its PVs.
    """
    if uses_libca():
        return
    from ophyd._caproto_shim import PV

    context = PV.default_context()
    with context.pv_cache_lock:
        names = {name for name, _ in context.pvs if name.startswith(prefix)}
        for key in [key for key in context.pvs if key[0] in names]:
            del context.pvs[key]
        for name in names:
            context.pvs_needing_circuits.pop(name, None)
    context.broadcaster.cancel(*names)


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
