"""A meniscus through which a current is imposed, up to a limit of the potential."""

import math
from itertools import pairwise
from typing import Any

import numpy as np

from ..solver.stepping import charge_leaky
from ..solver.time_steps import clamp_steps
from .background import E_LEAK
from .state import Meniscus

__all__ = ["MOST_STEPS", "ImposedCurrent"]

MOST_STEPS = 1300
"""Steps in which a waveform is worked out, at most."""

_C_PAR = 0.5e-12  # F, to ground in current clamp
_TOGETHER = 64  # samples of an imposed current
_ROUNDING = 1e-9


class ImposedCurrent(Meniscus):
    """The current is given, the potential follows."""

    def galvanostatic(
        self,
        I: np.ndarray,  # noqa: E741
        dt: float,
        limits: tuple[float, float] = (-np.inf, np.inf),
        E_start: float | None = None,
        watched: float = np.inf,
    ) -> np.ndarray:
        """Impose a current and return the potential.

        Parameters
        ----------
        I
            Current (A) of each sample, shape (n,); zeros for the zero-current clamp.
        dt
            Sample interval (s).
        limits
            Lower and upper potential (V) at which it ends early.
        E_start
            Potential to start from (V); None: from the one that is there.
        watched
            How often it is looked whether a limit is reached (s); at each sample by
            default.

        Returns
        -------
        numpy.ndarray
            Potential (V) at dt, 2 dt, ... from now; shorter than `I` when a limit was
            reached. The last value is then the first one seen beyond, `cut_short`
            before its time.
        """
        I = np.asarray(I, float)  # noqa: E741
        if E_start is not None:
            self._touched(E_start)
            self._E = E_start
        elif np.isnan(self._E):
            self._E = self._E_touch = self.potential
        fresh = self._imposed != float(I[0])
        if fresh and self._ensemble:
            self._ensemble.jump()
        ends, potentials = self._charge(I, dt, limits, fresh, watched)
        self._imposed = float(I[ends[-1] - 1])
        return np.interp(np.arange(1, ends[-1] + 1), ends, potentials)

    def _charge(
        self,
        I: np.ndarray,  # noqa: E741
        dt: float,
        limits: tuple[float, float],
        fresh: bool,
        watched: float,
    ) -> tuple[list[int], list[float]]:
        """Impose a current up to a limit; numbers of samples, potentials (V) there."""
        stride = -(-len(I) // MOST_STEPS)
        passed = np.concatenate([[0.0], np.cumsum(I)])
        ends, potentials = [0], [self._E]
        self.cut_short = 0.0
        while ends[-1] < len(I):
            edges = self._ahead(ends[-1], stride, len(I), dt)
            kept = self._state()
            E = self._impose(passed, edges, dt, fresh)
            beyond = np.flatnonzero((E < limits[0]) | (E > limits[1]))
            if len(beyond) and edges[-1] - edges[0] > 1:  # which sample passed it?
                self._restore(kept)
                kept = self._state()
                if beyond[0] == 0 and stride > 1:
                    stride = 1
                    continue
                edges = edges[: max(beyond[0], 1) + 1]
                E = self._impose(passed, edges, dt, fresh)
            ends += edges[1:]
            potentials += E.tolist()
            if not limits[0] <= E[-1] <= limits[1]:
                last = edges[-2], float(I[edges[-2]])
                self._end_between(kept, *last, dt, limits, fresh, watched)
                potentials[-1] = self._E
                break
        return ends, potentials

    def _end_between(
        self,
        kept: dict[str, Any],
        start: int,
        current: float,
        dt: float,
        limits: tuple[float, float],
        fresh: bool,
        watched: float,
    ) -> None:
        """End the sample after number `start` when it is first seen beyond a limit.

        `kept` is the state at its beginning; it is known to be beyond at its end.
        """
        looks = math.ceil(dt / watched * (1 - _ROUNDING))
        inside, beyond = 0, max(looks, 1)
        while beyond - inside > 1:
            look = (inside + beyond) // 2
            self._impose_until(kept, start, look / looks, current, dt, fresh)
            if limits[0] <= self._E <= limits[1]:
                inside = look
            else:
                beyond = look
        if looks > 1:
            self._impose_until(kept, start, beyond / looks, current, dt, fresh)
            self.cut_short = dt * (1 - beyond / looks)

    def _impose_until(
        self,
        kept: dict[str, Any],
        start: int,
        part: float,
        current: float,
        dt: float,
        fresh: bool,
    ) -> None:
        """Impose a current for a part of the sample after number `start`."""
        self._restore(
            {**kept, "_ensemble": kept["_ensemble"] and kept["_ensemble"].copy()}
        )
        h = np.asarray(clamp_steps(start, start + part, dt, fresh))
        self._impose_steps(h, np.full(len(h), current))

    def _ahead(self, start: int, stride: int, end: int, dt: float) -> list[int]:
        """Numbers of the samples up to which a current is imposed at once."""
        together = min(_TOGETHER, self._wicking.steady_for(self.age) / dt / stride)
        stop = min(start + stride * max(int(together), 1), end)
        return [*range(start, stop, stride), stop]

    def _impose(
        self, passed: np.ndarray, edges: list[int], dt: float, fresh: bool
    ) -> np.ndarray:
        """Impose a current between some samples; returns the potential (V) at each.

        `passed` is the sum of the current (A) of the samples before each.
        """
        steps = [clamp_steps(*ends, dt, fresh) for ends in pairwise(edges)]
        count = [len(s) for s in steps]
        h = np.concatenate(steps)
        current = np.repeat(np.diff(passed[edges]) / np.diff(edges), count)
        return self._impose_steps(h, current)[np.cumsum(count) - 1]

    def _impose_steps(self, h: np.ndarray, current: np.ndarray) -> np.ndarray:
        """Impose currents (A) for some steps (s); returns the potentials (V) after."""
        self._creep(float(h.sum()))
        C = _C_PAR + self.capacitance * self._conducts
        if self._ensemble:
            leak = self._background.leak, E_LEAK
            E, i = self._ensemble.impose(h, current, self._E, C, leak)
            self._redox_charge += float(i @ h)
        else:
            E = self._charge_substrate(h, current, C)
        self.age += float(h.sum())
        self.charge += float(current @ h)
        self._E = float(E[-1])
        return E

    def _charge_substrate(
        self, h: np.ndarray, current: np.ndarray, C: float
    ) -> np.ndarray:
        """Potential (V) after each step while nothing but a leaky capacitor charges."""
        if not self._conducts:
            return self._E + np.cumsum(current * h) / C
        return charge_leaky(h, current, self._E, C, self._background.leak, E_LEAK)
