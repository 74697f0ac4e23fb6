"""A large map in a data folder, written by the package's own storage.

Its documents are those of `hop_fly`: an event page and a range of trace rows for each
line. What the numbers are does not matter to those who read them.
"""

from pathlib import Path

import numpy as np
from event_model import compose_run

from seccm_ophyd.storage import DataFolder, Journal, open_catalogue
from seccm_ophyd.storage.catalogue.tiled_client import close_catalogue
from seccm_ophyd.storage.catalogue.writer.ingest import write_run
from seccm_ophyd.storage.journal.reader import documents
from seccm_ophyd.storage.traces.trace_file import TraceFile
from tests.synthetic_runs import HOP_SCALARS

__all__ = ["SAMPLES", "make_large_run"]

SAMPLES = 200
LABEL = "galvanostatic"
_TECHNIQUE = {"technique": "Galvanostatic", "current_pa": 5.0}
_SCALARS = {
    **HOP_SCALARS,
    "z_contact_time": ("number", "s"),
    "clamp_contact_age": ("number", "s"),
    "clamp_end_potential": ("number", "V"),
    "clamp_charge": ("number", "pC"),
}


def make_large_run(folder: Path, size: int) -> str:
    """Write a map of `size` x `size` hops into journal, traces and catalogue.

    Parameters
    ----------
    folder
        The data folder; made if missing.
    size
        Hops along x and y.

    Returns
    -------
    str
        The uid of the run.
    """
    data = DataFolder(folder).create()
    file = TraceFile(data.traces / "large.h5")
    file.add(LABEL, ("t", "E", "i"), ("s", "V", "pA"), SAMPLES)
    file.start()
    uid = _write_journal(data, file, size)
    file.close()
    client = open_catalogue(data, create=True)
    journal = data.journal_file(uid)
    write_run(client, documents(journal))
    close_catalogue(client)
    data.acknowledgement(uid).touch()
    return uid


def _write_journal(data: DataFolder, file: TraceFile, size: int) -> str:
    axis = np.linspace(-5.0, 5.0, size)
    ends = {"start": -5.0, "stop": 5.0, "num": size}
    grid = {"x": ends, "y": ends, "snake": False}
    plan = {"plan_name": "hop_fly", "scan_id": 1, "techniques": [_TECHNIQUE]}
    run = compose_run(metadata={**plan, "hop_grid": grid, "shape": [size, size]})
    journal = Journal(data)
    journal("start", dict(run.start_doc))
    trace_key = f"seccm_traces_{LABEL}"
    keys = {
        f"seccm_{name}": {
            "dtype": dtype, "shape": [], "units": unit, "source": "bench",
        }
        for name, (dtype, unit) in _SCALARS.items()
    }  # fmt: skip
    stream = run.compose_descriptor(
        name="primary", data_keys={**keys, trace_key: file.describe(LABEL)}
    )
    journal("descriptor", dict(stream.descriptor_doc))
    resource = file.stream_resource(LABEL, trace_key)
    resource["run_start"] = run.start_doc["uid"]
    journal("stream_resource", resource)
    for line, y in enumerate(axis):
        first = line * size
        file.write_rows(first, LABEL, _traces(line, size))
        datum = file.stream_datum(LABEL, first, size)
        datum |= {
            "descriptor": stream.descriptor_doc["uid"],
            "seq_nums": {"start": first + 1, "stop": first + size + 1},
        }
        data_of_line = {f"seccm_{k}": v for k, v in _columns(line, axis, y).items()}
        when = [1e9 + first + k for k in range(size)]
        page = stream.compose_event_page(
            data=data_of_line, timestamps=dict.fromkeys(keys, when), time=when,
            validate=False,
        )  # fmt: skip
        journal("stream_datum", datum)
        journal("event_page", dict(page))
    journal("stop", dict(run.compose_stop()))
    return str(run.start_doc["uid"])


def _columns(line: int, axis: np.ndarray, y: float) -> dict[str, list]:
    size = len(axis)
    numbers = np.random.default_rng(line).standard_normal(size).tolist()
    columns: dict[str, list] = dict.fromkeys(_SCALARS, numbers)
    columns["hop_index"] = list(range(line * size, (line + 1) * size))
    columns["hop_outcome"] = ["contact"] * size
    columns["hop_repeated"] = [0] * size
    columns["xy_x"] = columns["xy_x_user_setpoint"] = axis.tolist()
    columns["xy_y"] = columns["xy_y_user_setpoint"] = [float(y)] * size
    return columns


def _traces(line: int, size: int) -> np.ndarray:
    rng = np.random.default_rng(line)
    traces = np.empty((size, 3, SAMPLES))
    traces[:, 0] = 0.003 * np.arange(SAMPLES)
    traces[:, 1] = 0.4 + 0.01 * rng.standard_normal((size, SAMPLES))
    traces[:, 2] = 5.0
    return traces
