"""The benchmarks run; how fast they are is for `make bench` to tell."""

from math import isfinite

import pytest

from benchmarks import adaptive, physics
from benchmarks.__main__ import line


def test_physics():
    results = physics.measure(repeats=2)
    assert [r.name for r in results] == [
        "potential_step_line_us",
        "potential_step_single_ms",
        "cyclic_voltammogram_5000_ms",
        "galvanostatic_600ms_ms",
    ]
    assert all(isfinite(r.value) and r.value > 0 for r in results)
    assert all(line(r).startswith(r.name) for r in results)


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
