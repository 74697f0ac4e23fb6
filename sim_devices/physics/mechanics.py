r"""What lies between the position that a stage reports and the place over the sample.

Lengths in m, times in s. An open-loop piezo moved from one command to the next by a
step :math:`s` stands, a time :math:`t` after it, at

.. math:: 0.7\,u + 0.3\,P[u] + 0.015\,s\,\log_{10}(1 + t/0.05\,\mathrm{s})

for the command :math:`u`: a share that follows, a share with play, which is the
simplest hysteresis operator (Krasnosel'skii & Pokrovskii, Systems with Hysteresis,
1989, ch. 1; Kuhnen, Eur. J. Control 9 (2003) 407), and logarithmic creep (Jung & Gweon,
Rev. Sci. Instrum. 71 (2000) 1896). A closed-loop stage stands where it was sent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from math import log10

import numpy as np

from .sample import Sample

__all__ = ["STAGES", "Mechanics", "Piezo", "creep", "play"]

_PLAIN, _PLAY, _CREEP = 0.7, 0.3, 0.015  # shares of the command
_PLAY_WIDTH = 0.5e-6  # m, half the width of the play
_CREEP_TIME = 0.05  # s
_RISE = 5e-9  # m by which a tilted path may rise unnoticed between two looks


def play(before: float, command: float, width: float = _PLAY_WIDTH) -> float:
    """Give the output of a play operator.

    Parameters
    ----------
    before
        Its output before the command (m).
    command
        Its input (m).
    width
        How far the output lags behind the input (m), half the width of the play.

    Returns
    -------
    float
        The output (m): it is only moved when the input reaches either edge.
    """
    return max(command - width, min(command + width, before))


def creep(step: float, t: float) -> float:
    """Give how far an axis crept (m) in a time `t` (s) after a `step` (m)."""
    return _CREEP * step * log10(1 + max(t, 0.0) / _CREEP_TIME)


@dataclass(frozen=True)
class Piezo:
    """One axis without a position sensor.

    Parameters
    ----------
    command
        Where it was sent last (m).
    played
        Output of its play (m).
    step
        Its last step (m).
    crept
        What it crept after the steps before (m); a new step ends the creep of the last.
    since
        Time of the last step (s).
    """

    command: float = 0.0
    played: float = 0.0
    step: float = 0.0
    crept: float = 0.0
    since: float = 0.0

    def moved(self, command: float, t: float) -> "Piezo":
        """Return the axis after it was sent to `command` (m) at the time `t` (s)."""
        return Piezo(
            command=command,
            played=play(self.played, command),
            step=command - self.command,
            crept=self.crept + creep(self.step, t - self.since),
            since=t,
        )

    def place(self, t: float) -> float:
        """Return where it stands at a time `t` (s), in m."""
        moved = _PLAIN * self.command + _PLAY * self.played
        return moved + self.crept + creep(self.step, t - self.since)


@dataclass(frozen=True)
class _Drift:
    """A displacement (m) at the time `since` (s) that grows with `velocity` (m/s)."""

    velocity: tuple[float, float, float]
    start: tuple[float, float, float] = (0.0, 0.0, 0.0)
    since: float = 0.0

    def at(self, t: float) -> tuple[float, float, float]:
        passed = t - self.since
        (x, y, z), (u, v, w) = self.start, self.velocity
        return x + u * passed, y + v * passed, z + w * passed


class Mechanics:
    """How the sample lies under the stages: drift, tilt, and the piezos of XY.

    Parameters
    ----------
    drift
        Velocity of the sample in x, y and z (m/s).
    tilt
        Slope of the sample along x and y (rad).
    open_loop
        Whether X and Y are piezos without position sensors.

    Attributes
    ----------
    axes
        X and Y; they are followed in closed loop, too.
    """

    def __init__(
        self,
        *,
        drift: tuple[float, float, float] = (0.0, 0.0, 0.0),
        tilt: tuple[float, float] = (0.0, 0.0),
        open_loop: bool = False,
    ) -> None:
        self.tilt, self.open_loop = tilt, open_loop
        self.axes = (Piezo(), Piezo())
        self._drift = _Drift(drift)

    @property
    def drift(self) -> tuple[float, float, float]:
        """Velocity of the sample (m/s)."""
        return self._drift.velocity

    def set_drift(self, velocity: tuple[float, float, float], t: float) -> None:
        """Have the sample drift at another `velocity` (m/s) from the time `t` (s)."""
        self._drift = _Drift(velocity, self._drift.at(t), t)

    def jump(self, way: Sequence[float]) -> None:
        """Displace the sample at once by `way` (x, y, z in m)."""
        x, y, z = np.add(self._drift.start, way).tolist()
        self._drift = replace(self._drift, start=(x, y, z))

    def moved(self, axis: int, command: float, t: float) -> tuple[Piezo, Piezo]:
        """Return both axes after one was sent to `command` (m) at the time `t` (s)."""
        x, y = self.axes
        if axis == 0:
            return x.moved(command, t), y
        return x, y.moved(command, t)

    def over_sample(
        self, t: float, axes: tuple[Piezo, Piezo] | None = None
    ) -> tuple[float, float]:
        """Return over which place of the sample the probe is.

        Parameters
        ----------
        t
            Time (s).
        axes
            X and Y; as they are now by default.

        Returns
        -------
        tuple
            x and y in the frame of the sample (m).
        """
        x, y = (
            axis.place(t) if self.open_loop else axis.command
            for axis in axes or self.axes
        )
        dx, dy, _ = self._drift.at(t)
        return float(x - dx), float(y - dy)

    def rise(self, x: float, y: float, t: float) -> float:
        """Return by how much drift and tilt lift a place (m) of the sample, in m."""
        return self._drift.at(t)[2] + self.tilt[0] * x + self.tilt[1] * y

    def surface(self, sample: Sample, x: float, y: float, t: float) -> float:
        """Height of Z (m) at which the meniscus touches a place of a sample (m)."""
        return float(sample.contact_height(x, y)) + self.rise(x, y, t)

    def highest(
        self,
        sample: Sample,
        start: tuple[float, float],
        end: tuple[float, float],
        t: float,
    ) -> float:
        """Height of Z (m) above which the way between two places is free.

        Parameters
        ----------
        sample
            What lies under the probe.
        start, end
            x and y in the frame of the sample (m).
        t
            Time (s).
        """
        climb = abs(self.rise(*end, t) - self.rise(*start, t))
        marks = [start, end]
        if climb > _RISE:
            marks = np.linspace(start, end, 2 + int(climb / _RISE)).tolist()
        rises = [self.rise(x, y, t) for x, y in marks]
        parts = zip(pairwise(marks), pairwise(rises), strict=True)
        return max(sample.highest_on_path(*a, *b) + max(up) for (a, b), up in parts)

    def is_free(
        self,
        sample: Sample,
        start: tuple[float, float],
        end: tuple[float, float],
        t: float,
        z: float,
    ) -> bool:
        """Return whether the way between two places is free at a height of Z (m).

        The other parameters are those of `highest`, which is asked where it may matter.
        """
        lifted = max(self.rise(*start, t), self.rise(*end, t))
        if sample.highest_around(*start, *end) + lifted < z:
            return True
        return self.highest(sample, start, end, t) < z


STAGES: dict[str, Callable[[], Mechanics]] = {
    "ideal": Mechanics,
    "real": partial(
        Mechanics,
        drift=(0.05e-9, 0.02e-9, 0.1e-9),
        tilt=(2e-3, -1e-3),
        open_loop=True,
    ),
}
"""The stages to choose from; the numbers of the real one are typical."""
