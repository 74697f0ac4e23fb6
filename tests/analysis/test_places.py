"""Maps lie where the probe was, not where it was sent."""

import numpy as np
import pytest
from curves import FAST_CV, bells_on_particles

from seccm_ophyd.analysis import find_targets, hop_map, trace_map
from seccm_ophyd.schema import X_SET, Y_SET, X, Y
from seccm_ophyd.views import HopMapView
from tests.synthetic_runs import list_run, scan_run


def moved(run, shift, *, asked=False):
    """The run as a stage made it that went to shift(x, y, hop).

    asked: the set positions are there, too, as with a plan that is made relative.
    """
    for name, doc in run.documents:
        if name == "event":
            data = doc["data"]
            x, y = data[f"seccm_{X_SET}"], data[f"seccm_{Y_SET}"]
            there = shift(x, y, data["seccm_hop_index"])
            data[f"seccm_{X}"], data[f"seccm_{Y}"] = there
            if asked:
                data[f"seccm_{X_SET}"], data[f"seccm_{Y_SET}"] = there
    return run


@pytest.mark.parametrize("asked", [False, True])
def test_a_relative_map_lies_where_the_stage_was(asked):
    run = moved(scan_run(7, 6, size=6), lambda x, y, k: (x + 5, y - 3), asked=asked)
    data = hop_map(run.documents)
    np.testing.assert_allclose(data.x, np.linspace(2, 8, 7))
    np.testing.assert_allclose(data.y, np.linspace(-6, 0, 6))
    best = max(run.current, key=run.current.get)
    there = (2.0 + best % 7, -6 + 1.2 * (best // 7))
    assert find_targets(run.documents, "brightest") == [pytest.approx(there)]
    assert "off_grid_um" not in data.attrs


def test_the_picture_lies_there_too():
    run = moved(scan_run(7, 6, size=6), lambda x, y, k: (x + 5, y - 3))
    for view in (HopMapView.from_run(run.documents), HopMapView()):
        for name, doc in run.documents:
            view(name, doc)
        view.draw()
        left, right, bottom, top = view.panels["current"].image.get_extent()
        assert (left, right) == pytest.approx((1.5, 8.5))
        assert (bottom, top) == pytest.approx((-6.6, 0.6))


def test_a_stage_that_lags_and_a_map_that_is_not_complete():
    # each line 0.3 um too far in y, the columns squeezed by a tenth
    run = moved(
        scan_run(5, 4, size=8, stop_after=12), lambda x, y, k: (0.9 * x, y + 0.3)
    )
    data = hop_map(run.documents)
    np.testing.assert_allclose(data.x, 0.9 * np.linspace(-4, 4, 5))
    # the last line, which has not been made, is expected as its neighbours are
    np.testing.assert_allclose(data.y, np.linspace(-4, 4, 4) + 0.3)
    assert data.x_reached.isnull().sum() == data.current.isnull().sum() == 8


def test_what_a_good_stage_scatters_by_leaves_the_map_as_planned():
    data = hop_map(scan_run(9, 9, snake=True).documents)  # read back to 2 nm rms
    np.testing.assert_array_equal(data.x, np.linspace(-10, 10, 9))
    apart = np.hypot(data.x_reached - data.x, data.y_reached - data.y)
    assert 0 < float(apart.max()) < 0.01


def test_hops_beside_their_pixels_are_told_of_and_targets_lie_at_the_hop():
    # lines made backwards lie 0.6 um aside, more than half a pixel
    def aside(x, y, k):
        return (x + (0.6 if (k // 11) % 2 else 0.0), y)

    run = moved(scan_run(11, 10, size=10, snake=True), aside)
    with pytest.warns(UserWarning, match=r"lie up to 0\.3 um off their grid"):
        data = hop_map(run.documents)
    assert data.attrs["off_grid_um"] == pytest.approx(0.3)
    best = max(run.current, key=run.current.get)
    there = aside(best % 11 - 5, -5 + 10 / 9 * (best // 11), best)
    assert find_targets(data, "brightest") == [pytest.approx(there)]


def test_a_list_on_a_grid_and_a_stage_without_readback():
    points = [(x, y) for y in (0.0, 1.0, 2.0) for x in (0.0, 1.0, 2.0)]
    run = moved(list_run(points), lambda x, y, k: (x + 0.05, y))
    np.testing.assert_allclose(hop_map(run.documents).x, [0.05, 1.05, 2.05])
    for _, doc in run.documents:
        for key in (f"seccm_{X}", f"seccm_{Y}"):
            doc.get("data", {}).pop(key, None)
            doc.get("data_keys", {}).pop(key, None)
    np.testing.assert_array_equal(hop_map(run.documents).x, [0.0, 1.0, 2.0])


def test_a_reading_that_is_no_number_counts_as_what_was_asked():
    run = moved(scan_run(3, 3, size=2), lambda x, y, k: (np.nan if k == 4 else x, y))
    data = hop_map(run.documents)
    np.testing.assert_array_equal(data.x, [-1, 0, 1])
    assert float(data.x_reached[1, 1]) == 0


def test_maps_of_one_sample_of_the_traces_lie_there_as_well(tmp_path):
    run = scan_run(
        3, 2, techniques=(FAST_CV,), measure=bells_on_particles, folder=tmp_path
    )
    run = moved(run, lambda x, y, k: (x + 1, y + 2))
    one = trace_map(run.documents, "E", 3)
    np.testing.assert_allclose(one.x, hop_map(run.documents).x)
    np.testing.assert_allclose(one.y, [-8, 12])
