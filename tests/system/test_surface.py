"""A measured surface under the tip: the scan gives it back, flanks included."""

import numpy as np
import pytest

from seccm_ophyd.analysis import hop_map
from seccm_ophyd.plans import hop_scan
from seccm_ophyd.session import open_session
from seccm_ophyd.techniques import CurrentSample

from .conftest import read_pv

pytestmark = pytest.mark.system

PIXEL_UM = 0.5
NUMBER = 14


@pytest.fixture
def surface(tmp_path):
    """Make a height map like that of a cell: a dome with flanks of up to 60 degrees."""
    axis = (np.arange(NUMBER) - (NUMBER - 1) / 2) * PIXEL_UM
    x, y = np.meshgrid(axis, axis)
    dome = 4.0 * np.exp(-((x / 1.4) ** 4) - (y / 2.0) ** 2)
    height = dome + 0.2 * np.sin(3 * x) + 0.1 * y + 0.3
    path = tmp_path / "surface.npz"
    np.savez(path, height_um=height, pixel_size_um=PIXEL_UM)
    return path, axis, height


@pytest.mark.slow
def test_the_scan_gives_the_surface_back(surface, tmp_path):
    path, axis, height = surface
    span = (axis[0], axis[-1], NUMBER)
    with open_session(
        simulator=True, sample=str(path), seed=2, data_dir=tmp_path / "data"
    ) as session:
        m = session.seccm
        plan = hop_scan(m, CurrentSample(), *span, *span, withdraw_um=6, snake=True)
        (uid,) = session.RE(plan)
        found = hop_map(session.folder.journal_file(uid)).topography.values
        assert read_pv(f"{m.prefix}Sim:UnguardedContacts") == 0
        assert read_pv(f"{m.prefix}Sim:LateralTouches") == 0
    difference = found - height
    difference -= difference.mean()
    assert np.sqrt((difference**2).mean()) < 0.020
