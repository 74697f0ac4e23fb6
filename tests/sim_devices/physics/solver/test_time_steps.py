"""Steps end where they have to, are fine after a jump, and keep the charge."""

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.solver.time_steps import (
    clamp_steps,
    end_weights,
    find_jumps,
    graded_steps,
    relaxing_steps,
    values_at,
)


def test_graded_steps_end_at_each_time_and_begin_fine():
    times = np.array([1e-3, 20e-3, 0.3])
    steps = graded_steps(times)
    ends = np.cumsum(steps)
    for time in times:
        assert np.min(np.abs(ends - time)) < 1e-12
    assert steps[0] == pytest.approx(1e-3 / 12**2)
    assert np.all(steps > 0)


def test_steps_resolve_the_time_of_diffusion():
    assert graded_steps(np.array([1.0]), 2.0).max() <= 2 * 0.005 * 2.0
    assert relaxing_steps(0.5, 1e-4, 2.0).max() <= 0.01 * (1 + 1e-9)


def test_steps_of_a_held_potential_grow_by_a_tenth():
    steps = relaxing_steps(0.02, 1e-4)
    assert steps.sum() == pytest.approx(0.02)
    np.testing.assert_allclose(steps[1:] / steps[:-1], 1.1)


@pytest.mark.parametrize(
    ("start", "end", "fresh"), [(0, 1, True), (3, 5.5, True), (3, 8, False)]
)
def test_steps_under_current_clamp_add_up(start, end, fresh):
    steps = clamp_steps(start, end, 1e-3, fresh)
    assert sum(steps) == pytest.approx((end - start) * 1e-3)
    assert len(steps) > 1 or not fresh


def test_ends_lean_on_the_step_before_only_where_there_is_one():
    share, memory, ahead, behind = end_weights(np.full(3, 1e-3))
    assert (share[0], memory[0], ahead[0], behind[0]) == (1, 0, 1, 0)
    np.testing.assert_allclose(share[1:] + memory[1:], 1.0)
    np.testing.assert_allclose(ahead - behind, 1.0)


def test_a_constant_current_stays_constant_after_a_jump():
    share, memory, *_ = end_weights(graded_steps(np.array([1.0])), sharp=True)
    np.testing.assert_allclose(share + memory, 1.0)


def test_values_between_equal_steps_keep_their_charge():
    means = np.array([1.0, 3.0, 2.0, 2.5])
    nodes = np.linspace(0, 4, 5)
    t = np.linspace(0, 4, 40001)
    i = values_at(t, nodes, means, 0.5, 2.5)
    middles = i[(t >= 0.5) & (t <= 3.5)]
    assert np.mean(middles) == pytest.approx((0.5 + 3 + 2 + 1.25) / 3, rel=1e-3)


def test_jumps_are_found_and_a_saw_has_none():
    E = np.concatenate([np.linspace(0, 0.1, 50), np.linspace(0.5, 0.6, 50)])
    assert find_jumps(E) == [49]
    assert find_jumps(np.tile([0.0, 0.5], 200)) == []
