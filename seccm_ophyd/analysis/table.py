"""A run as a table in a text file, for spreadsheets and other programs."""

import csv
import os
import re
from pathlib import Path
from typing import Any

import xarray as xr

from ..schema import TECHNIQUES
from ..storage.data_folder import is_uid
from .runs import hop_table

__all__ = ["export_csv"]

# A spreadsheet takes a cell that begins so for a formula, and runs it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export_csv(
    run: Any, file: str | os.PathLike[str] | None = None, *, folder: Path | str = "."
) -> Path:
    """Write a run as CSV: metadata as comments, a heading with units, a row per hop.

    Numbers are written in full. Text that a spreadsheet would take for a formula gets a
    single quote in front.

    Parameters
    ----------
    run
        Any kind of run, see `seccm_ophyd.analysis.runs`.
    file
        Where to; None: ``<uid>.csv`` in `folder`.
    folder
        See `file`.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ValueError
        If the run has no start document, or a uid that is no name of a file.

    Examples
    --------
    >>> export_csv(catalog[-1])
    """
    table = hop_table(run)
    uid = table.attrs["start"]["uid"]
    if file is None and not is_uid(uid):
        raise ValueError(f"{uid!r:.80} is no uid that a file could be named after")
    path = Path(folder) / f"{uid}.csv" if file is None else Path(file)
    columns = {"time": table["time"], **{str(key): table[key] for key in table}}
    with path.open("w", newline="", encoding="utf-8", errors="replace") as stream:
        for line in _comments(table):
            stream.write(f"# {line}\n")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([_cell(_heading(*item)) for item in columns.items()])
        for row in zip(*(c.values.tolist() for c in columns.values()), strict=True):
            writer.writerow([_cell(value) for value in row])
    return path


def _heading(name: str, column: xr.DataArray) -> str:
    units = column.attrs.get("units")
    return f"{name} ({units})" if units else name


def _cell(value: Any) -> Any:
    """Make text harmless; leave numbers as they are."""
    if isinstance(value, str):
        text = f"'{value}" if value.startswith(_FORMULA) else value
        return text.replace("\r", " ")  # some programs end a row at it, quoted or not
    return repr(value) if isinstance(value, float) else value


def _comments(table: xr.Dataset) -> list[str]:
    """Describe the run in lines that no metadata can break."""
    start, stop = table.attrs["start"], table.attrs["stop"]
    keys = ("uid", "scan_id", "plan_name", "time", "sample", "probe", "electrolyte")
    values = {key: start[key] for key in keys if key in start}
    values["techniques"] = start.get(TECHNIQUES, [])
    values["exit_status"] = stop["exit_status"] if stop else "unfinished"
    return [
        f"{key}: {' '.join(_plain(value).split())}" for key, value in values.items()
    ]


def _plain(value: Any) -> str:
    text = "".join(sign if sign.isprintable() else " " for sign in str(value))
    # a spreadsheet cuts a comment at its commas, and reads on after them
    return re.sub(r"([,;]\s*)([=+\-@])", r"\1'\2", text)
