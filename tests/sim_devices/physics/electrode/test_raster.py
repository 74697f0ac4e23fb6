"""Measured surfaces: the files that are read, and those that are refused."""

import re
from pathlib import Path

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.samples import load_surface


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"height_um": np.zeros((3, 3))}, "has no 'pixel_size_um'"),
        ({"z": np.zeros(3), "pixel_size_um": 1.0}, "has no 'height_um'; it holds z"),
        ({"height_um": np.zeros(3), "pixel_size_um": 1.0}, "shape (3,)"),
        ({"height_um": np.full((3, 3), np.nan), "pixel_size_um": 1.0}, "NaN"),
        ({"height_um": np.zeros((3, 3)), "pixel_size_um": -1.0}, "positive"),
        ({"height_um": np.zeros((3, 3)), "pixel_size_um": [1, 2]}, "pixel_size_um"),
    ],
)
def test_a_bad_map_is_refused_with_the_reason(tmp_path, content, complaint):
    np.savez(tmp_path / "bad.npz", **content)
    with pytest.raises(ValueError, match=re.escape(complaint)):
        load_surface(tmp_path / "bad.npz")


def test_what_is_no_map_at_all_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no surface file"):
        load_surface(tmp_path / "missing.npz")
    Path(tmp_path / "text.npz").write_text("not a zip")
    with pytest.raises(ValueError, match=r"not an \.npz file"):
        load_surface(tmp_path / "text.npz")
