"""Which type a column takes: decided by all of its values, not by the first.

The descriptor of a stream describes the first reading. A signal that read 25 then may
read 25.7, or None, or a text, later.
"""

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "FLOAT",
    "MIXED",
    "Form",
    "Shape",
    "as_array",
    "as_column",
    "form_of",
    "merge",
]

_EXACT = 2**53  # whole numbers up to here are kept by a float
_LONGEST = 2**63
_DTYPES = {"number": float, "integer": np.int64, "boolean": bool, "string": str}


class Form(Enum):
    """How the catalogue keeps the values of a key."""

    INTEGER = "whole numbers that a float keeps, too"
    LONG = "whole numbers of 64 bit"
    NUMBER = "numbers, NaN and infinities among them"
    BOOLEAN = "True or False"
    TEXT = "text"
    ARRAY = "numbers in an array of one shape"
    MIXED = "anything else: kept when the run has ended and all of it is known"


@dataclass(frozen=True)
class Shape:
    """A form, and for arrays their type and shape."""

    form: Form
    dtype: str = ""
    shape: tuple[int, ...] = ()


MIXED = Shape(Form.MIXED)
FLOAT = np.dtype(float).str
INTEGER = np.dtype(np.int64).str
_NUMBERS = {Form.INTEGER, Form.NUMBER}


def form_of(value: Any) -> Shape:
    """Return the form of one value, as it was read from a journal."""
    if isinstance(value, bool):
        return Shape(Form.BOOLEAN)
    if isinstance(value, int):
        if abs(value) <= _EXACT:
            return Shape(Form.INTEGER)
        return Shape(Form.LONG) if -_LONGEST <= value < _LONGEST else MIXED
    if isinstance(value, float):
        return Shape(Form.NUMBER)
    if isinstance(value, str):
        return Shape(Form.TEXT) if _is_plain_text(value) else MIXED
    if isinstance(value, list):
        return _form_of_array(value)
    return MIXED


def _is_plain_text(value: str) -> bool:
    return "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)


def _form_of_array(value: list[Any]) -> Shape:
    try:
        array = np.array(value)
    except (ValueError, OverflowError):  # ragged
        return MIXED
    if not array.size or array.dtype.kind not in "bif":
        return MIXED
    kinds = {type(item) for item in _flat(value)}
    if len(kinds) > 1 and bool in kinds:
        return MIXED
    if array.dtype.kind == "f" and int in kinds and _loses(array):
        return MIXED
    return Shape(Form.ARRAY, array.dtype.str, array.shape)


def _flat(value: list[Any]) -> list[Any]:
    while value and isinstance(value[0], list):
        value = [item for part in value for item in part]
    return value


def _loses(array: NDArray[Any]) -> bool:
    """Return whether whole numbers among floats may have lost digits."""
    return bool((np.abs(array) > _EXACT).any())


def merge(one: Shape, other: Shape) -> Shape:
    """Find the form that keeps the values of two forms."""
    if one == other:
        return one
    forms = {one.form, other.form}
    if forms == _NUMBERS:
        return Shape(Form.NUMBER)
    if forms == {Form.INTEGER, Form.LONG}:
        return Shape(Form.LONG)
    if Form.ARRAY in forms:
        array = one if one.form is Form.ARRAY else other
        if not array.shape and forms <= {Form.ARRAY, *_NUMBERS}:
            return array  # single numbers in an array, see `ingest`
        kinds = {one.dtype, other.dtype}
        if (
            forms == {Form.ARRAY}
            and one.shape == other.shape
            and kinds == {"<i8", FLOAT}
        ):
            return Shape(Form.ARRAY, FLOAT, one.shape)
    return MIXED


def as_column(values: Sequence[Any], declared: str) -> NDArray[Any]:
    """Put values into the narrowest array that keeps each of them.

    Parameters
    ----------
    values
        As they were read from a journal; None where a number is missing reads NaN.
    declared
        The ``dtype`` of the descriptor: taken where no value speaks against it.

    Returns
    -------
    numpy.ndarray
        Of floats, integers, bools or text; of objects where none of these keeps all.
    """
    kinds = {type(value) for value in values}
    if not values:
        return np.empty(0, _DTYPES.get(declared, object))
    if kinds in ({bool}, {str}):
        return np.array(values)
    whole = [value for value in values if type(value) is int]
    largest = max(map(abs, whole), default=0)
    if kinds == {int} and (declared != "number" or largest > _EXACT):
        if largest < _LONGEST:
            return np.array(values, np.int64)
    elif kinds <= {int, float, type(None)} and largest <= _EXACT:
        if kinds != {type(None)} or declared == "number":
            return np.array(values, float)
    column = np.empty(len(values), object)
    column[:] = values
    return column


def as_array(values: Sequence[Any]) -> NDArray[Any]:
    """Put any values into one array that any reader can show.

    Parameters
    ----------
    values
        As they were read from a journal.

    Returns
    -------
    numpy.ndarray
        One row per value. Numbers stay numbers, NaN where one is missing; shorter
        arrays are filled up with NaN, shorter lists of text with empty text; anything
        else becomes text, as JSON writes it.
    """
    if all(isinstance(value, list) for value in values):
        padded = _padded(values)
        if padded is not None:
            return padded
    elif {type(value) for value in values} <= {int, float, bool, type(None)}:
        with contextlib.suppress(OverflowError):
            return np.array(values, float)
    texts = [
        v if isinstance(v, str) and _is_plain_text(v) else json.dumps(v) for v in values
    ]
    return np.array(texts, f"<U{max([1, *map(len, texts)])}")


def _padded(values: Sequence[list[Any]]) -> NDArray[Any] | None:
    try:
        arrays = [np.array(value) for value in values]
    except (ValueError, OverflowError):
        return None
    kinds = {array.dtype.kind for array in arrays if array.size}
    depths = {array.ndim for array in arrays if array.size} or {1}
    if len(depths) > 1 or not (kinds <= set("bif") or kinds == {"U"}):
        return None
    texts = kinds == {"U"}
    size = max([1, *(array.dtype.itemsize // 4 for array in arrays)])
    shapes = [array.shape for array in arrays if array.size] or [(1,)]
    shape = tuple(map(max, zip(*shapes, strict=True)))
    result = np.full(
        (len(values), *shape), "" if texts else np.nan, f"<U{size}" if texts else float
    )
    for row, array in zip(result, arrays, strict=True):
        if array.size:
            row[tuple(map(slice, array.shape))] = array
    return result
