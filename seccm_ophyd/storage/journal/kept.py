"""What a document may hold: what JSON keeps, and how the rest is refused."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import ParameterError

__all__ = ["check_kept", "json_value", "where_not_kept"]

_PLAIN = (str, int, float, bool, type(None), np.generic)
_ADVICE = "give text, numbers, True, False, None, or lists and dicts of these"
_DEEPEST = 100  # levels of lists and dicts; JSON of others ends at 250


def check_kept(md: Mapping[str, Any]) -> None:
    """Refuse metadata that a stored run could not hold.

    Parameters
    ----------
    md
        Metadata of a run, as a plan or the engine gets them.

    Raises
    ------
    ParameterError
        If a value has a type that JSON does not know, or a key is no text or one that
        Bluesky's documents do not take; names it.
    """
    found = where_not_kept(md)
    if found is not None:
        place, problem = found
        raise ParameterError(f"md key {place} {problem}: {_ADVICE}")
    if (name := _odd_name(md)) is not None:
        usual = re.sub("[./]", "_", name) or "name"
        raise ParameterError(
            f"md key {name!r:.80} must have a sign, and no . and no /: give it another "
            f"name, e.g. {usual!r:.80}"
        )


def _odd_name(md: Mapping[str, Any]) -> str | None:
    """Find a key that the schema of documents does not take."""
    for key, value in md.items():
        if not re.fullmatch("[^./]+", key, re.DOTALL):
            return key
        if isinstance(value, Mapping) and (inner := _odd_name(value)) is not None:
            return inner
    return None


def json_value(value: Any) -> Any:
    """Turn numpy numbers and arrays into Python's, for ``json.dumps(default=...)``.

    Raises
    ------
    TypeError
        If the value is of another type.
    """
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        item = value.item()
        return float(item) if isinstance(item, np.generic) else item  # a long double
    raise TypeError(f"a document holds a {type(value).__name__}: {value!r:.80}")


def where_not_kept(
    value: Any, place: str = "", depth: int = 0
) -> tuple[str, str] | None:
    """Find the first part of a value that JSON does not keep.

    Parameters
    ----------
    value
        A document, or a part of one.
    place
        Names of the keys that lead to it.
    depth
        How many lists and dicts it is in.

    Returns
    -------
    (str, str) or None
        Place and problem, in words; None if all of it is kept.
    """
    if depth > _DEEPEST:
        return f"{place:.40}...", f"is in more than {_DEEPEST} lists and dicts"
    if isinstance(value, Mapping):
        for key, item in value.items():
            inner = f"{place}[{key!r}]" if place else f"{key!r}"
            if not isinstance(key, str):
                return inner, f"is a key of type {type(key).__name__}, not text"
            if found := where_not_kept(item, inner, depth + 1):
                return found
        return None
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        for number, item in enumerate(value):
            if found := where_not_kept(item, f"{place}[{number}]", depth + 1):
                return found
        return None
    if isinstance(value, _PLAIN):
        return None
    return place, f"is a {type(value).__name__}, {value!r:.60}"
