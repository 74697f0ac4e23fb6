"""A cell is checked when it is made, and gives its natural units."""

import pytest

from seccm_ophyd.sim_devices.physics.cell import RedoxCell


@pytest.mark.parametrize(
    "change",
    [{"ocp": "tafel"}, {"shape": "cube"}, {"A": 0.0}, {"k0": -1.0}, {"theta0": 1.5}],
)
def test_impossible_cells_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        RedoxCell(**change)
