"""Synthetic hop runs, as documents: no device, no engine, every number known."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from event_model import compose_run, pack_event_page

from seccm_ophyd.storage.traces.trace_file import TraceFile
from seccm_ophyd.techniques import Measurement
from tests.synthetic_traces import (
    EXTERNAL,
    approach,
    measured,
    streams,
    trace_file,
    write_row,
)

T0 = 1_700_000_000.0
HOP_S = 0.25

HOP_SCALARS = {
    "hop_index": ("integer", ""),
    "hop_outcome": ("string", ""),
    "hop_repeated": ("integer", ""),
    "xy_x": ("number", "um"),
    "xy_x_user_setpoint": ("number", "um"),
    "xy_y": ("number", "um"),
    "xy_y_user_setpoint": ("number", "um"),
    "z_contact_height": ("number", "um"),
    "z_contact_current": ("number", "pA"),
    "z_baseline_current": ("number", "pA"),
    "z_baseline_noise": ("number", "pA"),
}
SCALARS = {
    **HOP_SCALARS,
    "clamp_current": ("number", "pA"),
    "clamp_current_sd": ("number", "pA"),
    "clamp_potential": ("number", "V"),
    "clamp_contact_age": ("number", "s"),
}


def surface(x, y):
    """Height (um) and current (pA) of a made-up electrode: mounds on a slope."""
    rng = np.random.default_rng(5)
    height = 42.0 + 0.021 * x - 0.013 * y
    current = 2.0 + 0.0 * x
    for _ in range(9):
        cx, cy = rng.uniform(-9, 9, 2)
        radius, active = rng.uniform(1.2, 3.0), rng.uniform(0.3, 1.0)
        d2 = ((x - cx) ** 2 + (y - cy) ** 2) / radius**2
        height = height + radius * np.sqrt(np.clip(1 - d2, 0, None))
        grains = 1 + 0.5 * np.sin(4.1 * x + cx) * np.cos(3.7 * y + cy)
        current = current + 90 * active * grains * (d2 < 1)
    return height, current


def on_particle(x, y):
    """Whether a mound of the made-up electrode is there."""
    return surface(x, y)[1] > 2.0


@dataclass
class HopRun:
    """Documents of a run and the truth behind them, by hop index."""

    documents: list = field(default_factory=list)
    height: dict = field(default_factory=dict)
    current: dict = field(default_factory=dict)
    traces: dict = field(default_factory=dict)
    file: TraceFile | None = None

    def write(self, path):
        """Write the documents as a journal."""
        Path(path).write_text("".join(json.dumps(d) + "\n" for d in self.documents))
        return path


def _positions(x, y, snake):
    for iy, y_um in enumerate(y):
        order = range(len(x)) if not (snake and iy % 2) else range(len(x))[::-1]
        for ix in order:
            yield iy * len(x) + ix, float(x[ix]), float(y_um)


def scan_run(
    nx=6, ny=5, *, snake=False, size=20.0, x=None, y=None, extra_md=None, **kwargs
):
    """A `hop_scan` of nx times ny points; `kwargs` as for `make_run`."""
    x = np.linspace(-size / 2, size / 2, nx) if x is None else np.asarray(x, float)
    y = np.linspace(-size / 2, size / 2, ny) if y is None else np.asarray(y, float)
    md = {
        "plan_name": "hop_scan",
        "shape": [len(y), len(x)],
        "extents": [[float(y[0]), float(y[-1])], [float(x[0]), float(x[-1])]],
        "snaking": [False, snake],
        "hop_grid": {
            "x": {"start": float(x[0]), "stop": float(x[-1]), "num": len(x)},
            "y": {"start": float(y[0]), "stop": float(y[-1]), "num": len(y)},
            "snake": snake,
        },
        "hints": {
            "dimensions": [[["seccm_xy_y"], "primary"], [["seccm_xy_x"], "primary"]],
            "gridding": "rectilinear",
        },
    }
    positions = list(_positions(x, y, snake))
    return make_run(positions, md={**md, **(extra_md or {})}, **kwargs)


def list_run(points, **kwargs):
    """A `hop_list` over (x, y) points."""
    positions = [(k, float(x), float(y)) for k, (x, y) in enumerate(points)]
    hints = {"dimensions": [[["seccm_xy_y", "seccm_xy_x"], "primary"]]}
    return make_run(positions, md={"plan_name": "hop_list", "hints": hints}, **kwargs)


def make_run(
    positions,
    *,
    md,
    misses=(),
    repeats=(),
    stop_after=None,
    pages=0,
    device="seccm",
    exit_status="success",
    traces=None,
    techniques=None,
    measure=None,
    folder=None,
    current=surface,
    seed=0,
    scan_id=7,
):
    """Compose the documents of hops at (index, x, y).

    `misses` and `repeats` are hop indices; `stop_after` hops the run is cut, without a
    stop document; `pages` > 0 packs so many events in a page; `traces` is the uri of an
    HDF5 file of approach curves, which need not exist. `techniques`, objects, are done
    at each hop: ``measure(technique, x, y, rng)`` gives their traces, which are written
    into a real file in `folder`. It stays open if the run is cut, as `HopRun.file`.
    `current` is put in the place of `surface`.
    """
    rng = np.random.default_rng(seed)
    run = HopRun()
    measurements = Measurement.of(techniques) if techniques else ()
    told = [m.technique.to_dict() for m in measurements]
    told = told or [{"technique": "CurrentSample", "potential_v": 0.65}]
    bundle = compose_run(
        time=T0,
        metadata={
            "scan_id": scan_id,
            "plan_args": {"technique": told[0]},
            "techniques": told,
            "detectors": [device],
            "motors": [f"{device}_xy_y", f"{device}_xy_x"],
            "num_points": len(positions),
            "num_intervals": len(positions) - 1,
            "sample": {"name": "LiFePO4 composite"},
            "probe": {"radius_nm": 50},
            "electrolyte": "3 M LiCl",
            **md,
        },
    )
    run.documents.append(("start", bundle.start_doc))
    keys = _keys(device, measurements)
    scalar_keys = list(keys)
    if folder:
        run.file = trace_file(folder, measurements)
        for label in ("approach", *(m.label for m in measurements)):
            keys[f"{device}_traces_{label}"] = run.file.describe(label)
            run.traces[label] = []
    elif traces:
        keys[f"{device}_traces_approach"] = EXTERNAL
    descriptor = bundle.compose_descriptor(
        name="primary",
        data_keys={k: {**v, "object_name": device} for k, v in keys.items()},
        hints={device: {"fields": [f"{device}_clamp_current"]}},
        object_keys={device: list(keys)},
        configuration={},
        time=T0,
    )
    run.documents.append(("descriptor", descriptor.descriptor_doc))
    announced = streams(bundle, run, device, traces)
    order = [p for p in positions for _ in range(2 if p[0] in repeats else 1)]
    events, seen = [], set()
    for number, (index, x, y) in enumerate(order[:stop_after]):
        missed = index in misses
        height, hop_current = (float(v) for v in current(x, y))
        height += float(rng.normal(0, 0.01))
        hop_current += float(rng.normal(0, 0.5))
        run.height[index] = np.nan if missed else height
        run.current[index] = np.nan if missed else hop_current
        values = {
            "hop_index": index,
            "hop_outcome": "no_contact" if missed else "contact",
            "hop_repeated": int(index in seen),
            "xy_x": x + float(rng.normal(0, 0.002)),
            "xy_x_user_setpoint": x,
            "xy_y": y + float(rng.normal(0, 0.002)),
            "xy_y_user_setpoint": y,
            "z_contact_height": run.height[index],
            "z_contact_current": np.nan if missed else 2.1,
            "z_baseline_current": 0.02,
            "z_baseline_noise": 0.11,
            "clamp_contact_age": np.nan if missed else 0.02,
        }
        if measurements:
            for m in measurements:
                trace = None if missed else measure(m.technique, x, y, rng)
                values |= measured(run, number, m, trace)
        else:
            values["clamp_current"] = run.current[index]
            values["clamp_current_sd"] = np.nan if missed else 0.4
            values["clamp_potential"] = np.nan if missed else 0.65
        if run.file:
            write_row(run, number, "approach", approach(run.height[index]))
        seen.add(index)
        when = T0 + 1 + number * HOP_S
        data = {key: values[key.removeprefix(f"{device}_")] for key in scalar_keys}
        for stream in announced:
            datum = stream.compose_stream_datum(
                indices={"start": number, "stop": number + 1},
                seq_nums={"start": number + 1, "stop": number + 2},
                descriptor=descriptor.descriptor_doc,
            )
            run.documents.append(("stream_datum", datum))
        event = descriptor.compose_event(
            data=data,
            timestamps=dict.fromkeys(data, when),
            time=when,
            validate=number == 0 or missed,  # the others are alike, and it is slow
        )
        events.append(event)
        if not pages:
            run.documents.append(("event", event))
    for k in range(0, len(events) if pages else 0, pages or 1):
        page = pack_event_page(*events[k : k + pages])
        run.documents.append(("event_page", page))
    if stop_after is None:
        _stop(bundle, run, exit_status, when)
    return run


def _keys(device, measurements):
    """Describe the scalars; techniques have theirs in the place of the current."""
    scalars = dict(SCALARS)
    if measurements:
        for name in ("clamp_current", "clamp_current_sd", "clamp_potential"):
            del scalars[name]
    for m in measurements:
        scalars |= {f"clamp_{n}": (s.dtype, s.units) for n, s in m.scalars.items()}
    return {
        f"{device}_{key}": {
            "dtype": dtype,
            "shape": [],
            "source": f"SIM:{key}",
            "units": units,
        }
        for key, (dtype, units) in scalars.items()
    }


def _stop(bundle, run, exit_status, when):
    if run.file:
        run.file.close()
    missed = int(np.isnan(list(run.height.values())).sum())
    stop = bundle.compose_stop(exit_status=exit_status, time=when + 0.1)
    counts = {"contact": len(run.height) - missed, "no_contact": missed}
    stop["hop_counts"] = counts
    run.documents.append(("stop", stop))
