"""The modes of diffusion against Crank's series, and blocks against their steps."""

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.solver.diffusion import block, modes


def test_the_slowest_decay_rates_are_those_of_crank():
    """The roots of tan l = l in a sphere, n pi in a slab: 2nd ed., 6.3 and 4.3."""
    sphere = np.sqrt(modes("sphere").rates[:4])
    np.testing.assert_allclose(sphere, [0, 4.493409, 7.725252, 10.904122], rtol=1e-6)
    slab = np.sqrt(modes("planar").rates[:4])
    np.testing.assert_allclose(slab, [0, np.pi, 2 * np.pi, 3 * np.pi], rtol=1e-3)


@pytest.mark.parametrize("shape", ["sphere", "planar"])
def test_a_flat_profile_is_its_mean_and_a_current_lowers_it_by_its_charge(shape):
    found = modes(shape)
    profile = found.uniform(0.7)
    assert profile.sum() == profile[0] == 0.7
    step = found.steps(0.01)
    assert step.mean[0] == pytest.approx(0.01)
    assert step.decay[0] == 1.0
    assert np.all(step.decay[1:] < 1)


def test_a_block_is_its_steps_one_after_the_other():
    tau = np.array([1e-4, 3e-4, 1e-3])
    q = np.array([[2.0, 1.0], [0.5, 0.8], [1.5, 1.2]])  # mean and end of each step
    steps, whole = modes("sphere").steps(tau), block("sphere", tau)
    amplitudes = modes("sphere").uniform(0.9)
    for k, (mean, end) in enumerate(q):
        amplitudes = steps.decay[k] * amplitudes
        amplitudes = amplitudes - mean * steps.mean[k] - (end - mean) * steps.tilt[k]
    currents = np.column_stack([q[:, 0], q[:, 1] - q[:, 0]]).ravel()
    together = whole.decay[-1] * modes("sphere").uniform(0.9) - currents @ whole.left
    np.testing.assert_allclose(together, amplitudes, atol=1e-12)


def test_what_is_kept_cannot_be_changed():
    kept = block("sphere", np.array([1e-3]))
    with pytest.raises(ValueError, match="read-only"):
        kept.decay[0, 0] = 2.0


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match="'cube'"):
        modes("cube")
