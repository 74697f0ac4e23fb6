"""Crystallites in time: state of charge and current under voltage or current clamp.

The current runs straight within each time step. Its mean, which is the charge, is what
diffusion remembers; its end is what kinetics and resistance see. Mean and end of a step
are tied to the mean of the step before by a straight line: second order in the length
of the step, and yet without memory where the current collapses within one.
"""

from collections.abc import Callable
from math import expm1, inf
from typing import TYPE_CHECKING

import numpy as np

from .diffusion import block, modes
from .kinetics import first_guess, solve
from .time_steps import end_weights

if TYPE_CHECKING:
    from ..cell import RedoxCell

__all__ = ["Ensemble", "leaky_step"]


_BLOCK = 32  # steps


class Ensemble:
    """Wetted crystallites that act together, stepped through time.

    Parameters
    ----------
    cell
        Constants and initial state; k0 > 0.
    """

    def __init__(self, cell: "RedoxCell") -> None:
        self._ocp = cell.potential()
        self._shape = cell.shape
        self._modes = modes(cell.shape)
        self._clock = float(cell.D / cell.r**2)
        self._unit = float(cell.current_unit)
        self._exchange = float(cell.exchange)
        self._R_s = float(cell.R_s)
        self._a = self._modes.uniform(float(cell.theta0))
        self._q = self._q_before = (
            0.0  # at the end of the last step, and the last but one
        )
        self._mean = 0.0  # during the last step
        self._before = inf  # its length; inf when it tells nothing of the next one

    @property
    def theta(self) -> float:
        """Mean Li fraction."""
        return float(self._a[0])

    @property
    def diffusion_time(self) -> float:
        """r^2/D (s)."""
        return 1 / self._clock

    @property
    def last_step(self) -> float:
        """Length of the last step (s); infinite if it tells nothing of the next one."""
        return self._before

    @property
    def current(self) -> float:
        """Current (A) at the end of the last step."""
        return self._q * self._unit

    def copy(self) -> "Ensemble":
        """Make an independent copy in the same state."""
        twin = object.__new__(Ensemble)
        twin.__dict__.update(self.__dict__)
        return twin

    def join(self, growth: float, theta: float) -> None:
        """Wet `growth` times as many crystallites, the new ones at `theta`.

        Profiles mix by volume; area and current scale with `growth` >= 1.
        """
        self._a = (self._a + (growth - 1) * self._modes.uniform(theta)) / growth
        self._unit *= growth
        self._q /= growth
        self._q_before /= growth
        self._mean /= growth

    def jump(self) -> None:
        """Tell that what is imposed jumps now: the last current says nothing more."""
        self._before = inf

    def follow(
        self, dt: float | np.ndarray, E: np.ndarray, *, sharp: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Let the potential follow `E` and return the current.

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
        dt = np.full(len(E), dt) if np.ndim(dt) == 0 else np.asarray(dt)
        if sharp:
            self._before = inf
            b = block(self._shape, dt[:_BLOCK] * self._clock).b_mean[0]
            self._q = self._guess(float(E[0]), b)
        potentials = iter(E.tolist())
        means, ends, _ = self._pass(
            dt, 0.0, lambda h, before: (next(potentials), 0.0), sharp=sharp
        )
        return means, ends

    def impose(
        self,
        dt: np.ndarray,
        current: np.ndarray,
        E: float,
        C: float,
        leak: Callable[[float], tuple[float, float]] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Impose a current on crystallites, capacitance and leak.

        ``current = i_redox + G (E - E_leak) + C dE/dt``.

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
            Gives conductance G (S) and potential E_leak (V) of the leak at a potential
            (V); None for no leak.

        Returns
        -------
        tuple
            Potential at the end of each step (V), mean redox current of each (A).
        """
        currents = iter(current.tolist())

        def drive(h: float, before: float) -> tuple[float, float]:
            G, root = leak(before) if leak else (0.0, 0.0)
            kept, drop = leaky_step(h, C, G)
            return root + kept * (before - root) + drop * next(currents), drop

        means, _, potentials = self._pass(dt, E, drive)
        return potentials, means

    def _pass(
        self,
        dt: np.ndarray,
        E: float,
        drive: Callable[[float, float], tuple[float, float]],
        *,
        sharp: bool = False,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pass time steps from the potential `E` (V) on.

        `drive` tells for the length of a step (s) and the potential before it (V) where
        the potential would go without reaction (V), and how far a mean redox current
        keeps it back (V/A). Returns mean and end of the redox current of each step (A),
        and the potential at its end (V).
        """
        weights = end_weights(dt, sharp=sharp, before=self._before)
        currents, potentials = np.empty((len(dt), 2)), []
        for start in range(0, len(dt), _BLOCK):
            part = slice(start, start + _BLOCK)
            steps = block(self._shape, dt[part] * self._clock)
            flux = currents[part].ravel()  # mean, end - mean of each step in turn
            lists = (dt[part], steps.decay.dot(self._a), *weights[:, part])
            for k, (h, p, share, memory, ahead, behind) in enumerate(
                zip(*(values.tolist() for values in lists), strict=True)
            ):
                p -= float(steps.history[k].dot(flux[: 2 * k]))
                free, drop = drive(h, E)
                drop *= self._unit
                guess = ahead * self._q - behind * self._q_before
                self._q_before = self._q
                b_mean, b_tilt = steps.b_mean[k], steps.b_tilt[k]
                self._solve(p, b_mean, b_tilt, free, drop, share, memory, guess)
                flux[2 * k], flux[2 * k + 1] = self._mean, self._q - self._mean
                E = free - drop * self._mean
                potentials.append(E)
            self._a = steps.decay[-1] * self._a - flux.dot(steps.left)
        self._before = float(dt[-1])
        means, beyond = currents.T * self._unit
        return means, means + beyond, np.array(potentials)

    def _solve(
        self,
        p: float,
        b_mean: float,
        b_tilt: float,
        E: float,
        drop: float,
        share: float,
        memory: float,
        guess: float,
    ) -> None:
        """Find q and q_mean of a step, at whose end the potential is E - drop q_mean.

        With ``q_mean = share q + memory (q_mean of the step before)``.
        """
        resistance = self._R_s * self._unit
        carried, lead = memory * self._mean, b_mean - b_tilt
        q = solve(
            self._ocp,
            E - drop * carried,
            resistance + drop * share,
            self._exchange,
            p - lead * carried,
            lead * share + b_tilt,
            guess,
        )
        mean = share * q + carried
        if q * mean < 0:  # collapsed within the step: forget the one before
            q = mean = solve(
                self._ocp, E, resistance + drop, self._exchange, p, b_mean, 0.0
            )
        self._q, self._mean = q, mean

    def _guess(self, E: float, b: float) -> float:
        """Guess q right after a jump to the potential `E` (V)."""
        theta = min(max(float(self._a.sum()), 1e-9), 1 - 1e-9)
        resistance = self._R_s * self._unit
        u = self._ocp(theta)[0]
        return float(first_guess(u, theta, E, resistance, self._exchange, b))


def leaky_step(dt: float, C: float, G: float) -> tuple[float, float]:
    """Tell how a leaky capacitor moves in a time step.

    Parameters
    ----------
    dt
        Length of the step (s).
    C, G
        Capacitance (F), leak conductance (S).

    Returns
    -------
    tuple
        What it keeps of its distance from the leak's potential, ``exp(-dt G/C)``, and
        what a constant current adds (V/A), ``(1 - exp(-dt G/C))/G``.
    """
    if dt * G < 1e-12 * C:
        return 1.0, dt / C
    lost = -expm1(-dt * G / C)
    return 1 - lost, lost / G
