"""The meniscus of a probe that is withdrawn thins and breaks."""

import math

import numpy as np
import pytest

from seccm_ophyd.sim_devices.physics.meniscus.detachment import Stretch


def test_it_thins_to_half_and_then_breaks():
    drawn_out = Stretch(since=10.0, begun=0.2, speed=400.0)
    assert drawn_out.breaks_at == pytest.approx(10.002)
    assert drawn_out.share(10.002) == pytest.approx(0.5)
    t = np.linspace(10.0, 10.002, 2001)
    shares = np.array([drawn_out.share(when) for when in t])
    assert np.all(np.diff(shares) < 0)
    integral = np.trapezoid(shares, t)
    assert drawn_out.acting(10.0, 10.002) == pytest.approx(integral, rel=1e-6)
    assert Stretch(10.0, 0.5, 0.0).breaks_at == math.inf
