"""A column has the type that keeps all of its values."""

import math

import numpy as np
import pytest

from seccm_ophyd.storage.columns import MIXED, as_array, as_column, form_of, merge

NAN = math.nan


@pytest.mark.parametrize(
    ("values", "declared", "dtype"),
    [
        ([25, 25.7, -0.6], "integer", "f8"),
        ([25, 26], "integer", "i8"),
        ([25, 26], "number", "f8"),
        ([2**53 + 1, 5], "integer", "i8"),
        ([2**53 + 1, 5], "number", "i8"),
        ([2**53 + 1, 0.5], "number", "O"),
        ([2**63, 1], "integer", "O"),
        ([10**40], "number", "O"),
        ([1.5, None], "number", "f8"),
        ([True, False], "boolean", "?"),
        ([True, 2], "boolean", "O"),
        ([True, None], "boolean", "O"),
        (["a", "longer"], "string", "U6"),
        (["n/a", 1.5], "string", "O"),
        ([1.5, [1.5, 2.5]], "number", "O"),
        ([None, None], "string", "O"),
        ([], "integer", "i8"),
        ([], "array", "O"),
    ],
)
def test_every_value_is_kept(values, declared, dtype):
    column = as_column(values, declared)
    assert column.dtype == np.dtype(dtype)
    for found, value in zip(column.tolist(), values, strict=True):
        missing = value is None and dtype == "f8"
        assert math.isnan(found) if missing else found == value


def test_missing_numbers_read_nan():
    assert np.isnan(as_column([None, None], "number")).all()


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([[], [0.0, 1.0]], [[NAN, NAN], [0.0, 1.0]]),
        ([[1.0], [1.0, 2.0]], [[1.0, NAN], [1.0, 2.0]]),
        ([[], []], [[NAN], [NAN]]),
        ([["a"], ["b", "long"]], [["a", ""], ["b", "long"]]),
        ([1.0, None, 2], [1.0, NAN, 2.0]),
        ([1.0, "n/a"], ["1.0", "n/a"]),
        ([[[1], [2, 3]], [[1]]], ["[[1], [2, 3]]", "[[1]]"]),
        ([[1.0, 2.0], [[1.0], [2.0]]], ["[1.0, 2.0]", "[[1.0], [2.0]]"]),
        ([{"a": 1}, ""], ['{"a": 1}', ""]),
        ([10**400], ["1" + 400 * "0"]),
        ([""], [""]),
    ],
)
def test_anything_can_be_shown(values, shown):
    np.testing.assert_array_equal(as_array(values), np.array(shown))


def test_forms_widen_and_never_narrow():
    whole, number, long = form_of(1), form_of(0.5), form_of(2**60 + 1)
    assert merge(whole, number) == merge(number, whole) == number
    assert merge(whole, long) == long
    assert merge(long, number) == MIXED
    assert merge(form_of([1, 2]), form_of([0.5, 2])) == form_of([0.5, 0.5])
    assert merge(form_of([1, 2]), form_of([1, 2, 3])) == MIXED
    assert merge(form_of("a"), form_of("b")) == form_of("c")
    for value in (None, [], [[1], [1, 2]], ["a"], {}, "a\0", "\ud800", 2**63):
        assert form_of(value) == MIXED
