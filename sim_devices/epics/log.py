"""The log of the IOC: what a broken client causes again and again is counted."""

import contextlib
import logging
from collections import Counter
from collections.abc import Iterator
from typing import TextIO

__all__ = ["CountingHandler", "counted_log"]

_FORMAT = "%(asctime)s %(levelname)s: %(message)s"


class CountingHandler(logging.StreamHandler[TextIO]):
    """Writes the first record of a kind whole, and then how many came like it.

    A kind is where in the code a record is made, and the type of the exception that it
    describes. The count is written at 10, 100, 1000 ... and at the end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(_FORMAT))
        self._counts: Counter[tuple[object, ...]] = Counter()
        self._last: dict[tuple[object, ...], logging.LogRecord] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it."""
        error = record.exc_info[0] if record.exc_info else None
        kind = record.pathname, record.lineno, error
        self._counts[kind] += 1
        count = self._counts[kind]
        if count == 1:
            super().emit(record)
        elif set(str(count)[1:]) == {"0"} and str(count)[0] == "1":
            self._last.pop(kind, None)
            super().emit(_short(record, count))
        else:
            self._last[kind] = _short(record, count)

    def close(self) -> None:
        """Write the counts that have not been written."""
        last, self._last = self._last, {}
        for record in last.values():
            super().emit(record)
        super().close()


def _short(record: logging.LogRecord, count: int) -> logging.LogRecord:
    first = record.getMessage().partition("\n")[0]
    return logging.LogRecord(
        record.name,
        record.levelno,
        record.pathname,
        record.lineno,
        "%d like this so far, the last: %.200s",
        (count, first),
        None,
    )


@contextlib.contextmanager
def counted_log() -> Iterator[None]:
    """Have all that is logged meanwhile written by a `CountingHandler` alone."""
    root, handler = logging.getLogger(), CountingHandler()
    before, root.handlers = root.handlers, [handler]
    try:
        yield
    finally:
        root.handlers = before
        handler.close()
