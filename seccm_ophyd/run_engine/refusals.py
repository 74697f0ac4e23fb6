"""Errors that a user can act on are shown in IPython as a sentence, not a traceback."""

import asyncio
import logging
import sys
from types import TracebackType
from typing import Any

from bluesky.utils import (
    FailedPause,
    FailedStatus,
    PlanHalt,
    RequestAbort,
    RequestStop,
    RunEngineInterrupted,
)
from IPython.core.interactiveshell import InteractiveShell
from ophyd.utils import LimitError

from ..errors import SeccmError
from ..plans._run.wrappers import DeviceFailure
from ..terminal import clean_lines

__all__ = ["show_briefly"]

logger = logging.getLogger(__name__)

# what a person, or the instrument, has decided; anything else may be a fault of ours
_ENDS = (FailedPause, PlanHalt, RequestAbort, RequestStop, RunEngineInterrupted)
_NO_TRACES = "No open traces left to close!"  # bluesky at each abort; of OpenTelemetry
_EXPECTED = (SeccmError, LimitError, *_ENDS)


def show_briefly(shell: InteractiveShell) -> None:
    """Show a refused plan, a trip or an abort as one sentence.

    ``%debug`` works as ever. The traceback is shown too where the level of the logger
    ``seccm_ophyd`` is DEBUG. Other errors keep their traceback.

    Parameters
    ----------
    shell
        What ``get_ipython()`` gives.

    Examples
    --------
    >>> show_briefly(get_ipython())  # doctest: +SKIP
    >>> logging.getLogger("seccm_ophyd").setLevel("DEBUG")  # doctest: +SKIP
    """
    shell.set_custom_exc((*_EXPECTED, FailedStatus), _show)
    log = logging.getLogger("bluesky")
    if not any(isinstance(each, _NotTwice) for each in log.filters):
        log.addFilter(_NotTwice())


class _NotTwice(logging.Filter):
    """Drops the traceback that bluesky logs of an error that it raises as well."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep what is no such error, and everything at the level DEBUG."""
        if record.msg == _NO_TRACES:
            return False
        error = record.exc_info[1] if record.exc_info else None
        known = error is not None and (
            _expected(error) is not None or isinstance(error, asyncio.CancelledError)
        )
        return not known or logger.isEnabledFor(logging.DEBUG)


def _expected(error: BaseException) -> BaseException | None:
    """Find what a user is to read: the error, or the one of a status that failed."""
    found = error.__cause__ if isinstance(error, FailedStatus) else error
    if isinstance(found, _EXPECTED):
        return found
    return error if isinstance(error, DeviceFailure) else None


def _show(
    shell: InteractiveShell,
    kind: type[BaseException],
    error: BaseException,
    traceback: TracebackType,
    tb_offset: int | None = None,
) -> list[str]:
    """Write the sentence; IPython calls this in the place of its own handler."""
    shell.InteractiveTB.tb = traceback  # for %debug
    sys.last_type, sys.last_value, sys.last_traceback = kind, error, traceback
    found = _expected(error)
    lines: list[Any] = []
    if found is None or logger.isEnabledFor(logging.DEBUG):
        lines = shell.InteractiveTB.structured_traceback(
            kind, error, traceback, tb_offset=tb_offset
        )
        sys.stderr.write(f"{shell.InteractiveTB.stb2text(lines)}\n")
    if found is not None:
        text = clean_lines(str(found).strip()) or "the plan was ended"
        sys.stderr.write(f"{type(found).__name__}: {text}\n")
    sys.stderr.flush()
    return lines
