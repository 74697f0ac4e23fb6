"""What is done so often that Python is too slow for it, as machine code."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar

from numba import njit, types
from numba.core import entrypoints

__all__ = [
    "NUMBER",
    "READ",
    "READ_2D",
    "WRITE",
    "WRITE_2D",
    "Compiled",
    "catch_up",
    "compiled",
    "put_off",
]

NUMBER = types.float64
READ = types.Array(types.float64, 1, "C", readonly=True)
READ_2D = types.Array(types.float64, 2, "C", readonly=True)
WRITE = types.Array(types.float64, 1, "C")
WRITE_2D = types.Array(types.float64, 2, "C")


P = ParamSpec("P")
R = TypeVar("R", covariant=True)


class Compiled(Protocol[P, R]):
    """A function as machine code."""

    @property
    def py_func(self) -> Callable[P, R]:
        """The function in Python."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the machine code."""


@dataclass
class _Queue:
    """Functions that wait to be compiled, with their signatures."""

    waiting: list[tuple[Any, tuple[Any, ...]]] = field(default_factory=list)
    is_put_off: bool = False


_queue = _Queue()


def compiled(*signatures: Any) -> Callable[[Callable[P, R]], Compiled[P, R]]:
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

    def decorate(function: Callable[P, R]) -> Compiled[P, R]:
        made = _dispatcher(function, keep=bool(signatures))
        if signatures:
            _queue.waiting.append((made, signatures))
            if not _queue.is_put_off:
                catch_up()
        return made

    return decorate


def _dispatcher(function: Callable[..., Any], *, keep: bool) -> Any:
    # numba names what it keeps by this, and looks for changes in one file only; and
    # the same file may be imported as a part of two packages
    function.__qualname__ = f"{function.__module__}.{function.__name__}-{_sources()}"
    try:
        return njit(error_model="numpy", cache=keep)(function)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
    return njit(error_model="numpy")(function)


@lru_cache
def _sources() -> str:
    """Give a digest of all modules with compiled functions, which call each other."""
    texts = (path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py")))
    compiled_ones = b"".join(text for text in texts if b"@compiled" in text)
    return blake2b(compiled_ones, digest_size=8).hexdigest()


def put_off() -> None:
    """Compile nothing of what is imported from now on, until `catch_up`.

    For a process that is to start quickly: numba is kept from loading what it loads for
    others, its extensions by other packages and scipy's linear algebra.
    """
    _queue.is_put_off = True
    entrypoints._already_initialized = True  # noqa: SLF001 (no other way)
    sys.modules["scipy.linalg.cython_blas"] = None  # type: ignore[assignment]


def catch_up() -> None:
    """Compile what waits for it; may run in a thread beside other things."""
    while _queue.waiting:
        made, signatures = _queue.waiting.pop(0)
        for signature in signatures:
            made.compile(signature)
        made.disable_compile()
