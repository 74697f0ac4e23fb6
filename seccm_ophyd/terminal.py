"""Text that goes to a terminal: the one place that cleans it.

Names, metadata, files and PVs may hold what a terminal obeys: escape sequences that
clear the screen or type into it, a bell, marks that turn the order of letters around.
"""

import logging
import re
from typing import Any

__all__ = ["clean", "clean_lines", "cleaned_record"]

# C0, DEL and C1; marks of direction, which hide what a line really says; ends of lines
# and paragraphs; half signs, which no terminal can be sent
_OBEYED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def clean(value: Any, longest: int = 1000) -> str:
    r"""Write a value in one line that a terminal shows and does not obey.

    Parameters
    ----------
    value
        Anything; its `str` is taken.
    longest
        The maximum number of characters.

    Returns
    -------
    str
        Signs that are obeyed are written as in Python, e.g. ``\x1b``.
    """
    text = str(value)
    if len(text) > longest:
        text = f"{text[:longest]}..."
    return _OBEYED.sub(_escaped, text)


def clean_lines(text: str) -> str:
    """Clean a text of several lines, of any length; they stay lines.

    Parameters
    ----------
    text
        To be printed.
    """
    return "\n".join(_OBEYED.sub(_escaped, line) for line in text.split("\n"))


def cleaned_record(record: logging.LogRecord) -> bool:
    """Clean the message of a record of the log; a filter of handlers.

    Parameters
    ----------
    record
        What is logged; changed.
    """
    record.msg, record.args = clean_lines(record.getMessage()), ()
    return True


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()
