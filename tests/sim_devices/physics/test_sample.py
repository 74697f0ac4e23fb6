import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.cell import C_MAX, RADIUS, F
from seccm_ophyd.sim_devices.physics.sample import MATERIALS
from seccm_ophyd.sim_devices.physics.samples import SAMPLES, make_sample

SEEDS = (1, 7, 42)


@pytest.fixture(scope="module", params=SEEDS)
def composite(request):
    return make_sample("composite", seed=request.param, size=30e-6)


def test_centre_of_a_composite_has_particles_of_all_sizes_and_carbon(composite):
    central = np.all(np.abs(composite.centres) < 10e-6, axis=1)
    radius = np.cbrt(composite.volumes[central] * 3 / (4 * np.pi))
    assert 8 <= len(radius) <= 15
    assert radius.min() < 0.9e-6
    assert radius.max() > 1.5e-6
    between = np.linalg.norm(
        composite.centres[:, None] - composite.centres[None], axis=-1
    )
    reach = np.cbrt(composite.volumes * 3 / (4 * np.pi))
    np.fill_diagonal(between, np.inf)
    assert np.all(between > reach[:, None] + reach[None])
    rng = np.random.default_rng(0)
    points = rng.uniform(-10e-6, 10e-6, (600, 2))
    on = np.mean([composite.site(*p).area > 0 for p in points])
    assert 0.1 < on < 0.4


def test_particles_stand_out_and_carry_crystallites(composite):
    k = int(np.argmax(composite.volumes * (np.abs(composite.centres).max(1) < 9e-6)))
    x, y = composite.centres[k]
    radius = np.cbrt(composite.volumes[k] * 3 / (4 * np.pi))
    angle = np.linspace(0, 2 * np.pi, 50)
    around = composite.contact_height(
        x + 1.3 * radius * np.cos(angle), y + 1.3 * radius * np.sin(angle)
    )
    assert composite.contact_height(x, y) - np.median(around) > 0.6 * radius
    path = np.linspace(-0.3e-6, 0.3e-6, 60)
    sites = [composite.site(x + d, y) for d in path]
    assert {s.particle for s in sites} == {k}
    assert len({int(g) for s in sites for g in s.grains}) >= 4
    areas = np.array([s.area for s in sites])
    assert areas.max() > 1.5 * areas.min()


def test_contact_is_made_with_the_highest_point_of_the_footprint(composite):
    x, y = np.random.default_rng(1).uniform(-9e-6, 9e-6, (2, 200))
    contact = composite.contact_height(x, y)
    assert np.all(contact >= composite.height.bilinear(x, y) - 1e-15)
    assert composite.contact_height(float(x[3]), float(y[3])) == contact[3]
    assert isinstance(composite.contact_height(0.0, 0.0), float)


def test_highest_on_path_is_not_passed_anywhere(composite):
    rng = np.random.default_rng(2)
    for x0, y0, x1, y1 in rng.uniform(-9e-6, 9e-6, (10, 4)):
        u = rng.uniform(0, 1, 300)
        on_path = composite.contact_height(x0 + u * (x1 - x0), y0 + u * (y1 - y0))
        highest = composite.highest_on_path(x0, y0, x1, y1)
        assert highest >= on_path.max() - 5e-9
        assert highest <= composite.highest_around(x0, y0, x1, y1) <= 1.2e-5


def test_the_bound_of_a_short_way_is_close(composite):
    rng = np.random.default_rng(3)
    for x, y in rng.uniform(-9e-6, 9e-6, (50, 2)):
        around = composite.highest_around(x, y, x, y)
        assert 0 <= around - composite.contact_height(x, y) < 0.2e-6
    far = composite.highest_around(-1e-3, -1e-3, 1e-3, 1e-3)
    assert far == composite.height.values.max()


def test_charge_stays_taken_unless_memory_is_off():
    for memory in (True, False):
        film = make_sample("film", seed=3, size=3e-6, memory=memory)
        before = film.site(0.2e-6, 0.1e-6)
        film.remember(before, 2e-12)
        after = film.site(0.2e-6, 0.1e-6)
        assert (after.theta < before.theta - 0.01) == memory
        elsewhere = film.site(-1e-6, -1e-6)
        assert elsewhere.theta > 0.9


def test_a_soaked_particle_is_charged_as_a_whole():
    sample = make_sample("composite", seed=2, size=20e-6)
    k = int(np.argmax(sample.volumes * (np.abs(sample.centres).max(1) < 8e-6)))
    site = sample.site(*sample.centres[k])
    capacity = 612 * 3.6e6 * site.particle_volume
    before = sample.particle_theta(k)
    sample.remember(site, 0.5 * capacity, reached=1.0)
    assert sample.particle_theta(k) == pytest.approx(before - 0.5, abs=1e-6)
    theta = sample.grains.theta[sample.grains.particle == k]
    assert np.ptp(theta) < 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_a_crystallite_on_platinum_loses_the_charge_that_was_taken(seed):
    sample = make_sample("nanoparticles", seed=seed, size=3e-6)
    rng = np.random.default_rng(seed)
    partly = 0
    for x, y in rng.uniform(-1.4e-6, 1.4e-6, (600, 2)):
        site = sample.site(x, y)
        if len(set(site.grains.tolist())) != 1:
            continue
        partly += len(site.grains) < 13
        grain, grains = site.grains[0], sample.grains
        whole = grains.area[grain] * grains.orientation[grain]
        before, charge = grains.theta[grain], 1e-6 * site.area
        sample.remember(site, charge)
        lost = F * C_MAX * whole * RADIUS / 3 * (before - grains.theta[grain])
        assert lost == pytest.approx(charge, rel=1e-6) or grains.theta[grain] < 2e-4
    assert partly > 10


@pytest.mark.parametrize("name", SAMPLES)
def test_maps_tell_material_crystallite_and_orientation(name):
    sample = make_sample(name, seed=3, size=6e-6)
    assert 10e-9 <= sample.height.pixel <= 60e-9
    bare = MATERIALS.index({"composite": "AB"}.get(name, "Pt"))
    on = sample.grain.values >= 0
    assert sample.material.values.shape == sample.height.values.shape
    assert np.all(sample.material.values == np.where(on, 0, bare))
    s = sample.orientation.values
    assert np.array_equal(np.isnan(s), ~on)
    assert np.all((s[on] >= 0.05) & (s[on] <= 1))
    assert MATERIALS[0] == "LiFePO4"


def test_a_particle_holds_612_mah_per_cm3(composite):
    radius = np.cbrt(composite.volumes * 3 / (4 * np.pi))
    assert np.all((radius >= 0.5e-6) & (radius <= 2.5e-6))
    np.testing.assert_allclose(composite.capacity, 612 * 3.6e6 * composite.volumes)
    k = composite.capacity.argmax()
    composite.grains.theta[composite.grains.particle == k] = 0.25
    assert composite.particle_theta(k) == pytest.approx(0.25)


def test_potassium_chloride_has_no_lithium():
    site = make_sample("film", size=2e-6, electrolyte="KCl").site(0.0, 0.0)
    assert site.k_scale == 0
    with pytest.raises(ValueError, match="NaCl"):
        make_sample("film", size=2e-6, electrolyte="NaCl")
