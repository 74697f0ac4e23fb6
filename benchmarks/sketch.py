"""The sequence of a hop with nothing around it: what a hop costs on this computer.

Commands go to the IOC by stock ophyd signals, both axes by `EpicsMotor`; the journal is
synced, the trace goes to a file. There is no check, no time-out, no lease, no watchdog,
no live view, no catalogue: do not drive an instrument like this.
"""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
import numpy as np
from bluesky.utils import Msg
from ophyd import Component as Cpt
from ophyd import Device, DeviceStatus, EpicsMotor, EpicsSignal, EpicsSignalRO
from ophyd import FormattedComponent as FCpt

from seccm_ophyd.devices.command import OK
from seccm_ophyd.storage.journal.journal import append_line, encode

__all__ = ["Sketch", "sketched_hops", "store_plainly"]


class _Command(Device):
    """A number is written; it is done when the result comes with that number."""

    number = Cpt(EpicsSignal, "")
    result = FCpt(EpicsSignalRO, "{self.parent.prefix}{self._result}", kind="normal")

    def __init__(self, prefix: str, *, result: str, **kwargs: Any) -> None:
        self._result, self._numbers = result, itertools.count(1)
        self._awaited: tuple[int, DeviceStatus] | None = None
        super().__init__(prefix, **kwargs)
        self.result.subscribe(self._came, run=False)

    def trigger(self) -> DeviceStatus:
        """Start it."""
        number, status = next(self._numbers), DeviceStatus(self)
        self._awaited = number, status
        self.number.put(number, wait=False)
        return status

    def _came(self, value: np.ndarray, **kwargs: Any) -> None:
        if self._awaited is not None and value[0] == self._awaited[0]:
            (_, status), self._awaited = self._awaited, None
            if value[1] == OK:
                status.set_finished()
            else:
                status.set_exception(RuntimeError(f"{self.name}: outcome {value[1]}"))


class Sketch(Device):
    """The instrument without its safety."""

    x, y = Cpt(EpicsMotor, "XY:X"), Cpt(EpicsMotor, "XY:Y")
    approach = Cpt(_Command, "Z:Approach", result="Z:Landing")
    withdraw = Cpt(_Command, "Z:Withdraw", result="Z:Withdrawal")
    acquire = Cpt(_Command, "Clamp:Acquire", result="Clamp:Summary")
    potential = Cpt(EpicsSignal, "Clamp:HoldingPotential")
    samples = Cpt(EpicsSignal, "Clamp:Samples")
    trace = Cpt(EpicsSignalRO, "Clamp:Trace", auto_monitor=True)


def sketched_hops(
    device: Sketch, number: int, samples: int, traces: Path
) -> Iterator[Msg]:
    """Hop to and fro, both axes at a time, and measure at each point.

    Parameters
    ----------
    device
        The instrument.
    number
        Of hops.
    samples
        Of each measurement.
    traces
        File to which the traces are appended.
    """
    yield from bps.mv(device.samples, samples, device.potential, 0.65)
    yield Msg("open_run")
    with traces.open("ab") as file:
        for k in range(number):
            yield Msg("checkpoint")
            yield from bps.trigger(device.withdraw, wait=True)
            yield Msg("set", device.x, 0.1 * (k % 20), group="xy")
            yield Msg("set", device.y, 0.1 * (k % 19), group="xy")
            yield Msg("wait", None, group="xy")
            yield from bps.trigger(device.approach, wait=True)
            yield from bps.trigger(device.acquire, wait=True)
            file.write(np.asarray(device.trace.get()).tobytes())
            file.flush()
            yield Msg("create", None, name="primary")
            for part in (device.x, device.y, device.approach, device.acquire):
                yield Msg("read", part)
            yield Msg("save")
        yield from bps.trigger(device.withdraw, wait=True)
    yield Msg("close_run")


@contextlib.contextmanager
def store_plainly(path: Path) -> Iterator[Any]:
    """Give a callback that appends documents to a file and syncs each."""
    with path.open("ab") as file:
        yield lambda name, doc: append_line(file.fileno(), encode(name, doc))
