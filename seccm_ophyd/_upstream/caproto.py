"""caproto: what its client does where IOCs come, go and die, and what is done about it.

Tried with the versions in `tried`. Each function says what happens without it; it can
go when caproto does that itself.
"""

import contextlib
import functools
import logging
import socket
import threading
import weakref
from collections.abc import Iterable
from typing import Any

from ..channel_access import uses_libca

__all__ = ["close_connections", "forget_channels", "mend"]

logger = logging.getLogger(__name__)

CLOSE_S = 2.0
_SEARCH_AGAIN_S = 0.2
_READY_S = 0.05  # for a channel that is connected
_CIRCUIT_S = 4.0  # in which an IOC answers that a connection is open; caproto: 2


def mend() -> None:
    """Change what has to be changed; the second time does nothing more."""
    _keep_searching()
    _search_where_it_is_possible()
    _outlive_dying_servers()
    _search_only_for_known_channels()


def _keep_searching() -> None:
    """Have caproto's search survive what happens to variables of the environment.

    It copies the environment before each search. When another thread adds or removes a
    variable meanwhile, or one of EPICS has a value that is no such value, be it one for
    servers, that raises, and its thread ends: no PV is found any more, even when the
    variable is right again. Here the last environment without such a value counts.
    """
    import caproto._utils as caproto  # not at the top: commands of a shell are quick

    copied = caproto.get_environment_variables
    good: dict[str, Any] | None = None

    @functools.wraps(copied)
    def steady() -> dict[str, Any]:
        nonlocal good
        while True:
            try:
                good = dict(copied())
                return dict(good)
            except (KeyError, RuntimeError):  # changed while it was copied
                continue
            except caproto.CaprotoEnvironmentSetupError as error:
                if good is None:  # it was wrong from the beginning
                    raise
                logger.info("the environment of before is used: %s", error)
                return dict(good)

    if not hasattr(copied, "__wrapped__"):
        caproto.get_environment_variables = steady


def _search_where_it_is_possible() -> None:
    """Have caproto's search pass over an address that cannot be reached.

    Where one is in a network that is down, sending to it raises: no address after it is
    searched, and the thread that searches ends: no PV is found any more, even when the
    network is there again.
    """
    import caproto as ca
    from caproto.threading.client import SharedBroadcaster

    def send_to_each(self: Any, *commands: Any) -> None:
        message = self.broadcaster.send(*commands)
        for address in ca.get_client_address_list():
            if (sock := self.udp_sock) is None:
                return
            try:
                sock.sendto(message, address)
            except OSError as error:
                logger.info("nothing is searched for at %s:%d: %s", *address, error)

    SharedBroadcaster.send = send_to_each


def _outlive_dying_servers() -> None:
    """Have caproto continue when an IOC dies just after it has answered a search.

    The thread that opens connections ends with the exception of the first that fails:
    no PV of whatever IOC connects any more in this process. Here the PVs of that IOC
    are searched for again instead. And it is given more time to answer: a network may
    be slow. The thread that renews subscriptions ends as well, and waits before
    that for each channel that has gone: here one is renewed when its channel is there
    again, and no other one waits for it.
    """
    from caproto import CaprotoTimeoutError
    from caproto.threading.client import Context, Subscription, VirtualCircuitManager

    connect, send = Context.get_circuit_manager, VirtualCircuitManager.send
    make, compose = VirtualCircuitManager.__init__, Subscription.compose_command

    @functools.wraps(compose)
    def compose_or_pass(self: Any, timeout: float = _READY_S) -> Any:
        try:
            return compose(self, timeout=timeout)
        except CaprotoTimeoutError:
            self.needs_reactivation = True
            return None

    @functools.wraps(make)
    def make_patiently(self: Any, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **{"timeout": _CIRCUIT_S, **kwargs})

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
        VirtualCircuitManager.__init__ = make_patiently
        Subscription.compose_command = compose_or_pass
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
        self.subscriptions: dict[int, Any] = {}
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


def _search_only_for_known_channels() -> None:
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


def close_connections(signals: Iterable[Any]) -> None:
    """Close the connections over which nothing else goes than some signals.

    caproto keeps each connection, and with it all that was ever read over it, as long
    as the process and the IOC live; so does the IOC. Not for libca.

    Parameters
    ----------
    signals
        Signals of ophyd that nobody uses any more.
    """
    if uses_libca():
        return
    from ophyd._caproto_shim import PV

    context = PV.default_context()
    ended = {
        id(getattr(signal, name, None))
        for signal in signals
        for name in ("_read_pv", "_write_pv")
    }
    for key, circuit in list(context.circuit_managers.items()):
        if circuit.pvs and _used_only_by(ended, list(circuit.pvs.values())):
            _close(circuit)
            context.circuit_managers.pop(key, None)


def _used_only_by(users: set[int], pvs: Iterable[Any]) -> bool:
    """Tell whether nobody but some objects (their ids) listens to PVs of caproto."""
    listening = (
        reference()
        for pv in pvs
        for reference in list(pv.connection_state_callback.callbacks.values())
    )
    return all(
        id(getattr(callback, "__self__", None)) in users
        for callback in listening
        if callback is not None
    )


def _close(circuit: Any) -> None:
    """Close a connection, without a word of what comes in meanwhile."""
    _closed.add(circuit)
    circuit.channels.clear()  # those that it would search for again
    with contextlib.suppress(OSError, AttributeError):  # it has ended by itself
        circuit.socket.shutdown(socket.SHUT_RDWR)
        circuit.dead.wait(CLOSE_S)
    circuit.disconnect()


_closed: weakref.WeakSet[Any] = weakref.WeakSet()


def _is_of_an_open_one(record: logging.LogRecord) -> bool:
    """Pass over what caproto says of a connection that is being closed.

    An answer that its thread has just taken belongs to no channel any more.
    """
    about = record.args if isinstance(record.args, tuple) else ()
    return not any(
        part is circuit or getattr(part, "circuit", None) is circuit.circuit
        for circuit in list(_closed)
        for part in about
    )


for _name in ("caproto.circ", "caproto.ch"):
    logging.getLogger(_name).addFilter(_is_of_an_open_one)
