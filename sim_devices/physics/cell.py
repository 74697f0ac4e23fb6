r"""The electrochemical cell under a landed meniscus: LiFePO4 crystallites in LiCl.

SI units; currents are anodic positive (lithium leaves); potentials versus the Ag/AgCl
quasi-reference electrode; 25 C. With theta the Li fraction of Li_theta FePO4,

.. math::

   \partial_t\theta = D\,\rho^{-2}\partial_\rho(\rho^2\partial_\rho\theta), \qquad
   -F c_{max} A D\,\partial_\rho\theta|_{\rho=r} = i

   i = 2 i_0 \sinh(f\eta/2), \quad i_0 = F k_0 c_{max} A \sqrt{\theta_s(1-\theta_s)},
   \quad \eta = E - i R_s - U(\theta_s)

(Newman & Thomas-Alyea, Electrochemical Systems, ch. 8 and 22; Doyle, Fuller & Newman,
J. Electrochem. Soc. 140 (1993) 1526). With a slab and the Nernst potential these are
the equations of Bard & Faulkner, Electrochemical Methods, ch. 5, 6 and 8: `textbook`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .solver.kinetics import NERNST, equilibrium

__all__ = ["C_MAX", "RADIUS", "F", "RedoxCell"]

F = 96485.33212
"""Faraday constant (C/mol)."""

C_MAX = 612 * 3600 / 1000 * 1e6 / F
"""Lithium in LiFePO4 (mol/m^3): 612 mAh/cm^3 (Takahashi 2014)."""

RADIUS = 75e-9
"""Radius of a crystallite (m): half of 100-200 nm (Takahashi 2014)."""


@dataclass(frozen=True, kw_only=True)
class RedoxCell:
    """Wetted crystallites that take part together, in series with a resistance.

    Every number may be an array of shape (n,) for a line of n cells; only
    `textbook.potential_step` takes such a cell.

    Parameters
    ----------
    ocp
        "lfp" or "nernst".
    E0
        Potential in the middle of the plateau, or formal potential (V).
    slope, A1, B1, B2
        Slope of the plateau and height (V) of its ends, steepness of the charged and
        of the discharged end.
    k0
        Rate constant (m/s); 0 switches the reaction off.
    D
        Diffusion coefficient of lithium (m^2/s).
    r, A
        Radius of the sphere, or thickness of the slab (m); wetted area (m^2).
    R_s
        Series resistance (ohm).
    theta0
        Initial Li fraction.
    shape
        "sphere" or "planar".
    """

    ocp: str = "lfp"
    E0: float = 0.376
    slope: float = 0.02
    A1: float = 0.5
    B1: float = 25.0
    B2: float = 150.0
    k0: float = 9e-9
    D: float = 4e-15
    r: float = RADIUS
    A: float = 5e-13
    R_s: float = 54.4e6
    theta0: float = 0.96
    shape: str = "sphere"

    def __post_init__(self) -> None:
        if self.ocp not in ("lfp", "nernst"):
            raise ValueError(f"ocp {self.ocp!r} is neither 'lfp' nor 'nernst'")
        if self.shape not in ("sphere", "planar"):
            raise ValueError(f"shape {self.shape!r} is neither 'sphere' nor 'planar'")
        for name in ("D", "r", "A"):
            if not np.all(np.asarray(getattr(self, name)) > 0):
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        for name in ("k0", "R_s"):
            if not np.all(np.asarray(getattr(self, name)) >= 0):
                raise ValueError(f"{name} must not be negative")
        if not np.all((np.asarray(self.theta0) > 0) & (np.asarray(self.theta0) < 1)):
            raise ValueError(f"theta0 must lie between 0 and 1, not {self.theta0}")

    @property
    def capacity(self) -> float:
        """Charge of all its lithium (C): F c_max A r, a third of it for spheres."""
        return F * C_MAX * self.A * self.r / (3 if self.shape == "sphere" else 1)

    @property
    def current_unit(self) -> float:
        """Q D / r^2 (A), the natural unit of current."""
        return self.capacity * self.D / self.r**2

    @property
    def exchange(self) -> float:
        """F k0 c_max A, the exchange current at full scale, in units of current."""
        return F * self.k0 * C_MAX * self.A / self.current_unit

    def ocp_parameters(self) -> tuple[float, ...]:
        """List the parameters of `kinetics.equilibrium`."""
        kind = NERNST if self.ocp == "nernst" else 0.0
        return kind, self.E0, self.slope, self.A1, self.B1, self.B2

    def potential(self, theta: Any) -> Any:
        """Give the equilibrium potential (V) of a Li fraction, or of an array."""
        return equilibrium.py_func(theta, self.ocp_parameters())[0]
