"""Synthetic documents of a hopping scan, as the RunEngine emits them.

``python hop_documents.py FOLDER HOPS`` writes them into a journal and then waits to be
killed; it prints the uid and, after each hop, its number.
"""

import math
import struct
import sys
import time
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
from event_model import DocumentNames, compose_run, schema_validators

from seccm_ophyd.storage import DataFolder, Journal
from seccm_ophyd.storage.traces.trace_file import TraceFile

Document = tuple[str, dict[str, Any]]

SCALARS = {
    "seccm_hop_index": ("integer", None),
    "seccm_hop_outcome": ("string", None),
    "seccm_xy_x": ("number", "um"),
    "seccm_z_contact_height": ("number", "um"),
    "seccm_clamp_current": ("number", "pA"),
    "seccm_clamp_potential": ("number", "V"),
}
SAMPLES = {"approach": 1000, "cv": 7}


def validate(name: str, doc: dict[str, Any]) -> None:
    schema_validators[DocumentNames[name]].validate(doc)


def hop_values(hop: int) -> dict[str, Any]:
    """Awkward values on purpose: missed hops, an int where a float is said, 1/3."""
    missed = hop % 3 == 0
    return {
        "seccm_hop_index": 1_000_000 - hop,
        "seccm_hop_outcome": "no_contact" if missed else "contact",
        "seccm_xy_x": -10 + hop / 3 if hop else 0,
        "seccm_z_contact_height": math.nan if missed else np.float64(0.1) * hop + 0.2,
        "seccm_clamp_current": math.nan if missed else -1e-300 * hop,
        "seccm_clamp_potential": 0.65,
    }


def hop_trace(hop: int, name: str) -> np.ndarray:
    return np.random.default_rng(hop).normal(size=(2, SAMPLES[name]))


def hop_run(folder: DataFolder, hops: int, scan_id: int = 1) -> Iterator[Document]:
    for name, doc in _hop_run(folder, hops, scan_id):
        validate(name, doc)
        yield name, doc


def _hop_run(folder: DataFolder, hops: int, scan_id: int) -> Iterator[Document]:
    md = {"plan_name": "hop_scan", "shape": [1, hops], "sample": {"name": "LiFePO4"}}
    run = compose_run(metadata={**md, "scan_id": scan_id, "tip_nm": 51.3})
    yield "start", run.start_doc
    file = TraceFile(folder.traces / f"{uuid.uuid4().hex}.h5")
    for name, samples in SAMPLES.items():
        file.add(name, ("z", "i"), ("um", "pA"), samples)
    file.start()
    keys = {
        key: {"source": "SIM", "dtype": dtype, "shape": []}
        | ({"units": units} if units else {})
        for key, (dtype, units) in SCALARS.items()
    }
    keys |= {f"seccm_traces_{name}": file.describe(name) for name in SAMPLES}
    primary = run.compose_descriptor(name="primary", data_keys=keys)
    yield "descriptor", primary.descriptor_doc
    for hop in range(hops):
        for name in SAMPLES:
            if hop == 0:
                resource = file.stream_resource(name, f"seccm_traces_{name}")
                yield "stream_resource", resource | {"run_start": run.start_doc["uid"]}
        for name in SAMPLES:
            if hop % 3 or name == "approach":
                file.write(hop, name, hop_trace(hop, name))
            file.reach(name, hop + 1)
            seq_nums = {"start": hop + 1, "stop": hop + 2}
            link = {"descriptor": primary.descriptor_doc["uid"], "seq_nums": seq_nums}
            yield "stream_datum", file.stream_datum(name, hop) | link
        now = time.time()
        values = hop_values(hop)
        event = primary.compose_event(
            data=values, timestamps=dict.fromkeys(values, now), time=now, validate=False
        )
        yield "event", event
    file.close()
    yield "stop", run.compose_stop()


def bits(value: Any) -> Any:
    """Turn values into what can be compared exactly, NaN included."""
    if isinstance(value, dict):
        return {key: bits(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [bits(item) for item in value]
    if isinstance(value, float | np.floating):
        number = float(value)
        return "nan" if math.isnan(number) else struct.pack("<d", number)
    return value


def events(documents: list[Document]) -> list[Any]:
    """What is measured, in an order of its own: numbers as the floats they are."""
    found = []
    for name, doc in documents:
        if name == "event":
            data = {
                key: float(value) if SCALARS[key][0] == "number" else value
                for key, value in doc["data"].items()
            }
            found.append([doc["seq_num"], doc["time"], data, doc["timestamps"]])
    return bits(found)


if __name__ == "__main__":
    target = DataFolder(sys.argv[1])
    journal = Journal(target)
    for document in hop_run(target, int(sys.argv[2])):
        if document[0] == "stop":
            time.sleep(600)
        journal(*document)
        if document[0] in ("start", "event"):
            print(document[1].get("seq_num", document[1]["uid"]), flush=True)
