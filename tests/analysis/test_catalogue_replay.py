import numpy as np
import pytest
from bluesky.callbacks import LiveTable
from bluesky.callbacks.best_effort import BestEffortCallback

from seccm_ophyd.analysis import hop_map
from seccm_ophyd.replay import replay
from seccm_ophyd.views import HopMapView


@pytest.mark.parametrize("kind", ["catalogue", "broker"])
@pytest.mark.parametrize("which", [1, 2], ids=["whole", "cut"])
def test_any_callback_takes_a_run_of_the_catalogue(
    stored_runs, request, capsys, kind, which
):
    emitted = stored_runs[which]
    uid = emitted.documents[0][1]["uid"]
    run = request.getfixturevalue(kind)[uid]
    best_effort = BestEffortCallback()
    best_effort.disable_plots()
    for callback in (best_effort, LiveTable(["seccm_clamp_current"])):
        replay(run, callback)
        rows = [r for r in capsys.readouterr().out.splitlines() if r.startswith("|  ")]
        assert len(rows) >= len(emitted.current)
    view = HopMapView()
    replay(run, view)
    view.draw()
    np.testing.assert_array_equal(
        view.panels["current"].image.get_array().filled(np.nan),
        hop_map(emitted.documents).current,
    )
