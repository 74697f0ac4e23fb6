import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from seccm_ophyd.views import HopMapView
from seccm_ophyd.views.panel import MISSED, UNSCANNED
from tests.synthetic_runs import scan_run


def test_saved_picture_holds_the_colours_of_the_map(tmp_path):
    view = HopMapView.from_run(scan_run(6, 5, misses=(2,), stop_after=20).documents)
    path = view.save(tmp_path / "map.png", dpi=100)
    pixels = np.round(imread(path)[..., :3] * 255).astype(int).reshape(-1, 3)
    for colour in (UNSCANNED, MISSED):
        rgb = np.round(np.array(to_rgb(colour)) * 255)
        assert (np.abs(pixels - rgb).max(axis=1) <= 1).sum() > 1000
    assert [p.name for p in tmp_path.iterdir()] == ["map.png"]
    assert view.save(tmp_path / "map.pdf").read_bytes().startswith(b"%PDF")


def test_a_failed_save_leaves_the_old_picture(tmp_path, monkeypatch):
    view = HopMapView.from_run(scan_run(3, 3).documents)
    path = tmp_path / "map.png"
    path.write_bytes(b"old")

    def fail(part, **_):
        part.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(view.figure, "savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        view.save(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_no_pyplot_figure_is_made(tmp_path):
    import matplotlib.pyplot as plt

    HopMapView.from_run(scan_run(3, 3).documents).save(tmp_path / "a.png")
    assert plt.get_fignums() == []
