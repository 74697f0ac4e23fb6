"""Lines of hops without an IOC: the PVs of a fake microscope answer as it would."""

from dataclasses import dataclass, field

import numpy as np
from ophyd.sim import FakeEpicsSignal

from seccm_ophyd.devices.command import NO_CONTACT, OK, STOPPED
from seccm_ophyd.sim_devices.hopping.results import Hop, LineResults
from seccm_ophyd.sim_devices.physics.recording import Recording

PART = 300_000  # doubles of Hop:Part
PA = 1e-12


@dataclass
class FakeLine:
    """Makes the hops that are asked of a `FakeInstrument`, at once or when called.

    Parameters
    ----------
    fake
        The instrument.
    at_once
        How many hops it makes when a line is started, or continues after `make`.

    Attributes
    ----------
    misses, overloads, restless
        Numbers of the hops (from 1, over all lines) that find nothing, leave the range,
        or read what is no number.
    started
        Points x, y, travel height, slow height of each line (um).
    stored
        Of each stored turn: mode, what it holds, samples.
    acknowledged
        What was written to ``Hop:Acknowledge``.
    """

    fake: object
    at_once: int = 10_000
    misses: set = field(default_factory=set)
    overloads: set = field(default_factory=set)
    restless: set = field(default_factory=set)
    started: list = field(default_factory=list)
    stored: dict = field(default_factory=dict)
    acknowledged: list = field(default_factory=list)
    hops: int = 0

    def __post_init__(self):
        self.line = self.fake.device.line
        self.results, self._left, self._missed = None, [], 0
        self.line.store.subscribe(self._store, run=False)
        self.line.run.request.subscribe(self._start, run=False)
        self.line.fetch.subscribe(self._hand_out, run=False)
        self.line.acknowledge.subscribe(self._acknowledged, run=False)
        self.fake.device.safe.request.subscribe(self._halt, run=False)

    def _store(self, value, **kwargs):
        line, samples = self.line, int(self.fake.device.clamp.samples.get())
        self.stored[int(value)] = (line.mode.get(), line.hold.get(), samples)

    def _start(self, value, **kwargs):
        line = self.line
        columns = (line.x, line.y, line.travel_heights, line.slow_heights)
        self._left = [
            tuple(float(v) for v in point)
            for point in zip(*(c.get() for c in columns), strict=True)
        ]
        self.started.append(list(self._left))
        turns = range(1, int(line.turns.get()) + 1)
        samples = [self.stored[k][2] for k in turns or [0]]
        self.results, self._missed = LineResults(int(value), samples, PART), 0
        line.hops.sim_put(0)
        self.make(self.at_once)

    def make(self, hops):
        """Make so many of the hops that are left; the line ends with the last."""
        for _ in range(min(hops, len(self._left))):
            x, y, *_ = self._left.pop(0)
            self._missed = 0 if self._hop(x, y) else self._missed + 1
            if self._missed >= self.line.max_misses.get():
                self.end(NO_CONTACT)
                return
        self.line.hops.sim_put(self.results.done)
        if not self._left:
            self.end(OK)

    def end(self, outcome):
        """End the line with an outcome, as a trip or MakeSafe would."""
        results, self._left = self.results, []
        self.line.hops.sim_put(results.done)
        ended = [results.number, outcome, results.done]
        self.line.run.result.sim_put(np.array(ended, float))

    def _halt(self, **kwargs):
        if self._left:
            self.end(STOPPED)

    def _hop(self, x, y):
        """Make one hop; return whether it found a contact."""
        self.hops += 1
        number, missed = self.results.number, self.hops in self.misses
        height = np.nan if missed else self.fake.height(x, y)
        landing = [number, NO_CONTACT if missed else OK, height, x, y, 2.5, 0.1, 0.28]
        landing += [4.0, float(self.hops), 2.0, 0.11, 0.6]
        hop = Hop(landing, np.full(2001, float(self.hops)), ended_at=100.0 + self.hops)
        for samples in () if missed else self.results.samples:
            overload = self.hops in self.overloads
            hop.recordings.append(self._recording(samples, overload))
            means = [0.65, 100.0, 0.3]
            hop.summaries.append([number, OK, overload, samples, *means, 1.0, 0, 0.02])
            if overload:
                break
        self.results.add(hop)
        return not missed

    def _recording(self, samples, overload):
        current = np.full(samples, 100.0 + self.hops)
        if self.hops in self.restless:
            current[0] = np.nan
        return Recording(0, 1e-3, np.full(samples, 0.65), current * PA, overload)

    def _hand_out(self, value, **kwargs):
        most = int(self.line.part_hops.get() or 0)
        self.line.part.sim_put(self.results.part(int(value), most))

    def _acknowledged(self, value, **kwargs):
        number, received, stored = (int(n) for n in value)
        self.acknowledged.append((number, received, stored))
        if number == self.results.number:
            self.results.acknowledge(stored)


def disconnected(signal):
    """Have a fake PV be one that the IOC does not have."""
    assert isinstance(signal, FakeEpicsSignal)
    signal._metadata["connected"] = False
