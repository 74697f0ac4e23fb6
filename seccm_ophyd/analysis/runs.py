"""One way from any kind of run to its data.

A *run* is anything that stands for the documents of one Bluesky run:

- a run of a catalogue, ``databroker.catalog["seccm"][uid]``
- a databroker v1 ``Header``, ``Broker.named("seccm")[-1]``
- the path of a journal, or a follower of one
- (name, document) pairs: a list, or an iterator
- the `RunTraces` of a run; its `hop_table`, where no documents are needed

Runs without an end, because they still run or were interrupted, are runs as well.
"""

import inspect
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeGuard, cast

import numpy as np
import xarray as xr
from event_model import EventPage, unpack_event_page

from ..schema import PRIMARY
from ..storage.catalogue.recorded import IN_JOURNAL, JOURNAL, journal_beside, restored
from ..storage.columns import as_column
from ..storage.data_folder import is_uid
from ..storage.journal.info import JournalInfo
from ..storage.journal.journal_run import JournalRun
from ..storage.journal.lines import Document
from ..storage.journal.reader import iter_documents

__all__ = [
    "RUN_KINDS",
    "Document",
    "described",
    "documents",
    "hop_table",
    "is_run",
    "is_table",
    "plain",
    "resolve",
    "start_and_stop",
    "stored_in_catalogue",
]

RUN_KINDS = "cat[-1], the path of a journal, a list of documents, or its RunTraces"

_MISSING = object()


def documents(run: Any) -> Iterator[Document]:
    """Give the documents of a run as plain dicts, one after the other.

    Those of a journal, follower or list are the original ones. A catalogue gives start,
    stop, data and time stamps as they were; uids of events are new.

    Parameters
    ----------
    run
        Any kind of run, see the module.

    Returns
    -------
    iterator of (str, dict)
        Name and document; no stop document if the run has no end.

    Raises
    ------
    FileNotFoundError
        If a journal does not exist.
    TypeError
        If `run` is no kind of run.
    ValueError
        If a complete line of a journal is no document.
    """
    # no generator itself: the queue server would take it for a plan
    run = resolve(run)
    if isinstance(run, Path):
        return iter_documents(run)
    return _of_catalogue(run) if stored_in_catalogue(run) else _pairs(run)


def _pairs(run: Iterable[Any]) -> Iterator[Document]:
    for pair in run:
        if not (isinstance(pair, list | tuple) and len(pair) == 2):
            raise TypeError(
                f"{described(pair)} is no (name, document) pair; a run is {RUN_KINDS}"
            )
        yield pair[0], pair[1]


def _of_catalogue(run: Any) -> Iterator[Document]:
    for name, doc in run.documents():
        # a catalogue ends a run that has no end in an empty stop document
        if name != "stop" or doc.get("uid"):
            yield name, restored(plain(doc))


def start_and_stop(run: Any) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return the first and the last document of a run, without reading its events.

    Parameters
    ----------
    run
        Any kind of run, see the module.

    Returns
    -------
    start, stop : dict, dict or None
        `stop` is None if the run is not over or was interrupted.

    Raises
    ------
    ValueError
        If the run has no start document (yet).
    """
    if is_table(table := _table_of(run)):
        return table.attrs["start"], table.attrs["stop"]
    run = resolve(run)
    if stored_in_catalogue(run):
        # `run.stop` raises KeyError as long as there is none
        ended = plain(run.metadata.get("stop"))
        begun = plain(run.metadata["start"])
        return restored(begun), restored(ended) if ended else None
    if isinstance(run, Path):
        info = JournalInfo.read(run)
        start, stop = (info.start, info.stop) if info else (None, None)
    else:
        found = {name: doc for name, doc in _pairs(run) if name in ("start", "stop")}
        start, stop = found.get("start"), found.get("stop")
    if start is None:
        raise ValueError(f"{_named(run)} has no start document")
    return start, stop


def hop_table(run: Any) -> xr.Dataset:
    """Read all scalars of all hops of a run, in the order they were made.

    Parameters
    ----------
    run
        Any kind of run, see the module.

    Returns
    -------
    xarray.Dataset
        Dimension ``hop``; one variable for each scalar key of the primary stream, under
        its full name (``seccm_z_contact_height``), with ``units`` in its attrs as in
        the descriptor; coordinate ``time`` (POSIX s). A repeated hop has two rows.
        External arrays (traces) are left out. Attrs ``start`` and ``stop`` hold these
        documents, ``stop`` is None for a run without an end.

    Raises
    ------
    ValueError
        If the run has no start document.
    """
    if is_table(table := _table_of(run)):
        return table
    run = resolve(run)
    if stored_in_catalogue(run):
        start, stop = start_and_stop(run)
        keys, columns, time = _catalogue_columns(run)
    else:
        start, stop, keys, columns, time = _document_columns(run)
    variables = {
        # `time` is taken, by the time of the event
        f"{name}_" if name == "time" else name: (
            "hop",
            columns[name],
            {"units": key.get("units") or ""},
        )
        for name, key in keys.items()
    }
    coords = {"time": ("hop", time, {"units": "s"})}
    return xr.Dataset(variables, coords, {"start": start, "stop": stop})


def resolve(run: Any) -> Any:
    """Reduce the kinds of run to three: path, run of a catalogue, pairs.

    Raises
    ------
    FileNotFoundError
        If there is no such file: a uid, for instance, or a folder, where only the path
        of a journal can be.
    TypeError
        If `run` is no kind of run.
    """
    if not is_run(run):
        hint = f": cat[{run}] is one" if isinstance(run, int) else ""
        raise TypeError(f"{described(run)} is no run{hint}; a run is {RUN_KINDS}")
    if _has(run, "table", "source"):
        run = run.source
    if _has(run, "read_new"):  # a follower: all it follows, not only what is new
        return run.path
    if isinstance(run, str | os.PathLike):
        return _journal_file(run)
    run = run.v2 if _is_header(run) else run
    return _fullest(run) if stored_in_catalogue(run) else run


def _journal_file(given: str | os.PathLike[str]) -> Path:
    path = Path(given)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        one = repr(given) if isinstance(given, str) and is_uid(given) else -1
        raise FileNotFoundError(
            f"the file {str(path)!r} {what}: give the path of a journal, or cat[{one}]"
        )
    return path


def is_run(run: Any) -> bool:
    """Return whether something is any kind of run but a `hop_table`."""
    if isinstance(run, str | os.PathLike) or _is_header(run):
        return True
    if _has(run, "table", "source") or _has(run, "read_new", "path"):
        return True
    if stored_in_catalogue(run) or isinstance(run, Iterator):
        return True
    if not isinstance(run, list | tuple):
        return False
    return not run or (isinstance(run[0], list | tuple) and isinstance(run[0][0], str))


def is_table(run: Any) -> TypeGuard[xr.Dataset]:
    """Return whether something is the `hop_table` of a run."""
    return isinstance(run, xr.Dataset) and "start" in run.attrs


def described(given: Any) -> str:
    """Name what a function was given, in a few words."""
    if isinstance(given, xr.Dataset | xr.DataArray):
        names = list(map(str, given)) if isinstance(given, xr.Dataset) else []
        of = f" of {', '.join(names)}" if names else ""
        along = ", ".join(map(str, given.dims)) or "no dimension"
        return f"a {type(given).__name__}{of:.80} along {along}"
    return f"the {type(given).__name__} {' '.join(repr(given).split()):.60}"


def _named(run: Any) -> str:
    return str(run) if isinstance(run, Path) else described(run)


def _table_of(run: Any) -> Any:
    """Return the table that comes with `RunTraces`; anything else as it is."""
    return run.table if _has(run, "table", "source") else run


def _is_header(run: Any) -> bool:
    """Return whether something is a Header of databroker v1."""
    return _has(run, "stream_names", "v2")


def _fullest(run: Any) -> Any:
    """Take the journal in place of a run of a catalogue that does not have all of it.

    Raises
    ------
    FileNotFoundError
        If the catalogue has no data of the run, and the journal is gone.
    """
    if isinstance(run, JournalRun):
        return run.journal
    if not run.metadata.get(IN_JOURNAL) and JOURNAL not in run.metadata:
        return run
    journal = journal_beside(run)
    if journal is None and JOURNAL in run.metadata:
        raise FileNotFoundError(
            f"the catalogue has no data of run {run.metadata['start']['uid'][:8]}, and "
            f"its journal {run.metadata[JOURNAL]} is gone: open it in its data folder"
        )
    return journal or run


def stored_in_catalogue(run: Any) -> bool:
    """Return whether a resolved run is one of a catalogue."""
    return _has(run, "documents", "metadata")


def _has(run: Any, *names: str) -> bool:
    """Return whether an object has attributes; a catalogue's server is not asked."""
    return all(inspect.getattr_static(run, n, _MISSING) is not _MISSING for n in names)


def plain(value: Any) -> Any:
    """Turn the mappings and sequences of a catalogue client into dicts and lists."""
    if hasattr(value, "items"):
        return {k: plain(v) for k, v in value.items() if k != "_name"}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | np.ndarray):
        return [plain(v) for v in value]
    return value


def _is_scalar(key: dict[str, Any]) -> bool:
    return "external" not in key and not key["shape"]


def _catalogue_columns(run: Any) -> tuple[dict[str, Any], dict[str, Any], np.ndarray]:
    try:
        stream = run[PRIMARY]
    except KeyError:
        return {}, {}, np.empty(0)
    data_keys = plain(stream.metadata["data_keys"])
    keys = {name: key for name, key in data_keys.items() if _is_scalar(key)}
    # named columns only: traces stay where they are
    table = stream.read([*keys, "time"])
    if not table.data_vars:  # described, but no event has been written yet
        empty = {n: as_column([], key["dtype"]) for n, key in keys.items()}
        return keys, empty, np.empty(0)
    return keys, {name: table[name].values for name in keys}, table["time"].values


def _document_columns(
    run: Any,
) -> tuple[
    dict[str, Any], dict[str, Any] | None, dict[str, Any], dict[str, Any], np.ndarray
]:
    start, stop = None, None
    keys: dict[str, dict[str, Any]] = {}
    primary, events = set(), []
    for name, doc in documents(run):
        if name == "start":
            start = doc
        elif name == "stop":
            stop = doc
        elif name == "descriptor" and doc.get("name") == PRIMARY:
            primary.add(doc["uid"])
            keys |= {k: v for k, v in doc["data_keys"].items() if _is_scalar(v)}
        elif name == "event" and doc["descriptor"] in primary:
            events.append(doc)
        elif name == "event_page" and doc["descriptor"] in primary:
            events.extend(unpack_event_page(cast(EventPage, doc)))
    if start is None:
        raise ValueError(f"{_named(run)} has no start document")
    columns = {
        name: as_column([e["data"].get(name) for e in events], key["dtype"])
        for name, key in keys.items()
    }
    return start, stop, keys, columns, np.array([e["time"] for e in events], float)
