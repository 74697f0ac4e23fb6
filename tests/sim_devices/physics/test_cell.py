"""A cell is checked when it is made, and gives its natural units."""

import pytest

from seccm_ophyd.sim_devices.physics.cell import C_MAX, F, RedoxCell


@pytest.mark.parametrize(
    "change",
    [{"ocp": "tafel"}, {"shape": "cube"}, {"A": 0.0}, {"k0": -1.0}, {"theta0": 1.5}],
)
def test_impossible_cells_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        RedoxCell(**change)


def test_all_lithium_is_the_capacity():
    sphere, slab = RedoxCell(), RedoxCell(shape="planar")
    assert slab.capacity == pytest.approx(F * C_MAX * slab.A * slab.r)
    assert sphere.capacity == pytest.approx(slab.capacity / 3)
    assert C_MAX * F / 3600 == pytest.approx(612e3)  # Ah/m^3, Takahashi 2014


def test_the_plateau_lies_at_its_middle():
    assert RedoxCell().potential(0.5) == pytest.approx(0.376, abs=1e-5)
    assert RedoxCell().potential(0.001) > 0.8
    assert RedoxCell().potential(0.999) < 0.0
