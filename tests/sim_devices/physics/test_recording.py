"""What an acquisition recorded: means, charge, times, the array of a trace."""

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.recording import Recording


def recording(n=4, early=0.0, first=0):
    return Recording(
        first, 0.5, np.arange(n, dtype=float), np.full(n, 2e-12), False, early
    )


def test_means_charge_and_times():
    found = recording()
    assert found.means() == pytest.approx([1.5, 2.0, 0.0])
    assert found.charge == pytest.approx(4e-12)
    np.testing.assert_allclose(found.times, [0, 0.5, 1.0, 1.5])


def test_a_cutoff_takes_the_last_sample_early():
    found = recording(early=0.2, first=2)
    np.testing.assert_allclose(found.times, [1.0, 1.5, 2.0, 2.3])
    assert found.charge == pytest.approx(4e-12 - 0.4e-12)


def test_nothing_recorded_has_no_means():
    empty = recording(0)
    assert np.isnan(empty.means()).all()
    assert empty.charge == 0


def test_a_trace_is_number_first_length_and_three_columns():
    trace = recording(3, first=5).trace(7)
    assert trace[:3].tolist() == [7, 5, 3]
    np.testing.assert_allclose(trace[3:].reshape(3, 3)[2], 2.0)
    np.testing.assert_allclose(trace[3:6], [2.5, 3.0, 3.5])
