"""How far a long acquisition has come, while it runs."""

import math
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ophyd import Component as Cpt
from ophyd import Device, EpicsSignalRO, Signal

__all__ = ["Progress"]

_UNITS = {"time": "s", "potential": "V", "current": "pA"}


class Progress(Device):
    """The parts of a trace that the IOC publishes while it is taken, put together.

    Subscribers are called after each part; plans monitor it in runs whose acquisitions
    are long, so that each part is a separate event.

    Parameters
    ----------
    prefix
        Prefix of the instrument, e.g. ``SECCM:``.
    """

    SUB_PART = "part"
    _default_sub = SUB_PART

    part = Cpt(EpicsSignalRO, "Clamp:TracePart", auto_monitor=True, kind="omitted")
    time = Cpt(Signal, value=math.nan, kind="normal", doc="of the last sample (s)")
    potential = Cpt(Signal, value=math.nan, kind="normal", doc="of the sample (V)")
    current = Cpt(Signal, value=math.nan, kind="normal", doc="at the last sample (pA)")
    samples = Cpt(Signal, value=0, kind="normal", doc="taken so far")
    trace_label = Cpt(Signal, value="", kind="normal", doc="name of the trace")
    row = Cpt(Signal, value=-1, kind="normal", doc="its row in the file")
    file = Cpt(Signal, value="", kind="config", doc="where its samples stand")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._lock = threading.Lock()
        self._trace: NDArray[np.float64] = np.full((3, 0), np.nan)
        self._number = 0
        super().__init__(*args, **kwargs)
        self.part.subscribe(self._received, run=False)

    @property
    def trace(self) -> NDArray[np.float64]:
        """The trace so far: t (s), E (V), i (pA), shape (3, samples)."""
        with self._lock:
            return self._trace.copy()

    def _received(self, value: Any = None, **kwargs: Any) -> None:
        """Put a part where it belongs, if it is of the acquisition that is awaited."""
        flat = np.atleast_1d(np.asarray(value, dtype=float))
        size = int(flat[2]) if flat.size > 2 else 0
        number = int(flat[0])
        if size < 1 or flat.size < 3 + 3 * size:
            return
        if number != self.parent.acquire.awaited:
            return
        first = int(flat[1])
        with self._lock:
            known = self._trace if number == self._number else self._trace[:, :0]
            if first + size <= known.shape[1]:
                return  # the EPICS library may report an update twice
            grown = np.full((3, max(first + size, known.shape[1])), np.nan)
            grown[:, : known.shape[1]] = known
            grown[:, first : first + size] = flat[3 : 3 + 3 * size].reshape(3, size)
            self._trace, self._number = grown, number
        for signal, last in zip(
            (self.time, self.potential, self.current), grown[:, -1], strict=True
        ):
            signal.put(float(last))
        self.samples.put(grown.shape[1])
        self.trace_label.put(self.parent.measuring.label)
        self._run_subs(sub_type=self.SUB_PART)

    def subscribe(
        self, callback: Any, event_type: Any = None, run: bool = False
    ) -> int:
        """Subscribe to parts that are still to come.

        Parameters
        ----------
        callback
            Called without data that matter: read what is wanted.
        event_type
            `SUB_PART` by default.
        run
            Whether to be called at once for what was before; by default not, as it
            belongs to an earlier acquisition.
        """
        return int(super().subscribe(callback, event_type=event_type, run=run))

    def describe(self) -> dict[str, Any]:
        """Describe the last sample, with units."""
        description = super().describe()
        for name, units in _UNITS.items():
            key = f"{self.name}_{name}"
            description[key] = {**description[key], "units": units, "precision": 4}
        return description
