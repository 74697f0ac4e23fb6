"""The benchmarks run; how fast they are is for `make bench` to tell."""

import json
from math import isfinite

import numpy as np
import pytest

from benchmarks import adaptive, physics, scaling, sketch
from benchmarks.__main__ import line
from tests.iocs import RunningIOC


def test_physics():
    results = physics.measure(repeats=2)
    assert [r.name for r in results] == [
        "landing_ms",
        "contact_ms",
        "cyclic_voltammogram_5000_ms",
        "galvanostatic_600ms_ms",
    ]
    assert all(isfinite(r.value) and r.value > 0 for r in results)
    assert all(line(r).startswith(r.name) for r in results)


def test_growth_is_drawn_with_its_power():
    hops = 10.0 ** np.arange(2, 6)
    scan = np.column_stack([hops, 1e-3 * hops, np.full(4, 200.0)])
    figure = scaling.draw({"flown": scan, "read": np.column_stack([hops, hops**0.5])})
    times, memory = figure.axes
    labels = [text.get_text() for text in times.get_legend().get_texts()]
    assert labels == ["flown: hops$^{1.00}$", "read: hops$^{0.50}$"]
    assert [text.get_text() for text in memory.get_legend().get_texts()] == ["flown"]


@pytest.mark.system
def test_the_sketch_of_a_hop_makes_the_hop(RE, tmp_path):
    ioc = RunningIOC()
    device = sketch.Sketch(ioc.prefix, name="sketch")
    journal, traces = tmp_path / "journal", tmp_path / "traces"
    try:
        device.wait_for_connection(timeout=30)
        with sketch.store_plainly(journal) as store:
            RE.subscribe(store)
            RE(sketch.sketched_hops(device, 3, 50, traces))
    finally:
        device.destroy()
        ioc.close()
    documents = [json.loads(row)[:2] for row in journal.read_text().splitlines()]
    assert [name for name, _ in documents].count("event") == 3
    events = [doc["data"] for name, doc in documents if name == "event"]
    heights = [data["sketch_approach_result"][2] for data in events]
    assert all(isfinite(height) for height in heights)
    assert [data["sketch_y"] for data in events] == pytest.approx([0, 0.1, 0.2])
    assert traces.stat().st_size == 3 * 8 * (3 + 3 * 50)


@pytest.mark.slow
@pytest.mark.system
def test_adaptive():
    ratio, touches, rms = adaptive.measure(seeds=1, pixels=12)
    assert [ratio.name, touches.name, rms.name] == [
        "adaptive_time_ratio",
        "adaptive_lateral_touches",
        "adaptive_topography_rms_nm",
    ]
    assert 0 < ratio.value < 0.5
    assert touches.value == 0
    assert 0 < rms.value < 10
