import logging

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

from seccm_ophyd.analysis import hop_map, level, robust_limits
from seccm_ophyd.views import HopMapView
from seccm_ophyd.views.panel import MISSED, UNSCANNED, nice_length, pretty_unit
from tests.synthetic_runs import list_run, scan_run


def fed(run):
    view = HopMapView()
    for document in run.documents:
        view(*document)
    view._update()
    return view


def from_documents(run):
    return HopMapView.from_run(run.documents)


def words(view):
    return " | ".join(text.get_text() for text in view.figure.texts)


def shown(panel):
    return panel.image.get_array().filled(np.nan)


def scale_bar(panel):
    (bar,) = (a for a in panel.axes.artists if isinstance(a, AnchoredSizeBar))
    return bar


@pytest.mark.parametrize("make", [fed, from_documents])
@pytest.mark.parametrize(
    "run",
    [
        scan_run(9, 8, misses=(4, 30)),
        scan_run(9, 8, snake=True, repeats=(5, 6), misses=(6,)),
        scan_run(9, 8, snake=True, pages=9),
        scan_run(9, 8, stop_after=40, misses=(3,)),
    ],
    ids=["raster", "snake", "pages", "partial"],
)
def test_panels_show_the_map(make, run):
    view, ds = make(run), hop_map(run.documents)
    topography, current = view.panels["topography"], view.panels["current"]
    np.testing.assert_array_equal(shown(current), ds.current)
    levelled = level(ds.topography).values
    zero = robust_limits(levelled)[0]
    np.testing.assert_array_equal(shown(topography), levelled - zero)
    missed = topography.missed.get_array().filled(False)
    np.testing.assert_array_equal(missed, ds.outcome == 2)
    assert topography.image.get_clim() == robust_limits(levelled - zero)
    assert current.image.get_clim() == robust_limits(ds.current)
    assert not topography.points.get_visible()


def test_panels_are_dressed_as_microscopists_expect():
    view = fed(scan_run(9, 9, misses=(4,)))
    for panel, label in zip(view.panels.values(), ("µm", "pA"), strict=True):
        assert panel.axes.get_aspect() == 1
        assert panel.image.origin == "lower"
        np.testing.assert_allclose(panel.image.get_extent(), [-11.25, 11.25] * 2)
        assert panel.axes.get_xlim() == panel.axes.get_ylim() == (-11.25, 11.25)
        assert panel.colorbar.ax.get_ylabel() == label
        assert panel.colorbar.mappable is panel.image
        bar = scale_bar(panel)
        assert bar.txt_label.get_text() == "5 µm"
        assert bar.size_bar.get_children()[0].get_width() == 5
    titles = [panel.axes.get_title(loc="left") for panel in view.panels.values()]
    assert titles == ["Topography, levelled by facets", "Current"]


def test_units_are_those_of_the_descriptor():
    run = scan_run(3, 3)
    keys = run.documents[1][1]["data_keys"]
    keys["seccm_clamp_current"]["units"] = "nA"
    keys["seccm_z_contact_height"]["units"] = "nm"
    for view in (fed(run), from_documents(run)):
        labels = [p.colorbar.ax.get_ylabel() for p in view.panels.values()]
        assert labels == ["nm", "nA"]


def test_neutral_and_missed_colours_are_in_neither_colour_map():
    view = fed(scan_run(3, 3, misses=(2,), stop_after=5))
    for panel in view.panels.values():
        image = panel.image
        colours = image.cmap(np.linspace(0, 1, 256))[:, :3]
        for other in (UNSCANNED, MISSED):
            assert np.abs(colours - to_rgb(other)).sum(axis=1).min() > 0.25
        rgba = image.to_rgba(image.get_array())
        np.testing.assert_allclose(rgba[2, 2, :3], to_rgb(UNSCANNED), atol=1e-6)
        missed = panel.missed
        rgba = missed.to_rgba(missed.get_array())
        np.testing.assert_allclose(rgba[0, 2, :3], to_rgb(MISSED), atol=1e-6)
        assert rgba[0, 1, 3] == 0
    (legend,) = view.figure.legends
    assert [t.get_text() for t in legend.texts] == ["not scanned", "no contact"]


def test_text_tells_the_run_and_how_far_it_is():
    run = scan_run(6, 5, misses=(1, 2), stop_after=12)
    text = words(fed(run))
    assert "hop_scan · LiFePO4 composite" in text
    assert "+0.65 V vs QRCE" in text
    assert "6 × 5 pixels, 20 × 20 µm" in text
    assert "12 of 30 hops, 2 without contact" in text
    assert f"scan 7 · {run.documents[0][1]['uid'][:8]}" in text
    assert "2023-11-1" in text
    whole = fed(scan_run(6, 5, repeats=(3,)))
    assert "· 30 hops" in words(whole)
    assert whole.figure.legends == []


@pytest.mark.parametrize(
    ("run", "live", "stored"),
    [
        (scan_run(3, 3), "", ""),
        (scan_run(3, 3, exit_status="abort"), "INTERRUPTED (aborted)", None),
        (scan_run(3, 3, exit_status="fail"), "INTERRUPTED (failed)", None),
        (scan_run(3, 3, stop_after=4), "", "UNFINISHED (interrupted or running)"),
    ],
    ids=["success", "abort", "fail", "killed"],
)
def test_interrupted_runs_are_marked(run, live, stored):
    assert fed(run).captions.status.get_text() == live
    expected = live if stored is None else stored
    assert from_documents(run).captions.status.get_text() == expected


def test_picture_fills_hop_by_hop_and_begins_anew_with_the_next_run():
    first, second = scan_run(4, 4), scan_run(5, 3, size=6)
    view = HopMapView()
    view.draw()  # before any document
    done = 0
    for name, doc in first.documents:
        view(name, doc)
        view._update()
        done += name == "event"
        if view.panels:
            assert np.isfinite(shown(view.panels["current"])).sum() == done
    artists = len(view.figure.axes), len(view.figure.axes[0].get_children())
    assert artists[0] == 2
    view.draw()
    assert (2, len(view.figure.axes[0].get_children())) == artists
    for document in second.documents:
        view(*document)
    view.draw()
    np.testing.assert_array_equal(
        shown(view.panels["current"]), hop_map(second.documents).current
    )
    assert len(view.figure.axes) == 2


def test_descending_axes_are_turned_round():
    run = scan_run(x=np.linspace(3, -3, 7), y=np.linspace(2, -2, 5))
    panel = fed(run).panels["current"]
    ascending = hop_map(run.documents).sortby(["x", "y"])
    np.testing.assert_array_equal(shown(panel), ascending.current)
    np.testing.assert_allclose(panel.image.get_extent(), [-3.5, 3.5, -2.5, 2.5])


@pytest.mark.parametrize("make", [fed, from_documents])
def test_list_of_scattered_points(make):
    points = np.random.default_rng(1).uniform(-5, 5, (20, 2))
    run = list_run(points, misses=(2, 5))
    view = make(run)
    panel = view.panels["current"]
    hit = [k for k in range(20) if k not in (2, 5)]
    events = [doc["data"] for name, doc in run.documents if name == "event"]
    there = np.array([(e["seccm_xy_x"], e["seccm_xy_y"]) for e in events])
    np.testing.assert_array_equal(panel.points.get_offsets(), there[hit])
    np.testing.assert_array_equal(
        panel.points.get_array(), [run.current[k] for k in hit]
    )
    np.testing.assert_array_equal(panel.missed_points.get_offsets(), there[[2, 5]])
    assert panel.points.get_visible()
    assert not panel.image.get_visible()
    assert panel.colorbar.mappable is panel.points
    assert panel.axes.get_aspect() == 1
    assert "20 hops, 2 without contact" in words(view)


def test_list_on_a_grid_is_an_image():
    run = list_run([(x, y) for x in range(4) for y in range(3)])
    panel = fed(run).panels["current"]
    assert panel.image.get_visible()
    np.testing.assert_array_equal(shown(panel), hop_map(run.documents).current)


@pytest.mark.parametrize(
    "run",
    [
        scan_run(12, 12, misses=(3,), stop_after=100),
        scan_run(40, 6, x=np.linspace(-20, 20, 40), y=np.linspace(-3, 3, 6)),
        scan_run(5, 30, x=np.linspace(-2, 2, 5), y=np.linspace(-12, 12, 30)),
        scan_run(20, 1, y=[0.0]),
        list_run(np.random.default_rng(1).uniform(-5, 5, (20, 2)), misses=(1,)),
    ],
    ids=["square", "wide", "tall", "line", "points"],
)
def test_nothing_overlaps_or_is_cut_off(run):
    run.documents[0][1]["sample"]["name"] = "a sample with a name of many words " * 3
    view = HopMapView.from_run(run.documents)
    figure = view.figure
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    texts = [t for t in figure.texts if t.get_text()]
    boxes = [t.get_window_extent(renderer) for t in texts]
    boxes += [a.get_tightbbox(renderer) for a in figure.axes]
    boxes += [legend.get_window_extent(renderer) for legend in figure.legends]
    for box in boxes:
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1 + 1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1 + 1
    for k, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[k + 1 :])


def test_drawing_into_a_figure_of_the_users_keeps_its_size():
    figure = Figure(figsize=(7, 3))
    view = HopMapView.from_run(scan_run(4, 4).documents, figure)
    assert view.figure is figure
    assert tuple(figure.get_size_inches()) == (7, 3)


def test_technique_without_a_current_shows_that_at_contact():
    run = scan_run(3, 3)
    keys = run.documents[1][1]["data_keys"]
    del keys["seccm_clamp_current"], keys["seccm_clamp_current_sd"]
    view = fed(run)
    assert (shown(view.panels["current"]) == 2.1).all()


def test_other_streams_and_runs_without_hops_leave_the_picture_alone():
    run = scan_run(3, 3)
    view = HopMapView()
    for name, doc in run.documents:
        view(name, doc)
        if name == "event":
            view("event", {**doc, "descriptor": "of another stream"})
    view.draw()
    assert np.isfinite(shown(view.panels["current"])).sum() == 9
    with pytest.raises(KeyError, match="hop_index"):
        HopMapView.from_run([run.documents[0], run.documents[-1]])


def test_an_error_in_a_document_is_logged_and_goes_no_further(caplog, monkeypatch):
    monkeypatch.delenv("BLUESKY_DEBUG_CALLBACKS", raising=False)
    run = scan_run(3, 3)
    view = HopMapView()
    for document in run.documents[:5]:
        view(*document)
    with caplog.at_level(logging.ERROR):
        view("event", {**run.documents[5][1], "data": {}})
    assert "KeyError" in caplog.text
    assert caplog.records[0].name == "seccm_ophyd.views.hop_map_view"
    view(*run.documents[5])
    view.draw()
    assert np.isfinite(shown(view.panels["current"])).sum() == 4


@pytest.mark.parametrize(
    ("width", "length"),
    [(20, 5), (20.5, 5), (8, 2), (7.9, 1), (41, 10), (0.4, 0.1), (1.0, 0.2)],
)
def test_scale_bar_has_a_nice_length(width, length):
    assert nice_length(width) == pytest.approx(length)


def test_units_are_written_as_people_do():
    assert [pretty_unit(u) for u in ("um", "pA", "V", "um/s", "")] == [
        "µm",
        "pA",
        "V",
        "um/s",
        "",
    ]


def over_an_edge(x, y):
    """A film of 0.6 um on a tilted substrate."""
    return 40.0 + 0.02 * x + 0.6 * (x < 0), 5.0


@pytest.mark.parametrize(
    ("levelling", "title", "tilt"),
    [
        ("facet", "Topography, levelled by facets", 0.0),
        ("plane", "Topography, levelled by a plane", 0.4),
        ("rows", "Topography, levelled by facets and rows", 0.0),
        ("none", "Topography, not levelled", 0.18),
    ],
)
def test_the_picture_says_how_it_is_levelled(levelling, title, tilt):
    run = scan_run(21, 9, current=over_an_edge)
    for view in (
        HopMapView.from_run(run.documents, levelling=levelling),
        HopMapView(levelling=levelling),
    ):
        for name, doc in run.documents:
            view(name, doc)
        view.draw()
        panel = view.panels["topography"]
        assert panel.axes.get_title(loc="left") == title
        row = np.median(shown(panel), axis=0)
        assert abs(row[-1] - row[11]) == pytest.approx(tilt, abs=0.05)


def test_points_on_no_grid_have_no_rows():
    points = np.random.default_rng(1).uniform(-5, 5, (20, 2))
    view = HopMapView.from_run(list_run(points).documents, levelling="rows")
    title = view.panels["topography"].axes.get_title(loc="left")
    assert title == "Topography, levelled by facets"
    raw = HopMapView.from_run(list_run(points).documents, levelling="none")
    assert raw.panels["topography"].points.get_array().min() > 40


def test_an_unknown_way_of_levelling_is_refused():
    with pytest.raises(ValueError, match="'flat' is unknown: facet, plane, rows, none"):
        HopMapView(levelling="flat")
