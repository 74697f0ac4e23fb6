"""What an operator asks and orders from any shell: no engine, no ophyd, no lease."""

import contextlib
import logging
import os
import queue
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from caproto import CaprotoError, ChannelType
from caproto.threading.client import PV, Context, SharedBroadcaster

from .._upstream.caproto import mend
from ..config.config import DEFAULT_DATA, data_folder, load_config
from ..errors import ConfigError, InstrumentLostError, SeccmError
from ..storage.data_folder import DataFolder
from ..storage.locks import session_info

__all__ = ["Instrument", "find_instrument", "session_folder"]

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 3.0
FOUND_TIMEOUT_S = 9.0  # where it has been found: the network may be slow
READ_TIMEOUT_S = 1.0  # and twice the time that it took to connect

_PVS = {
    "owner": "IOC:Owner.VAL$",
    "state": "Z:State",
    "tripped": "IOC:Tripped",
    "reason": "IOC:TripReason.VAL$",
    "message": "IOC:ErrorMessage.VAL$",
    "mode": "Clamp:Mode",
    "potential": "Clamp:HoldingPotential",
    "safe_potential": "Clamp:SafePotential",
    "make_safe": "IOC:MakeSafe",
    "result": "IOC:Safe",
}


def session_folder(data: Path | None) -> Path:
    """Return the data folder in which a session is looked for.

    Parameters
    ----------
    data
        As the user gave it, or None: as configured. A configuration that cannot be read
        does not keep anybody from making an instrument safe: the default is taken.

    Raises
    ------
    ConfigError
        If `data` is a file.
    """
    if data is not None and data.is_file():
        raise ConfigError(f"{data} must be a data folder and is a file: give --data")
    if data is not None:
        return data
    try:
        return data_folder()
    except ConfigError as error:
        logger.warning("looking for the session in %s: %s", DEFAULT_DATA, error)
        return Path(DEFAULT_DATA)


def find_instrument(prefix: str | None, data: Path) -> tuple[str, str]:
    """Find out which instrument is meant, and where it is.

    Parameters
    ----------
    prefix
        As the user gave it, or None: that of the session that is open on the data
        folder, else of ``seccm.toml``.
    data
        The data folder.

    Returns
    -------
    prefix, addresses
        The addresses are to be searched in addition to those of the environment.

    Raises
    ------
    SeccmError
        If the prefix is not given anywhere.
    """
    session = session_info(DataFolder(data))
    if prefix and prefix != session.get("prefix"):
        return prefix, ""
    found = session.get("prefix") or load_config().prefix
    if not found:
        raise SeccmError(f"no session is open on {data}: name the instrument, --prefix")
    return found, session.get("addresses", "")


class Instrument:
    """A few PVs of an instrument, read and written with a client that starts fast.

    Parameters
    ----------
    prefix
        Prefix of the instrument.
    addresses
        Where to search, in addition to ``EPICS_CA_ADDR_LIST``.

    Raises
    ------
    InstrumentLostError
        If it does not answer: "tip state unknown".
    """

    def __init__(self, prefix: str, addresses: str = "") -> None:
        listed = os.environ.get("EPICS_CA_ADDR_LIST", "")
        os.environ["EPICS_CA_ADDR_LIST"] = f"{listed} {addresses}".strip()
        self.prefix = prefix
        mend()
        self._context = Context(SharedBroadcaster(), timeout=CONNECT_TIMEOUT_S)
        names = [prefix + name for name in _PVS.values()]
        self._pvs: dict[str, PV] = dict(
            zip(_PVS, self._context.get_pvs(*names), strict=True)
        )
        begun = time.monotonic()
        try:
            for pv in self._pvs.values():
                self._wait_for(pv, begun)
        except (TimeoutError, CaprotoError) as error:
            self.close()
            raise InstrumentLostError(
                f"{prefix} does not answer within {self._longest_s(pv):g} s: tip state "
                "unknown; check --prefix, EPICS_CA_ADDR_LIST and that its IOC runs"
            ) from error
        self._timeout_s = READ_TIMEOUT_S + 2.0 * (time.monotonic() - begun)

    def _wait_for(self, pv: PV, begun: float) -> None:
        while not pv.connected:
            left = begun + self._longest_s(pv) - time.monotonic()
            try:
                pv.wait_for_connection(timeout=max(0.01, min(left, 0.5)))
            except (TimeoutError, CaprotoError):
                if time.monotonic() > begun + self._longest_s(pv):
                    raise

    def _longest_s(self, pv: PV) -> float:
        is_found = pv.name in self._context.broadcaster.search_results
        return FOUND_TIMEOUT_S if is_found else CONNECT_TIMEOUT_S

    def close(self) -> None:
        """Close the connection."""
        self._context.disconnect()
        self._context.broadcaster.disconnect()

    def __enter__(self) -> "Instrument":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def text(self, name: str) -> str:
        """Read a PV as text: an enum as its word."""
        with self._answering():
            if _PVS[name].endswith("$"):
                data = self._pvs[name].read(timeout=self._timeout_s).data
                return bytes(data).split(b"\0")[0].decode(errors="replace")
            reading = self._pvs[name].read(
                data_type=ChannelType.STRING, timeout=self._timeout_s
            )
            return bytes(reading.data[0]).decode(errors="replace")

    def numbers(self, name: str) -> list[float]:
        """Read a PV as numbers."""
        with self._answering():
            data = self._pvs[name].read(timeout=self._timeout_s).data
            return [float(value) for value in data]

    def make_safe(self, timeout_s: float) -> None:
        """Write MakeSafe, wait for its end, and verify what it says.

        It is written again when the owner's next command, which was on its way, has
        moved the probe since.

        Parameters
        ----------
        timeout_s
            Longest wait (s).

        Raises
        ------
        InstrumentLostError
            If it cannot be verified; the command stands all the same.
        """
        deadline = time.monotonic() + timeout_s
        while not self._made_safe(deadline):
            if time.monotonic() > deadline:
                cell = f"{self.text('mode')} at {self.numbers('potential')[0]:g} V"
                raise InstrumentLostError(
                    f"{self.prefix} is not known to be SAFE within {timeout_s:g} s: "
                    f"tip state unknown (Z {self.text('state')}, cell {cell}; "
                    f"{self.text('message')})"
                )

    def _made_safe(self, deadline: float) -> bool:
        """Make it SAFE once; return whether it has ended well and is SAFE."""
        number = 1 + secrets.randbelow(2**30)
        ended: queue.SimpleQueue[float] = queue.SimpleQueue()

        def received(_subscription: Any, response: Any) -> None:
            if response.data[0] == number:
                ended.put(float(response.data[1]))

        # not polled: a MakeSafe of the owner may follow at once
        subscription = self._pvs["result"].subscribe()
        subscription.add_callback(received)
        try:
            with self._answering():
                self._pvs["make_safe"].write([number], wait=False)
            outcome = ended.get(timeout=max(0.01, deadline - time.monotonic()))
        except queue.Empty:
            return False
        finally:
            subscription.clear()
        return (
            outcome == 1
            and self.text("state") == "WITHDRAWN"
            and self.text("mode") == "VCLAMP"
            and self.numbers("potential") == self.numbers("safe_potential")
        )

    def situation(self) -> dict[str, str]:
        """Return owner, state of probe and cell, and trip, each as a line of text."""
        tripped = self.text("tripped") == "yes"
        return {
            "instrument": self.prefix,
            "owner": self.text("owner") or "no client",
            "probe": self.text("state"),
            "cell": f"{self.text('mode')}, {self.numbers('potential')[0]:g} V",
            "trip": self.text("reason") if tripped else "none",
        }

    @contextlib.contextmanager
    def _answering(self) -> Iterator[Any]:
        try:
            yield
        except (TimeoutError, CaprotoError) as error:
            raise InstrumentLostError(
                f"{self.prefix} does not answer any more: tip state unknown"
            ) from error
