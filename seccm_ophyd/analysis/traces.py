"""The curves of a run: what was sampled in each contact, and on the way to it."""

import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import xarray as xr

from ..schema import (
    CLAMP,
    CONTACT_HEIGHT,
    PROGRESS,
    find_key,
)
from ..storage.addresses import path_of
from ..storage.catalogue.recorded import folder_of
from ..storage.traces.trace_reader import read_rows
from ..techniques import TRACE_CHANNELS, TRACE_UNITS
from .places import place_table
from .resumed import parts, whole_table
from .run_traces import APPROACH, RunTraces
from .runs import documents, hop_table, resolve

__all__ = [
    "approach_traces",
    "growing_trace",
    "hop_traces",
    "technique_curves",
    "trace_map",
    "whole_run",
]


def hop_traces(
    run: Any, label: str | None = None, *, hops: Sequence[int] | None = None
) -> xr.Dataset:
    """Read what a technique sampled at the hops of a run.

    Parameters
    ----------
    run
        Any kind of run, see `seccm_ophyd.analysis.runs`.
    label
        Name of the trace, e.g. ``cyclic_voltammetry``; the second of its kind in a
        contact has ``_2`` after it. None: that of the first technique.
    hops
        Indices (``hop_index``) of the hops wanted, in the order wanted; all, in the
        order they were made, if None.

    Returns
    -------
    xarray.Dataset
        Dims (hop, sample): ``t`` (s), ``E`` (V), ``i`` (pA). NaN after the end of a
        measurement that a cut-off ended, and where nothing was measured or written.
        Coordinates along hop: ``hop_index``, ``x``, ``y`` (um, as reached),
        ``outcome``. A hop that was repeated has its traces one after the other.
        Attrs: ``label``, ``uid``.

    Raises
    ------
    ValueError
        If the run has no traces, none of that label, or not all of the hops.
    FileNotFoundError
        If the file of the traces is not where the run says.
    DamagedFileError
        If it is damaged there; names the file, the run and the rows.

    Examples
    --------
    >>> hop_traces(catalog[uid], hops=[12]).isel(hop=0).plot.scatter(x="E", y="i")
    """
    source = RunTraces.of(run)
    return source.read(label or source.labels[0], source.rows(hops))


def trace_map(
    run: Any, channel: str, sample: int, *, label: str | None = None
) -> xr.DataArray:
    """Read one moment of a technique at all hops: a map of one sample.

    Of a run made by `resume_scan` with the hops of those that it finishes. Of a large
    run nothing but that sample is read; `hop_traces` reads single hops.

    Parameters
    ----------
    run
        Any kind of run, see `seccm_ophyd.analysis.runs`.
    channel
        ``t`` (s), ``E`` (V) or ``i`` (pA).
    sample
        Number of the sample, from 0.
    label
        Name of the trace; None: that of the first technique.

    Returns
    -------
    xarray.DataArray
        Dims (y, x), coordinates in um; NaN where nothing was measured.

    Raises
    ------
    ValueError
        If the run has no such trace, channel or sample, or no regular grid.
    FileNotFoundError
        If the file of the traces is not where the run says.
    DamagedFileError
        If it is damaged there; names the file, the run and the rows.

    Examples
    --------
    >>> trace_map(catalog[uid], "E", 25).plot()
    """
    source = RunTraces.of(run)
    label = label or source.labels[0]
    count = source.samples(label)
    if not 0 <= sample < count:
        raise ValueError(f"sample={sample} must be between 0 and {count - 1}")
    values = [p.read_sample(label, channel, sample) for p in whole_run(source)]
    hops = place_table(whole_table(source))
    coords = {
        "y": ("y", hops.grid.y, {"units": "um"}),
        "x": ("x", hops.grid.x, {"units": "um"}),
    }
    filled = hops.grid.fill(hops.pixels, np.concatenate(values), np.nan)
    return xr.DataArray(filled, coords, ("y", "x"), channel, values[-1].attrs)


def whole_run(source: RunTraces) -> list[RunTraces]:
    """List a run and those that it finishes, as far as they have hops: oldest first.

    Together they have the hops of the `whole_table` of the run, in its order.
    """
    return [
        RunTraces.of(part) for part in parts(source) if hop_table(part).sizes["hop"]
    ]


def growing_trace(run: Any) -> xr.Dataset:
    """Read what a long measurement has sampled so far, while it runs or was cut off.

    Parameters
    ----------
    run
        Any kind of run, see `seccm_ophyd.analysis.runs`.

    Returns
    -------
    xarray.Dataset
        Dim sample: ``t`` (s), ``E`` (V), ``i`` (pA) up to the last part that was
        published. Attrs: ``label``, ``uid``, ``hop``, the number of the hop.

    Raises
    ------
    ValueError
        If the run has published no part of a trace.
    FileNotFoundError
        If its file is gone.
    """
    start: dict[str, Any] = {}
    last: dict[str, Any] | None = None
    streams, path = set(), ""
    for name, doc in documents(run):
        if name == "start":
            start = doc
        elif name == "descriptor" and doc.get("name") == PROGRESS:
            streams.add(doc["uid"])
            for about in doc["configuration"].values():
                path = about["data"][find_key(about["data"], "progress_file")]
        elif name == "event" and doc["descriptor"] in streams:
            last = doc["data"]
    if last is None:
        raise ValueError(f"run {start.get('uid', '?')} has no part of a trace")
    label, row, samples = (
        last[find_key(last, f"progress_{name}")]
        for name in ("trace_label", "row", "samples")
    )
    folder = folder_of(resolve(run))
    found = path_of(path, None if folder is None else folder.root)
    part = slice(None), slice(0, int(samples))
    name = f"run {start['uid'][:8]}"
    (values,) = read_rows(found, label, np.array([row]), part, name)
    variables = {
        channel: ("sample", values[k], {"units": units})
        for k, (channel, units) in enumerate(
            zip(TRACE_CHANNELS, TRACE_UNITS, strict=True)
        )
    }
    return xr.Dataset(
        variables, attrs={"label": label, "uid": start["uid"], "hop": int(row)}
    )


def approach_traces(run: Any, *, hops: Sequence[int] | None = None) -> xr.Dataset:
    """Read the ends of the descents: current against distance.

    Parameters
    ----------
    run
        Any kind of run, see `seccm_ophyd.analysis.runs`.
    hops
        As in `hop_traces`.

    Returns
    -------
    xarray.Dataset
        Dims (hop, sample): ``z`` (um), ``i`` (pA), ``distance`` (um) above the height
        of the contact, NaN for a miss. NaN in front of a short descent. Coordinates
        and attrs as in `hop_traces`.

    Raises
    ------
    ValueError, FileNotFoundError
        As in `hop_traces`.
    """
    source = RunTraces.of(run)
    rows = source.rows(hops)
    curves = source.read(APPROACH, rows)
    height = source.column(CONTACT_HEIGHT)[rows]
    distance = curves["z"] - xr.DataArray(height, dims="hop")
    return curves.assign(distance=distance.assign_attrs(units="um"))


def technique_curves(
    run: Any,
    techniques: Collection[str],
    *,
    hops: Sequence[int] | None = None,
    scalars: Collection[str] = (),
) -> tuple[xr.Dataset, list[dict[str, Any]]]:
    """Read the traces of some kinds of technique, one after the other.

    Parameters
    ----------
    run
        Any kind of run, see `seccm_ophyd.analysis.runs`.
    techniques
        Names of the kinds, e.g. ``("CyclicVoltammetry",)``.
    hops
        As in `hop_traces`.
    scalars
        Names of scalars of these techniques that become coordinates.

    Returns
    -------
    curves : xarray.Dataset
        Dims (curve, sample): ``t``, ``E``, ``i``, as in `hop_traces`; shorter ones end
        in NaN. The techniques of a contact follow one another. Coordinates as in
        `hop_traces`, ``label``, and ``overload``: whether the range of the amplifier
        cut the current of this curve.
    settings : list of dict
        The technique of each curve, from the start document.

    Raises
    ------
    ValueError, FileNotFoundError
        As in `hop_traces`; also if the run has no such technique.
    """
    source = RunTraces.of(run)
    ended = source.overloaded()
    chosen = {
        k: t for k, t in source.techniques.items() if t["technique"] in techniques
    }
    if not chosen:
        raise ValueError(
            f"{source.name} has no {' or '.join(techniques)}; its techniques are "
            f"{', '.join(t['technique'] for t in source.techniques.values())}"
        )
    rows = source.rows(hops)
    parts = []
    for label in chosen:
        # the scalars of a second technique of its kind end as its label does
        suffix = "".join(re.findall(r"_\d+$", label))
        columns = {s: source.column(f"{CLAMP}{s}{suffix}")[rows] for s in scalars}
        columns["overload"] = ended[label][rows]
        coords = {"label": np.full(len(rows), label), **columns}
        part = source.read(label, rows)
        parts.append(part.assign_coords({n: ("hop", c) for n, c in coords.items()}))
    samples = max(part.sizes["sample"] for part in parts)
    padded = [part.pad(sample=(0, samples - part.sizes["sample"])) for part in parts]
    # contact by contact: with k techniques, rows 0, n, 2n, ... belong to the first one
    order = np.arange(len(parts) * len(rows)).reshape(len(parts), -1).T.ravel()
    curves = xr.concat(padded, "hop").isel(hop=order).rename(hop="curve")
    del curves.attrs["label"]
    return curves, [chosen[str(label)] for label in curves["label"].values]
