import numpy as np
import pytest
import xarray as xr
from curves import galvanostatic, plateau, zero_current
from hypothesis import given
from hypothesis import strategies as st

from seccm_ophyd.analysis import (
    VOLUMETRIC_CAPACITY_PAH_UM3,
    RunTraces,
    capacity,
    charge_curves,
    frame,
    hop_table,
    potential_cube,
)
from seccm_ophyd.techniques import Galvanostatic, ZeroCurrentPotential
from tests.synthetic_runs import list_run, on_particle, scan_run

FARADAY_C_MOL = 96485.33
HALVES = (
    Galvanostatic(current_pa=200.0, e_upper_v=0.8, duration_s=600, interval_s=1.0),
    Galvanostatic(current_pa=-200.0, e_lower_v=0.0, duration_s=200, interval_s=1.0),
)


def test_the_charge_of_the_paper_fills_a_sphere_of_69_nm():
    """5 pA for 600 ms is 3.0 pC, of which the paper prints another radius."""
    found = capacity(5.0 * 0.6)
    assert float(found.sphere_radius) * 1e3 == pytest.approx(68.8, abs=0.05)
    assert float(found.hemisphere_radius) * 1e3 == pytest.approx(86.6, abs=0.1)
    assert float(found.volume) == pytest.approx(1.36e-3, rel=0.005)
    units = {name: found[name].attrs["units"] for name in found}
    assert units == {
        "charge": "pC",
        "capacity": "pAh",
        "volume": "um3",
        "sphere_radius": "um",
        "hemisphere_radius": "um",
    }


def test_the_capacity_of_the_paper_is_a_sphere_of_2_um():
    found = capacity([15 * 3600.0, -15 * 3600.0, np.nan])
    np.testing.assert_allclose(found.capacity, [15, 15, np.nan])
    np.testing.assert_allclose(found.volume, [24.51, 24.51, np.nan], rtol=1e-3)
    np.testing.assert_allclose(found.sphere_radius, [1.802, 1.802, np.nan], rtol=1e-3)


def test_the_volumetric_capacity_is_that_of_lithium_iron_phosphate():
    mah_g = FARADAY_C_MOL / 3.6 / 157.757
    assert mah_g * 3.6e-3 == pytest.approx(VOLUMETRIC_CAPACITY_PAH_UM3, rel=1e-3)


@given(st.floats(1e-3, 1e7))
def test_spheres_hold_their_volume(charge):
    found = capacity(-charge)
    r, h = float(found.sphere_radius), float(found.hemisphere_radius)
    assert 4 / 3 * np.pi * r**3 == pytest.approx(float(found.volume))
    assert 2 / 3 * np.pi * h**3 == pytest.approx(float(found.volume))
    assert float(found.charge) == -charge


def test_charge_and_discharge_of_one_contact(tmp_path):
    points = [(3.5, 5.5), (0.0, 0.0)]
    run = list_run(
        points, techniques=HALVES, measure=plateau, folder=tmp_path, misses=(1,)
    )
    curves = charge_curves(run.documents)
    assert curves.sizes == {"curve": 4, "sample": 600}
    assert curves["current"].values.tolist() == [200.0, -200.0] * 2
    assert curves["end_reason"].values.tolist() == ["upper cut-off", "time", "", ""]
    assert curves["charge"].attrs["units"] == "pC"
    assert curves["capacity"].attrs["units"] == "pAh"
    lengths = curves["charge"].notnull().sum("sample").values.tolist()
    assert lengths == [270, 200, 0, 0]
    np.testing.assert_allclose(
        curves["capacity"][0, :270], 200 * np.arange(1, 271) / 3600
    )
    found = capacity(curves)
    np.testing.assert_allclose(found.charge, [54_000, -40_000, np.nan, np.nan])
    np.testing.assert_allclose(found.capacity[:2], [15, 40 / 3.6])
    np.testing.assert_allclose(found.sphere_radius[0], 1.80, atol=0.005)
    assert found["end_reason"].values.tolist() == curves["end_reason"].values.tolist()


@pytest.mark.parametrize("snake", [False, True])
def test_the_cube_of_a_galvanostatic_map(tmp_path, snake):
    technique = Galvanostatic(e_upper_v=0.9)
    run = scan_run(
        8,
        6,
        techniques=(technique,),
        measure=galvanostatic,
        folder=tmp_path,
        misses=(3, 17),
        repeats=(5,),
        snake=snake,
    )
    cube = potential_cube(run.documents)
    assert cube.dims == ("y", "x", "time")
    assert cube.shape == (6, 8, 60)
    assert cube.attrs["units"] == "V"
    np.testing.assert_allclose(cube["time"], 0.01 * np.arange(60))
    assert np.isnan(cube.values.reshape(-1, 60)[[3, 17]]).all()
    y, x = np.meshgrid(cube["y"], cube["x"], indexing="ij")
    on = on_particle(x, y)
    missed = cube[..., 0].isnull().values
    first, last = frame(cube, 0.0).values, frame(cube, 0.6).values
    np.testing.assert_allclose(last[on & ~missed], 0.41, atol=5e-3)
    np.testing.assert_allclose(first[~on & ~missed], 0.63, atol=5e-3)
    # on carbon the cut-off came first, behind 420 ms
    assert np.isnan(last[~on]).all()
    middle = frame(cube, 0.25)
    assert middle.dims == ("y", "x")
    assert float(middle["time"]) == pytest.approx(0.25)
    np.testing.assert_allclose(
        middle.values[~on & ~missed], 0.63 + 0.65 * 0.25, atol=5e-3
    )


def test_times_outside_the_film_are_refused(tmp_path):
    run = scan_run(
        3, 3, techniques=(Galvanostatic(),), measure=galvanostatic, folder=tmp_path
    )
    cube = potential_cube(run.documents)
    for t_s in (-0.1, 0.7, np.nan):
        with pytest.raises(ValueError, match=r"between 0 and 0.59 s"):
            frame(cube, t_s)


def test_a_map_that_goes_on_is_nan_where_it_has_not_been(tmp_path):
    run = scan_run(
        4,
        3,
        techniques=(Galvanostatic(),),
        measure=galvanostatic,
        folder=tmp_path,
        misses=(0,),
        stop_after=6,
    )
    cube = potential_cube(run.documents)
    assert cube.shape == (3, 4, 60)
    there = cube.notnull().all("time").values.ravel()
    assert there.tolist() == [False, *[True] * 5, *[False] * 6]
    assert capacity(charge_curves(run.documents)).charge.notnull().sum() == 5
    run.file.close()


def test_a_map_without_any_contact_has_its_times(tmp_path):
    run = scan_run(
        2,
        1,
        techniques=(Galvanostatic(),),
        measure=galvanostatic,
        folder=tmp_path,
        misses=(0, 1),
    )
    cube = potential_cube(run.documents)
    assert cube.isnull().all()
    np.testing.assert_allclose(cube["time"], 0.01 * np.arange(60))


def test_other_techniques_are_no_charge(tmp_path):
    run = scan_run(
        2,
        2,
        techniques=(ZeroCurrentPotential(),),
        measure=zero_current,
        folder=tmp_path,
    )
    with pytest.raises(ValueError, match="has no Galvanostatic"):
        charge_curves(run.documents)
    with pytest.raises(ValueError, match="has no Galvanostatic"):
        potential_cube(run.documents)


def offset(technique, x, y, rng):
    """An amplifier that adds 0.15 pA, cut at 2 nA; the clock of which runs slow."""
    n = technique.acquisition.samples
    t = 1.25 * technique.interval_s * np.arange(n)
    i = np.full(n, min(technique.current_pa + 0.15, 2000.0))
    return np.stack([t, 0.4 + 0 * t, i])


def test_charge_and_capacity_are_integrals_of_what_was_measured(tmp_path):
    technique = Galvanostatic(current_pa=0.2, duration_s=4, interval_s=0.1)
    run = list_run([(0, 0)], techniques=(technique,), measure=offset, folder=tmp_path)
    curves = charge_curves(run.documents)
    np.testing.assert_allclose(curves.mean_current, 0.35)
    np.testing.assert_allclose(curves.current, 0.2)
    np.testing.assert_allclose(capacity(run.documents).charge, 0.35 * 5)
    assert not curves.overload.any()
    (told,) = hop_table(run.documents).seccm_clamp_passed_charge.values
    assert told == pytest.approx(float(capacity(curves).charge[0]))
    (tmp_path / "map").mkdir()
    grid = scan_run(
        2, 2, techniques=(technique,), measure=offset, folder=tmp_path / "map"
    )
    cube = potential_cube(grid.documents)
    np.testing.assert_allclose(np.diff(cube["time"]), 0.125)


def test_a_hole_in_a_curve_hides_its_charge(tmp_path):
    def holed(*args):
        trace = offset(*args)
        trace[2, 20] = np.nan
        return trace

    run = list_run(
        [(0, 0)], techniques=(Galvanostatic(),), measure=holed, folder=tmp_path
    )
    curves = charge_curves(run.documents)
    assert curves.charge[0].notnull().sum() == 20
    assert np.isnan(capacity(curves).charge[0])


def test_what_was_cut_by_the_range_is_marked(tmp_path):
    """The overload ends the contact: it belongs to what was measured last in it."""
    techniques = (Galvanostatic(), Galvanostatic(current_pa=5000.0), Galvanostatic())
    run = list_run(
        [(0, 0), (1, 1)],
        techniques=techniques,
        measure=offset,
        folder=tmp_path,
    )
    docs = [(name, dict(doc)) for name, doc in run.documents]
    traces = RunTraces.of(docs)
    outcome = np.array(["overload", "contact"])
    traces.table = traces.table.assign(seccm_hop_outcome=("hop", outcome))
    read = traces.read_sample

    def ended(label, channel, sample):
        values = read(label, channel, sample)
        return values.where(label != "galvanostatic_3")

    traces.read_sample = ended
    found = charge_curves(traces)
    assert found.overload.values.tolist() == [False, True, False] + [False] * 3
    assert capacity(traces).overload.values.tolist() == found.overload.values.tolist()


def test_a_run_may_be_given_in_place_of_its_curves(tmp_path):
    run = scan_run(
        3, 2, techniques=(Galvanostatic(),), measure=galvanostatic, folder=tmp_path
    )
    docs = run.documents
    np.testing.assert_array_equal(
        capacity(docs).charge, capacity(charge_curves(docs)).charge
    )
    np.testing.assert_array_equal(frame(docs, 0.3), frame(potential_cube(docs), 0.3))
    for wrong in (None, "5", {"charge": 3}, xr.Dataset()):
        with pytest.raises((TypeError, FileNotFoundError)):
            capacity(wrong)
    with pytest.raises(TypeError, match=r"frame takes a film .* or a run \("):
        frame(np.zeros(3), 0.1)
