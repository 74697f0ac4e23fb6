"""TOML files, and on which line of one a key stands: `tomllib` does not keep it."""

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError

__all__ = ["line_of", "read_toml"]


def read_toml(file: Path) -> tuple[str, dict[str, Any]]:
    """Read a TOML file.

    Returns
    -------
    text, data
        The file as it stands, and what it says.

    Raises
    ------
    ConfigError
        If it cannot be read, or is not TOML; names the file, and the line.
    """
    try:
        # editors of Windows put a mark in front
        content = file.read_text(encoding="utf-8-sig")
        return content, tomllib.loads(content)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8 text: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not TOML: {error}") from error
    except (OSError, ValueError) as error:  # ValueError: a null in the name
        said = getattr(error, "strerror", None) or error
        raise ConfigError(f"{str(file)!r} cannot be read: {said}") from error


def line_of(text: str, path: Sequence[str]) -> int | None:
    """Return the line (from 1) on which a table or a value of a TOML text begins.

    Parameters
    ----------
    text
        TOML that `tomllib` can read.
    path
        Names from the top: ``("probe", "radius_nm")``, however the text writes it: as a
        table, an inline table or a dotted key.

    Returns
    -------
    int or None
        None if the text does not hold it.
    """
    wanted = tuple(path)
    table: tuple[str, ...] = ()
    for number, parsed, is_header in _statements(text):
        if is_header:
            table = _header(parsed)
            if table[: len(wanted)] == wanted:
                return number
        elif wanted[: len(table)] == table and _holds(parsed, wanted[len(table) :]):
            return number
    return None


def _statements(text: str) -> Iterator[tuple[int, dict[str, Any], bool]]:
    """Yield line, content, and whether it is the head of a table, of each statement.

    A statement of TOML ends with the first line at which it can be read.
    """
    lines: list[str] = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        lines.append(line)
        try:
            parsed = tomllib.loads("\n".join(lines))
        except tomllib.TOMLDecodeError:
            continue
        if parsed:
            first = number - len(lines) + 1
            yield first, parsed, lines[0].lstrip().startswith("[")
        lines = []


def _header(parsed: Any) -> tuple[str, ...]:
    """Return the name of a table: ``{"a": {"b": {}}}`` is that of ``[a.b]``."""
    names: list[str] = []
    while parsed:
        if isinstance(parsed, list):
            (parsed,) = parsed
        else:
            ((name, parsed),) = parsed.items()
            names.append(name)
    return tuple(names)


def _holds(parsed: Any, path: Sequence[str]) -> bool:
    """Whether nested tables hold a path; what lies within a value counts as held."""
    for name in path:
        if not isinstance(parsed, dict):
            return True
        if name not in parsed:
            return False
        parsed = parsed[name]
    return True
