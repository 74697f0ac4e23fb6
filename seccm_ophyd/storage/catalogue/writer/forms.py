"""The forms in which the catalogue keeps the columns of a run."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, cast

from event_model import EventPage, unpack_event_page

from ...columns import FLOAT, MIXED, Form, Shape, form_of, merge

__all__ = ["FormChanged", "Forms"]

# SQLite keeps NaN as NULL, and its driver takes a column's type from its first 1024
# rows: a column without a number in these is kept as an array
_BLANK = 1000
_RESERVED = ("time", "seq_num")  # columns of every table
_NUMBER = Shape(Form.NUMBER)


class FormChanged(Exception):  # noqa: N818 - no error: the run is written again
    """A value does not fit into the column as it has been written so far."""


class Forms:
    """Forms of the columns of one run, wide enough for all values seen.

    They outlive the attempt to write a run: one that has met a value which its columns
    cannot take is followed by one that knows of it.
    """

    def __init__(self) -> None:
        self._forms: dict[str, dict[str, Shape]] = defaultdict(dict)  # by stream, key
        self._blank: dict[tuple[str, str], int] = defaultdict(int)
        self._streams: dict[str, str] = {}  # by uid of the descriptor
        self._lossy: set[str] = set()
        self.untabled: dict[str, set[str]] = defaultdict(set)
        """By stream: keys that are no names of columns of a table."""

    @property
    def in_journal(self) -> set[str]:
        """Streams of which the catalogue does not keep all as it was."""
        mixed = {s for s, forms in self._forms.items() if MIXED in forms.values()}
        return mixed | self._lossy

    def of(self, stream: str) -> dict[str, Shape]:
        """Give the forms of a stream by key."""
        return self._forms[stream]

    def lose(self, stream: str) -> None:
        """Note that the catalogue does not keep all of a stream."""
        self._lossy.add(stream)

    def describe(self, doc: dict[str, Any]) -> None:
        """Take a descriptor."""
        stream = doc["name"]
        self._streams[doc["uid"]] = stream
        forms = self._forms[stream]
        taken: set[str] = set()
        for key, about in doc["data_keys"].items():
            if "external" in about:
                continue
            if key in _RESERVED:  # gets another name
                self.lose(stream)
            elif not _is_column(key) or key.lower() in taken:
                self.untabled[stream].add(key)
                forms[key] = MIXED
            elif about["dtype"] == "number":
                forms.setdefault(key, _NUMBER)
            taken.add(key.lower())

    def take(self, doc: dict[str, Any]) -> bool:
        """Take an event; returns whether it has changed a form."""
        stream = self._streams[doc["descriptor"]]
        forms = self._forms[stream]
        changed = False
        for key, value in doc["data"].items():
            name = f"{key}_" if key in _RESERVED else key
            known = forms.get(name)
            form = self._of_number(stream, name, value) or form_of(value)
            if form is known or form == known or known is MIXED:
                continue
            forms[name] = form if known is None else merge(known, form)
            changed = changed or forms[name] != known
        return changed

    def scan(self, documents: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Take all documents of a run at once."""
        for name, doc in documents:
            if name == "descriptor":
                self.describe(doc)
            elif name == "event":
                self.take(doc)
            elif name == "event_page":
                for event in unpack_event_page(cast(EventPage, doc)):
                    self.take(cast(dict[str, Any], event))

    def _of_number(self, stream: str, key: str, value: Any) -> Shape | None:
        """Return the form of a number that shows more than its value; else None."""
        if type(value) is not float and type(value) is not int:
            return None
        place = stream, key
        if self._blank[place] >= 0:
            if value != value:  # NaN; `math.isnan` fails for integers beyond floats
                self._blank[place] += 1
            else:
                late = self._blank[place] >= _BLANK
                self._blank[place] = -1
                if late:
                    return Shape(Form.ARRAY, FLOAT)
        return _NUMBER if type(value) is float else None


def _is_column(key: str) -> bool:
    """Return whether a key can be a column of a table, and is no time stamp there."""
    if key.startswith(("_", "ts_")):
        return False
    from tiled.adapters.sql import COLUMN_NAME_PATTERN, is_safe_identifier
    from tiled.utils import UnsafeIdentifier

    try:
        return is_safe_identifier(f"ts_{key}", COLUMN_NAME_PATTERN) and bool(
            is_safe_identifier(key, COLUMN_NAME_PATTERN)
        )
    except UnsafeIdentifier:
        return False
