import numpy as np
import pytest
from curves import zero_current
from hypothesis import given, settings
from hypothesis import strategies as st

from seccm_ophyd.analysis import TARGET_RULES, Grid, find_targets, hop_map
from seccm_ophyd.techniques import ZeroCurrentPotential
from tests.synthetic_runs import list_run, on_particle, scan_run, surface

OPTIONS = {"within": {"spacing_um": 0.5}, "at": {"x": 1.0, "y": 2.0}}


@pytest.fixture(scope="module")
def run():
    return scan_run(31, 31, misses=(7, 700))


@pytest.fixture(scope="module")
def current(run):
    return hop_map(run.documents)


@pytest.fixture(scope="module")
def potential():
    return hop_map(
        scan_run(
            31,
            31,
            techniques=(ZeroCurrentPotential(duration_s=0.02),),
            measure=zero_current,
        ).documents
    )


def two_discs(x, y):
    """A small bright disc at (-4, 0) and a large dim one at (3, 1): more in total."""
    small = (x + 4) ** 2 + y**2 < 1.2**2
    large = (x - 3) ** 2 + (y - 1) ** 2 < 3.2**2
    return 40.0, 2.0 + 100.0 * small + 40.0 * large


def at(data, x, y):
    """Current of the pixel nearest to a point."""
    return data.current.sel(x=x, y=y, method="nearest")


@pytest.mark.parametrize("rule", TARGET_RULES)
def test_each_rule_takes_any_kind_of_run(rule, run, current, tmp_path):
    options = OPTIONS.get(rule, {})
    found = find_targets(run.documents, rule, **options)
    assert found
    assert all(type(v) is float for point in found for v in point)
    path = run.write(tmp_path / "run.jsonl")
    assert find_targets(path, rule, **options) == found
    assert find_targets(current, rule, **options) == found


def test_brightest_are_the_largest_currents_far_enough_apart(run, current):
    (first,) = find_targets(current, "brightest")
    best = max(run.current, key=lambda k: np.nan_to_num(run.current[k]))
    # where the probe was at that hop, some nm from the centre of the pixel
    iy, ix = divmod(best, 31)
    assert first == (current.x_reached[iy, ix], current.y_reached[iy, ix])
    assert np.hypot(first[0] - current.x[ix], first[1] - current.y[iy]) < 0.01
    found = np.array(find_targets(current, "brightest", n=6, apart_um=2.0))
    assert tuple(found[0]) == first
    values = [float(at(current, x, y)) for x, y in found]
    assert values == sorted(values, reverse=True)
    distance = np.hypot(*(found[:, None] - found).transpose(2, 0, 1))
    assert distance[~np.eye(6, dtype=bool)].min() >= 2.0
    with pytest.raises(ValueError, match=r"4 hops .* apart_um=14 apart, not n=9"):
        find_targets(current, "brightest", n=9, apart_um=14)


def test_brightest_of_intercalation_is_the_most_negative():
    run = scan_run(21, 21, current=lambda x, y: (40.0, -surface(x, y)[1]))
    (found,) = find_targets(run.documents, "brightest")
    data = hop_map(run.documents)
    assert float(at(data, *found)) == float(data.current.min())


def test_hops_without_a_good_contact_are_no_targets():
    run = scan_run(21, 21)
    first = find_targets(run.documents, "brightest")
    for name, doc in run.documents:
        data = doc.get("data", {}) if name == "event" else {}
        if (
            data.get("seccm_xy_x"),
            data.get("seccm_xy_y"),
        ) == (first[0]):
            data["seccm_hop_outcome"] = "overload"
    assert find_targets(run.documents, "brightest") != first


def test_the_brightest_particle_is_that_of_most_current_in_all():
    run = scan_run(31, 31, current=two_discs)
    ((x, y),) = find_targets(run.documents, "brightest_particle")
    assert np.hypot(x - 3, y - 1) < 0.48  # half the diagonal of a pixel of 0.67 um
    ((x, y),) = find_targets(run.documents, "brightest")
    assert np.hypot(x + 4, y) < 1.2


def test_the_centre_lies_on_a_bent_particle():
    def ring(x, y):
        return 40.0, 2.0 + 50.0 * (3 < np.hypot(x, y) < 5)

    run = scan_run(31, 31, current=ring)
    ((x, y),) = find_targets(run.documents, "brightest_particle")
    assert 3 < np.hypot(x, y) < 5


@pytest.mark.parametrize("kind", ["current", "potential"])
def test_points_on_and_off_lie_well_inside(kind, request):
    data = request.getfixturevalue(kind)
    found = find_targets(data, "on_and_off", n=12)
    assert len(set(found)) == 24
    around = [(dx, dy) for dx in (-0.3, 0, 0.3) for dy in (-0.3, 0, 0.3)]
    for k, (x, y) in enumerate(found):
        assert all(on_particle(x + dx, y + dy) == (k < 12) for dx, dy in around)
    assert found == find_targets(data, "on", n=12) + find_targets(data, "off", n=12)


def test_points_are_those_of_their_seed(current):
    one, again, other = (
        find_targets(current, "on", n=5, seed=seed) for seed in (3, 3, 4)
    )
    assert one == again != other


@settings(max_examples=20, deadline=None)
@given(spacing=st.floats(0.3, 3.0), particle=st.integers(1, 3))
def test_a_grid_within_a_particle(current, spacing, particle):
    found = np.array(
        find_targets(current, "within", spacing_um=spacing, particle=particle)
    )
    steps = (found - found[0]) / spacing
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-6)
    pixels = Grid(current.x.values, current.y.values).pixels(*found.T)
    iy, ix = np.divmod(pixels, current.sizes["x"])
    assert on_particle(current.x.values[ix], current.y.values[iy]).all()
    assert len({tuple(p) for p in found.tolist()}) == len(found)


def test_particles_are_chosen_by_number_or_by_a_point():
    run = scan_run(31, 31, current=two_discs)
    large = find_targets(run.documents, "within", spacing_um=1.0)
    small = find_targets(run.documents, "within", spacing_um=1.0, particle=2)
    for points, centre, radius in ((large, (3, 1), 3.2), (small, (-4, 0), 1.2)):
        away = np.hypot(*(np.array(points) - centre).T)
        assert away.max() < radius + 0.48  # half the diagonal of a pixel
    assert len(large) == pytest.approx(np.pi * 3.2**2, abs=6)
    assert len(small) >= 4
    by_point = find_targets(run.documents, "within", spacing_um=1.0, point=[-4.2, 0.3])
    assert by_point == small
    with pytest.raises(ValueError, match=r"particle=3 must be 1 to 2"):
        find_targets(run.documents, "within", spacing_um=1.0, particle=3)
    with pytest.raises(ValueError, match="no LiFePO4 at"):
        find_targets(run.documents, "within", spacing_um=1.0, point=(9, -9))
    for spacing in (0.0, -1.0, np.nan, 1e-6):
        with pytest.raises(ValueError, match=r"spacing_um=.* must be"):
            find_targets(run.documents, "within", spacing_um=spacing)


def test_a_typed_position_lies_on_the_map(current):
    assert find_targets(current, "at", x=9.9, y=-3) == [(9.9, -3.0)]
    for x, y in ((10.4, 0), (0, -11), (np.nan, 0)):
        with pytest.raises(ValueError, match=r"rule 'at': .* is not on the map of run"):
            find_targets(current, "at", x=x, y=y)


def test_a_potential_map_has_particles_but_nothing_bright(potential):
    ((x, y),) = find_targets(potential, "brightest_particle")
    assert on_particle(x, y)
    with pytest.raises(ValueError, match="has no current; it has topography"):
        find_targets(potential, "brightest")


def test_errors_name_rule_and_options(current):
    with pytest.raises(ValueError, match="'best' is unknown: brightest, brightest_par"):
        find_targets(current, "best")
    with pytest.raises(ValueError, match=r"rule 'on' takes n: int = 1, seed: int = 0"):
        find_targets(current, "on", colour="red")
    with pytest.raises(ValueError, match=r"'brightest_particle' takes no option"):
        find_targets(current, "brightest_particle", n=2)
    with pytest.raises(ValueError, match=r"a required .*argument: 'spacing_um'"):
        find_targets(current, "within")
    for n in (0, -1, 1.5):
        with pytest.raises(ValueError, match=r"n=.* a whole number"):
            find_targets(current, "off", n=n)
    with pytest.raises(ValueError, match=r"pixels of LiFePO4, not 5000"):
        find_targets(current, "on", n=5000)
    with pytest.raises(ValueError, match="use hop_table"):
        find_targets(list_run([(0, 0), (1, 1), (2, 5)]).documents, "brightest")


def test_an_unfinished_map_gives_what_it_has():
    run = scan_run(31, 31, stop_after=450, misses=(100,))
    for rule in TARGET_RULES:
        for _, y in find_targets(run.documents, rule, **OPTIONS.get(rule, {})):
            assert rule == "at" or y < 0
    nothing = scan_run(31, 31, stop_after=0)
    for rule in set(TARGET_RULES) - {"at"}:
        with pytest.raises(ValueError, match=f"rule '{rule}': the map of run"):
            find_targets(nothing.documents, rule, **OPTIONS.get(rule, {}))
