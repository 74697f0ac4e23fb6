"""A landed meniscus, from touch to withdrawal.

Reaction, leak and capacitance lie in parallel; the resistance of the pipette is in
series with the reaction only. Currents are those of an ideal amplifier: filter, noise
and range belong to `electronics`.
"""

from itertools import pairwise

import numpy as np

from ..solver.ensemble import Ensemble
from ..solver.time_steps import clamp_steps, find_jumps, graded_steps, values_at
from .state import Meniscus

__all__ = ["Contact"]

_C_RES = 0.05e-12  # F, left after the voltage clamp's compensation
_C_PAR = 0.5e-12  # F, to ground in current clamp
_WETTING = 0.4e-3  # s, the footprint spreads
_EARLY = 20e-3  # s, in which the current after touch is resolved best
_ONSET_STEPS = 16
_MAX_STEPS = 1300
# the last step of a hold in ever smaller ones, so that what follows starts from the
# current at its end, not from the mean of its last step
_FINISH = np.array([1 / 2, 1 / 4, 1 / 8, 1 / 8])


class Contact(Meniscus):
    """One contact: feels potentials and currents, keeps its state between calls.

    Parameters
    ----------
    site
        What is wetted.
    pipette
        What wets it.
    rng
        Draws how much the fresh surface charges in this landing.
    """

    def onset(self, E: float, dt: float, n: int) -> np.ndarray:
        """Tell the current right after touch, without advancing the state.

        Parameters
        ----------
        E
            Held potential (V).
        dt
            Sample interval (s).
        n
            Number of samples.

        Returns
        -------
        numpy.ndarray
            Current (A) at dt, 2 dt, ... after touch, while the footprint spreads.
        """
        t = np.arange(1, n + 1) * dt
        i = self._background.current(np.full(n, E), t, E)
        if self._ensemble:
            early = min(t[-1], _EARLY)
            steps = graded_steps(np.unique([early, t[-1]]), first=_ONSET_STEPS)
            nodes = np.concatenate([[0.0], np.cumsum(steps)])
            means = self._ensemble.copy().follow(steps, np.full(len(steps), E))
            i += values_at(t, nodes, means, sharp=True)
        return i * -np.expm1(-t / _WETTING)

    def hold(self, E: float, duration: float) -> None:
        """Let a held potential act.

        Parameters
        ----------
        E
            Potential (V).
        duration
            Time (s); nothing happens for 0.
        """
        if duration <= 0:
            return
        before = self._touched(E)
        charge = self.capacitance * (E - before)
        while duration > 0:
            block = min(duration, self._wicking.steady_for(self.age))
            self._creep(block)
            if self._ensemble:
                steps = graded_steps(np.array([block]))
                # the last step in ever smaller ones: what follows starts from its q
                steps = np.concatenate([steps[:-1], steps[-1] * _FINISH])
                i = self._ensemble.follow(steps, np.full(len(steps), E))
                self._redox_charge += float(i @ steps)
                charge += float(i @ steps)
            charge += self._background.charge(
                E, self.age, self.age + block, self._E_touch
            )
            self.age += block
            duration -= block
        self.charge += charge * self._conducts
        self._E = E

    def potentiostatic(self, E: np.ndarray, dt: float) -> np.ndarray:
        """Apply a waveform.

        Parameters
        ----------
        E
            Potential (V) of each sample, shape (n,). Between samples it runs straight,
            where it jumps it jumps at once.
        dt
            Sample interval (s).

        Returns
        -------
        numpy.ndarray
            Current (A) of each sample; sample k is taken (k + 1) dt from now.
        """
        E = np.asarray(E, float)
        before = self._touched(float(E[0]))
        E_from = np.concatenate([[before], E])
        t = self.age + np.arange(1, len(E) + 1) * dt
        i = self._background.current(E, t, self._E_touch)
        redox = np.zeros(len(E))
        start_age = self.age
        if self._ensemble:
            jumps = find_jumps(E_from)
            if self.age == 0:
                jumps = [0, *jumps]
            bounds = sorted({0, len(E), *jumps})
            for start, stop in pairwise(bounds):
                redox[start:stop] = self._segment(
                    self._ensemble, E_from[start : stop + 1], dt, start in jumps
                )
        self.age = start_age + len(E) * dt
        i += redox + (self.capacitance + _C_RES) * np.diff(E_from) / dt
        i *= self._conducts
        self.charge += float(i.sum()) * dt
        self._E = float(E[-1])
        return i

    def galvanostatic(
        self,
        I: np.ndarray,  # noqa: E741
        dt: float,
        limits: tuple[float, float] = (-np.inf, np.inf),
        E_start: float | None = None,
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
            Potential to start from (V); None goes on from the one that is there.

        Returns
        -------
        numpy.ndarray
            Potential (V) at dt, 2 dt, ... from now; shorter than `I` when a limit was
            reached, the last value being the first one beyond.
        """
        I = np.asarray(I, float)  # noqa: E741
        if E_start is not None:
            self._touched(E_start)
            self._E = E_start
        elif np.isnan(self._E):
            self._E = self._E_touch = self.potential
        fresh = self._imposed != float(I[0])
        stride = -(-len(I) // _MAX_STEPS)
        passed = np.concatenate([[0.0], np.cumsum(I)]).tolist()
        ends, potentials = [0], [self._E]
        while ends[-1] < len(I):
            start = ends[-1]
            end = min(start + stride, len(I))
            kept = self._state()
            steps = clamp_steps(start, end, dt, fresh)
            E = self._impose((passed[end] - passed[start]) / (end - start), steps)
            beyond = not limits[0] <= E <= limits[1]
            if beyond and end - start > 1:  # find the sample that passed the limit
                self._restore(kept)
                stride = 1
                continue
            ends.append(end)
            potentials.append(E)
            if beyond:
                break
        self._imposed = float(I[ends[-1] - 1])
        return np.interp(np.arange(1, ends[-1] + 1), ends, potentials)

    def _segment(
        self, ensemble: Ensemble, E: np.ndarray, dt: float, sharp: bool
    ) -> np.ndarray:
        """Redox current for potentials ``E[1:]`` that follow ``E[0]`` without jumps.

        `sharp` tells that the potential jumps right at the beginning.
        """
        n = len(E) - 1
        m = min(n, _MAX_STEPS)
        times = np.arange(1, m + 1) * (n * dt / m)
        steps = graded_steps(times) if sharp else np.full(m, times[0])
        nodes = np.concatenate([[0.0], np.cumsum(steps)])
        known = np.arange(n + 1) * dt
        potential = np.interp(nodes[1:], known[sharp:], E[sharp:])
        means = np.empty(len(steps))
        start = 0
        while start < len(steps):
            stop = (
                np.searchsorted(
                    nodes, nodes[start] + self._wicking.steady_for(self.age), "right"
                )
                - 1
            )
            stop = min(max(int(stop), start + 1), len(steps))
            self._creep(nodes[stop] - nodes[start])
            part = slice(start, stop)
            dt_part = steps[part] if sharp else float(times[0])
            means[part] = ensemble.follow(dt_part, potential[part])
            self.age += nodes[stop] - nodes[start]
            start = stop
        self._redox_charge += float(means @ steps)
        return values_at(known[1:], nodes, means, sharp=sharp)

    def _impose(self, current: float, steps: list[float]) -> float:
        """Impose a current (A) for some steps (s); returns the potential (V)."""
        E = self._E
        for h in steps:
            self._creep(h)
            C = _C_PAR + self.capacitance * self._conducts
            G, root = self._background.conductance(E)
            if not self._conducts:
                E += current * h / C
            elif self._ensemble:
                E, i = self._ensemble.clamp(h, E, current, C, G, root)
                self._redox_charge += i * h
            else:
                E = (C * E + h * (current + G * root)) / (C + h * G)
            self.age += h
            self.charge += current * h
        self._E = E
        return E
