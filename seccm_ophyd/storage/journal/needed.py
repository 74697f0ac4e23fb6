"""What a document belongs to, and what readers need of it."""

import math
from typing import Any, TypeGuard

__all__ = ["PARENT", "is_number", "is_range", "problem"]

PARENT = {
    "descriptor": "run_start",
    "event": "descriptor",
    "event_page": "descriptor",
    "resource": "run_start",
    "datum": "resource",
    "datum_page": "resource",
    "stream_resource": "run_start",
    "stream_datum": "stream_resource",
    "stop": "run_start",
}
"""The key by which a document says what it belongs to."""

_OF_EVENTS = {"descriptor": str, "data": dict, "timestamps": dict}
# what readers ask of a document, and of which kind it must be
_NEEDED: dict[str, dict[str, Any]] = {
    "start": {"uid": str, "time": float},
    "descriptor": {"run_start": str, "uid": str, "name": str, "data_keys": dict},
    "event": {**_OF_EVENTS, "time": float, "seq_num": int},
    "event_page": {**_OF_EVENTS, "time": list, "seq_num": list},
    "resource": {"run_start": str, "uid": str},
    "stream_resource": {"uid": str, "data_key": str, "parameters": dict},
    "stream_datum": {
        "stream_resource": str,
        "descriptor": str,
        "indices": dict,
        "seq_nums": dict,
    },
    "stop": {"run_start": str, "time": float, "exit_status": str},
}
_WORDS = {str: "text", float: "a number", int: "a whole number"} | {
    dict: "a dict",
    list: "a list",
}


def problem(name: str, doc: dict[str, Any]) -> str:
    """Say what readers would miss in a document; empty if it has all.

    Parameters
    ----------
    name, doc
        A document.
    """
    for key, kind in _NEEDED.get(name, {}).items():
        value = doc.get(key)
        good = is_number(value) if kind is float else isinstance(value, kind)
        if not good:
            return f"{key} of the {name} document must be {_WORDS[kind]}"
    if name == "descriptor":
        known = {"dtype", "shape"}
        about = doc["data_keys"].values()
        if not all(isinstance(a, dict) and known <= a.keys() for a in about):
            return "data_keys of the descriptor must have dtype and shape"
    if name == "event_page":
        count = len(doc["seq_num"])
        columns = [doc["time"], *doc["data"].values(), *doc["timestamps"].values()]
        if not all(isinstance(c, list) and len(c) == count for c in columns):
            return "the columns of the event_page differ in length"
        if not all(map(is_number, doc["time"])):
            return "time of the event_page document must be numbers"
    if name == "stream_datum":
        if not (is_range(doc["indices"]) and is_range(doc["seq_nums"])):
            return "indices and seq_nums of the stream_datum must have start and stop"
    if name == "stop" and not _is_counts(doc.get("num_events", {})):
        return "num_events of the stop document must be whole numbers"
    return ""


def is_number(value: Any) -> TypeGuard[float]:
    """Return whether a value of a document is a finite number."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)


def is_range(value: Any) -> bool:
    """Return whether a value of a document is a range of rows, from start to stop."""
    return (
        type(value) is dict
        and type(value.get("start")) is int
        and type(value.get("stop")) is int
    )


def _is_counts(value: Any) -> bool:
    return isinstance(value, dict) and all(type(n) is int for n in value.values())
