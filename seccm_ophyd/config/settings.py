"""Groups of settings that check themselves and refuse in words a user can act upon.

pydantic checks; what is allowed of a setting, and its unit, stand beside its default,
and the message is made of them.
"""

import datetime
import difflib
import functools
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, dataclass_transform

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, field_validator
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails, PydanticCustomError

from ..errors import ConfigError

__all__ = [
    "Settings",
    "choice",
    "free_metadata",
    "from_dict",
    "group",
    "number",
    "refuse",
    "settings",
    "text",
    "whole",
]

T = TypeVar("T")

Origin = Callable[[tuple[str, ...]], str]
"""Given the names that lead to a setting, says where it stands: "seccm.toml:3: "."""

_REFUSED = "seccm_refused"
_LARGEST = 2**63 - 1  # the largest integer of the catalogue


def number(*, default: float, low: float, high: float, unit: str) -> Any:
    """Declare a finite number between two bounds, which are allowed themselves."""
    allowed = f"between {low:.15g} and {high:.15g} {unit}".rstrip()
    return Field(
        default=default,
        strict=True,
        ge=low,
        le=high,
        allow_inf_nan=False,
        description=allowed,
        json_schema_extra={"unit": unit},
    )


def whole(*, default: int, low: int, high: int) -> Any:
    """Declare a whole number between two bounds, which are allowed themselves."""
    allowed = f"a whole number between {low} and {high}"
    return Field(default=default, strict=True, ge=low, le=high, description=allowed)


def text(*, default: str, pattern: str, allowed: str) -> Any:
    """Declare a text that matches a regular expression; `allowed` says it in words."""
    return Field(default=default, strict=True, pattern=pattern, description=allowed)


def choice(*choices: str, default: str) -> Any:
    """Declare a text that is one of some."""
    quoted = [f'"{name}"' for name in choices]
    pattern = f"^({'|'.join(choices)})$"
    allowed = f"{', '.join(quoted[:-1])} or {quoted[-1]}"
    return text(default=default, pattern=pattern, allowed=allowed)


def group(*, default_factory: Callable[[], T]) -> T:
    """Declare a group of settings within another."""
    made: T = Field(default_factory=default_factory, description="a table")
    return made


def refuse(key: str, message: str) -> PydanticCustomError:
    """Make what a validator raises that looks at several settings.

    Parameters
    ----------
    key
        The setting to change.
    message
        One sentence, with the value and what is allowed.
    """
    return PydanticCustomError(_REFUSED, "{said}", {"said": message, "key": key})


def free_metadata(value: Any, name: str) -> Any:
    """Check free metadata, and return them with dates as texts.

    Parameters
    ----------
    value
        What was given.
    name
        What to call it in a message.
    """
    if isinstance(value, dict):
        return {
            key: free_metadata(item, f"{name}.{key}") for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [free_metadata(item, name) for item in value]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, str | bool) or (
        isinstance(value, int | float)
        and math.isfinite(value)
        and (isinstance(value, float) or abs(value) <= _LARGEST)
    ):
        return value
    raise refuse(
        name.split(".")[0],
        f"{name}={value!r:.80} must be a text, true, false, a finite number (a whole "
        f"one up to {_LARGEST}), a date, or a list or table of these",
    )


class Settings:
    """Base of a group of settings: takes numbers of numpy and paths as Python's own."""

    @field_validator("*", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        if isinstance(value, os.PathLike):
            return os.fspath(value)
        return value.tolist() if hasattr(value, "tolist") else value


@dataclass_transform(
    kw_only_default=True,
    frozen_default=True,
    field_specifiers=(number, whole, text, choice, group, Field),
)
def settings(cls: type[T]) -> type[T]:
    """Make a class a frozen dataclass of settings; a wrong one raises `ConfigError`."""
    declare = dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
    made: Any = declare(cls)
    validate = made.__init__

    @functools.wraps(validate)
    def init(self: Any, /, **kwargs: Any) -> None:
        try:
            validate(self, **kwargs)
        except ValidationError as error:
            raise ConfigError(_explain(made, error, _where_in_python)) from None

    made.__init__ = init
    checked: type[T] = made
    return checked


def from_dict(cls: type[T], data: Mapping[str, Any], origin: Origin) -> T:
    """Make settings of nested dicts.

    Parameters
    ----------
    cls
        A class made by `settings`.
    data
        Names and values; a group within the group is a dict, or made already.
    origin
        Says where a setting comes from.

    Raises
    ------
    ConfigError
        If settings are unknown or not allowed; the message has a line for each.
    """
    try:
        return TypeAdapter(cls).validate_python(data)
    except ValidationError as error:
        raise ConfigError(_explain(cls, error, origin)) from None


def _where_in_python(path: tuple[str, ...]) -> str:
    return "".join(f"{name}." for name in path[:-1])


def _explain(cls: Any, error: ValidationError, origin: Origin) -> str:
    """Say each thing that is wrong, in a separate line."""
    said: dict[tuple[str, ...], str] = {}
    for detail in error.errors(include_url=False):
        path = tuple(str(name) for name in detail["loc"])
        within, depth = cls, 1
        while len(path) > depth and (inner := _group_of(within, path[depth - 1])):
            within, depth = inner, depth + 1
        if detail["type"] == _REFUSED and "key" in detail["ctx"]:
            path = (*path, detail["ctx"]["key"])
            depth = len(path)
        setting = path[:depth]
        words = _words(cls, within, path, depth, detail)
        said.setdefault(setting, f"{origin(setting)}{words}")
    return "\n".join(said.values())


def _words(
    cls: Any, within: Any, path: tuple[str, ...], depth: int, detail: ErrorDetails
) -> str:
    if detail["type"] == _REFUSED:
        return str(detail["ctx"]["said"])
    name = path[depth - 1]
    known = _fields(within)
    if name not in known:
        return _unknown(cls, within, name)
    field = known[name]
    if _group_of(within, name):
        return f"{name}={detail['input']!r:.80} must be a table, [{name}]"
    value = detail["input"]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    unit = (field.json_schema_extra or {}).get("unit", "") if is_number else ""
    given = f"{name}={value!r:.80} {unit}".rstrip()
    return f"{given} must be {field.description}"


def _unknown(cls: Any, within: Any, name: str) -> str:
    known = list(_fields(within))
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return f"{name} is unknown: write {near[0]}"
    for key in _fields(cls):
        inner = _group_of(cls, key)
        if inner and inner is not within and name in _fields(inner):
            return f"{name} is unknown here: write it below [{key}]"
    if within is not cls and name in _fields(cls):
        return f"{name} is unknown here: write it above the first table"
    return f"{name} is unknown: known are {', '.join(known)}"


def _fields(cls: Any) -> dict[str, Any]:
    found: dict[str, Any] = cls.__pydantic_fields__
    return found


def _group_of(cls: Any, name: str) -> Any:
    """Return the class of a setting that is a group; None for any other."""
    types = {field.name: field.type for field in fields(cls)}
    kind = types.get(name)
    return kind if is_dataclass(kind) else None
