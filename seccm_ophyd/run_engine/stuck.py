"""Where a thread is stuck, for people who want to know what they wait for."""

import sys
import sysconfig
from pathlib import Path
from traceback import walk_stack

__all__ = ["where_is"]

_LIBRARIES = tuple(
    sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")
)


def where_is(thread: int) -> str:
    """Name the line that a thread carries out.

    Parameters
    ----------
    thread
        Its identifier, see `threading.get_ident`.

    Returns
    -------
    str
        File, line and function: the innermost outside of installed packages, if one is.
    """
    frame = sys._current_frames().get(thread)  # noqa: SLF001  made for debuggers
    if frame is None:
        return "a thread that has ended"
    lines = [(f.f_code, line) for f, line in walk_stack(frame)]
    own = [at for at in lines if not at[0].co_filename.startswith(_LIBRARIES)]
    code, line = (own or lines)[0]
    return f"{Path(code.co_filename).name} line {line} ({code.co_name})"
