"""The arrays of synthetic runs: real HDF5 files, written row by row."""

from pathlib import Path

import numpy as np

from seccm_ophyd.storage.traces.trace_file import TraceFile
from seccm_ophyd.techniques import TRACE_CHANNELS, TRACE_UNITS

APPROACH_SAMPLES = 50


def measured(run, row, measurement, trace):
    """Write a trace, None for a miss, and tell the scalars."""
    if run.file:
        full = np.full((3, measurement.technique.acquisition.samples), np.nan)
        if trace is not None:
            full[:, : trace.shape[1]] = trace
        write_row(run, row, measurement.label, full)
    scalars = measurement.blanks if trace is None else measurement.summarise(trace)
    return {f"clamp_{name}": value for name, value in scalars.items()}


def write_row(run, row, label, array):
    run.traces[label].append(array)
    run.file.write(row, label, array)


def approach(height):
    """Descend by 0.2 um in steps of 20 nm: noise-free, 2.1 pA at the contact."""
    curve = np.full((2, APPROACH_SAMPLES), np.nan)
    steps = 0.02 * np.arange(10)[::-1]
    curve[0, -10:] = (41.0 if np.isnan(height) else height) + steps
    curve[1, -10:] = 0.0
    curve[1, -1] = 0.0 if np.isnan(height) else 2.1
    return curve


def trace_file(folder, measurements):
    number = len(list(Path(folder).glob("*.h5")))
    file = TraceFile(Path(folder) / f"run {number}.h5")
    file.add("approach", ("z", "i"), ("um", "pA"), APPROACH_SAMPLES)
    for m in measurements:
        samples = m.technique.acquisition.samples
        file.add(m.label, TRACE_CHANNELS, TRACE_UNITS, samples)
    file.start()
    return file


EXTERNAL = {
    "dtype": "array",
    "dtype_numpy": "<f8",
    "shape": [2, APPROACH_SAMPLES],
    "dims": ["approach_channel", "approach_sample"],
    "source": "HDF5:/approach",
    "external": "STREAM:",
}


def streams(bundle, run, device, uri):
    """Compose the resources; the rows are announced hop by hop."""
    resources = [
        {k: r[k] for k in ("mimetype", "uri", "data_key", "parameters")}
        for r in (
            run.file.stream_resource(n, f"{device}_traces_{n}") for n in run.traces
        )
    ]
    if uri and not resources:
        parameters = {
            "dataset": "/approach",
            "chunk_shape": [1, 2, APPROACH_SAMPLES],
            "swmr": True,
        }
        resources = [
            {
                "mimetype": "application/x-hdf5",
                "uri": uri,
                "data_key": f"{device}_traces_approach",
                "parameters": parameters,
            }
        ]
    streams = [bundle.compose_stream_resource(**resource) for resource in resources]
    run.documents += [("stream_resource", s.stream_resource_doc) for s in streams]
    return streams
