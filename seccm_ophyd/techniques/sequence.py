"""One technique or several, done one after the other in the same contact."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from ..schema import TECHNIQUE_OUTCOME
from .base import Scalar, Technique

__all__ = ["Measurement", "TechniqueLike", "as_technique", "as_techniques", "turns_of"]

TechniqueLike = Technique | dict[str, Any]


def as_technique(technique: TechniqueLike) -> Technique:
    """Accept a technique or its dict.

    Raises
    ------
    ParameterError
        If it is neither.
    """
    if isinstance(technique, Technique):
        return technique
    if isinstance(technique, Mapping):
        return Technique.from_dict(technique)
    raise ParameterError(
        f"technique={technique!r} is no technique: give for instance "
        "CurrentSample(potential_v=0.65), or its dict"
    )


def as_techniques(
    techniques: TechniqueLike | Sequence[TechniqueLike],
) -> tuple[Technique, ...]:
    """Accept one technique, or a list of them, as objects or dicts.

    Raises
    ------
    ParameterError
        If the list is empty, or one of them is no technique.
    """
    if isinstance(techniques, list | tuple):
        if not techniques:
            raise ParameterError("technique=[] must have at least one")
        return tuple(as_technique(technique) for technique in techniques)
    return (as_technique(techniques),)  # type: ignore[arg-type]


def turns_of(techniques: Sequence[Technique]) -> range:
    """Return which techniques of a contact are taken up in it, by their numbers.

    None, if there is one only, which continues at the potential of the approach.
    """
    alone = len(techniques) == 1 and not techniques[0].acquisition.switches
    return range(0 if alone else len(techniques))


@dataclass(frozen=True)
class Measurement:
    """A technique at its place in a contact, with the names that it has there.

    Parameters
    ----------
    technique
        What is done.
    label
        Name of its trace; a second technique of the same kind has ``_2`` after it.
    suffix
        What comes after the names of its scalars, as ``_2`` does; empty for the first.
    among_others
        Whether it is one of several: then its event holds how it ended, too.
    """

    technique: Technique
    label: str
    suffix: str
    among_others: bool = False

    @staticmethod
    def of(techniques: Sequence[Technique]) -> "tuple[Measurement, ...]":
        """Name the techniques of one contact so that no two names are the same."""
        seen: Counter[str] = Counter()
        named = []
        for technique in techniques:
            seen[technique.label] += 1
            count = seen[technique.label]
            suffix = f"_{count}" if count > 1 else ""
            label = technique.label + suffix
            named.append(Measurement(technique, label, suffix, len(techniques) > 1))
        return tuple(named)

    @property
    def scalars(self) -> dict[str, Scalar]:
        """The scalars by the names that they have in events."""
        return {s.name + self.suffix: s for s in self.technique.scalars}

    @property
    def blanks(self) -> dict[str, Any]:
        """The scalars of a hop in which nothing was measured."""
        return {name: scalar.blank for name, scalar in self.scalars.items()}

    @property
    def keys(self) -> dict[str, Scalar]:
        """All that an event holds of it: its scalars and, of several, its outcome."""
        outcomes = {
            name: Scalar(name=name, units="", doc="how it ended", dtype="string")
            for name in self.ended("")
        }
        return self.scalars | outcomes

    @property
    def nothing(self) -> dict[str, Any]:
        """The same of a hop in which it was not measured."""
        return {name: scalar.blank for name, scalar in self.keys.items()}

    def ended(self, outcome: str) -> dict[str, str]:
        """Name its outcome, where it is one of several techniques.

        Parameters
        ----------
        outcome
            As of a hop, e.g. ``overload``; empty for what was not measured.
        """
        name = f"{self.label}_{TECHNIQUE_OUTCOME}"
        return {name: outcome} if self.among_others else {}

    def summarise(
        self, trace: NDArray[np.float64], *, lost: bool = False
    ) -> dict[str, Any]:
        """Draw the scalars from a trace; see `Technique.summarise`.

        Parameters
        ----------
        trace : ndarray, shape (3, samples)
            What counts of it.
        lost
            Whether it ends where the contact was lost.
        """
        found = self.technique.summarise(trace)
        if lost:
            found |= self.technique.when_lost
        return {name + self.suffix: value for name, value in found.items()}
