"""Currents of the electrolyte itself, at potentials that it does not stand.

Chloride and water are oxidised above one potential, oxygen and water reduced below
another; both currents grow tenfold each 0.12 V.
"""

from math import log
from typing import Any

import numpy as np

from ..compiled import NUMBER, READ, WRITE, compiled

__all__ = ["electrolyte", "electrolyte_slope"]

_CURRENT, _OXIDISED, _REDUCED, _DECADE = 2e-14, 1.10, -0.60, 0.12  # A, V, V, V
_MOST_DECADES = 12.0  # keeps the exponential in bounds
_SLOPE = log(10) / _DECADE  # 1/V


@compiled()
def _branch(beyond: Any) -> Any:
    """Give the size (A) of one of the two, so far (V) beyond its potential."""
    return _CURRENT * 10.0 ** np.minimum(beyond / _DECADE, _MOST_DECADES)


@compiled(NUMBER(NUMBER), WRITE(READ))
def electrolyte(E: Any) -> Any:
    """Give the current (A) of oxidation and reduction at `E` (V); also for arrays."""
    return _branch(E - _OXIDISED) - _branch(_REDUCED - E)


@compiled(NUMBER(NUMBER))
def electrolyte_slope(E: float) -> float:
    """Give the derivative of `electrolyte` (S)."""
    return _SLOPE * (_branch(E - _OXIDISED) + _branch(_REDUCED - E))
