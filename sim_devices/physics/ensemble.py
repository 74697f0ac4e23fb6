"""Crystallites in time: state of charge and current under voltage or current clamp."""

from functools import lru_cache
from math import inf

import numpy as np

from .cell import RedoxCell
from .solver.diffusion import Block, block, modes
from .solver.stepping import Crystallites, hold_block, impose_block, jump_to
from .solver.time_steps import end_weights

__all__ = ["Ensemble"]

_BLOCK = 32  # steps
_NO_LEAK = -1.0, 0.0
_Part = tuple[slice, Block, np.ndarray]  # which steps, their diffusion, their weights


class Ensemble:
    """Wetted crystallites that act together, stepped through time.

    Parameters
    ----------
    cell
        Constants and initial state; k0 > 0.
    """

    def __init__(self, cell: RedoxCell) -> None:
        self._shape = cell.shape
        self._modes = modes(cell.shape)
        self._clock = float(cell.D / cell.r**2)
        self._unit = float(cell.current_unit)
        resistance = cell.R_s * self._unit
        self._cell = Crystallites(
            np.array([cell.exchange, resistance, *cell.ocp_parameters()]),
            np.zeros(3),
            self._modes.uniform(float(cell.theta0)),
        )
        # length of the last step; inf when it says nothing of the next one
        self._before = inf

    @property
    def theta(self) -> float:
        """Mean Li fraction."""
        return float(self._cell.modes[0])

    @property
    def diffusion_time(self) -> float:
        """r^2/D (s)."""
        return 1 / self._clock

    @property
    def last_step(self) -> float:
        """Length of the last step (s); infinite if it says nothing of the next one."""
        return self._before

    @property
    def current(self) -> float:
        """Current (A) at the end of the last step."""
        return float(self._cell.flow[0]) * self._unit

    def copy(self) -> "Ensemble":
        """Make an independent copy in the same state."""
        twin = object.__new__(Ensemble)
        twin.__dict__.update(self.__dict__)
        twin._cell = Crystallites(*(array.copy() for array in self._cell))
        return twin

    def join(self, growth: float, theta: float) -> None:
        """Wet `growth` times as many crystallites, the new ones at `theta`.

        Profiles mix by volume; area and current scale with `growth` >= 1.
        """
        cell = self._cell
        added = (growth - 1) * self._modes.uniform(theta)
        cell.modes[:] = (cell.modes + added) / growth
        cell.flow[:] /= growth
        self._unit *= growth
        cell.kinetics[1] *= growth

    def jump(self) -> None:
        """Note that what is imposed jumps now: the last current says nothing more."""
        self._before = inf

    def follow(
        self, dt: float | np.ndarray, E: np.ndarray, *, sharp: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Have the potential follow `E` and return the current.

        Parameters
        ----------
        dt
            Length of the steps (s), a number or one for each step.
        E
            Potential (V) at the end of each step.
        sharp
            Whether the potential jumps before the first step.

        Returns
        -------
        tuple
            Mean current (A) of each step: times dt it is the charge. Current (A) at
            the end of each step.
        """
        E = np.ascontiguousarray(E, float)
        dt = np.full(len(E), dt, float) if np.ndim(dt) == 0 else np.asarray(dt, float)
        if sharp:
            self._before = inf
        currents = np.empty((len(dt), 2))
        for part, steps, weights in self._parts(dt, sharp=sharp):
            if sharp and part.start == 0:
                jump_to(steps, self._cell, float(E[0]))
            hold_block(steps, weights, self._cell, E[part], currents[part])
        means, ends = currents.T * self._unit
        return means, ends

    def impose(
        self,
        dt: np.ndarray,
        current: np.ndarray,
        E: float,
        C: float,
        leak: tuple[float, float] = _NO_LEAK,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Impose a current on crystallites, capacitance and leak.

        ``current = i_redox + G (E - E_leak) + i_electrolyte + C dE/dt``.

        Parameters
        ----------
        dt
            Length of the steps (s).
        current
            What is imposed during each (A).
        E
            Potential before the first (V).
        C
            Capacitance (F).
        leak
            Conductance G (S) and potential E_leak (V) of the leak; by default neither
            leak nor electrolyte.

        Returns
        -------
        tuple
            Potential at the end of each step (V), mean redox current of each (A).
        """
        currents, potentials = np.empty((len(dt), 2)), np.empty(len(dt))
        for part, steps, weights in self._parts(dt):
            circuit = np.array([self._unit, E, C, *leak])
            moved = currents[part], potentials[part]
            imposed = dt[part], current[part], circuit
            impose_block(steps, weights, self._cell, *imposed, *moved)
            E = float(potentials[part][-1])
        return potentials, currents[:, 0] * self._unit

    def _parts(self, dt: np.ndarray, *, sharp: bool = False) -> list[_Part]:
        before, self._before = self._before, float(dt[-1])
        return _kept_parts(self._shape, self._clock, dt.tobytes(), sharp, before)


@lru_cache(maxsize=256)
def _kept_parts(
    shape: str, clock: float, lengths: bytes, sharp: bool, before: float
) -> list[_Part]:
    """Divide steps (s) into blocks; kept, as hop after hop asks for the same."""
    dt = np.frombuffer(lengths)
    weights = end_weights(dt, sharp=sharp, before=before)
    parts = [slice(start, start + _BLOCK) for start in range(0, len(dt), _BLOCK)]
    return [
        (part, block(shape, dt[part] * clock), np.ascontiguousarray(weights[:, part]))
        for part in parts
    ]
