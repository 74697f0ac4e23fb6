"""The current input: filter, noise and digitiser at one setting."""

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.current_input import CurrentInput


def test_the_current_input_rounds_and_clips():
    signal = CurrentInput(gain=5e9, cutoff=1e3)  # 5 mV/pA
    assert signal.range == pytest.approx(2e-9)
    i = np.array([0.4, 0.6, 1e6, -1e6]) * signal.step
    expected = np.array([0.0, 1.0, 32768, -32768]) * signal.step
    digits, overload = signal.digitise(i)
    np.testing.assert_allclose(digits, expected)
    assert overload
    assert not signal.digitise(i[:2])[1]
