"""A landed meniscus, from touch to withdrawal.

Reaction, leak and capacitance lie in parallel; the resistance of the pipette is in
series with the reaction only. Currents are those of an ideal amplifier: filter, noise
and range belong to `electronics`.
"""

from itertools import pairwise

import numpy as np

from ..ensemble import Ensemble
from ..solver.time_steps import (
    find_jumps,
    graded_steps,
    relaxing_steps,
    values_at,
)
from .imposed_current import MOST_STEPS, ImposedCurrent

__all__ = ["Contact"]

_C_RES = 0.05e-12  # F, left after the voltage clamp's compensation
_WETTING = 0.4e-3  # s, the footprint spreads
_HOLD_STEPS = 24  # after a jump; they end at (k/24)^2
_ONSET_STEPS = 40  # at (k/40)^3: the first current is a kinetic one


class Contact(ImposedCurrent):
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
        """Return the current right after touch, without advancing the state.

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
        i = self._background.current(E, t, E)
        if self._ensemble:
            resolved = self._ensemble.diffusion_time
            steps = graded_steps(t[-1:], resolved, first=_ONSET_STEPS, grading=3)
            held = np.full(len(steps), E)
            _, ends = self._ensemble.copy().follow(steps, held, sharp=True)
            root, known = np.sqrt(t), np.sqrt(np.cumsum(steps))
            # i sqrt(t) is straight for a constant and for one that falls with 1/sqrt(t)
            i += np.interp(root, np.r_[0.0, known], np.r_[0.0, ends * known]) / root
        return i * -np.expm1(-t / _WETTING)

    def current(self) -> float:
        """Return the current (A) of now at the potential that was applied last."""
        redox = self._ensemble.current if self._ensemble else 0.0
        return redox + self._background.current(self._E, self.age, self._E_touch)

    def hold(self, E: float, duration: float) -> None:
        """Have a held potential act.

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
        sharp = self.age == 0 or E != before
        while duration > 0:
            block = min(duration, self._wicking.steady_for(self.age))
            self._creep(block)
            if self._ensemble:
                dt = self._hold_steps(self._ensemble, block, sharp)
                i, _ = self._ensemble.follow(dt, np.full(len(dt), E), sharp=sharp)
                self._redox_charge += float(i @ dt)
                charge += float(i @ dt)
            charge += self._background.charge(
                E, self.age, self.age + block, self._E_touch
            )
            self.age += block
            duration -= block
            sharp = False
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
        is_held = bool((E == before).all())
        t = self.age + np.arange(1, len(E) + 1) * dt
        i = self._background.current(before if is_held else E, t, self._E_touch)
        redox = np.zeros(len(E))
        start_age = self.age
        if self._ensemble:
            jumps = [] if is_held else find_jumps(E_from)
            if self.age == 0:
                jumps = [0, *jumps]
            bounds = sorted({0, len(E), *jumps})
            for start, stop in pairwise(bounds):
                redox[start:stop] = self._segment(
                    self._ensemble, E_from[start : stop + 1], dt, start in jumps
                )
        self.age = start_age + len(E) * dt
        i += redox
        if not is_held:
            i += (self.capacitance + _C_RES) * np.diff(E_from) / dt
        i *= self._conducts
        self.charge += float(i.sum()) * dt
        self._E = float(E[-1])
        return i

    def _segment(
        self, ensemble: Ensemble, E: np.ndarray, dt: float, sharp: bool
    ) -> np.ndarray:
        """Redox current for potentials ``E[1:]`` that follow ``E[0]`` without jumps.

        `sharp` says that the potential jumps right at the beginning.
        """
        n = len(E) - 1
        m = min(n, MOST_STEPS)
        times = np.arange(1, m + 1) * (n * dt / m)
        if sharp:
            steps = graded_steps(times)
        elif (E == E[0]).all() and ensemble.last_step < np.inf:
            steps = self._hold_steps(ensemble, n * dt, sharp=False)
        else:
            steps = np.full(m, times[0])
        nodes = np.concatenate([[0.0], np.cumsum(steps)])
        known = np.arange(n + 1) * dt
        potential = np.interp(nodes[1:], known[sharp:], E[sharp:])
        first = ensemble.current
        means, ends = np.empty((2, len(steps)))
        start = 0
        while start < len(steps):
            steady = nodes[start] + self._wicking.steady_for(self.age)
            stop = int(np.searchsorted(nodes, steady, "right")) - 1
            stop = min(max(stop, start + 1), len(steps))
            passing = nodes[stop] - nodes[start]
            self._creep(passing)
            part = slice(start, stop)
            means[part], ends[part] = ensemble.follow(
                steps[part], potential[part], sharp=sharp and start == 0
            )
            self.age += passing
            start = stop
        self._redox_charge += float(means @ steps)
        if sharp:
            return np.interp(np.sqrt(known[1:]), np.sqrt(nodes[1:]), ends)
        return values_at(known[1:], nodes, means, first, ends[-1])

    def _hold_steps(
        self, ensemble: Ensemble, duration: float, sharp: bool
    ) -> np.ndarray:
        """Make steps (s) that resolve what happens at a held potential."""
        resolved = ensemble.diffusion_time
        if not sharp and ensemble.last_step < np.inf:
            return relaxing_steps(duration, ensemble.last_step, resolved)
        return graded_steps(np.array([duration]), resolved, first=_HOLD_STEPS)
