"""A probe that lands, and what lies under it."""

import pytest

from seccm_ophyd.sim_devices.ioc import open_sample


@pytest.fixture
def landing_ioc(ioc):
    """A simulator whose probe finds a current when it lands."""
    ioc.put("Clamp:HoldingPotential", 0.65)
    return ioc


@pytest.fixture(scope="session")
def hill(surface):
    """What lies under the probe, in this process."""
    sample = open_sample(str(surface), seed=1, electrolyte="LiCl")
    return lambda x, y: float(sample.contact_height(x * 1e-6, y * 1e-6)) * 1e6
