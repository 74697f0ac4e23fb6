"""Time steps of a crystallite: diffusion as a matrix of the currents, and kinetics.

The current runs straight within each time step. Its mean, which is the charge, is what
diffusion remembers; its end is what kinetics and resistance see. Mean and end of a step
are tied to the mean of the step before by a straight line: second order in the length
of the step, and yet without memory where the current collapses within one.

Arguments that all have in common:

block
    Diffusion during the steps: a `diffusion.Block`.
weights
    From `time_steps.end_weights`, shape (4, k).
cell
    The `Crystallites`, whose state is carried on.
currents
    For the mean q of each step and its end, shape (k, 2).
"""

from typing import NamedTuple

import numpy as np
from numba import types

from ..compiled import NUMBER, READ, READ_2D, WRITE, WRITE_2D, compiled
from .diffusion import Block
from .electrolyte import electrolyte, electrolyte_slope
from .kinetics import equilibrium, first_guess, solve

__all__ = [
    "Crystallites",
    "charge_leaky",
    "hold_block",
    "impose_block",
    "jump_to",
]


class Crystallites(NamedTuple):
    """Wetted crystallites, at one time.

    Parameters
    ----------
    kinetics
        Exchange current (in units of q), resistance (V per unit of q), and the
        parameters of `kinetics.equilibrium`.
    flow
        q at the end of the last step and of the last but one, mean q of the last one.
    modes
        Amplitudes of the modes of diffusion.
    """

    kinetics: np.ndarray
    flow: np.ndarray
    modes: np.ndarray


_STEPS = (types.NamedUniTuple(READ_2D, 4, Block), READ_2D)
_CELL = types.NamedUniTuple(WRITE, 3, Crystallites)


@compiled()
def _end_of_step(
    k: int,
    block: Block,
    weights: np.ndarray,
    cell: Crystallites,
    free: float,
    drop: float,
    currents: np.ndarray,
) -> None:
    """Take step k, at whose end the potential (V) is ``free - drop q_mean``.

    With ``q_mean = share q + memory (q_mean of the step before)``.
    """
    share, memory = weights[0, k], weights[1, k]
    b_mean, b_tilt = block.b[0, k], block.b[1, k]
    flow = cell.flow
    surface = 0.0
    for m in range(len(cell.modes)):
        surface += block.decay[k, m] * cell.modes[m]
    for j in range(k):
        mean, end = currents[j, 0], currents[j, 1]
        surface -= block.history[k, 2 * j] * mean
        surface -= block.history[k, 2 * j + 1] * (end - mean)
    exchange, resistance, ocp = cell.kinetics[0], cell.kinetics[1], cell.kinetics[2:]
    guess = weights[2, k] * flow[0] - weights[3, k] * flow[1]
    carried, lead = memory * flow[2], b_mean - b_tilt
    q = solve(
        ocp,
        free - drop * carried,
        resistance + drop * share,
        exchange,
        surface - lead * carried,
        lead * share + b_tilt,
        guess,
    )
    mean = share * q + carried
    if q * mean < 0:  # collapsed within the step: forget the one before
        q = solve(ocp, free, resistance + drop, exchange, surface, b_mean, 0.0)
        mean = q
    flow[1], flow[0], flow[2] = flow[0], q, mean
    currents[k, 0], currents[k, 1] = mean, q


@compiled()
def _carry_on(block: Block, cell: Crystallites, currents: np.ndarray) -> None:
    """Move the amplitudes on to the end of the block."""
    last = len(currents) - 1
    modes = cell.modes
    for m in range(len(modes)):
        modes[m] *= block.decay[last, m]
    for j in range(last + 1):
        mean, beyond = currents[j, 0], currents[j, 1] - currents[j, 0]
        for m in range(len(modes)):
            modes[m] -= block.left[2 * j, m] * mean + block.left[2 * j + 1, m] * beyond


@compiled(types.void(_STEPS[0], _CELL, NUMBER))
def jump_to(block: Block, cell: Crystallites, E: float) -> None:
    """Guess q right after a jump to the potential `E` (V)."""
    surface = min(max(cell.modes.sum(), 1e-9), 1 - 1e-9)
    exchange, resistance, ocp = cell.kinetics[0], cell.kinetics[1], cell.kinetics[2:]
    u, _ = equilibrium(surface, ocp)
    b = block.b[0, 0]
    cell.flow[0] = first_guess(u, surface, E, resistance, exchange, b)


@compiled(types.void(*_STEPS, _CELL, READ, WRITE_2D))
def hold_block(
    block: Block,
    weights: np.ndarray,
    cell: Crystallites,
    E: np.ndarray,
    currents: np.ndarray,
) -> None:
    """Have the potential follow `E` (V), given at the end of each step."""
    for k in range(len(E)):
        _end_of_step(k, block, weights, cell, E[k], 0.0, currents)
    _carry_on(block, cell, currents)


@compiled()
def _leaky_step(dt: float, C: float, G: float) -> tuple[float, float]:
    """Return how a leaky capacitor moves in a time step.

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
    lost = -np.expm1(-dt * G / C)
    return 1 - lost, lost / G


@compiled()
def _uncoupled(
    E: float, dt: float, current: float, C: float, leak: float, rest: float
) -> tuple[float, float]:
    """Find where a step of an imposed current (A) leads from `E` (V) without reaction.

    `leak` (S) pulls towards `rest` (V), and with it goes the electrolyte; a negative
    one stands for neither. Returns that potential (V), and how far each ampere of the
    reaction keeps it back (V/A).
    """
    total, root = 0.0, 0.0
    if leak >= 0:
        slope = electrolyte_slope(E)
        total = leak + slope
        root = (leak * rest + slope * E - electrolyte(E)) / total
    kept, drop = _leaky_step(dt, C, total)
    return root + kept * (E - root) + drop * current, drop


@compiled(types.void(*_STEPS, _CELL, READ, READ, READ, WRITE_2D, WRITE))
def impose_block(
    block: Block,
    weights: np.ndarray,
    cell: Crystallites,
    dt: np.ndarray,
    imposed: np.ndarray,
    circuit: np.ndarray,
    currents: np.ndarray,
    potentials: np.ndarray,
) -> None:
    """Impose a current on reaction, capacitance and leak.

    `dt` (s) and `imposed` (A) of each step; `circuit`: unit of q (A), potential before
    the first (V), C (F), leak and rest as in `_uncoupled`. Writes the potential (V) at
    the end of each step.
    """
    unit, E, C = circuit[0], circuit[1], circuit[2]
    leak, rest = circuit[3], circuit[4]
    for k in range(len(dt)):
        free, drop = _uncoupled(E, dt[k], imposed[k], C, leak, rest)
        drop *= unit
        _end_of_step(k, block, weights, cell, free, drop, currents)
        E = free - drop * cell.flow[2]
        potentials[k] = E
    _carry_on(block, cell, currents)


@compiled(WRITE(READ, READ, NUMBER, NUMBER, NUMBER, NUMBER))
def charge_leaky(
    dt: np.ndarray, imposed: np.ndarray, E: float, C: float, leak: float, rest: float
) -> np.ndarray:
    """Impose a current (A) where nothing reacts; the potential (V) after each step."""
    potentials = np.empty(len(dt))
    for k in range(len(dt)):
        E, _ = _uncoupled(E, dt[k], imposed[k], C, leak, rest)
        potentials[k] = E
    return potentials
