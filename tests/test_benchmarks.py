"""The benchmarks run; how fast they are is for `make bench` to tell."""

from math import isfinite

from benchmarks import physics
from benchmarks.__main__ import table


def test_physics():
    results = physics.measure(repeats=2)
    assert [r.name for r in results] == [
        "potential_step_line_us",
        "potential_step_single_ms",
        "cyclic_voltammogram_5000_ms",
        "galvanostatic_600ms_ms",
    ]
    assert all(isfinite(r.value) and r.value > 0 for r in results)
    assert all(r.name in table(results) for r in results)
