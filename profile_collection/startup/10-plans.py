"""Plans, techniques and analysis by name."""

import bluesky.plan_stubs as bps  # noqa: F401
import bluesky.plans as bp  # noqa: F401
from bluesky.callbacks.best_effort import BestEffortCallback  # noqa: F401

from seccm_ophyd.analysis import hop_map, hop_table, level  # noqa: F401
from seccm_ophyd.plans import (  # noqa: F401
    approach,
    hop_list,
    hop_scan,
    hop_to,
    make_safe,
    withdraw,
)
from seccm_ophyd.replay import replay  # noqa: F401
from seccm_ophyd.techniques import CurrentSample  # noqa: F401
from seccm_ophyd.views import HopMapView  # noqa: F401
