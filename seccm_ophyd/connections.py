"""Closing the connections of a session that has ended, where caproto keeps them."""

import contextlib
import logging
import socket
import weakref
from collections.abc import Iterable
from typing import Any

from .channel_access import uses_libca

__all__ = ["close_connections"]

CLOSE_S = 2.0


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
