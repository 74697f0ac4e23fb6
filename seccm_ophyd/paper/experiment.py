"""One experiment of the paper: what it runs, what it yields, how it is drawn."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

from matplotlib.figure import Figure

from ..config import Simulator
from ..session import Session
from .table import Row

__all__ = ["Experiment", "Runs", "run_plan", "run_plans"]

Runs = Mapping[str, Any]
"""Stored runs by the names that `Experiment.measure` gave them."""


class Experiment(ABC):
    """A session on one sample that gives the data of one figure or more.

    Everything drawn and compared is read back from the catalogue.
    """

    figures: ClassVar[tuple[str, ...]]
    """Figures of the paper that come out of it."""
    simulator: ClassVar[Simulator] = Simulator()
    """What lies under the probe; the seed is the user's."""

    @abstractmethod
    def measure(self, session: Session) -> dict[str, str]:
        """Run the plans; return the uid of each run by a name of ours."""

    @abstractmethod
    def rows(self, runs: Runs) -> Sequence[Row]:
        """Compare the stored runs with the paper."""

    @abstractmethod
    def draw(self, name: str, runs: Runs, out: Path) -> Figure:
        """Draw one of `figures` in the form of the paper; other files go to `out`."""


def run_plan(session: Session, plan: Any) -> str:
    """Run a plan of one run; return the uid once the catalogue has all of it."""
    (uid,) = run_plans(session, plan)
    return uid


def run_plans(session: Session, plan: Any) -> tuple[str, ...]:
    """Run a plan; return its uids once the catalogue has all of them."""
    uids = cast(tuple[str, ...], session.RE(plan))
    session.catalog[uids[-1]]
    return uids
