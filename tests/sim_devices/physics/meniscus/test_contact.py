"""Landed menisci: what a hop, a voltammogram and a charge give on the samples."""

from dataclasses import replace

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.cell import RedoxCell
from seccm_ophyd.sim_devices.physics.meniscus.contact import Contact
from seccm_ophyd.sim_devices.physics.meniscus.pipette import Pipette
from seccm_ophyd.sim_devices.physics.samples import make_sample
from seccm_ophyd.sim_devices.physics.textbook import equilibrium_theta, leaky_capacitor

SEEDS = (1, 7, 42)
PIPETTE = Pipette()


class Electrode:
    """A composite and some sites on it, sorted by what they are."""

    def __init__(self, seed, electrolyte="LiCl"):
        self.sample = make_sample(
            "composite", seed=seed, size=20e-6, electrolyte=electrolyte, memory=False
        )
        self.rng = np.random.default_rng(seed)
        points = self.rng.uniform(-9.5e-6, 9.5e-6, (900, 2))
        sites = [self.sample.site(*p) for p in points]
        self.particle = [s for s in sites if len(s.grains) == 13]
        self.carbon = [s for s in sites if s.area == 0]

    def land(self, site, pipette=PIPETTE):
        return Contact(site, pipette, self.rng)

    def hop(self, site, E=0.65):
        contact = self.land(site)
        contact.hold(E, 20e-3)
        current = contact.potentiostatic(np.full(10, E), 5e-6).mean()
        contact.release()
        return current


@pytest.fixture(scope="module", params=SEEDS)
def electrode(request):
    return Electrode(request.param)


@pytest.fixture(scope="module")
def typical():
    """A site of the mean wetted area, on a sample that remembers nothing."""
    electrode = Electrode(1)
    site = replace(electrode.particle[0], area=5e-13, k_scale=1.0, theta=0.96)
    return replace(site, leak=0.0, particle_volume=0.0), electrode


def test_current_map_lights_up_on_particles(electrode):
    on = np.array([electrode.hop(s) for s in electrode.particle])
    off = np.array([electrode.hop(s) for s in electrode.carbon[:200]])
    assert on.mean() == pytest.approx(231e-12, rel=0.15)
    assert on.std() / on.mean() == pytest.approx(0.63, abs=0.1)
    assert off.mean() == pytest.approx(2.2e-12, rel=0.15)
    assert on.mean() / off.mean() > 20


def test_particles_take_lithium_back_where_they_give_it(electrode):
    sites = electrode.particle[:100]
    out, back = [], []
    for site in sites:
        out.append(electrode.hop(site))
        back.append(-electrode.hop(replace(site, theta=0.3), -0.1))
    assert np.corrcoef(np.log(out), np.log(back))[0, 1] > 0.7


def test_without_lithium_there_is_no_peak():
    electrode = Electrode(1, electrolyte="KCl")
    E = np.concatenate([np.linspace(0, 0.8, 2000), np.linspace(0.8, 0, 2000)])
    for site in electrode.particle[:5]:
        contact = electrode.land(site)
        contact.hold(0.0, 1.0)
        assert np.abs(contact.potentiostatic(E, 4e-3 / 0.8)).max() < 2e-12


def test_open_circuit_tells_particles_from_carbon(electrode):
    def zero_current(site):
        E = electrode.land(site).galvanostatic(np.zeros(20), 5e-3, E_start=0.65)
        return E[-1], (E[-3] - E[-1]) / 10e-3

    E, drift = np.array([zero_current(s) for s in electrode.particle[:60]]).T
    E_carbon, drift_carbon = np.array(
        [zero_current(s) for s in electrode.carbon[:60]]
    ).T
    assert 0.36 < np.median(E) < 0.4
    assert np.median(E_carbon) == pytest.approx(0.625, abs=0.01)
    assert np.median(drift_carbon) == pytest.approx(0.242, rel=0.2)
    assert np.median(drift_carbon) > 5 * np.median(drift)


def test_galvanostatic_plateau_on_particles_ramp_on_carbon(electrode):
    def charge(site):
        contact = electrode.land(site)
        contact.galvanostatic(np.zeros(10), 10e-3, E_start=0.65)
        return contact.galvanostatic(np.full(60, 5e-12), 10e-3)

    plateau = np.median([charge(s) for s in electrode.particle[:40]], axis=0)
    ramp = np.median([charge(s) for s in electrode.carbon[:40]], axis=0)
    assert plateau[[4, 24, 59]] == pytest.approx(0.40, abs=0.03)
    assert ramp[0] == pytest.approx(0.63, abs=0.02)
    assert ramp[-1] == pytest.approx(1.03, abs=0.04)


@pytest.mark.parametrize("seed", SEEDS)
def test_single_nanoparticles_are_rare_and_small(seed):
    sample = make_sample("nanoparticles", seed=seed, size=5e-6)
    rng = np.random.default_rng(seed)
    grid = np.linspace(-2.45e-6, 2.45e-6, 50)
    current = []
    for y in grid:
        for x in grid:
            contact = Contact(sample.site(x, y), PIPETTE, rng)
            contact.hold(0.65, 20e-3)
            current.append(contact.potentiostatic(np.full(3, 0.65), 5e-6).mean())
            contact.release()
    current = np.array(current) * 1e12
    assert 0.97 < np.mean(current < 10) < 0.995
    assert np.mean(current[current < 10]) == pytest.approx(3.1, abs=0.4)
    assert 12 < current.max() < 80


@pytest.mark.parametrize("rate", [0.1, 1.0])
def test_voltammogram_in_contact(typical, rate):
    site, electrode = typical
    contact = electrode.land(site)
    contact.hold(0.0, 2.0)
    E = np.interp(np.linspace(0, 2, 4000), [0, 0.8, 1.8, 2], [0, 0.8, -0.2, 0])
    i = contact.potentiostatic(E, 2 / rate / 4000)
    assert i.max() == pytest.approx({0.1: 34e-12, 1.0: 159e-12}[rate], rel=0.05)
    if rate == 0.1:
        assert E[i.argmax()] == pytest.approx(0.49, abs=0.01)
        assert E[i.argmin()] == pytest.approx(0.27, abs=0.01)


def test_onset_leads_to_the_current_of_the_hop(typical):
    site, electrode = typical
    contact = electrode.land(site)
    onset = contact.onset(0.65, 50e-6, 400)
    assert contact.age == 0
    assert contact.charge == 0
    assert onset[0] < 0.3 * onset.max()  # the footprint wets first
    assert np.argmax(onset) < 40
    contact.hold(0.65, 20e-3)
    assert contact.potentiostatic(np.full(2, 0.65), 1e-6)[0] == pytest.approx(
        onset[-1], rel=0.03
    )


def test_repeated_hops_on_one_spot_decay():
    sample = make_sample("film", seed=5, size=3e-6)
    rng = np.random.default_rng(0)
    currents = []
    for _ in range(5):
        contact = Contact(sample.site(0.0, 0.0), PIPETTE, rng)
        contact.hold(0.65, 20e-3)
        currents.append(contact.potentiostatic(np.full(10, 0.65), 5e-6).mean())
        contact.release()
        contact.release()  # a second one takes nothing
    ratios = np.array(currents[1:]) / currents[:-1]
    assert np.all((ratios > 0.7) & (ratios < 0.98))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_crystallite_is_emptied_beyond_what_the_potential_holds(seed):
    film = make_sample("film", seed=seed, size=2e-6)
    rng = np.random.default_rng(seed)
    rest = equilibrium_theta(0.65, RedoxCell())
    for x, y in rng.uniform(-150e-9, 150e-9, (300, 2)):  # footprints of 110 nm
        contact = Contact(film.site(x, y), PIPETTE, rng)
        contact.hold(0.65, 60e-3)
        contact.release()
    touched = film.grains.theta[film.grains.theta < 0.5]
    assert len(touched) >= 4
    assert touched.min() > rest - 1e-3
    assert np.median(touched) < rest + 0.05, "used up, and still none beyond"


def test_few_steps_resolve_a_potential_that_is_held(typical):
    site, electrode = typical
    coarse, fine = electrode.land(site), electrode.land(site)
    fine._background = coarse._background
    coarse.hold(0.65, 3e-3)
    coarse.hold(0.65, 17e-3)
    i = coarse.potentiostatic(np.full(1000, 0.65), 5e-6)
    for _ in range(1000):
        fine.hold(0.65, 2e-5)
    fine_i = [fine.potentiostatic(np.full(10, 0.65), 5e-6)[-1] for _ in range(100)]
    np.testing.assert_allclose(i[9::10], fine_i, rtol=3e-3)
    assert coarse.charge == pytest.approx(fine.charge, rel=2e-3)


def test_a_waveform_may_jump(typical):
    site, electrode = typical
    whole, parts = electrode.land(site), electrode.land(site)
    whole._background = parts._background
    for contact in (whole, parts):
        contact.hold(0.2, 1.0)
    i = whole.potentiostatic(np.repeat([0.2, 0.65], 200), 5e-5)
    parts.hold(0.2, 0.01)
    j = parts.potentiostatic(np.full(200, 0.65), 5e-5)
    np.testing.assert_allclose(i[201:], j[1:], rtol=1e-3)
    assert whole.age == pytest.approx(1.02)
    assert whole.theta == pytest.approx(parts.theta, abs=1e-4)


def test_current_clamp_ends_at_the_cutoff(typical):
    _, electrode = typical
    contact = electrode.land(electrode.carbon[0])
    E = contact.galvanostatic(np.full(5000, 5e-12), 1e-3, (0.2, 0.9), E_start=0.65)
    assert len(E) < 5000
    assert E[-1] > 0.9
    assert np.all(E[:-1] <= 0.9)
    assert contact.age == pytest.approx(len(E) * 1e-3)
    assert contact.charge == pytest.approx(5e-12 * contact.age)


@pytest.mark.parametrize(
    ("current", "limits", "start"), [(5e-12, (0.2, 0.9), 0.65), (-5e-12, (0.3, 2), 0.6)]
)
@pytest.mark.parametrize("interval", [1e-3, 0.05, 10.0])
def test_a_cutoff_is_watched_between_samples(typical, current, limits, start, interval):
    _, electrode = typical
    contact = electrode.land(electrode.carbon[0])
    watched = 2e-6
    I = np.full(5000, current)  # noqa: E741
    E = contact.galvanostatic(I, interval, limits, E_start=start, watched=watched)
    C = contact.capacitance
    beyond = max(limits[0] - E[-1], E[-1] - limits[1])
    assert 0 < beyond < abs(current) * watched / C
    assert np.all((limits[0] <= E[:-1]) & (E[:-1] <= limits[1]))
    assert contact.potential == E[-1]
    lasted = len(E) * interval - contact.cut_short
    assert contact.age == pytest.approx(lasted)
    assert contact.charge == pytest.approx(current * lasted)
    finer = electrode.land(electrode.carbon[0])
    n = len(finer.galvanostatic(np.full(20_000, current), 2e-4, limits, start))
    assert lasted == pytest.approx(n * 2e-4, rel=0.01)


def test_carbon_charges_as_a_leaky_capacitor(typical):
    _, electrode = typical
    site = electrode.carbon[0]
    E = electrode.land(site).galvanostatic(np.full(200, 2e-12), 1e-3, E_start=0.5)
    t = np.arange(1, 201) * 1e-3
    expected = leaky_capacitor(
        2e-12, site.capacitance + 0.5e-12, site.leak, 0.3, 0.5, t
    )
    np.testing.assert_allclose(E, expected, atol=2e-4)


def test_local_charge_needs_a_soak(typical):
    site, electrode = typical
    site = replace(site, particle_volume=25.6e-18)
    dry = electrode.land(site)
    assert len(dry.galvanostatic(np.full(400, 2e-10), 0.01, (0, 0.8), 0.4)) < 60
    soaked = electrode.land(site)
    soaked.galvanostatic(np.zeros(1800), 0.1, E_start=0.4)
    E = soaked.galvanostatic(np.full(40000, 2e-10), 0.01, (-0.2, 0.8))
    assert len(E) * 0.01 * 200e-12 / 3.6e-9 == pytest.approx(15, abs=1)
    assert np.median(E) == pytest.approx(0.388, abs=0.005)
    back = soaked.galvanostatic(np.full(40000, -2e-10), 0.01, (-0.2, 0.8))
    assert len(back) >= 0.98 * len(E)
    assert np.median(back) == pytest.approx(0.365, abs=0.005)


def test_a_locally_charged_particle_stands_out_afterwards():
    sample = make_sample("composite", seed=3, size=20e-6)
    rng = np.random.default_rng(0)
    inside = np.abs(sample.centres).max(axis=1) < 8e-6
    k, other = np.argsort(np.where(inside, sample.volumes, 0))[[-1, -2]]

    def rest(particle):
        found = []
        for dx in np.linspace(-0.3e-6, 0.3e-6, 9):
            x, y = sample.centres[particle]
            contact = Contact(sample.site(x + dx, y), PIPETTE, rng)
            found.append(contact.galvanostatic(np.zeros(20), 5e-3, E_start=0.65)[-1])
        return np.median(found)

    before = rest(other)
    contact = Contact(sample.site(*sample.centres[k]), PIPETTE, rng)
    contact.galvanostatic(np.zeros(1800), 0.1, E_start=0.4)
    contact.galvanostatic(np.full(20000, 2e-10), 0.5, (-0.2, 0.8))
    contact.release()
    assert rest(k) > 0.7
    assert rest(other) == pytest.approx(before, abs=5e-3)


def test_a_blocked_pipette_passes_nothing(typical):
    site, electrode = typical
    contact = electrode.land(site, replace(PIPETTE, blocked=True))
    assert not contact.onset(0.65, 5e-5, 10).any()
    contact.hold(0.65, 1.0)
    assert not contact.potentiostatic(np.linspace(0.65, 0.8, 10), 1e-3).any()
    assert contact.charge == 0


def test_charge_is_that_of_the_current(typical):
    site, electrode = typical
    fine, coarse = electrode.land(site), electrode.land(site)
    coarse._background = fine._background
    for contact in (fine, coarse):
        contact.hold(0.3, 0.5)
    before = fine.charge
    i = fine.potentiostatic(np.full(4000, 0.6), 5e-5)
    coarse.hold(0.6, 0.2)
    assert fine.charge - before == pytest.approx(i.sum() * 5e-5, rel=1e-6)
    assert coarse.theta == pytest.approx(fine.theta, abs=5e-3)
