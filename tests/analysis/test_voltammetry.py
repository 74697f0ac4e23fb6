import numpy as np
import pytest
import xarray as xr
from curves import (
    E_ANODIC_V,
    E_CATHODIC_V,
    F_RT,
    FAST_CV,
    WIDTH_V,
    bell_voltammogram,
    bells_on_particles,
    reversible_voltammogram,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from seccm_ophyd.analysis import PeakStatus, hop_table, hop_traces, peaks, voltammograms
from seccm_ophyd.techniques import CyclicVoltammetry, LinearSweepVoltammetry
from tests.synthetic_runs import list_run, on_particle, scan_run


def curve(trace):
    return xr.Dataset({"E": ("sample", trace[1]), "i": ("sample", trace[2])})


def bell(technique=FAST_CV, seed=0, **kwargs):
    return curve(bell_voltammogram(technique, np.random.default_rng(seed), **kwargs))


def test_peaks_of_a_thin_layer_are_where_they_were_put():
    found = peaks(bell())
    assert float(found.anodic_peak_potential) == pytest.approx(E_ANODIC_V, abs=2e-3)
    assert float(found.cathodic_peak_potential) == pytest.approx(E_CATHODIC_V, abs=2e-3)
    assert float(found.peak_separation) == pytest.approx(0.22, abs=3e-3)
    assert float(found.midpoint_potential) == pytest.approx(0.38, abs=2e-3)
    # above the leak (2 pA at the peak) and the capacity (2 pA)
    assert float(found.anodic_peak_current) == pytest.approx(50, rel=0.03)
    assert float(found.cathodic_peak_current) == pytest.approx(-50, rel=0.03)
    assert float(found.anodic_half_peak_width) == pytest.approx(WIDTH_V, rel=0.05)
    assert float(found.cathodic_half_peak_width) == pytest.approx(WIDTH_V, rel=0.05)
    assert float(found.noise) == pytest.approx(0.3, rel=0.2)
    assert int(found.anodic_status) == PeakStatus.PEAK
    assert found.anodic_peak_potential.attrs["units"] == "V"
    assert found.cathodic_peak_current.attrs["units"] == "pA"
    meanings = found.anodic_status.attrs["flag_meanings"].split()
    assert meanings == ["peak", "no_peak", "no_sweep", "no_data", "no_baseline"]


def test_the_reversible_wave_of_nicholson_and_shain():
    technique = CyclicVoltammetry(e_start_v=0.0, e_vertex1_v=0.8, e_vertex2_v=0.0)
    found = peaks(curve(reversible_voltammogram(technique)))
    height = 0.4463 * np.sqrt(F_RT * 0.1) * 100
    assert float(found.anodic_peak_potential) == pytest.approx(0.4285, abs=1.5e-3)
    assert float(found.anodic_peak_current) == pytest.approx(height, rel=0.01)
    assert float(found.anodic_half_peak_width) == pytest.approx(0.0565, abs=1.5e-3)
    # 57 mV for a sweep that turns far behind the peak, 2 mV more by its baseline
    assert float(found.peak_separation) == pytest.approx(0.058, abs=2.5e-3)


@settings(max_examples=25, deadline=None)
@given(
    height=st.floats(10, 1000),
    shift=st.floats(-0.05, 0.15),
    noise=st.floats(0, 0.02),
    capacitance=st.floats(0, 100),
    seed=st.integers(0, 1000),
)
def test_peaks_are_found_on_any_background(height, shift, noise, capacitance, seed):
    """Noise up to 2 % of the peak moves it by some millivolts at most."""
    found = peaks(
        bell(
            seed=seed,
            height_pa=height,
            noise_pa=noise * height,
            shift_v=shift,
            capacitance_pc_v=capacitance,
        )
    )
    for name, at in (
        ("anodic", E_ANODIC_V + shift),
        ("cathodic", E_CATHODIC_V - shift),
    ):
        assert abs(float(found[f"{name}_peak_potential"]) - at) < 0.01
        assert abs(float(found[f"{name}_peak_current"])) == pytest.approx(
            height, rel=0.1
        )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 100_000), noise=st.floats(0.05, 20))
def test_noise_on_a_background_is_no_peak(seed, noise):
    found = peaks(bell(seed=seed, height_pa=0.0, noise_pa=noise))
    for name in ("anodic", "cathodic"):
        assert int(found[f"{name}_status"]) == PeakStatus.NO_PEAK
        assert np.isnan(found[f"{name}_peak_potential"])
        assert np.isnan(found[f"{name}_peak_current"])
    assert np.isnan(found.peak_separation)


@pytest.mark.parametrize("seed", range(20))
def test_filtered_noise_is_no_peak(seed):
    """Fast sweeps are sampled faster than the low pass: neighbours are alike."""
    trace = bell_voltammogram(FAST_CV, np.random.default_rng(0), height_pa=0.0)
    white = np.random.default_rng(seed).normal(0, 1, trace.shape[1] + 4)
    trace[2] += np.convolve(white, np.full(5, 5**-0.5), mode="valid")
    found = peaks(curve(trace))
    assert int(found.anodic_status) == PeakStatus.NO_PEAK
    assert int(found.cathodic_status) == PeakStatus.NO_PEAK
    assert float(found.noise) == pytest.approx(1.0, rel=0.3)


def test_a_top_that_falls_by_less_than_the_least_share_is_no_peak():
    """A wave with 3 % of overshoot, as a microelectrode gives in a fast sweep."""
    E = np.linspace(-0.2, 0.8, 1001)[1:]
    wave = 50 / (1 + np.exp(-F_RT * (E - 0.4))) + 3 / np.cosh(F_RT * (E - 0.5) / 2) ** 2
    overshoot = curve(np.stack([E, E, wave]))
    assert int(peaks(overshoot).anodic_status) == PeakStatus.NO_PEAK
    assert int(peaks(overshoot, least_share=0.01).anodic_status) == PeakStatus.PEAK


def test_a_step_and_a_constant_are_no_peak():
    E = FAST_CV.acquisition.waveform
    for i in (np.zeros(1000), 50 / (1 + np.exp(-F_RT * (E - 0.4)))):
        found = peaks(curve(np.stack([E, E, i])))
        assert int(found.anodic_status) == int(found.cathodic_status) == 1


def test_the_last_cycle_counts():
    technique = CyclicVoltammetry(cycles=2, step_v=2e-3)
    trace = bell_voltammogram(technique, np.random.default_rng(0))
    later = trace.copy()
    later[2, :600] *= 3  # the first rise, and a part of the first fall
    for one in (trace, later):
        found = peaks(curve(one))
        assert float(found.anodic_peak_current) == pytest.approx(50, rel=0.03)
        assert float(found.cathodic_peak_current) == pytest.approx(-50, rel=0.03)


def test_start_between_the_vertices_finds_the_peak_of_the_first_rise():
    technique = CyclicVoltammetry(e_start_v=0.3, e_end_v=0.3, step_v=2e-3)
    found = peaks(bell(technique))
    assert float(found.anodic_peak_potential) == pytest.approx(E_ANODIC_V, abs=3e-3)
    assert float(found.anodic_peak_current) == pytest.approx(50, rel=0.1)


@pytest.mark.parametrize("tail_pa", [300.0, 2000.0])
def test_a_peak_on_a_bent_foot_has_a_place_but_no_height(tail_pa):
    """Fast sweeps turn while the current of the first peak still flows."""
    trace = bell_voltammogram(FAST_CV, np.random.default_rng(0))
    back = slice(400, 900)
    trace[2, back] += tail_pa * np.exp((trace[1, back] - 0.8) / 0.15)
    found = peaks(curve(trace), least_share=0.01)
    assert int(found.cathodic_status) == PeakStatus.NO_BASELINE
    assert float(found.cathodic_peak_potential) == pytest.approx(0.27, abs=0.03)
    assert np.isnan(found.cathodic_peak_current)
    assert np.isnan(found.cathodic_half_peak_width)
    assert np.isfinite(found.peak_separation)
    assert int(found.anodic_status) == PeakStatus.PEAK


def test_a_noisy_potential_does_not_turn_the_sweep():
    trace = bell_voltammogram(FAST_CV, np.random.default_rng(1))
    trace[1] += np.random.default_rng(2).normal(0, 4e-3, trace.shape[1])
    found = peaks(curve(trace))
    assert float(found.peak_separation) == pytest.approx(0.22, abs=8e-3)


@pytest.mark.parametrize("rises", [True, False])
def test_a_linear_sweep_has_one_peak(rises):
    ends = {"e_start_v": -0.2, "e_end_v": 0.8}
    if not rises:
        ends = {"e_start_v": 0.8, "e_end_v": -0.2}
    found = peaks(bell(LinearSweepVoltammetry(step_v=2e-3, **ends)))
    status = int(found.anodic_status), int(found.cathodic_status)
    assert status == ((0, 2) if rises else (2, 0))
    at = found.anodic_peak_potential if rises else found.cathodic_peak_potential
    expected = E_ANODIC_V if rises else E_CATHODIC_V
    assert float(at) == pytest.approx(expected, abs=2e-3)
    assert np.isnan(found.peak_separation)


@pytest.mark.parametrize("samples", [0, 1, 5, 40, 399])
def test_a_sweep_that_was_cut_is_no_error(samples):
    found = peaks(bell().isel(sample=slice(samples)))
    assert int(found.cathodic_status) in (PeakStatus.NO_SWEEP, PeakStatus.NO_DATA)
    assert np.isnan(found.cathodic_peak_current)


def test_what_is_no_voltammogram_is_refused():
    for wrong in (xr.Dataset(), bell().drop_vars("i"), 5, None, np.zeros(3)):
        with pytest.raises(TypeError, match=r"peaks takes voltammograms.* or a run \("):
            peaks(wrong)
    with pytest.raises(ValueError, match=r"along a, b, sample .*see voltammograms"):
        peaks(bell().expand_dims(["a", "b"]))


@pytest.mark.parametrize("stop_after", [None, 9])
def test_a_map_of_voltammograms(tmp_path, stop_after):
    run = scan_run(
        4,
        3,
        techniques=(FAST_CV,),
        measure=bells_on_particles,
        folder=tmp_path,
        misses=(2,),
        stop_after=stop_after,
        size=14.0,
    )
    found = peaks(voltammograms(run.documents))
    run.file.close()
    assert found.sizes == {"curve": stop_after or 12}
    on = on_particle(found["x"].values, found["y"].values)
    assert 2 < on.sum() < len(on) - 2
    expected = np.where(on, PeakStatus.PEAK, PeakStatus.NO_PEAK)
    expected[2] = PeakStatus.NO_DATA
    np.testing.assert_array_equal(found.anodic_status, expected)
    there = expected == PeakStatus.PEAK
    np.testing.assert_allclose(found.peak_separation[there], 0.22, atol=5e-3)
    assert set(found.coords) >= {"hop_index", "x", "y", "scan_rate", "label"}
    along_hops = peaks(hop_traces(run.documents))
    np.testing.assert_array_equal(
        along_hops.anodic_peak_current, found.anodic_peak_current
    )


def test_separation_grows_with_the_scan_rate(tmp_path):
    series = [CyclicVoltammetry(scan_rate_v_s=v) for v in (0.1, 1.0, 10.0, 100.0)]
    run = list_run(
        [(3.5, 5.5)], techniques=series, measure=bells_on_particles, folder=tmp_path
    )
    found = peaks(voltammograms(run.documents))
    separation = 0.22 + 0.04 * np.arange(4)
    np.testing.assert_allclose(found.peak_separation, separation, atol=5e-3)
    np.testing.assert_allclose(found.midpoint_potential, 0.38, atol=5e-3)


def test_one_bad_curve_takes_no_other_along():
    good = bell_voltammogram(FAST_CV, np.random.default_rng(0))
    E, i = good[1], good[2]
    bad = [
        (E, np.full(len(E), np.nan)),
        (np.full(len(E), 0.3), i),
        (np.round(E / 5e-3) * 5e-3, i),
        (E, np.where(np.arange(len(E)) == 400, 1e300, i)),
        (E, np.full(len(E), np.inf)),
        (np.zeros(len(E)), np.zeros(len(E))),
        (E, i),
    ]
    curves = xr.Dataset(
        {
            "E": (("curve", "sample"), [e for e, _ in bad]),
            "i": (("curve", "sample"), [c for _, c in bad]),
        }
    )
    found = peaks(curves)
    assert found.anodic_status.values.tolist() == [3, 2, 0, 0, 3, 2, 0]
    assert [bool(reason) for reason in found.anodic_reason.values] == [
        status != 0 for status in found.anodic_status.values
    ]
    for k in (2, 3, 6):
        assert found.anodic_peak_potential[k] == pytest.approx(E_ANODIC_V, abs=5e-3)


def test_a_run_may_be_given_in_place_of_its_curves_and_agrees_with_its_events(tmp_path):
    run = scan_run(
        4, 3, techniques=(FAST_CV,), measure=bells_on_particles, folder=tmp_path
    )
    found = peaks(run.documents)
    xr.testing.assert_identical(found, peaks(voltammograms(run.documents)))
    events = hop_table(run.documents)
    for name in ("anodic_peak_current", "cathodic_peak_potential", "peak_separation"):
        told = events[f"seccm_clamp_{name}"].values
        np.testing.assert_allclose(told, found[name])
        assert 0 < np.isnan(told).sum() < 12
