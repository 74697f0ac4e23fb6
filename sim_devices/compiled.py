"""What is done so often that Python is too slow for it, as machine code."""

from collections.abc import Callable
from typing import Any

from numba import njit, types

__all__ = [
    "NUMBER",
    "READ",
    "READ_2D",
    "WRITE",
    "WRITE_2D",
    "WRITE_3D",
    "compiled",
]

NUMBER = types.float64
READ = types.Array(types.float64, 1, "C", readonly=True)
READ_2D = types.Array(types.float64, 2, "C", readonly=True)
WRITE = types.Array(types.float64, 1, "C")
WRITE_2D = types.Array(types.float64, 2, "C")
WRITE_3D = types.Array(types.float64, 3, "C")


def compiled(*signatures: Any) -> Callable[[Callable], Any]:
    """Compile a function for given types of its arguments.

    That takes a second or two, once on a computer: what has been compiled is kept
    beside the source or, where that cannot be written, in the user's cache. Everything
    is there when the module is imported, nothing is compiled amid a hop.

    Parameters
    ----------
    *signatures
        ``result(argument, ...)``; none for a part of other compiled functions.

    Returns
    -------
    callable
        Decorator; the Python function stays as ``py_func``.
    """

    def decorate(function: Callable) -> Any:
        given: Any = list(signatures) or None
        try:
            return njit(given, error_model="numpy", cache=given is not None)(function)
        except RuntimeError as error:
            if "cannot cache" not in str(error):
                raise
        return njit(given, error_model="numpy")(function)

    return decorate
