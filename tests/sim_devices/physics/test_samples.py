"""The samples to choose from: what can be asked for, and what is refused."""

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.samples import SAMPLES, load_surface, make_sample

SEEDS = (1, 7, 42)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_seed_gives_one_electrode(name):
    x, y = np.random.default_rng(0).uniform(-2e-6, 2e-6, (2, 50))
    one, same, other = (make_sample(name, seed=s, size=5e-6) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.contact_height(x, y), same.contact_height(x, y))
    assert np.any(one.contact_height(x, y) != other.contact_height(x, y))
    assert one.size == pytest.approx((5e-6, 5e-6))


def test_particles_may_begin_at_different_states_of_charge():
    fresh = make_sample("composite", seed=3, size=12e-6)
    mixed = make_sample("composite", seed=3, size=12e-6, theta=(0.96, 0.3, 0.05))
    for k in range(len(mixed.volumes)):
        wanted = (0.96, 0.3, 0.05)[k % 3]
        assert mixed.particle_theta(k) == pytest.approx(wanted, abs=0.003)
    np.testing.assert_array_equal(fresh.height.values, mixed.height.values)
    same = np.isin(fresh.grains.particle, np.arange(0, len(mixed.volumes), 3))
    np.testing.assert_allclose(fresh.grains.theta[same], mixed.grains.theta[same])
    half = make_sample("film", seed=3, size=2e-6, theta=0.5)
    assert half.site(0.0, 0.0).theta == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("theta", [0.0, 1.0, (0.5, 1.2), (), [[0.5]], float("nan")])
def test_a_state_of_charge_lies_between_empty_and_full(theta):
    with pytest.raises(ValueError, match="between 0 and 1"):
        make_sample("composite", size=3e-6, theta=theta)


@pytest.mark.parametrize("name", ["film", "film_edge"])
def test_a_film_has_one_state_of_charge(name):
    with pytest.raises(ValueError, match="one number"):
        make_sample(name, size=3e-6, theta=(0.5, 0.9))


def test_film_edge_has_two_sides():
    edge = make_sample("film_edge", size=10e-6)
    assert edge.site(-4e-6, 0.0).area > 0
    assert edge.site(4e-6, 0.0).area == 0
    assert edge.contact_height(-4e-6, 0.0) > edge.contact_height(4e-6, 0.0) + 0.2e-6


def test_nanoparticles_stand_on_flat_platinum():
    sample = make_sample("nanoparticles", seed=4, size=5e-6)
    assert len(sample.volumes) == 40
    x, y = sample.centres[np.abs(sample.centres).max(axis=1) < 2.2e-6].T
    height = sample.contact_height(x, y)
    assert height.min() > 0.09e-6
    assert height.max() < 0.21e-6


def test_unknown_samples_are_refused_by_name():
    with pytest.raises(ValueError, match=r"composite, film, film_edge, nanoparticles"):
        make_sample("gold")
    with pytest.raises(ValueError, match="positive"):
        make_sample("film", size=0.0)


def test_a_measured_surface_is_the_contact_surface(tmp_path):
    rng = np.random.default_rng(0)
    height = rng.uniform(0, 3, (9, 12))
    np.savez(tmp_path / "cell.npz", height_um=height, pixel_size_um=0.5)
    sample = load_surface(tmp_path / "cell.npz")
    assert sample.name == "cell"
    assert sample.size == pytest.approx((6e-6, 4.5e-6))
    x = (np.arange(12) - 5.5) * 0.5e-6
    y = (np.arange(9) - 4) * 0.5e-6
    on_pixels = sample.contact_height(*np.meshgrid(x, y))
    np.testing.assert_allclose(on_pixels, height * 1e-6, atol=1e-15)
    half_way = sample.contact_height(x[3] + 0.25e-6, y[2])
    assert half_way == pytest.approx(1e-6 * height[2, 3:5].mean())
    assert sample.contact_height(1.0, 1.0) == pytest.approx(1e-6 * height[-1, -1])
    assert sample.site(0.0, 0.0).area > 0


def test_a_particle_of_a_chosen_size_lies_in_the_centre():
    sample = make_sample("composite", seed=3, size=20e-6, particle_radius=1.83e-6)
    k = sample.site(0.0, 0.0).particle
    assert sample.volumes[k] == pytest.approx(4 / 3 * np.pi * 1.83e-6**3)
    np.testing.assert_array_equal(sample.centres[k], 0.0)
    assert len(sample.volumes) > 3  # the others lie around it


@pytest.mark.parametrize(("name", "radius"), [("film", 1e-6), ("composite", 1e-3)])
def test_a_particle_that_cannot_be_is_refused(name, radius):
    with pytest.raises(ValueError, match="no particle of radius"):
        make_sample(name, size=20e-6, particle_radius=radius)
