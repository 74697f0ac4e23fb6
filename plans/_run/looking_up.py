"""What takes long and moves nothing, while the engine keeps running."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator

__all__ = ["look_up"]

T = TypeVar("T")


def look_up(question: Callable[[], T]) -> MsgGenerator[T]:
    """Have something looked up in a thread, and wait for the answer.

    A plan that looks a stored run up by itself stops the event loop of its engine for
    as long as that takes: no pause, no abort and no heartbeat passes meanwhile.

    Parameters
    ----------
    question
        Called without arguments; it must not touch the instrument.

    Yields
    ------
    Msg
        ``wait_for``. Where no engine carries it out, e.g. in an estimate, the question
        is asked at once.

    Returns
    -------
    Any
        What `question` returns; what it raises is raised in the plan.
    """
    answers: list[T] = []
    failures: list[Exception] = []

    def ask() -> None:
        try:
            answers.append(question())
        except Exception as error:  # it is raised in the plan
            failures.append(error)

    yield from bps.wait_for([lambda: asyncio.to_thread(ask)])
    if not answers and not failures:
        ask()
    if failures:
        raise failures[0]
    return answers[0]
